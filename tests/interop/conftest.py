"""Real mail programs: what they send, and a Postfix of one's own."""

from __future__ import annotations

import os
import pwd
import queue
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Missing, Need

PATIENCE = 30.0  # seconds for what takes one when a machine is idle


@dataclass(frozen=True)
class Letter:
    """A mail to send: an attachment, a subject beyond ASCII, lines that begin with a dot, several recipients."""

    reverse_path: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    attachment: bytes
    raw: bytes


@pytest.fixture(scope="session")
def letter() -> Letter:
    message = EmailMessage()
    message["From"] = "Ann <ann@example.com>"
    message["To"] = "bob@example.com, cy@example.com"
    message["Subject"] = subject = "Grüße aus Zürich ✉"
    message["Date"] = "Thu, 01 Jan 2026 12:00:00 +0000"
    message["Message-ID"] = "<letter@example.com>"
    text = "Hello,\n.\n..two dots\ntwo blanks at the end  \n"
    message.set_content(text)
    attachment = bytes(range(256)) * 20
    message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="Übersicht.bin")
    message.set_boundary("the-boundary")
    raw = message.as_bytes(policy=policy.SMTP)
    return Letter("ann@example.com", ("bob@example.com", "cy@example.com"), subject, text, attachment, raw)


# The settings that every Postfix here has; what differs is handed in.
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
local_header_rewrite_clients =
alias_maps =
alias_database =
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{user.pw_uid}
virtual_gid_maps = static:{user.pw_gid}
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A Postfix with a configuration, a queue and a port of its own; its log is read line by line as it is written."""

    def __init__(self, program: str, folder: Path, settings: Mapping[str, str]) -> None:
        self._program = program
        self._configuration = folder / "etc"
        self.mail = folder / "mail"
        for name in ("etc", "queue", "data", "mail"):
            (folder / name).mkdir()
        user = pwd.getpwnam("nobody")
        shutil.chown(folder / "mail", user.pw_uid, user.pw_gid)
        shutil.chown(folder / "data", "postfix")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        main = MAIN.format(folder=folder, user=user) + "".join(
            f"{name} = {value}\n" for name, value in settings.items()
        )
        (folder / "etc" / "main.cf").write_text(main)
        (folder / "etc" / "master.cf").write_text(MASTER.format(port=self.port))
        self.log: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            [program, "-c", str(self._configuration), "start-fg"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the log has a line that this regular expression finds; earlier ones are passed over."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"Postfix did not log /{pattern}/ but:\n{''.join(self.log)}")
            self.log.append(line)
            if found := re.search(pattern, line):
                return found

    def stop(self) -> None:
        subprocess.run([self._program, "-c", str(self._configuration), "abort"], check=False, capture_output=True)
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        if self._process.stdout:
            self._process.stdout.close()

    def deliveries(self) -> list[bytes]:
        """Give the files that it delivered, oldest first; lines end as in files."""
        found = [path for path in self.mail.glob("*/new/*") if path.is_file()]
        return [path.read_bytes() for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]


StartPostfix = Callable[[Mapping[str, str]], Postfix]


@pytest.fixture
def start_postfix(need: Need, missing: Missing) -> Iterator[StartPostfix]:
    """Start a Postfix with these settings besides the usual ones; it is stopped after the test."""
    program = need("postfix")
    if os.geteuid() != 0:
        missing("Postfix can only be started by root")
    with ExitStack() as stack:

        def start(settings: Mapping[str, str]) -> Postfix:
            # Not in tmp_path, which nobody but root may enter: Postfix works as a user of its own.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postfix-")))
            folder.chmod(0o755)
            postfix = Postfix(program, folder, settings)
            stack.callback(postfix.stop)
            postfix.wait_for("daemon started")
            return postfix

        yield start
