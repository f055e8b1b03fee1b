"""Sending a mailing: against its letters over a bare connection, and what it does to who works meanwhile.

The letters that the limit sends are those that the product sent, byte by byte, one after the other over one connection
to the same mail server (``benchmarks.sink``), with nothing written down of them. The product keeps where each stands.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from unittest import mock

from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks import data
from benchmarks.crowd import Browser, Records, p95, served
from benchmarks.measure import Result, turn_about
from benchmarks.sink import Letter, Sink, read, sink
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Store
from contacts.models import Contact
from crm.accounts.models import User
from emails import sending, tasks
from emails.models import Mailing, MailSettings, Recipient, Sender

AT_MOST, BESIDE_AT_MOST = 4, 2
CONTACTS = 10_000
SUBJECT = 'News for {{ first_name | "you" }} in {{ city | "your town" }}'
PARAGRAPH = (
    '<p>Dear {{ first_name | "reader" }}, this is what we did for our customers in the last month, what we are about '
    'to do in the next, and <a href="https://example.org/news">where you can read on</a>.</p>'
)
HTML = f'<h1>News for {{{{ company_name | "you" }}}}</h1>{PARAGRAPH * 4}<p>Yours</p>'
PATHS = ("/contacts/", "/contacts/lists/customers/", "/contacts/{}/")
ROOT = Path(__file__).resolve().parent.parent


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    with sink() as server, mock.patch.object(settings, "MAILERS", _mailers(server.port)):
        yield _against_bare_letters(store, sizes, server)
        if store.vendor == "sqlite":
            # It has one writer at a time, which is what may keep others waiting.
            yield from _beside_requests(store, sizes, server)


def _mailers(port: int) -> dict[str, object]:
    backend = "django.core.mail.backends.smtp.EmailBackend"
    return {
        "default": {
            "BACKEND": backend,
            "OPTIONS": {"host": "127.0.0.1", "port": port, "timeout": 30},
        }
    }


# -- against a bare connection


def _against_bare_letters(store: Store, sizes: Sizes, server: Sink) -> Result:
    data.fill(store, "mailing", CONTACTS)
    Contact.objects.filter(pk__gt=sizes.mails).update(email="")
    # Written down before the clock runs: the ledger is measured by itself.
    waiting = [_started(sizes.mails) for _pair in range(sizes.long_pairs + 2)]
    with tempfile.TemporaryDirectory(prefix="standing-letters-") as folder:
        _work_off(waiting.pop())
        assert server.taken(Path(folder, "letters"))[0] == sizes.mails
        letters = read(Path(folder, "letters"))
    assert len({one.to for one in letters}) == sizes.mails
    times = turn_about(
        lambda: _work_off(waiting.pop()), lambda: _bare(server.port, letters),
        pairs=sizes.long_pairs, warm=1, before=lambda: _all_taken(server, sizes.mails),
    )  # fmt: skip
    _all_taken(server, sizes.mails)
    store.drop("mailing")
    size = f"{shown(sizes.mails)} mails of {len(letters[0].wire):,} bytes"
    return Result("a mailing, sent", store.vendor, size, *times, AT_MOST)


def _all_taken(server: Sink, mails: int) -> None:
    taken, _bytes = server.taken()
    assert taken in (0, mails), taken


def _started(recipients: int) -> Mailing:
    """A mailing to all contacts, with its ledger, that no worker has begun with."""
    MailSettings(postal_address="1 Long Lane, Springfield").save()
    user = User.objects.get(pk=1)
    # Mailings of one sender take turns: each has its own.
    number = Sender.objects.count()
    sender = Sender.objects.create(name="News", address=f"news{number}@example.org")
    mailing = Mailing.objects.create(
        author=user, sender=sender, subject=SUBJECT, html=HTML,
        selection=[["count", "0"], ["scope", "all"]], origin="https://crm.example.org",
    )  # fmt: skip
    # Whoever measures it works it off.
    with mock.patch.object(type(tasks.send), "enqueue"):
        sending.start(mailing, user=user, expected=recipients)
    return mailing


def _work_off(mailing: Mailing) -> None:
    """As a worker does, in slices until the mailing is done."""
    expected, sender_id = mailing.waiting, cast(int, mailing.sender_id)
    while sending.work(sender_id, 0):
        pass
    mailing.refresh_from_db()
    assert (mailing.state, mailing.sent) == ("done", expected), mailing.problem


def _bare(port: int, letters: list[Letter]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as driver:
        driver.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ask(said: bytes, wanted: bytes) -> None:
            driver.sendall(said)
            answer = driver.recv(4096)
            assert answer.startswith(wanted), answer

        assert driver.recv(4096).startswith(b"220")
        ask(b"EHLO benchmark.example.org\r\n", b"250")
        for letter in letters:
            ask(f"MAIL FROM:<{letter.sender}>\r\n".encode(), b"250")
            ask(f"RCPT TO:<{letter.to}>\r\n".encode(), b"250")
            ask(b"DATA\r\n", b"354")
            ask(letter.wire, b"250")
        ask(b"QUIT\r\n", b"221")


# -- beside people at work


def _beside_requests(store: Store, sizes: Sizes, server: Sink) -> Iterator[Result]:
    """Somebody who looks at lists and cards without a pause, while a mailing is under way and while it rests."""
    data.fill(store, "beside", sizes.small)
    mailing = _started(sizes.small)
    sending.pause(mailing, user=mailing.author)
    client = Client()
    client.force_login(User.objects.get(pk=1))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    connection.close()
    alone, beside = Records(), Records()
    url = store.url("beside")
    with served(url) as port, _worker(url, server.port):
        _look(Browser(port, session, Records()), 3)
        for _turn in range(sizes.long_pairs):
            _look(Browser(port, session, alone), sizes.beside_seconds)
            with _under_way(mailing):
                _look(Browser(port, session, beside), sizes.beside_seconds)
    for records in (alone, beside):
        assert not records.errors, records.errors[:3]
        print(f"      {records.describe()}")
    size = f"{shown(sizes.small)} contacts"
    for kind in alone.times:
        yield Result(
            f"a {kind} while a mailing is sent (p95), against while none is", store.vendor, size,
            p95(beside.times[kind]), p95(alone.times[kind]), BESIDE_AT_MOST,
        )  # fmt: skip
    store.drop("beside")


def _look(browser: Browser, seconds: float) -> None:
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        number += 1
        browser.ask("list of contacts", PATHS[number % 2])
        browser.ask("card", PATHS[2].format(1 + number * 7919 % 1_000))


@contextmanager
def _under_way(mailing: Mailing) -> Iterator[None]:
    """Mails are sent from the first to the last moment in here."""
    sending.resume(mailing, user=mailing.author)
    sent = _sent(mailing)
    while _sent(mailing) == sent:
        time.sleep(0.05)
    began, sent = time.monotonic(), _sent(mailing)
    yield
    rate = (_sent(mailing) - sent) / (time.monotonic() - began)
    mailing.refresh_from_db()
    assert mailing.state == "sending", mailing.state
    print(f"      {rate:.0f} mails a second meanwhile")
    sending.pause(mailing, user=mailing.author)
    while Recipient.objects.filter(mailing=mailing.pk, state="sending").exists():
        time.sleep(0.05)
    connection.close()


def _sent(mailing: Mailing) -> int:
    return Mailing.objects.values_list("sent", flat=True).get(pk=mailing.pk)


@contextmanager
def _worker(url: str, port: int) -> Iterator[None]:
    """A worker as ``manage.py worker`` is."""
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
    }
    worker = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT, env=environment)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)
