"""Twenty people at once on the server as it is in production: one process of eight threads.

A person thinks for a second on average, then looks at a list (60 of 100), at a card (25), searches (10) or moves a deal
(5). What a browser asks for after a page by itself, the exact number of a long list, is asked for as well.
"""

from __future__ import annotations

import math
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks import data
from benchmarks.measure import Result
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Store
from contacts.models import Contact
from crm.accounts.models import User
from deals.models import Deal, Stage
from deals.services import check_statuses

CONTACTS, PEOPLE, THREADS, SEED = 100_000, 20, 8, 20261123
STEPS = {"list": 60, "card": 25, "search": 10, "move": 5}
THREE_CHIPS = "/contacts/?customer_status=none&not.prospect_status=lost&kind=person"
# What is looked at, and on how many pages people leaf around in it.
LISTS = (
    ("/contacts/", 300),
    ("/contacts/", 3),
    ("/contacts/lists/customers/", 10),
    ("/contacts/lists/prospects/", 3),
    (THREE_CHIPS, 3),
    (THREE_CHIPS, 300),
    ("/contacts/?customer_status=current&customer_status=past&kind=person", 3),
    ("/contacts/?owner=1&prospect_status=current", 3),
    ("/contacts/?sort=-updated", 1),
    ("/deals/lists/open/", 5),
)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
COUNT = re.compile(r'id="count" hx-get="([^"]*)"')


class Records:
    """How long each kind of request took, and what went wrong; written by all threads."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.errors: list[str] = []

    def add(self, kind: str, seconds: float) -> None:
        self.times.setdefault(kind, []).append(seconds)

    def describe(self) -> str:
        return "; ".join(
            f"{kind} {len(found)} x, p50 {median(found) * 1000:.0f}, p95 {p95(found) * 1000:.0f} ms"
            for kind, found in sorted(self.times.items())
        )


def p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.95) - 1]


class Browser:
    """One person's, with cookies; each request is a connection of its own."""

    def __init__(self, port: int, session: str, records: Records) -> None:
        self.port = port
        self.cookies = {settings.SESSION_COOKIE_NAME: session}
        self.records = records

    def ask(
        self, kind: str, path: str, *, part: str = "", form: dict[str, str] | None = None
    ) -> str:
        """The page, or where it leads; "" where it failed."""
        headers = {
            "Host": "testserver",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Accept-Encoding": "gzip, br",
        }
        if part:
            headers |= {"HX-Request": "true", "HX-Target": part}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        try:
            status, text, leads_to = self._send(path, headers, form)
        except (OSError, HTTPException) as error:
            self.records.errors.append(f"{path}: {error!r}")
            return ""
        self.records.add(kind, time.perf_counter() - began)
        wanted = 302 if form is not None else 200
        if status != wanted or 'class="notice notice-error"' in text:
            self.records.errors.append(f"{path}: {status}")
            return ""
        return leads_to or text

    def _send(
        self, path: str, headers: dict[str, str], form: dict[str, str] | None
    ) -> tuple[int, str, str]:
        asked = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            body = None if form is None else urlencode(form)
            asked.request("GET" if form is None else "POST", path, body, headers)
            answer = asked.getresponse()
            text = answer.read().decode()
            for cookie in answer.headers.get_all("Set-Cookie") or ():
                for name, morsel in SimpleCookie(cookie).items():
                    self.cookies[name] = morsel.value
            return answer.status, text, answer.headers.get("Location", "")
        finally:
            asked.close()


class Person:
    """Somebody who does one thing after another."""

    def __init__(self, number: int, browser: Browser, world: World) -> None:
        self.chance = random.Random(SEED + number)
        self.browser = browser
        self.world = world

    def act(self) -> None:
        [step] = self.chance.choices(list(STEPS), list(STEPS.values()))
        getattr(self, f"do_{step}")()

    def do_list(self) -> None:
        path, pages = self.chance.choice(LISTS)
        number = self.chance.randint(1, pages)
        if number > 1:
            path += f"{'&' if '?' in path else '?'}page={number}"
        page = self.browser.ask("list", path)
        if after := COUNT.search(page):
            query = after[1].replace("&amp;", "&").partition("?")[2]
            self.browser.ask("count", f"{path.partition('?')[0]}?{query}", part="count")

    def do_card(self) -> None:
        if self.chance.random() < 0.8:
            self.browser.ask("card", f"/contacts/{self.chance.randint(1, CONTACTS)}/")
        else:
            self.browser.ask("card", f"/deals/{self.chance.randint(1, self.world.deals)}/")

    def do_search(self) -> None:
        """As one types: what stands in the box after a pause."""
        name = self.chance.choice(self.world.names)
        text = quote(name[: self.chance.randint(3, 9)].strip())
        self.browser.ask("search", f"/contacts/?q={text}", part="results")

    def do_move(self) -> None:
        deal = self.chance.randint(1, self.world.deals)
        stage = str(self.chance.choice(self.world.stages))
        page = self.browser.ask("question", f"/deals/{deal}/move/?stage={stage}")
        if token := TOKEN.search(page):
            form = {"csrfmiddlewaretoken": token[1], "stage": stage}
            if after := self.browser.ask("move", f"/deals/{deal}/move/", form=form):
                self.browser.ask("card", after)
        elif page:
            self.browser.records.errors.append(f"/deals/{deal}/move/: no form")

    def work(self, until: float) -> None:
        """Until this moment, with pauses to think."""
        while True:
            pause = self.chance.expovariate(1)
            if time.monotonic() + pause > until:
                return
            time.sleep(pause)
            self.act()


class World:
    """What there is to be looked at."""

    def __init__(self) -> None:
        self.names = list(Contact.objects.filter(pk__lte=1_000).values_list("name", flat=True))
        self.names += Contact.objects.filter(pk__gt=CONTACTS - 1_000).values_list("name", flat=True)
        self.deals = Deal.objects.count()
        open_ones = Stage.objects.filter(pipeline__name="Benchmark")
        open_ones = open_ones.filter(category__in=["incoming", "in_progress", "won"])
        self.stages = list(open_ones.values_list("pk", flat=True))
        self.sessions = [self._signed_in(number) for number in range(PEOPLE)]

    def _signed_in(self, number: int) -> str:
        client = Client()
        # With ids of their own: those of the data are given, and the server's counter knows nothing of them.
        user = User.objects.create(pk=100 + number, username=f"crowd{number}", first_name="Ann")
        client.force_login(user)
        return client.cookies[settings.SESSION_COOKIE_NAME].value


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    data.fill(store, "crowd", CONTACTS)
    store.use("crowd")
    world = World()
    connection.close()
    size = f"{PEOPLE} people, {shown(CONTACTS)} contacts, {sizes.crowd_seconds} s"
    alone, together = Records(), Records()
    with served(store.url("crowd")) as port:
        _alone(Person(0, Browser(port, world.sessions[0], Records()), world), alone, sizes)
        cpu, began = time.process_time(), time.monotonic()
        _together(port, world, together, began + sizes.crowd_seconds)
        share = (time.process_time() - cpu) / (time.monotonic() - began)
    print(f"      alone: {alone.describe()}")
    print(f"      together: {together.describe()}")
    print(f"      the generator took {share:.0%} of one core")
    for error in together.errors[:5]:
        print(f"      error: {error}")
    yield Result("a crowd, errors", store.vendor, size, len(together.errors), 1, 0, unit="errors")
    yield Result(
        "a list among a crowd (p95), against alone (median)", store.vendor, size,
        p95(together.times["list"]), median(alone.times["list"]), 5,
    )  # fmt: skip
    store.use("crowd")
    found = check_statuses().differences
    assert not found, found[:3]
    store.drop("crowd")


def _alone(person: Person, records: Records, sizes: Sizes) -> None:
    """The same steps by one person; those before everything is warm do not count."""
    for _turn in range(40):
        person.act()
    person.browser.records = records
    until = time.monotonic() + sizes.crowd_seconds / 5
    while time.monotonic() < until:
        person.act()
    assert not records.errors, records.errors[:3]


def _together(port: int, world: World, records: Records, until: float) -> None:
    threads = []
    for number, session in enumerate(world.sessions, 1):
        person = Person(number, Browser(port, session, records), world)
        threads.append(threading.Thread(target=person.work, args=[until], daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def served(url: str) -> Iterator[int]:
    """The product as ``manage.py serve`` starts it, on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "crm.wsgi", "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--workers", "1", "--threads", str(THREADS),
        "--no-control-socket", "--log-level", "warning",
    ]  # fmt: skip
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    }
    environment.pop("STANDING_PROCESS", None)
    root = Path(__file__).resolve().parent.parent
    server = subprocess.Popen(command, cwd=root, env=environment)
    try:
        _wait_for(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    for _turn in range(300):
        assert server.poll() is None, "The server ended by itself."
        try:
            asked = HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", "/healthz", headers={"Host": "testserver"})
            assert asked.getresponse().status == 200
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("The server did not answer in time.")
