from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation


def pytest_configure(config: pytest.Config) -> None:
    # Before Django loads a translation, and in the first process only: two at once would write the same files.
    if not hasattr(config, "workerinput"):
        from crm import catalogues

        catalogues.compile_all()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium (CHROMIUM=/path chooses another), so that no browser has to be downloaded."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.fail(
            "Browser tests need Chromium: install the package chromium, or say where it is with CHROMIUM=."
        )
    quiet = ["quic", "background-networking", "component-update", "sync", "gpu"]
    return {
        **browser_type_launch_args,
        "executable_path": path,
        "args": ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
    }


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Each test begins in English: a page answered in another language leaves its thread in it."""
    with translation.override("en"):
        yield
