"""What the first view of the list of contacts weighs, measured in Chromium against the budgets."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings
from django.test.testcases import LiveServerThread
from whitenoise.compress import Compressor

from benchmarks import data
from benchmarks.measure import Result
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Store
from crm.accounts.models import User

# KB are 1,000 bytes. Styles and scripts travel compressed, a page does not: compressed it would tell by its length
# what it holds.
BUDGETS = {
    "HTML, KB": 40,
    "CSS as brotli, KB": 60,
    "JS as brotli, KB": 75,
    "web fonts": 0,
    "requests": 12,
    "requests to third parties": 0,
    "elements": 1_500,
    "files that travel again with a warm cache": 0,
}


@dataclass
class Weight:
    """What a browser fetched for a page: sizes in bytes by kind, addresses; and the files it fetched again."""

    sizes: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fonts: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    elements: int = 0
    again: list[str] = field(default_factory=list)

    def against_budgets(self) -> dict[str, float]:
        found = (
            self.sizes.get("document", 0) / 1000,
            self.sizes.get("stylesheet", 0) / 1000,
            self.sizes.get("script", 0) / 1000,
            len(self.fonts),
            len(self.asked),
            len(self.strangers),
            self.elements,
            len(self.again),
        )
        return dict(zip(BUDGETS, found, strict=True))

    def over(self) -> dict[str, float]:
        """The budgets that are not kept, with what was found instead."""
        return {name: n for name, n in self.against_budgets().items() if n > BUDGETS[name]}


def weigh(context: Any, url: str) -> Weight:
    """Look at a page in a browser that has seen nothing, and once more. ``context`` is one of Playwright's."""
    weight = Weight()
    page = context.new_page()
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(url, wait_until="networkidle")
    here = urlsplit(url).netloc
    for answer in answers:
        kind, path = answer.request.resource_type, urlsplit(answer.url)
        if answer.url in weight.asked:
            # The mark in the page is the mark of the window, and travels once.
            continue
        weight.asked.append(answer.url)
        if path.netloc != here:
            weight.strangers.append(answer.url)
        if kind == "font":
            weight.fonts.append(answer.url)
        weight.sizes[kind] = weight.sizes.get(kind, 0) + _travels(kind, answer.body())
    weight.elements = page.evaluate("document.querySelectorAll('*').length")
    page.close()
    weight.again = _fetched_again(context, url)
    return weight


def _travels(kind: str, body: bytes) -> int:
    """How many bytes of it travel."""
    return len(Compressor.compress_brotli(body) if kind in ("stylesheet", "script") else body)


def _fetched_again(context: Any, url: str) -> list[str]:
    """Files that the browser did not keep from the first time."""
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    asked: dict[str, str] = {}
    kept: set[str] = set()

    def answered(event: Any) -> None:
        answer = event["response"]
        # Pages, and the parts of them that follow, are never kept: they show what is stored now.
        if answer.get("fromDiskCache") or answer["mimeType"] == "text/html":
            kept.add(event["requestId"])
        asked[event["requestId"]] = answer["url"]

    devtools.on("Network.responseReceived", answered)
    devtools.on("Network.requestServedFromCache", lambda event: kept.add(event["requestId"]))
    page.goto(url, wait_until="networkidle")
    page.close()
    return [address for number, address in asked.items() if number not in kept]


def collected(folder: Path) -> dict[str, Any]:
    """Put the static files into ``folder`` as production does; the settings that serve them from there."""
    changed = {
        "STATIC_ROOT": folder,
        "STORAGES": settings.STORAGES
        | {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}},
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_USE_FINDERS": False,
        "ALLOWED_HOSTS": [*settings.ALLOWED_HOSTS, "localhost"],
    }
    with override_settings(**changed):
        # Compressing what only the administration asks for would take longer than all the rest.
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["admin"])
    return changed


@contextmanager
def served(changed: dict[str, Any]) -> Iterator[str]:
    """The product with these settings in a thread; its address."""
    # A database in memory is there for one connection only.
    shared = {
        one.alias: one
        for one in connections.all()
        if one.vendor == "sqlite" and one.is_in_memory_db()  # type: ignore[attr-defined]
    }
    for one in shared.values():
        one.inc_thread_sharing()
    with override_settings(**changed):
        # Whitenoise serves the files, not the handler that it would have for tests.
        handler: Any = lambda app: app  # noqa: E731
        thread = LiveServerThread("localhost", handler, connections_override=shared)
        thread.daemon = True
        thread.start()
        try:
            thread.is_ready.wait()
            if thread.error:
                raise thread.error
            yield f"http://localhost:{thread.port}"
        finally:
            thread.terminate()
            for one in shared.values():
                one.dec_thread_sharing()


def chromium() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        raise SystemExit("Chromium is not installed, or say where it is with CHROMIUM=.")
    return path


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    # Playwright's synchronous interface keeps an event loop running, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    from playwright.sync_api import sync_playwright

    data.fill(store, "weight", sizes.small)
    store.use("weight")
    with (
        tempfile.TemporaryDirectory(prefix="standing-static-") as folder,
        served(collected(Path(folder))) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 800})
        context.add_cookies([_signed_in(url)])
        weight = weigh(context, f"{url}/contacts/")
        browser.close()
    size = f"50 of {shown(sizes.small)} contacts"
    for name, found in weight.against_budgets().items():
        words, _comma, unit = name.partition(", ")
        # What must not be there at all is held against one, of which there may be none.
        limit = BUDGETS[name] or 1
        yield Result(
            f"first view, {words}", store.vendor, size, round(found, 1), limit,
            1 if BUDGETS[name] else 0, unit=unit or "of them",
        )  # fmt: skip
    store.drop("weight")


def _signed_in(url: str) -> Any:
    client = Client()
    client.force_login(User.objects.get(pk=1))
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": url}
