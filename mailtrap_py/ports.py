"""Listening sockets: one port number on several addresses, both families, and 0 for any free one."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from pathlib import Path

from mailtrap_py.errors import SettingError

BACKLOG = 1024
_TRIES = 20
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bind(hosts: Sequence[str], number: int, *, purpose: str) -> list[socket.socket]:
    """Listen on the same port of every address. 0 picks a number that is free on all of them.

    An address family that the machine does not have is left out as long as another one is there. Raises `SettingError`
    when nothing can be bound; `purpose` is the name of the setting, as in `smtp-port`.
    """
    tries = _TRIES if number == 0 and len(hosts) > 1 else 1
    for attempt in range(tries):
        try:
            return _bind_all(hosts, number)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if not taken or attempt == tries - 1:
                raise _explain(error, hosts, number, purpose) from error
    raise AssertionError("unreachable: the last try raises")


def bind_file(file: str, *, purpose: str) -> socket.socket:
    """Listen on a unix socket, in place of one that nobody listens on any more. Raises `SettingError`."""
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise SettingError("this system has no unix sockets", cure=f"leave --{purpose} out, and use a port")
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if _is_stale(file, family):
            Path(file).unlink()
        listener.bind(file)
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except OSError as error:
        listener.close()
        raise SettingError(
            f"cannot listen on {file}: {error.strerror or error}",
            cure=f"give --{purpose} the name of a file that is not there, in a folder where you may write",
        ) from error
    return listener


def _is_stale(file: str, family: int) -> bool:
    """Tell whether there is a socket that a program left behind."""
    if not Path(file).is_socket():
        return False
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(file)
        except ConnectionRefusedError:
            return True
    return False


def _bind_all(hosts: Sequence[str], number: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for host in hosts:
            try:
                listener = _bind_one(host, number)
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
                continue
            bound.append(listener)
            number = int(listener.getsockname()[1])
    except BaseException:
        for listener in bound:
            listener.close()
        raise
    if not bound:
        raise missing or OSError(errno.EADDRNOTAVAIL, "no address to listen on")
    return bound


def _bind_one(host: str, number: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host,
        number,
        type=socket.SOCK_STREAM,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,  # no DNS
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # so that 0.0.0.0 and :: can be bound side by side
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except BaseException:
        listener.close()
        raise
    return listener


def _explain(error: OSError, hosts: Sequence[str], number: int, purpose: str) -> SettingError:
    variable = "MAILTRAP_" + purpose.upper().replace("-", "_")
    where = " and ".join(hosts)
    if error.errno == errno.EADDRINUSE:
        return SettingError(
            f"port {number} on {where} is taken by another program",
            cure=f"stop that program, or choose another port with --{purpose} or {variable} (0 picks a free one)",
        )
    if error.errno == errno.EACCES:
        return SettingError(
            f"port {number} on {where} may not be used: ports below 1024 are for the administrator",
            cure=f"choose a higher one with --{purpose} or {variable}",
        )
    reason = error.strerror or str(error)
    return SettingError(
        f"cannot listen on {where} port {number}: {reason}",
        cure="give an address of this machine with --host or MAILTRAP_HOST",
    )
