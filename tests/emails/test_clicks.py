"""Clicks: not counted unless an administrator wants it, then without saying whose, and never leading elsewhere."""

from __future__ import annotations

import re
from email import message_from_bytes
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from crm.accounts.models import User
from emails import clicks, ways_out
from emails.letters import WAY_OUT, Content
from emails.merging import fill, in_html, read
from emails.models import AddressEvent, Link, Mailing, MailSettings, Recipient, Sender
from emails.rendering import cleaned, content_of
from emails.sending.rows import Row
from emails.sending.writing import Writer
from tests.deals.factories import person

HTML = (
    '<p><a href="https://example.org/news?a=1&amp;b=2">News</a> and '
    '<a class="button" href="https://example.org/shop">Shop</a>, '
    '<a href="https://example.org/for?name={{ first_name }}">yours</a>, '
    '<a href="https://example.org/news?a=1&amp;b=2">again</a>, '
    '<a href="mailto:ada@example.org">write</a> <a href="tel:+4930123">call</a></p>'
)
NEWS = "https://example.org/news?a=1&b=2"


@pytest.fixture
def mailing(db: Any) -> Mailing:
    cache.clear()
    User.objects.create_user("anna", "anna@example.com", "a long password")
    sender = Sender.objects.create(name="Example Co", address="news@example.com")
    mailing = Mailing.objects.create(
        sender=sender, subject="News", html=HTML, origin="https://crm.example.org",
        state="done", total=1, sent=1,
    )  # fmt: skip
    Recipient.objects.create(
        mailing=mailing, position=1, contact_id=1, state="sent", address="ada@example.org"
    )
    return mailing


def switch(mode: str) -> None:
    MailSettings(clicks=mode, postal_address="1 Example Road").save()


def content(mailing: Mailing) -> Content:
    made = content_of(mailing, known=["first_name"], language="en", reason="")
    return clicks.rewritten(made, mailing)


def mail(mailing: Mailing, position: int = 1) -> tuple[str, str]:
    """The HTML and the text that a recipient gets."""
    made = content(mailing)
    values = {WAY_OUT: ways_out.address(mailing, position), "first_name": "Ada"}
    values |= clicks.values_of(clicks.places_of(made), mailing, position)
    return fill(made.html, values, in_html), fill(made.text, values)


def path_of(address: str) -> str:
    return address.removeprefix("https://crm.example.org")


def counts() -> list[int]:
    return list(Link.objects.order_by("number").values_list("clicks", flat=True))


def test_links_are_left_alone_unless_somebody_turned_it_on(mailing: Mailing) -> None:
    html, text = mail(mailing)
    assert "/c/" not in html + text
    assert not Link.objects.exists()
    assert MailSettings.current().clicks == "off"


def test_counted_links_are_the_same_for_everybody(mailing: Mailing) -> None:
    switch("counted")
    html, text = mail(mailing)
    news, shop = (clicks.address(mailing, number) for number in (1, 2))
    assert html.count(f'href="{news}"') == 2
    assert html.count(f'href="{shop}"') == 1
    assert news in text
    assert clicks.places_of(content(mailing)) == []
    assert list(Link.objects.values_list("number", "url")) == [
        (1, NEWS),
        (2, "https://example.org/shop"),
    ]


def test_known_links_are_each_recipients_own(mailing: Mailing) -> None:
    switch("known")
    assert clicks.address(mailing, 1, 1) in mail(mailing, 1)[0]
    assert clicks.address(mailing, 1, 2) in mail(mailing, 2)[0]
    assert clicks.address(mailing, 1, 2) in mail(mailing, 2)[1]


@pytest.mark.parametrize("mode", ["counted", "known"])
def test_the_way_out_merge_fields_and_what_is_no_page_are_never_counted(
    mailing: Mailing, mode: str
) -> None:
    switch(mode)
    html, text = mail(mailing)
    way_out = ways_out.address(mailing, 1)
    assert f'href="{way_out}"' in html
    assert way_out in text
    assert "https://example.org/for?name=Ada" in html
    assert 'href="mailto:ada@example.org"' in html
    assert 'href="tel:+4930123"' in html
    assert set(Link.objects.values_list("url", flat=True)) == {NEWS, "https://example.org/shop"}


def test_a_text_that_begins_or_ends_like_a_link_is_left_alone(mailing: Mailing) -> None:
    switch("counted")
    mailing.text = (
        "See https://example.org/shop, https://example.org/shopping https://example.org/other "
        "https://example.org/shop{{ first_name }}. (https://example.org/shop)"
    )
    _html, text = mail(mailing)
    assert text.count(clicks.address(mailing, 2)) == 2
    assert f"See {clicks.address(mailing, 2)}, https://example.org/shopping" in text
    assert "https://example.org/shopAda." in text
    assert f"({clicks.address(mailing, 2)})" in text


def test_writing_links_down_again_changes_nothing(mailing: Mailing) -> None:
    switch("counted")
    first = mail(mailing)
    assert mail(mailing) == first
    assert Link.objects.count() == 2
    mailing.html += '<p><a href="https://example.org/third">Third</a></p>'
    mail(mailing)
    assert list(Link.objects.values_list("number", flat=True)) == [1, 2, 3]


def test_a_click_leads_to_the_stored_link_and_counts(client: Client, mailing: Mailing) -> None:
    switch("counted")
    mail(mailing)
    path = path_of(clicks.address(mailing, 1))
    answer = client.get(path, {"url": "https://evil.example", "next": "//evil.example"})
    assert answer.status_code == 302
    assert answer["Location"] == NEWS
    assert not answer.cookies
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert counts() == [1, 0]
    assert not AddressEvent.objects.exists()


def test_asking_for_the_head_counts_nothing_and_nothing_else_is_answered(
    client: Client, mailing: Mailing
) -> None:
    switch("counted")
    mail(mailing)
    path = path_of(clicks.address(mailing, 1))
    assert client.head(path)["Location"] == NEWS
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(path).status_code == 405
    assert counts() == [0, 0]


def test_who_clicked_is_kept_only_where_it_is_to_be_known_and_once(
    client: Client, mailing: Mailing
) -> None:
    switch("known")
    mail(mailing)
    path = path_of(clicks.address(mailing, 1, 1))
    for _time in range(3):
        client.get(path)
    assert counts() == [3, 0]
    event = AddressEvent.objects.get()
    assert (event.address, event.kind, event.position) == ("ada@example.org", "clicked", 1)
    assert event.details == {"link": 1, "url": NEWS}


@pytest.mark.parametrize(("mode", "counted"), [("off", 0), ("counted", 1)])
def test_links_in_old_mails_lead_on_and_keep_nobody_once_that_is_turned_off(
    client: Client, mailing: Mailing, mode: str, counted: int
) -> None:
    switch("known")
    mail(mailing)
    switch(mode)
    assert client.get(path_of(clicks.address(mailing, 1, 1)))["Location"] == NEWS
    assert counts() == [counted, 0]
    assert not AddressEvent.objects.exists()


def test_what_is_clicked_in_a_test_mail_is_not_counted(client: Client, mailing: Mailing) -> None:
    switch("known")
    mail(mailing)
    Mailing.objects.update(state="draft")
    assert client.get(path_of(clicks.address(mailing, 1, 0)))["Location"] == NEWS
    assert counts() == [0, 0]


def test_no_link_can_be_made_up(client: Client, mailing: Mailing) -> None:
    switch("counted")
    mail(mailing)
    true = path_of(clicks.address(mailing, 1))
    foreign = Mailing(pk=mailing.pk, key="x", origin=mailing.origin)
    made_up = [
        true[:-1],
        true[:-1] + ("A" if true[-1] != "A" else "B"),
        path_of(clicks.address(foreign, 1)),
        path_of(clicks.address(mailing, 99)),
        f"/c/{ways_out.token(mailing, 1)}",
        "/c/https://evil.example",
        "/c/%68ttps:evil.example",
    ]
    assert [client.get(path).status_code for path in made_up] == [404] * len(made_up)
    assert client.get(f"/u/{true.removeprefix('/c/')}").status_code == 404
    assert counts() == [0, 0]


def test_only_links_to_pages_are_counted(mailing: Mailing) -> None:
    switch("counted")
    odd = ["https://", "http:///x", f"https://example.org/{'x' * 2000}", "https://[broken/"]
    html = read("".join(f'<a href="{one}">x</a>' for one in odd), known=[], html=True)
    made = Content(subject=[], text=[], html=html)
    assert clicks.rewritten(made, mailing) is made


def test_a_mail_asks_nobody_whether_it_was_opened(mailing: Mailing) -> None:
    switch("known")
    mailing.html = cleaned(
        '<p>Hello</p><img src="https://evil.example/pixel.gif" width="1" height="1">'
        '<img src="//evil.example/p.gif"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
        '<table background="https://evil.example/b.png"><tr><td>x</td></tr></table>'
        '<p style="background:url(https://evil.example/c.png)">y</p>'
    )
    html, _text = mail(mailing)
    assert "evil.example" not in html
    assert "data:image" not in html
    loaded = re.findall(r'(?:src|background|poster|srcset)="([^"]*)"|url\(([^)]*)\)', html)
    assert loaded == []
    assert not re.search(r"<(?:link|script|iframe|object|embed|video|audio)\b", html)


def test_each_letter_has_the_links_of_its_recipient(mailing: Mailing) -> None:
    switch("known")
    author = User.objects.get()
    author.is_superuser = True
    author.save()
    Recipient.objects.all().delete()
    rows = [
        Row(position, person(first_name="Ada").pk, "Ada", f"ada{position}@example.org", 1, mailing.created_at)
        for position in (1, 2)
    ]  # fmt: skip
    made, _lacking = Writer(mailing, author).letters(rows)
    letters = {row.position: letter for row, letter in made}
    for position in (1, 2):
        letter = letters[position]
        parts = [
            part.get_payload(decode=True).decode()
            for part in message_from_bytes(letter).walk()
            if not part.is_multipart()
        ]
        assert all(clicks.address(mailing, 1, position) in part for part in parts)
        assert not any(clicks.address(mailing, 1, 3 - position) in part for part in parts)
        assert "/c/" not in letter.decode().partition("\r\n\r\n")[0]
