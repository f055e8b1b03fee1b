"""Every page, looked at in a browser: nothing on it breaks the Content-Security-Policy or complains otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, Resolver404, get_resolver, resolve, reverse
from playwright.sync_api import Error

from crm.accounts import invitations
from crm.accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PASSWORD = "a long password"
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => window.violations.push(
    `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile || ""} ${event.sample || ""}`));
"""
LOOK = """() => ({
    violations: window.violations,
    links: [...document.querySelectorAll("a[href], [hx-get]")].flatMap(
        one => [one.getAttribute("href"), one.getAttribute("hx-get")]).filter(Boolean).map(
        link => new URL(link, location).href),
})"""
# In the back office these are the same page for each model: some will do.
ALIKE = re.compile(r"admin:(?!contacts_contact_|deals_deal_|accounts_user_).*_(delete|history)")
# Found by following links; the rest of the crawl is whatever else they lead to.
SEEN_AT_LEAST = {
    *("contacts:list", "contacts:card", "contacts:edit", "contacts:delete", "contacts:new_person"),
    *("contacts:merge", "contacts:explanation", "deals:list", "deals:card", "deals:edit"),
    *("deals:new", "deals:move", "deals:trash", "lists:tabs", "bulk:runs"),
    *("settings:overview", "settings:account", "settings:category", "settings:field_new"),
    *("deals:pipelines", "deals:pipeline", "deals:quiet", "traces:log", "preferences"),
    *("people:users", "people:user", "people:teams", "mfa_index", "mfa_activate_totp"),
    *("admin:index", "admin:app_list", "admin:contacts_contact_changelist"),
    *("admin:contacts_contact_change", "admin:contacts_contact_add", "admin:deals_deal_change"),
    *("admin:contacts_contact_delete", "admin:contacts_contact_history"),
    *("admin:accounts_user_change", "admin:deals_stage_changelist"),
}


@dataclass
class Crawl:
    """Looks at one page of each kind that links lead to."""

    page: Any
    base: str
    complaints: list[str] = field(default_factory=list)
    looked_at: dict[Any, str] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.add_init_script(LISTEN)
        self.page.on("console", lambda m: self.complain(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complain(str(error)))

    @property
    def names(self) -> set[str]:
        return {name for name, *_ in self.looked_at}

    def complain(self, text: str) -> None:
        self.complaints.append(f"{self.page.url}: {text}")

    def follow(self, *starts: str) -> None:
        waiting = list(starts)
        while waiting:
            path = waiting.pop(0)
            if path in self.met:
                continue
            self.met.add(path)
            kind = self.kind_of(path)
            if kind is not None and kind not in self.looked_at:
                self.looked_at[kind] = path
                waiting += self.look_at(path)

    def kind_of(self, path: str) -> Any:
        """What is one page of many alike: the same view, whatever the numbers."""
        try:
            match = resolve(urlsplit(path).path)
        except Resolver404:
            return None
        words = [str(value) for value in match.kwargs.values() if not str(value).isdigit()]
        if ALIKE.fullmatch(match.view_name):
            return None
        is_admin = match.view_name.startswith("admin:")
        return (match.view_name, *([] if is_admin else words))

    def look_at(self, path: str) -> Iterator[str]:
        try:
            answer = self.page.goto(f"{self.base}{path}")
        except Error as error:
            if "Download is starting" not in str(error):
                raise
            return iter(())
        if answer.status != 200:
            self.complain(f"answered {answer.status}")
        found = self.page.evaluate(LOOK)
        self.complaints += [f"{path}: {one}" for one in found["violations"]]
        return (self.within(link) for link in found["links"])

    def within(self, link: str) -> str:
        """The link as a path of this site; empty for others."""
        absolute = urlsplit(link)
        if f"{absolute.scheme}://{absolute.netloc}" != self.base:
            return ""
        return f"{absolute.path}?{absolute.query}" if absolute.query else absolute.path


def unlinked(client: Client, crawl: Crawl) -> list[str]:
    """Addresses without arguments that no link led to and that are answered with a page."""
    paths = []
    for name in _names(get_resolver(), ""):
        if name in crawl.names:
            continue
        try:
            path = reverse(name)
        except NoReverseMatch:
            # It takes arguments: a link has to lead there.
            continue
        answer = client.get(path)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            paths.append(path)
    return paths


def _names(resolver: Any, before: str) -> Iterator[str]:
    for one in resolver.url_patterns:
        if hasattr(one, "url_patterns"):
            yield from _names(one, f"{before}{one.namespace}:" if one.namespace else before)
        elif one.name:
            yield f"{before}{one.name}"


@pytest.fixture
def root(transactional_db: None) -> User:
    user = User.objects.create_superuser("root", "root@example.org", PASSWORD)
    call_command("seed_demo", contacts=60, verbosity=0)
    return user


def test_an_administrator_sees_no_page_that_breaks_the_policy(
    root: User, live_server: Any, page: Any
) -> None:
    crawl = Crawl(page, live_server.url)
    page.goto(f"{live_server.url}{reverse('account_login')}")
    page.fill("[name=username]", "root")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/contacts/")
    crawl.follow("/contacts/", "/deals/", "/settings/", f"/{settings.ADMIN_PATH}")
    # Its address is put together by a script.
    crawl.follow(f"{crawl.looked_at['contacts:card',]}explanation/")
    client = Client()
    client.force_login(root)
    crawl.follow(*unlinked(client, crawl))
    assert crawl.complaints == []
    assert crawl.names >= SEEN_AT_LEAST
    # The ear is open: what the policy forbids is heard.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">')")
    page.wait_for_function("window.violations.length > 0")


def test_a_stranger_sees_no_page_that_breaks_the_policy(
    root: User, live_server: Any, page: Any
) -> None:
    crawl = Crawl(page, live_server.url)
    _new, token = invitations.invite(email="new@example.org")
    crawl.follow(f"{reverse('invitation')}?token={token}", *unlinked(Client(), crawl))
    assert crawl.complaints == []
    assert crawl.names >= {"account_login", "account_reset_password", "invitation"}
