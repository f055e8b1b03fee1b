from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

# Playwright's synchronous interface keeps an event loop running, which Django takes for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

LOOKS = [("en", 360), ("en", 1440), ("de", 360)]
# Of lists, cards, their forms and the pages for writing mails.
KEY_LOOKS = [*LOOKS, ("fr", 768)]

# What is told of alone, since the rest is most of the answer.
AXE = """async () => {
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.filter((one) => ["serious", "critical"].includes(one.impact));
}"""
# Colours that are still on their way from one scheme to the other are nobody's.
AT_ONCE = """() => {
    const styles = new CSSStyleSheet();
    styles.replaceSync("*, ::before, ::after { transition: none !important }");
    document.adoptedStyleSheets.push(styles);
}"""


@pytest.fixture(params=LOOKS, ids=lambda look: "-".join(map(str, look)))
def look(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Language and width that a page is looked at with."""
    return request.param


@pytest.fixture
def visitor(browser: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """`visitor(user, language=, scheme=, width=)` gives a page of a browser in which `user` (or nobody) is signed in.

    The test fails when a page complains on its console: of a blocked script, a missing file, an exception.
    """
    from django.conf import settings
    from django.test import Client

    contexts, complaints = [], []

    def visit(
        user: Any = None,
        *,
        language: str = "en",
        scheme: str = "light",
        width: int = 1440,
        **more: Any,
    ) -> Any:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            locale=language,
            **more,
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            value = client.cookies[name].value
            context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    visit.complaints = complaints  # type: ignore[attr-defined]
    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def faults(page: Any) -> list[str]:
    """What axe finds serious or critical on this page, a line each, and whether it scrolls sideways.

    A page in English is looked at light and dark; words in other languages have the same colours.
    """
    page.evaluate(Axe().axe_script)
    page.evaluate(AT_ONCE)
    lang, dark = page.evaluate(
        "[document.documentElement.lang, matchMedia('(prefers-color-scheme: dark)').matches]"
    )
    schemes = ("light", "dark") if dark else ("dark", "light")
    found = []
    # Its own last, so that it goes on as it was.
    for scheme in schemes if lang == "en" else schemes[1:]:
        page.emulate_media(color_scheme=scheme)
        found += [
            f"{violation['id']} ({scheme}): {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for violation in page.evaluate(AXE)
            for node in violation["nodes"]
        ]
    beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"scrolls sideways by {beyond} px"] if beyond > 0 else [])]
