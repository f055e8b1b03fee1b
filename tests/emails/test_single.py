"""One mail to one contact from its card, and where its address stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.audit.models import Entry
from crm.suppression import services as suppression
from emails.models import Address, AddressEvent, Mailing, MailSettings, Recipient, Sender
from tests.deals.factories import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_worker() -> Iterator[None]:
    with mock.patch("emails.sending.ticking.kick", return_value=0):
        yield


@pytest.fixture
def ann() -> User:
    Sender.objects.create(name="News", address="news@example.org")
    return User.objects.create_user("ann", "ann@example.org", "secret")


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", "root@example.org", "secret")


@pytest.fixture
def web(ann: User) -> Client:
    return signed_in(ann)


@pytest.fixture
def ada() -> Contact:
    return person("Lovelace", email="Ada@Example.com")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def said(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def card(web: Client, contact: Contact) -> str:
    return said(web.get(contact.get_absolute_url()))


def mail(web: Client, contact: Contact, token: str = "one") -> Any:
    return web.post(reverse("emails:single", args=[contact.pk]), {"token": token})


def stand(web: Client, contact: Contact, step: str, **more: str) -> Any:
    return web.post(reverse("emails:standing", args=[contact.pk]), {"step": step, **more})


def read_only(user: User) -> None:
    for area in ("contacts", "customers"):
        setattr(user, f"edit_{area}", Level.NONE)
    user.save()


# -- one mail


def test_one_mail_is_written_on_the_card_sent_by_the_same_machinery_and_told_there(ann, web, ada):
    page = card(web, ada)
    assert f'action="{reverse("emails:single", args=[ada.pk])}"' in page
    answer = mail(web, ada)
    mailing = Mailing.objects.get()
    assert answer.url == reverse("emails:compose", args=[mailing.pk])
    assert (mailing.is_single, mailing.waiting, mailing.sentence) == (True, 1, "Lovelace")
    assert "Mail to Lovelace" in said(web.get(answer.url))
    mailing.subject, mailing.html = "Tea", "<p>Shall we have tea?</p>"
    mailing.save()
    web.post(reverse("emails:review", args=[mailing.pk]), {"step": "send", "expected": "1"})
    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.SENDING
    row = Recipient.objects.get()
    assert (row.contact_id, row.address) == (ada.pk, "ada@example.com")
    assert "A mail was sent" not in card(web, ada)
    Recipient.objects.filter(mailing=mailing).update(state="sent", changed_at=timezone.now())
    assert "A mail was sent" in card(web, ada)
    assert "Tea" in card(web, ada)


def test_a_mail_that_was_begun_is_gone_on_with(web, ada):
    first, second = mail(web, ada, "one"), mail(web, ada, "two")
    assert first.url == second.url
    assert mail(web, person("King", email="king@example.com")).url != first.url
    Mailing.objects.update(state=Mailing.State.DONE)
    assert mail(web, ada, "three").url != first.url


def test_the_button_says_why_it_cannot_be_pressed_and_pressing_it_all_the_same_is_refused(web, ada):
    ways = {
        "no address": person("Silent"),
        "invalid": person("Odd", email="not an address"),
        "unsubscribed": ada,
    }
    Address.objects.create(
        address="ada@example.com", suppressed="unsubscribed", suppressed_at=timezone.now()
    )
    reasons = {
        "no address": "There is no e-mail address.",
        "invalid": "The e-mail address is not a valid one.",
        "unsubscribed": "They unsubscribed.",
    }
    for way, contact in ways.items():
        page = card(web, contact)
        assert f'id="mail-contact" disabled title="{reasons[way]}"' in page
        assert mail(web, contact).url == contact.get_absolute_url()
        assert reasons[way] in card(web, contact)
    assert not Mailing.objects.exists()


def test_an_erased_persons_address_is_not_mailed_whatever_contact_has_it(web, ada):
    suppression.suppress(["ADA@example.com"], "erased")
    page = card(web, ada)
    assert "A person with this address was erased at their request." in page
    assert 'id="mail-contact" disabled' in page
    assert "Change the legal basis" not in page


def test_where_a_legal_basis_is_required_there_must_be_one(web, ada):
    assert 'id="mail-contact" disabled' not in card(web, ada)
    MailSettings(basis_required=True).save()
    assert "There is no legal basis for mailing this address." in card(web, ada)
    stand(web, ada, "basis", basis="consent", source="Fair 2026")
    assert 'id="mail-contact" disabled' not in card(web, ada)


def test_without_the_right_to_mail_there_is_no_mail(ann, web, ada):
    ann.may_mail = False
    ann.save()
    assert 'id="mail-contact" disabled' in card(web, ada)
    assert mail(web, ada).status_code == 403


def test_who_does_not_see_the_contact_mails_nobody(ann, web, ada):
    for area in ("contacts", "customers"):
        setattr(ann, f"edit_{area}", Level.NONE)
        setattr(ann, f"view_{area}", Level.OWN)
    ann.save()
    assert mail(web, ada).status_code == 404
    assert stand(web, ada, "basis", basis="consent").status_code == 404
    assert stand(web, ada, "explode").status_code == 404
    assert not Mailing.objects.exists()


# -- where the address stands


def test_a_legal_basis_is_set_with_source_text_and_day_and_told(ann, web, ada):
    given = {
        "basis": "consent",
        "source": "Fair 2026",
        "given": "2026-02-03",
        "text": "Monthly news",
    }
    stand(web, ada, "basis", **given)
    row = Address.objects.get(address="ada@example.com")
    assert (row.basis, row.basis_source, row.basis_text) == ("consent", "Fair 2026", "Monthly news")
    page = card(web, ada)
    assert 'Legal basis changed: <strong dir="auto">Consent · Fair 2026</strong>' in page
    assert "Monthly news" in page
    assert Entry.objects.filter(record="emails.address").count() == 1
    stand(web, ada, "basis", basis="")
    assert "None is known." in card(web, ada)


def test_a_basis_that_is_none_or_of_a_day_to_come_is_refused(web, ada):
    stand(web, ada, "basis", basis="whim")
    stand(web, ada, "basis", basis="consent", given="2999-01-01")
    assert "on a day that has been" in card(web, ada)
    assert not Address.objects.exclude(basis="").exists()


@pytest.mark.parametrize("why", ["unsubscribed", "blocked"])
def test_an_address_is_taken_out_by_hand_for_all_contacts_that_share_it(ann, web, ada, why):
    twin = person("Twin", email="ada@example.com")
    stand(web, ada, "suppress", why=why, reason="By telephone")
    assert Address.objects.get().suppressed == why
    event = AddressEvent.objects.get()
    assert (event.kind, event.actor) == (why, ann)
    for contact in (ada, twin):
        assert "Cannot be mailed" in card(web, contact)
        assert "By telephone" in card(web, contact)


def test_nobody_says_by_hand_what_is_found_out(web, ada):
    for why in ("bounced", "complained", "erased", ""):
        stand(web, ada, "suppress", why=why)
    assert not Address.objects.exclude(suppressed="").exists()


def test_only_an_administrator_lifts_a_suppression_and_says_why(ann, root, web, ada):
    stand(web, ada, "suppress", why="blocked")
    assert "Let this address be mailed again" not in card(web, ada)
    assert stand(web, ada, "lift", reason="Please").status_code == 403
    admin = signed_in(root)
    assert "Let this address be mailed again" in card(admin, ada)
    stand(admin, ada, "lift", reason=" ")
    assert Address.objects.get().suppressed == "blocked"
    stand(admin, ada, "lift", reason="Asked for it again")
    assert Address.objects.get().suppressed == ""
    page = card(web, ada)
    assert "The address may be mailed again" in page
    assert "Asked for it again" in page
    assert Entry.objects.filter(record="emails.address", actor_id=root.pk).count() == 1


def test_who_may_only_read_a_contact_changes_nothing_about_its_address(ann, web, ada):
    read_only(ann)
    page = card(web, ada)
    assert "Change the legal basis" not in page
    assert "Do not mail this address any more" not in page
    assert stand(web, ada, "basis", basis="consent").status_code == 403
    assert stand(web, ada, "suppress", why="blocked").status_code == 403
    assert not Address.objects.exists()
