"""The composition root: opens the record, the SMTP ports and HTTP. The only file that knows everybody."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailtrap_py import __version__, ports
from mailtrap_py.errors import SettingError
from mailtrap_py.inbox import Inbox, Inboxes, make_clock
from mailtrap_py.inbox_ports import InboxPorts
from mailtrap_py.scenario import ListenerHow, Rule
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.settings import Settings
from mailtrap_py.smtp.server import Server
from mailtrap_py.smtp.service import AuthPolicy, Service, TlsPolicy
from mailtrap_py.smtp.tls import Authority
from mailtrap_py.smtp.upstream import Upstream
from mailtrap_py.smtp.users import read_users
from mailtrap_py.store import Keep, Store

if TYPE_CHECKING:
    from mailtrap_py.http_server import HttpServer
    from mailtrap_py.scenario.persona import PersonaSpec


class Trap:
    """A trap: `start` opens it, `stop` closes it within a second. It belongs to the event loop that started it."""

    def __init__(self, settings: Settings | None = None, *, store: Store | None = None) -> None:
        """Take the settings, and a store that somebody else opened and will close; else one is opened at the start."""
        self.settings = settings or Settings()
        self.inboxes = Inboxes(on_call=_addresses_that_fail if self.settings.fail_addresses == "on" else None)
        self.smtp_port = 0
        self.smtps_port: int | None = None
        self.lmtp_port: int | None = None
        self.http_port: int | None = None
        self._store = store
        self._own_store: Store | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._server: Server | None = None
        self._web: HttpServer | None = None
        self._http_opens = asyncio.Lock()
        self._started_at = 0.0
        self._authority = Authority(
            (self.settings.hostname, "localhost", "127.0.0.1", "::1", *self.settings.host),
            certificate=self.settings.tls_cert,
            key=self.settings.tls_key,
            client_ca=self.settings.tls_client_ca,
        )

    @property
    def store(self) -> Store:
        """The record. Raises `RuntimeError` before the start."""
        if self._store is None:
            raise RuntimeError("the trap has not been started")
        return self._store

    @property
    def host(self) -> str:
        """An address that a client on this machine can connect to."""
        first = self.settings.host[0]
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(first, first)  # noqa: S104 - compared, not bound

    @property
    def http_url(self) -> str:
        """Where the page is, without a slash at the end; empty while HTTP is off."""
        if self.http_port is None:
            return ""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.http_port}"

    def authority_pem(self) -> bytes:
        """Give the certificate that a client must trust to like this server's, in PEM."""
        return self._authority.pem

    def status(self) -> dict[str, object]:
        """Tell what only the trap knows, for health checks and for the page."""
        return {
            "version": __version__,
            "ready": self._server is not None,
            "hostname": self.settings.hostname,
            "host": self.host,
            "smtp_port": self.smtp_port,
            "smtps_port": self.smtps_port,
            "lmtp_port": self.lmtp_port,
            "http_port": self.http_port,
            "upstream": self.settings.upstream,
            "open_sessions": self.open_sessions,
            "uptime": round(time.monotonic() - self._started_at, 3) if self._started_at else 0.0,
        }

    async def start(self) -> None:
        """Open everything. Raises `SettingError` or `ScenarioError`, and leaves nothing open then."""
        if self._server is not None:
            raise RuntimeError("the trap runs already")
        settings = self.settings
        try:
            self._authority.check()
            persona = self._persona()
            self._load_scenario()
            upstream = self._upstream()
            bound = self._bind()
            with _closed_on_error(bound):
                self._open_store()
                self._server = Server(self._service(upstream, persona))
                await self._listen(self._server, bound)
            if settings.http_port is not None:
                await self.start_http(settings.http_port)
            self._started_at = time.monotonic()
        except BaseException:
            await self.stop()
            raise

    def _upstream(self) -> Upstream | None:
        settings = self.settings
        if not settings.upstream:
            return None
        if settings.lmtp_port is not None or settings.lmtp_socket:
            raise SettingError("LMTP cannot be passed on to a real server", cure="use it without --upstream")
        if settings.line_endings == "lenient":
            raise SettingError(
                "lenient line endings cannot be passed on to a real server", cure="use them without --upstream"
            )
        return Upstream.parse(settings.upstream, timeout=settings.upstream_timeout)

    def _bind(self) -> dict[str, list[socket.socket]]:
        """Take the ports of the settings, by the names of these. Raises `SettingError`, and leaves none open then."""
        settings = self.settings
        wanted = {"smtp-port": settings.smtp_port, "smtps-port": settings.smtps_port, "lmtp-port": settings.lmtp_port}
        bound: dict[str, list[socket.socket]] = {}
        with _closed_on_error(bound):
            for purpose, number in wanted.items():
                if number is not None:
                    bound[purpose] = ports.bind(settings.host, number, purpose=purpose)
            if settings.lmtp_socket:
                bound["lmtp-socket"] = [ports.bind_file(settings.lmtp_socket, purpose="lmtp-socket")]
        return bound

    async def _listen(self, server: Server, bound: Mapping[str, Sequence[socket.socket]]) -> None:
        for purpose, sockets in bound.items():
            protocol = purpose.partition("-")[0]
            port = await server.listen(sockets, implicit_tls=protocol == "smtps", lmtp=protocol == "lmtp")
            if purpose.endswith("-port"):
                setattr(self, f"{protocol}_port", port.number)

    async def start_http(self, number: int = 0) -> None:
        """Open the HTTP port, if it is not open; what serves it is imported only now, while sessions go on."""
        async with self._http_opens:
            if self._web is None:
                sockets = ports.bind(self.settings.host, number, purpose="http-port")
                with _closed_on_error({"http-port": sockets}):
                    await self._serve_http(sockets)

    async def _serve_http(self, sockets: list[socket.socket]) -> None:
        make_server, create_app = await asyncio.to_thread(_import_http)
        assert self._server is not None  # noqa: S101 - it starts before HTTP does
        app = create_app(
            store=self.store,
            inboxes=self.inboxes,
            settings=self.settings,
            authority_pem=self.authority_pem,
            status=self.status,
            ports=InboxPorts(self._server, self.inboxes, self.settings.host, self.settings.inbox_port_numbers),
        )
        self._web = make_server(app, sockets)
        self.http_port = int(sockets[0].getsockname()[1])
        await self._web.start()

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return self._server.sessions if self._server else 0

    async def settle(self, seconds: float) -> bool:
        """Wait until the ends of all sessions are in the record, or so many seconds; tell whether they are."""
        return self._server is None or await self._server.settle(seconds)

    async def shut(self, how: ListenerHow, inbox: Inbox) -> None:
        """Close the ports that lead to an inbox, or open them again: when this returns, it is so."""
        if self._server is not None:
            await self._server.shut(how, inbox)

    async def end_sessions(self) -> None:
        """End all open sessions, as at the stop; new ones may come, on every port."""
        if self._server is not None:
            await self._server.end_sessions()
            await self._server.open_again()

    async def stop(self) -> None:
        """Close everything: 421 to open sessions, an end to long polls. Harmless when it was not started."""
        if self._web is not None:
            await self._web.stop()
            self._web = self.http_port = None
        if self._server is not None:
            await self._server.close()
            self._server = None
        if self._own_store is not None:
            await asyncio.to_thread(self._own_store.close)
            self._own_store = self._store = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._started_at = 0.0

    def _persona(self) -> PersonaSpec | None:
        if not self.settings.persona:
            return None
        from mailtrap_py.scenario.persona import PersonaSpec, find  # noqa: PLC0415 - yaml is for who has a persona

        try:
            return PersonaSpec(name=find(self.settings.persona).name)
        except Mistake as mistake:
            raise SettingError(f"--persona (or MAILTRAP_PERSONA): {mistake.problem}", cure=mistake.cure) from None

    def _load_scenario(self) -> None:
        settings = self.settings
        if not settings.scenario:
            if settings.params:
                raise SettingError(
                    "there are parameters, but no scenario that could take them", cure="name one with --scenario"
                )
            return
        from mailtrap_py.scenario.load import load  # noqa: PLC0415 - yaml is for who has a scenario

        scenario = load(settings.scenario, params=settings.params)
        clock = make_clock(settings.clock) if settings.clock is not None else None
        self.inboxes.get().use(scenario, seed=settings.seed, clock=clock)

    def _open_store(self) -> None:
        if self._store is None:
            url = self.settings.store
            if not url:
                self._folder = tempfile.TemporaryDirectory(prefix="mailtrap-")
                url = f"sqlite:///{Path(self._folder.name) / 'record.sqlite'}"
            keep = Keep(self.settings.keep_messages, self.settings.keep_bytes, self.settings.keep_age)
            self._store = self._own_store = Store(url, keep=keep)
        if self._store.replicas is not None:
            self.inboxes.share(self._store.replicas)

    def _service(self, upstream: Upstream | None, persona: PersonaSpec | None) -> Service:
        settings = self.settings
        return Service(
            record=self.store,
            inboxes=self.inboxes,
            hostname=settings.hostname,
            max_message_size=settings.max_message_size,
            spool_over=0 if upstream is not None else settings.spool_over,  # what goes on is needed as it came
            lenient_line_ends=settings.line_endings == "lenient",
            proxy_protocol=settings.proxy_protocol,
            xclient=settings.xclient,
            max_recipients=settings.max_recipients,
            max_sessions=settings.max_sessions,
            max_sessions_per_client=settings.max_sessions_per_client,
            max_errors=None if upstream is not None else settings.max_errors,  # that is for the real server to say
            command_timeout=settings.command_timeout,
            auth=AuthPolicy(settings.auth),
            users=settings.users | (read_users(settings.users_file) if settings.users_file else {}),
            mechanisms=settings.auth_mechanisms,
            require_tls=TlsPolicy(settings.require_tls),
            tls=self._authority.context,
            upstream=upstream,
            persona=persona,
        )


def _import_http() -> tuple[type[HttpServer], Callable[..., Any]]:
    """Import what takes a third of the time of a start, and only they need who use HTTP."""
    from mailtrap_py.http_server import HttpServer  # noqa: PLC0415 - see above
    from mailtrap_py.web.app import create_app  # noqa: PLC0415 - see above

    return HttpServer, create_app


def _addresses_that_fail() -> tuple[Rule, ...]:
    """Give the rules of the library's `fail-addresses`, under names that no scenario has."""
    from mailtrap_py.scenario.load import load  # noqa: PLC0415 - yaml is for who has a scenario

    rules = load("fail-addresses").rules
    return tuple(rule.model_copy(update={"id": f"fail-address-{rule.id}", "optional": True}) for rule in rules)


@contextlib.contextmanager
def _closed_on_error(bound: Mapping[str, Sequence[socket.socket]]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for sockets in bound.values():
            for one in sockets:
                one.close()
        raise
