"""The wheel, in an environment that has nothing else: what it carries, and that all of its doors open."""

from __future__ import annotations

import json
import os
import re
import smtplib
import ssl
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PATIENCE = 300  # seconds; the index may be slow
# Nothing of this process's environment may lead back to the source tree.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAILTRAP_", "COVERAGE"))}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * PATIENCE)]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=CLEAN, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheel in it, and an empty folder to work in."""

    programs: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> str:
        return run(self.programs / program, *arguments, cwd=self.folder)


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "pip", "install", wheel, cwd=folder)
    return Environment(programs, tmp_path_factory.mktemp("empty"))


def test_the_wheel_carries_all_that_is_needed_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())

    sources = {path.relative_to(ROOT).as_posix() for path in files(ROOT / "mailtrap_py")}
    plugin = {path.relative_to(ROOT / "pytest_plugin").as_posix() for path in files(ROOT / "pytest_plugin")}
    scenarios = {f"mailtrap_py/scenarios/{path.name}" for path in (ROOT / "scenarios").glob("*.yaml")}
    assert "mailtrap_py/py.typed" in inside
    assert any(name.startswith("mailtrap_py/web/templates/") for name in inside)
    assert any(name.startswith("mailtrap_py/web/static/") for name in inside)
    about = {name for name in inside if ".dist-info/" in name}
    assert inside - about == sources | plugin | scenarios
    assert {"LICENSE", "METADATA", "entry_points.txt"} <= {name.rsplit("/", 1)[1] for name in about}


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def test_the_command_runs(environment: Environment) -> None:
    version = environment.run("mailtrap-py", "--version")

    assert re.fullmatch(r"mailtrap-py \d+\.\d+\.\d+\n", version)
    assert environment.run("python", "-m", "mailtrap_py", "--version") == version


def test_the_scenarios_are_there(environment: Environment) -> None:
    listed = environment.run("mailtrap-py", "scenario", "list")

    assert [path.stem for path in (ROOT / "scenarios").glob("*.yaml") if path.stem not in listed] == []
    assert environment.run("mailtrap-py", "scenario", "show", "greylisting").strip() == (
        (ROOT / "scenarios" / "greylisting.yaml").read_text("utf-8").strip()
    )


def test_mail_is_caught_and_shown(environment: Environment) -> None:
    ports = ["--host", "127.0.0.1", "--smtp-port", "0", "--smtps-port", "0", "--http-port", "0"]
    with subprocess.Popen(
        [environment.programs / "mailtrap-py", *ports],
        cwd=environment.folder,
        env=CLEAN,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            ready = server.stdout.readline() if server.stdout else ""
            places = re.search(r"smtp://([\d.]+):(\d+) .*smtps://[\d.]+:(\d+) .*(http://[\d.]+:\d+)", ready)
            assert places, ready
            host, port, smtps_port, page = places.groups()
            trust = ssl.create_default_context(cadata=fetch(f"{page}/api/tls/authority.pem"))
            with smtplib.SMTP(host, int(port)) as client:
                send(client, "In the clear")
            with smtplib.SMTP(host, int(port)) as client:
                client.starttls(context=trust)
                send(client, "By STARTTLS")
            with smtplib.SMTP_SSL(host, int(smtps_port), context=trust) as client:
                send(client, "By SMTPS")
            found = json.loads(fetch(f"{page}/api/messages"))
            shown = fetch(f"{page}/")
        finally:
            server.terminate()
            code = server.wait(PATIENCE)

    assert [message["subject"] for message in found["items"]] == ["By SMTPS", "By STARTTLS", "In the clear"]
    assert "By STARTTLS" in shown
    assert code == 0


def send(client: smtplib.SMTP, subject: str) -> None:
    client.sendmail("ann@example.com", ["bob@example.com"], f"Subject: {subject}\r\n\r\nHello\r\n".encode())


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        text: str = response.read().decode()
    return text


def test_the_fixture_is_there_without_configuration(environment: Environment) -> None:
    (environment.folder / "test_it.py").write_text(
        "import smtplib\n"
        "def test_it(mailtrap):\n"
        "    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:\n"
        "        client.sendmail('ann@example.com', ['bob@example.com'], b'Subject: Hello\\r\\n\\r\\nHello\\r\\n')\n"
        "    assert mailtrap.wait_for(to='bob@example.com').subject == 'Hello'\n",
        encoding="utf-8",
    )

    assert "1 passed" in environment.run("pytest", "-q", "test_it.py")
