"""A real PostgreSQL of Debian's for the tests, on a socket of its own, and databases in it that nobody used before."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Databases = Callable[[], str]


def programs() -> Path | None:
    """Find where Debian keeps the programs of the newest version; they are not on the PATH."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


@contextmanager
def running(folder: Path) -> Iterator[Databases]:
    """Run a server until the end; what is given makes a database and says its URL."""
    # It refuses to be root, and needs a folder that whoever it is instead may enter.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="mailtrap-pg-"))
    try:
        if user is not None:
            os.chown(home, pwd.getpwnam(user).pw_uid, -1)
        data = str(home / "data")
        made = [
            str(folder / "initdb"),
            "-D",
            data,
            "-U",
            "mail",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=home)
        command = [str(folder / "postgres"), "-D", data, "-k", str(home), "-c", "listen_addresses=", "-c", "fsync=off"]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=home)
        try:
            while not (home / ".s.PGSQL.5432").is_socket():
                assert server.poll() is None, (home / "log").read_text()
            numbers = itertools.count(1)

            def database() -> str:
                name = f"mail{next(numbers)}"
                create = [str(folder / "createdb"), "-h", str(home), "-U", "mail", name]
                for _ in range(100):
                    if not subprocess.run(create, check=False, capture_output=True).returncode:
                        return f"postgresql://mail@/{name}?host={home}"
                raise AssertionError((home / "log").read_text())

            yield database
        finally:
            server.send_signal(signal.SIGINT)  # its fast shutdown, whoever is still connected
            server.wait(30)
    finally:
        shutil.rmtree(home)
