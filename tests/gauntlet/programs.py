"""The client programs of `clients/`: how each is found or fetched, and how it is run.

They are real: what Debian, PyPI and npm have of them. What has to be fetched or compiled goes into a folder that is
handed in, never into the system or the environment of Python.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).with_name("clients")
PATIENCE = 300  # seconds for fetching or compiling something


class AbsentError(Exception):
    """A client is not on this machine and could not be fetched. The text is the reason."""


@dataclass(frozen=True, slots=True)
class Program:
    """A client that is ready: how to run it, and what it is."""

    command: tuple[str, ...]
    version: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder for what is fetched, and the ways to get at programs."""

    folder: Path

    def find(self, program: str) -> str:
        """Give the path of a program. Raises `AbsentError`."""
        found = shutil.which(program)
        if found is None:
            raise AbsentError(f"{program} is not installed")
        return found

    def run(self, *command: str, **environment: str) -> str:
        """Run a program that prepares something, and give what it prints. Raises `AbsentError`."""
        done = subprocess.run(
            (self.find(command[0]), *command[1:]),
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=os.environ | environment,
        )
        if done.returncode:
            raise AbsentError(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def version(self, *command: str, **environment: str) -> str:
        """Find the number of a version in what a program prints."""
        found = re.search(r"\d[\w.-]*", self.run(*command, **environment))
        return found[0].rstrip(".") if found else "unknown"


@dataclass(frozen=True, slots=True)
class Client:
    """One client: its name in the tables, its program, whether that tells JSON, and how it is made ready."""

    name: str
    source: str
    prepare: Callable[[Workshop, str], Program]
    tells: bool = True

    def ready(self, workshop: Workshop) -> Program:
        """Make it ready. Raises `AbsentError`."""
        return self.prepare(workshop, str(SOURCES / self.source))


def _smtplib(workshop: Workshop, source: str) -> Program:
    return Program((sys.executable, source), f"Python {workshop.version(sys.executable, '--version')}")


def _from_pypi(distribution: str) -> Callable[[Workshop, str], Program]:
    """Use what this Python has, else fetch it."""
    module = distribution.lower()

    def prepare(workshop: Workshop, source: str) -> Program:
        environment = {}
        if importlib.util.find_spec(module) is None:
            folder = workshop.folder / "python"
            if not (folder / module).is_dir():
                pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target")
                workshop.run(*pip, str(folder), distribution)
            environment = {"PYTHONPATH": str(folder)}
        ask = f"import importlib.metadata; print(importlib.metadata.version({distribution!r}))"
        version = workshop.version(sys.executable, "-c", ask, **environment)
        return Program((sys.executable, source), version, environment)

    return prepare


def _nodemailer(workshop: Workshop, source: str) -> Program:
    node = workshop.find("node")
    modules = workshop.folder / "node_modules"
    if not modules.is_dir():
        quiet = ("--no-save", "--no-audit", "--no-fund", "--no-update-notifier")
        workshop.run("npm", "install", *quiet, "--prefix", str(workshop.folder), "nodemailer")
    environment = {"NODE_PATH": str(modules)}
    version = workshop.version(node, "-p", "require('nodemailer/package.json').version", **environment)
    return Program((node, source), f"{version}, Node.js {workshop.version(node, '--version')}", environment)


def _phpmailer(workshop: Workshop, source: str) -> Program:
    ask = "require 'libphp-phpmailer/src/PHPMailer.php'; echo PHPMailer\\PHPMailer\\PHPMailer::VERSION;"
    version = workshop.version("php", "-r", ask)
    php = workshop.version("php", "-r", "echo PHP_VERSION;")
    return Program((workshop.find("php"), source), f"{version}, PHP {php}")


def _ruby(workshop: Workshop, source: str) -> Program:
    version = workshop.version("ruby", "-e", "require 'net/smtp'; puts Net::SMTP::VERSION")
    ruby = workshop.version("ruby", "-e", "puts RUBY_VERSION")
    return Program((workshop.find("ruby"), source), f"{version}, Ruby {ruby}")


def _go(workshop: Workshop, source: str) -> Program:
    made = workshop.folder / "go_net_smtp"
    workshop.run("go", "build", "-o", str(made), source, GOCACHE=str(workshop.folder / "go"), GO111MODULE="off")
    return Program((str(made),), f"Go {workshop.version('go', 'version')}")


def _perl(workshop: Workshop, source: str) -> Program:
    for module in ("Authen::SASL", "IO::Socket::SSL"):  # Net::SMTP knows AUTH and STARTTLS only beside them
        workshop.run("perl", f"-M{module}", "-e", "1")
    version = workshop.version("perl", "-MNet::SMTP", "-e", "print Net::SMTP->VERSION")
    return Program((workshop.find("perl"), source), f"{version}, Perl {workshop.version('perl', '-e', 'print $^V')}")


def _tool(name: str) -> Callable[[Workshop, str], Program]:
    def prepare(workshop: Workshop, source: str) -> Program:
        return Program((workshop.find("sh"), source), workshop.version(name, "--version"))

    return prepare


CLIENTS: tuple[Client, ...] = (
    Client("smtplib", "python_smtplib.py", _smtplib),
    Client("aiosmtplib", "python_aiosmtplib.py", _from_pypi("aiosmtplib")),
    Client("Django", "python_django.py", _from_pypi("Django")),
    Client("nodemailer", "nodemailer.js", _nodemailer),
    Client("PHPMailer", "phpmailer.php", _phpmailer),
    Client("Ruby Net::SMTP", "ruby_net_smtp.rb", _ruby),
    Client("Go net/smtp", "go_net_smtp.go", _go),
    Client("Perl Net::SMTP", "perl_net_smtp.pl", _perl),
    Client("curl", "curl.sh", _tool("curl"), tells=False),
    Client("msmtp", "msmtp.sh", _tool("msmtp"), tells=False),
    Client("swaks", "swaks.sh", _tool("swaks"), tells=False),
)
"""In the order of the tables."""
