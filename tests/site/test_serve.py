import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
    pytest.mark.once,
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(folder: Path, port: int) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME")},
        "STANDING_DOTENV": os.devnull,
        "DATABASE_URL": f"sqlite:///{folder}/served.sqlite3",
        "DEMO": "0",
        "PORT": str(port),
    }


class Served:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=settings.BASE_DIR,
                env=environment(folder, self.port),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=10
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in path.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        # A process that ended and was not waited for yet still has an entry.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def first_start(tmp_path_factory):
    """What the first start leaves behind: the others have no tables to make."""
    folder = tmp_path_factory.mktemp("first")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"],
        cwd=settings.BASE_DIR,
        env=environment(folder, 0),
        check=True,
    )
    return folder / "served.sqlite3"


@pytest.fixture
def served(request, tmp_path):
    if request.node.get_closest_marker("from_nothing") is None:
        shutil.copy(request.getfixturevalue("first_start"), tmp_path)
    running = Served(tmp_path)
    running.wait(running.ready)
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(60)


linux_only = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@linux_only
@pytest.mark.slow
@pytest.mark.from_nothing
def test_web_server_and_worker_start_and_end_together(served):
    children = served.children()
    assert len(children) == 2
    assert json.loads(served.get("/readyz")[1])["worker"]["alive"]
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(60) == 0, served.log.read_text()
    assert not any(is_running(child) for child in children)
    said = served.log.read_text()
    assert f"http://localhost:{served.port}/" in said
    assert "asks for the first administrator" in said
    assert "this key" not in said
    assert "changepassword" in said


@linux_only
@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1], ids=["web server", "worker"])
def test_when_one_part_dies_all_end_with_an_error(served, which):
    children = served.children()
    os.kill(children[which], signal.SIGKILL)
    assert served.process.wait(60) != 0
    assert not any(is_running(child) for child in children)
    assert "ended by itself" in served.log.read_text()


@linux_only
@pytest.mark.slow
def test_nothing_is_left_over_when_it_is_killed_outright(served):
    children = served.children()
    served.process.kill()
    served.process.wait()
    served.wait(lambda: not any(is_running(child) for child in children), 30)


def test_a_busy_port_is_named_with_a_way_out(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=settings.BASE_DIR,
            env=environment(tmp_path, port),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert f"make PORT={port + 1}" in ended.stderr
    assert not (tmp_path / "served.sqlite3").exists()
