from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtrap_py import ports
from mailtrap_py.errors import SettingError


@contextlib.contextmanager
def bound(*hosts: str, number: int = 0) -> Iterator[list[socket.socket]]:
    listeners = ports.bind(hosts, number, purpose="smtp-port")
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


# Networks for documentation (RFC 5737): no machine should have such an address.
NOBODYS = ["203.0.113.1", "198.51.100.1"]


def number(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_zero_picks_a_free_port_that_takes_connections() -> None:
    with bound("127.0.0.1") as (listener,), socket.create_connection(listener.getsockname(), timeout=30):
        assert number(listener) > 0
        assert not listener.getblocking()


@needs_ipv6
@pytest.mark.parametrize("hosts", [("127.0.0.1", "::1"), ("0.0.0.0", "::")])
def test_all_addresses_have_the_same_port(hosts: tuple[str, ...]) -> None:
    with bound(*hosts) as listeners:
        assert [listener.family for listener in listeners] == [socket.AF_INET, socket.AF_INET6]
        assert len({number(listener) for listener in listeners}) == 1


def test_a_port_that_is_free_again_can_be_taken_at_once() -> None:
    with bound("127.0.0.1") as (listener,):
        taken = number(listener)
        client = socket.create_connection(listener.getsockname(), timeout=30)
        listener.settimeout(30)
        served, _ = listener.accept()
        served.close()  # this side closes first, so this side keeps TIME_WAIT
        client.close()

    with bound("127.0.0.1", number=taken) as (again,):
        assert number(again) == taken


def test_a_port_that_is_taken_is_named_with_its_cure() -> None:
    with bound("127.0.0.1") as (listener,):
        taken = number(listener)
        with pytest.raises(SettingError) as caught:
            ports.bind(["127.0.0.1"], taken, purpose="smtp-port")

    assert caught.value.problem == f"port {taken} on 127.0.0.1 is taken by another program"
    assert caught.value.cure == (
        "stop that program, or choose another port with --smtp-port or MAILTRAP_SMTP_PORT (0 picks a free one)"
    )


@needs_ipv6
def test_nothing_stays_open_when_one_address_is_taken() -> None:
    # A number that is free on both, so that it is the second address that is found taken.
    with bound("127.0.0.1") as (first,), bound("::1", number=number(first)) as (listener,):
        taken = number(listener)
        first.close()
        with pytest.raises(SettingError):
            ports.bind(["127.0.0.1", "::1"], taken, purpose="smtp-port")
        with bound("127.0.0.1", number=taken):
            pass


@needs_ipv6
def test_zero_tries_again_when_the_port_is_taken_on_the_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with bound("::1") as (listener,):
        free = ports._bind_one  # noqa: SLF001 - the first pick is made an unlucky one
        picks = iter([number(listener)])

        def unlucky(host: str, port: int) -> socket.socket:
            return free(host, next(picks, port) if host == "127.0.0.1" else port)

        monkeypatch.setattr(ports, "_bind_one", unlucky)
        with bound("127.0.0.1", "::1") as listeners:
            assert len({number(one) for one in listeners}) == 1
            assert number(listeners[0]) != number(listener)


@needs_ipv6
def test_zero_does_not_try_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    with bound("::1") as (listener,):
        free, tries = ports._bind_one, []  # noqa: SLF001 - every pick is made an unlucky one

        def unlucky(host: str, _: int) -> socket.socket:
            tries.append(host)
            return free(host, number(listener))

        monkeypatch.setattr(ports, "_bind_one", unlucky)
        with pytest.raises(SettingError, match="is taken by another program"):
            ports.bind(["127.0.0.1", "::1"], 0, purpose="smtp-port")
        assert tries.count("::1") == 20


def test_an_address_that_the_machine_does_not_have_is_left_out() -> None:
    with bound(NOBODYS[0], "127.0.0.1") as listeners:
        assert [listener.getsockname()[0] for listener in listeners] == ["127.0.0.1"]


def test_no_address_at_all_is_an_error() -> None:
    with pytest.raises(SettingError) as caught:
        ports.bind(NOBODYS, 0, purpose="http-port")

    assert caught.value.problem.startswith("cannot listen on 203.0.113.1 and 198.51.100.1 port 0: ")
    assert "--host or MAILTRAP_HOST" in caught.value.cure

    with pytest.raises(SettingError, match="no address to listen on"):
        ports.bind([], 0, purpose="http-port")


def test_names_are_not_looked_up() -> None:
    with pytest.raises(SettingError, match="cannot listen on localhost port 0"):
        ports.bind(["localhost"], 0, purpose="smtp-port")


def test_ports_of_the_administrator_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(host: str, port: int) -> socket.socket:  # whoever runs the tests may be the administrator
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), (host, port))

    monkeypatch.setattr(ports, "_bind_one", forbidden)
    with pytest.raises(SettingError) as caught:
        ports.bind(["127.0.0.1"], 25, purpose="smtp-port")

    assert "ports below 1024 are for the administrator" in caught.value.problem
    assert caught.value.cure == "choose a higher one with --smtp-port or MAILTRAP_SMTP_PORT"


def test_a_unix_socket(tmp_path: Path) -> None:
    file = str(tmp_path / "lmtp")
    with ports.bind_file(file, purpose="lmtp-socket") as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(file)
        assert listener.getsockname() == file
        with pytest.raises(SettingError, match="Address already in use") as refused:
            ports.bind_file(file, purpose="lmtp-socket")
        assert "--lmtp-socket" in refused.value.cure
    # Nobody listens any more, and the file is still there.
    ports.bind_file(file, purpose="lmtp-socket").close()


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    file = tmp_path / "mail.db"
    file.write_text("precious")

    with pytest.raises(SettingError, match="cannot listen on"):
        ports.bind_file(str(file), purpose="lmtp-socket")
    assert file.read_text() == "precious"


def test_a_system_without_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")

    with pytest.raises(SettingError, match="no unix sockets"):
        ports.bind_file("lmtp", purpose="lmtp-socket")
