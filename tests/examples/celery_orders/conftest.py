"""A worker in a process of its own: it is told once where the mail server is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def worker(mailtrap_server, tmp_path_factory):
    broker = tmp_path_factory.mktemp("broker")
    (broker / "control").mkdir()
    os.environ["BROKER_FOLDER"] = str(broker)
    environment = {
        **os.environ,
        "SMTP_HOST": mailtrap_server.host,
        "SMTP_PORT": str(mailtrap_server.port),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    command = [sys.executable, "-m", "celery", "-A", "orders", "worker", "--pool", "solo", "--without-mingle"]
    with subprocess.Popen([*command, "--without-gossip", "-l", "WARNING"], env=environment) as process:
        yield process
        process.terminate()


@pytest.fixture
def confirm(worker, mailtrap):
    from orders import confirm

    return confirm.delay
