"""The check before sending: what it names, where, and whether it lets the mailing start."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from emails import ledger
from emails.checking import Problem, problems, recipients_lacking
from emails.models import Image, Mailing, MailSettings, Sender
from emails.values import merge_fields
from tests.access.worlds import administrator, member
from tests.deals.factories import person

pytestmark = pytest.mark.django_db
EVERYBODY = [["list", ""], ["state", ""], ["count", "0"], ["scope", "all"]]
HTML = (
    '<h1>News</h1><p>Dear {{ first_name | "reader" }}, this is what we wrote for you: '
    '<a href="https://example.org/news">read it all on our pages</a>.</p>'
)


@pytest.fixture
def root() -> User:
    return administrator()


@pytest.fixture
def sender() -> Sender:
    return Sender.objects.create(name="News", address="news@example.org")


def mail(user: User, **more: Any) -> Mailing:
    """One with nothing wrong in it, unless told otherwise; ``counted`` says whether its ledger is written."""
    MailSettings(postal_address="1 Long Lane, Springfield").save()
    counted = more.pop("counted", True)
    given = {
        "author": user,
        "sender": Sender.objects.first(),
        "subject": 'News for {{ first_name | "you" }}',
        "html": HTML,
        "selection": EVERYBODY,
        "origin": "https://crm.example.org",
    }
    if not Contact.objects.exists():
        person("Lee", first_name="Ann", email="ann@example.com")
    mailing = Mailing.objects.create(**given | more)
    if counted:
        ledger.write(mailing, user)
    return mailing


def found(user: User, **more: Any) -> dict[str, Problem]:
    return {one.code: one for one in problems(mail(user, **more), user)}


def test_a_mail_with_nothing_wrong_in_it_has_no_problems(root, sender):
    assert found(root) == {}


@pytest.mark.parametrize(
    ("more", "code", "where"),
    [
        ({"sender": None}, "no_sender", "Sender"),
        ({"subject": " "}, "no_subject", "Subject"),
        ({"html": "<p> </p>"}, "no_text", "Text"),
        ({"html": "", "text": "Only plain."}, "no_text", "Text"),
        ({"subject": "For {{ nobody }}"}, "merge_field", "Subject"),
        ({"html": HTML + "<p>{{ 7*7 }}</p>"}, "merge_field", "Text"),
        ({"html": HTML + "<p>{{ <b>first_name</b> }}</p>"}, "merge_field", "Text"),
        ({"text": "{{ settings.SECRET_KEY }}"}, "merge_field", "Plain text"),
        ({"html": HTML + "<p>{{ deal_name }}</p>"}, "merge_field", "Text"),
    ],
)
def test_without_these_no_mailing_starts(root, sender, more, code, where):
    problem = found(root, **more)[code]
    assert problem.blocks
    assert problem.where == where
    assert problem.what
    assert problem.mend


def test_a_sender_of_somebody_else_or_out_of_use_is_none(root, sender):
    sender.is_active = False
    sender.save()
    assert found(root)["sender_unusable"].blocks
    anna = member("anna")
    Sender.objects.update(is_active=True, user=root)
    assert found(anna)["sender_unusable"].blocks
    assert "sender_unusable" not in found(root)


# -- links


def links(user: User, *hrefs: str, words: str = "Read this") -> dict[str, Problem]:
    html = "".join(f'<p><a href="{href}">{words}</a></p>' for href in hrefs)
    return found(user, html=HTML + html)


@pytest.mark.parametrize(
    "href",
    [
        "https://example.org",
        "https://example.org:8443/a/b?c=d#e",
        "https://bücher.example/",
        "https://example.org/?n={{ first_name | &quot;x&quot; }}",
        "{{ website | &quot;https://example.org/&quot; }}",
        "{{ unsubscribe_link }}",
        "mailto:ann@example.com?subject=Hello",
        "mailto:{{ owner_email | &quot;ann@example.com&quot; }}",
        "tel:+49 30 123",
    ],
)
def test_links_that_lead_somewhere_are_fine(root, sender, href):
    assert links(root, href) == {}


@pytest.mark.parametrize(
    "href",
    [
        "", "#", "/offer", "offer.html", "example.org/offer", "www.example.org", "example.org:80/x",
        "https://", "https:///x", "https://example .org/", "https://exa<mple.org/", "http://[1::2/",
        "https://example.org:99999999/", "https://.example.org/", "javascript:alert(1)", "ftp://example.org/",
        "mailto:", "mailto:ann", "mailto:ann@", "tel:", "tel:abc",
    ],
)  # fmt: skip
def test_links_that_lead_nowhere_block(root, sender, href):
    problem = links(root, href)["broken_link"]
    assert problem.blocks
    assert problem.where == "Link “Read this”"
    assert problem.mend


def test_a_field_that_is_no_web_address_is_no_link(root, sender):
    problem = links(root, "{{ first_name | &quot;https://example.org/&quot; }}")["link_field"]
    assert problem.blocks
    assert "first_name" in problem.what


@pytest.mark.parametrize(
    ("href", "words", "code"),
    [
        ("http://example.org/", "Read this", "link_http"),
        ("https://intranet/", "Read this", "link_inside"),
        ("https://10.0.0.1/", "Read this", "link_inside"),
        ("https://wiki.local/x", "Read this", "link_inside"),
        ("https://example.org/", "www.bank.example", "link_disguised"),
        ("https://example.org/", "https://bank.example/login", "link_disguised"),
        ("https://example.org/", "", "link_without_words"),
    ],
)
def test_doubtful_links_are_only_told_of(root, sender, href, words, code):
    problems = links(root, href, words=words)
    assert list(problems) == [code]
    assert not problems[code].blocks


def test_words_that_name_the_same_site_are_no_disguise(root, sender):
    assert links(root, "https://www.example.org/offer", words="example.org") == {}
    assert links(root, "https://shop.example.org/", words="https://example.org/") == {}


def test_nothing_is_fetched(root, sender, monkeypatch):
    """A mail that names an address of the server's own network makes nobody ask there."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert "link_inside" in links(root, "https://169.254.169.254/latest/")


# -- pictures, footer, subject, plain text


def picture(size: int = 1000) -> Image:
    return Image.objects.create(content_type="image/png", width=100, height=100, size=size)


def test_pictures_that_are_heavy_without_words_or_gone_are_named(root, sender):
    light, heavy = picture(), picture(2_000_000)
    fine = f'{HTML}<p><img src="{light.path}" alt="A roof"></p>'
    assert found(root, html=fine) == {}
    told = found(root, html=f'{fine}<p><img src="{heavy.path}" alt=""></p>')
    assert set(told) == {"pictures_heavy", "picture_without_words"}
    assert "1.9\u00a0MB" in told["pictures_heavy"].what
    assert not told["pictures_heavy"].blocks
    light.delete()
    assert found(root, html=fine)["picture_gone"].blocks
    only = f'<p><img src="{heavy.path}" alt="Everything in one picture"></p>'
    assert "only_pictures" in found(root, html=only)


def test_a_text_that_gmail_cuts_off_is_told_of(root, sender):
    assert "text_heavy" in found(root, html=HTML + f"<p>{'Long. ' * 20_000}</p>")


def test_a_footer_without_postal_address_or_encryption_is_told_of(root, sender):
    mailing = mail(root, origin="http://localhost:8000")
    MailSettings(postal_address="").save()
    told = {one.code: one.blocks for one in problems(mailing, root)}
    assert told == {"no_postal_address": False, "not_encrypted": False}


def test_a_layout_without_the_way_out_blocks(root, sender, settings, tmp_path):
    (tmp_path / "emails").mkdir()
    (tmp_path / "emails" / "mail.txt").write_text("{{ body }}")
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine["DIRS"]]}]
    assert found(root)["no_way_out"].blocks


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("A" + " word" * 15, "subject_long"),
        ("BUY NOW AND SAVE", "subject_shouts"),
        ("Save now!!", "subject_shouts"),
        ("Re: our talk", "subject_reply"),
    ],
)
def test_subjects_that_are_cut_off_or_shout_are_told_of(root, sender, subject, code):
    problem = found(root, subject=subject)[code]
    assert not problem.blocks
    assert problem.where == "Subject"


def test_plain_text_that_says_something_else_is_told_of(root, sender):
    same = "News. Dear reader, this is what we wrote for you: read it all on our pages"
    html = "<p>Slate tiles became cheaper this spring because quarries opened again near Springfield.</p>"
    assert found(root, text=same) == {}
    assert not found(root, html=html, text=same)["text_differs"].blocks


# -- recipients


def test_recipients_without_value_and_fallback_are_counted_and_named(root, sender):
    person("Lee", first_name="Ann", email="a@example.com", city="Bonn")
    bo = person("Bo", email="b@example.com")
    cy = person("Cy", email="c@example.com", website="ftp://example.org/")
    person("Without", email="")
    mailing = mail(
        root, html=HTML + '<p>{{ city }} {{ first_name }} <a href="{{ website }}">x</a></p>'
    )
    lacking = {one.field: one for one in problems(mailing, root)}
    assert {name: one.count for name, one in lacking.items()} == {
        "city": 2,
        "first_name": 2,
        "website": 3,
    }
    assert all(one.blocks and one.code == "lacking" for one in lacking.values())
    assert lacking["city"].what == "2 recipients have no “City”."
    assert lacking["city"].where == "Text"
    assert recipients_lacking(mailing, root, "city") == [(bo.pk, "Bo"), (cy.pk, "Cy")]
    assert recipients_lacking(mailing, root, "city", at_most=1) == [(bo.pk, "Bo")]
    assert recipients_lacking(mailing, root, "email") == []


def test_a_field_that_all_have_by_now_should_have_a_fallback_too(root, sender):
    told = found(root, html=HTML + "<p>{{ first_name }} {{ name }} {{ customer_status }}</p>")
    assert [(one.code, one.blocks) for one in told.values()] == [("no_fallback", False)]
    assert "First name" in told["no_fallback"].what


def test_a_fallback_needs_no_value(root, sender):
    person("Bo", email="b@example.com")
    assert found(root, html=HTML + '<p>{{ city | "there" }}{{ street | "" }}</p>') == {}


def test_who_is_left_out_lacks_nothing(root, sender):
    person("Lee", first_name="Ann", email="a@example.com")
    person("Bo", email="no address")
    assert "lacking" not in found(root, html=HTML + "<p>{{ first_name }}</p>")


def test_before_there_is_a_ledger_the_list_is_asked(root, sender):
    person("Lee", first_name="Ann", email="a@example.com")
    person("Bo", email="b@example.com")
    told = found(root, html=HTML + "<p>{{ first_name }}</p>", counted=False)
    assert told["lacking"].count == 1


def test_whom_the_author_does_not_see_any_more_is_not_named(root, sender):
    anna = member("anna", contacts=Level.OWN, customers=Level.OWN)
    bo = person("Bo", email="b@example.com", owner=anna)
    mailing = mail(anna, html=HTML + "<p>{{ city }}</p>")
    assert recipients_lacking(mailing, anna, "city") == [(bo.pk, "Bo")]
    Contact.objects.update(owner=root)
    assert recipients_lacking(mailing, anna, "city") == []
    assert {one.code for one in problems(mailing, anna)} == {"no_fallback"}


def test_a_list_that_is_gone_or_leaves_nobody_blocks(root, sender):
    gone = [["list", "gone"], ["state", ""], ["count", "0"], ["scope", "all"]]
    assert found(root, selection=gone, counted=False)["audience"].blocks
    Contact.objects.update(email="", match_email="")
    assert set(found(root)) == {"nobody"}


def test_blocking_problems_come_first_and_each_once(root, sender):
    mailing = mail(
        root, subject="", html=HTML + '<p><a href="http://x">a</a><a href="http://x">a</a></p>'
    )
    told = problems(mailing, root)
    assert [one.blocks for one in told] == [True, False, False]
    assert len(set(told)) == len(told)


def test_a_check_asks_as_often_for_many_recipients_as_for_few(root, sender):
    fields = " ".join(f"{{{{ {one.name} }}}}" for one in merge_fields("contact", root))
    counts = []
    for number in (2, 20):
        Contact.objects.bulk_create(
            Contact(last_name=f"Bo {n}", email=f"b{number}-{n}@example.com") for n in range(number)
        )
        mailing = mail(root, html=f"{HTML}<p>{fields}</p>")
        with CaptureQueriesContext(connection) as asked:
            problems(mailing, root)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 20
