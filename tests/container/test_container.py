"""The container, built by Debian's buildah on a Debian of its own making, and started in a network of its own.

No registry is asked: the base is made by debootstrap, and the packages that go into the image are fetched by this
machine's pip and handed to the build as a folder. `chroot` isolation and `vfs` storage need no kernel features, so this
also works inside a container; they need root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Missing, Need

Facts = dict[str, Any]  # an image's configuration, as the docker format has it

ROOT = Path(__file__).parent.parent.parent
RELEASE = "bookworm"
PYTHON = "3.11"  # that release's
PATIENCE = 600  # seconds; a mirror may be slow
SEND = """
import smtplib
with smtplib.SMTP("127.0.0.1", 1025) as client:
    client.sendmail("ann@example.com", ["bob@example.com"], b"Subject: Into a container\\r\\n\\r\\nHello\\r\\n")
"""
LIST = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8025/api/messages", timeout=10).read().decode())
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * PATIENCE)]


def run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        env=environment or dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Buildah:
    """buildah with a store of its own."""

    program: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

    def command(self, *arguments: str | Path) -> list[str]:
        folders = ["--root", str(self.folder / "store"), "--runroot", str(self.folder / "run")]
        return [self.program, *folders, *(str(argument) for argument in arguments)]

    def __call__(self, *arguments: str | Path) -> str:
        return run(*self.command(*arguments), environment=self.environment).strip()


@pytest.fixture(scope="module")
def buildah(need: Need, missing: Missing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    program = need("buildah")
    if os.geteuid() != 0:
        missing("buildah and debootstrap are run by root here")
    buildah = Buildah(program, tmp_path_factory.mktemp("buildah"))
    yield buildah
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def base(buildah: Buildah, need: Need) -> str:
    """Make an image of a small Debian with Python."""
    container = buildah("from", "scratch")
    with tempfile.TemporaryDirectory(prefix="debian-") as folder:  # not in tmp_path, which is kept: it is large
        tree = Path(folder) / "tree"
        run(need("debootstrap"), "--variant=minbase", "--include=python3,python3-pip,python3-venv", RELEASE, tree)
        buildah("add", "--quiet", container, tree, "/")
    buildah("commit", "--quiet", "--rm", container, "localhost/base")
    return "localhost/base"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch what the image's pip will install, by this machine's pip with all of its configuration."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    wanted += [*extras["fast"], *extras["postgres"]]
    folder = tmp_path_factory.mktemp("packages")
    target = ["--python-version", PYTHON, "--only-binary", ":all:", "--dest", str(folder)]
    run(sys.executable, "-m", "pip", "download", "--quiet", *target, *wanted)
    return folder


@pytest.fixture(scope="module")
def image(buildah: Buildah, base: str, packages: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the Containerfile."""
    configuration = tmp_path_factory.mktemp("pip") / "pip.conf"
    configuration.write_text("[global]\nno-index = true\nfind-links = /packages\n")
    buildah(
        *("build", "--quiet", "--format", "docker", "--build-arg", f"BASE={base}", "--tag", "localhost/mailtrap-py"),
        *("--volume", f"{packages}:/packages:ro", "--volume", f"{configuration}:/etc/pip.conf:ro"),
        *("--file", ROOT / "Containerfile", ROOT),
    )
    return "localhost/mailtrap-py"


@pytest.fixture(scope="module")
def facts(buildah: Buildah, image: str) -> Facts:
    """Read what the image says of itself."""
    found: Facts = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    return found


@dataclass(frozen=True)
class Running:
    """The container while it runs, and the network it is in."""

    buildah: Buildah
    container: str
    server: subprocess.Popen[str]
    ready: str

    def inside(self, *command: str) -> str:
        """Run a command in the container, as its user and in its network."""
        run_it = self.buildah.command("run", self.container, "--", *command)
        return run("nsenter", f"--net=/proc/{self.server.pid}/ns/net", *run_it, environment=self.buildah.environment)


@pytest.fixture(scope="module")
def running(buildah: Buildah, image: str, facts: Facts, need: Need) -> Iterator[Running]:
    """Start the image as an engine would: its entry point, its user, its ports, in a network with loopback alone."""
    container = buildah("from", image)
    start = [*buildah.command("run", container, "--"), *facts["Entrypoint"], *(facts["Cmd"] or ())]
    network = [need("unshare"), "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    with subprocess.Popen(
        [*network, *start], env=buildah.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as server:
        ready = server.stdout.readline() if server.stdout else ""
        yield Running(buildah, container, server, ready)
        server.terminate()
        server.wait(PATIENCE)


def test_it_says_what_it_is(facts: Facts) -> None:
    assert facts["User"] == "10001:10001"
    assert facts["ExposedPorts"].keys() == {"1025/tcp", "1465/tcp", "8025/tcp"}
    assert facts["Labels"]["org.opencontainers.image.title"] == "mailtrap_py"
    assert "curl" not in " ".join(facts["Healthcheck"]["Test"])


def test_it_catches_mail(running: Running) -> None:
    assert running.ready.startswith("ready: "), running.ready
    running.inside("python3", "-c", SEND)

    found = json.loads(running.inside("python3", "-c", LIST))

    assert [message["subject"] for message in found["items"]] == ["Into a container"]


def test_it_is_healthy(running: Running, facts: Facts) -> None:
    kind, *command = facts["Healthcheck"]["Test"]

    assert kind == "CMD"
    running.inside(*command)


def test_the_health_check_notices_a_server_that_is_gone(running: Running, facts: Facts) -> None:
    command = facts["Healthcheck"]["Test"][1:]

    with pytest.raises(AssertionError, match="URLError"):
        running.inside("env", "MAILTRAP_HTTP_PORT=1", *command)


def test_it_is_not_root(running: Running) -> None:
    assert running.inside("id", "-u").strip() == "10001"
