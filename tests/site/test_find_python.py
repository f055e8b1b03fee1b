import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

SCRIPT = Path(settings.BASE_DIR) / "bin" / "find-python"


def find(path, home, **variables):
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)],
        env={"PATH": str(path), "HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "bin").mkdir()
    return tmp_path


def test_a_given_python_is_taken(empty):
    assert find(empty / "bin", empty, PYTHON=sys.executable).stdout.strip() == sys.executable


def test_a_given_python_that_cannot_serve_is_refused_and_not_replaced(empty):
    program(empty / "bin" / "python3", f'exec "{sys.executable}" "$@"')
    ended = find(empty / "bin", empty, PYTHON="/nowhere/python3")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "/nowhere/python3" in ended.stderr


def test_a_shim_that_exists_but_does_not_run_is_passed_over(empty):
    program(empty / "bin" / "python3.13", "exit 127")
    program(empty / "bin" / "python3", f'exec "{sys.executable}" "$@"')
    assert find(empty / "bin", empty).stdout.strip() == sys.executable


def test_a_version_of_pyenv_is_found_without_being_on_the_path(empty):
    program(empty / ".pyenv/versions/3.13.0/bin/python3", f'exec "{sys.executable}" "$@"')
    assert find(empty / "bin", empty).stdout.strip() == sys.executable


def test_without_any_it_says_what_to_install(empty):
    ended = find(empty / "bin", empty)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Python 3.12 or newer" in ended.stderr
    assert "make PYTHON=" in ended.stderr


def test_the_script_can_be_run():
    assert os.access(SCRIPT, os.X_OK)
