"""Settings › Mail: the look and the rules of mails, addresses that are not mailed, and what came back."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image as Pictures

from crm.audit.models import Action, Entry
from crm.suppression.services import suppress as erase
from emails.models import Address, AddressEvent, Image, MailSettings, Report
from emails.settings_service import READABLE, contrast, darkened
from emails.standing import standing_of, suppress
from tests.access.worlds import administrator

pytestmark = pytest.mark.django_db
LOOK, ADDRESSES, REPORTS = (f"/settings/mail/{one}/" for one in ("look", "addresses", "reports"))


def filled(**changed: Any) -> dict[str, Any]:
    return {
        "postal_address": "Example Ltd\r\n1 Example Street",
        "colour": "#066fd1",
        "clicks": "off",
        "bounces_at_most": "5",
        "complaints_at_most": "0.3",
    } | changed


@pytest.fixture
def web() -> Client:
    client = Client()
    client.force_login(administrator())
    return client


@pytest.fixture
def files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def picture(colour: str = "red") -> SimpleUploadedFile:
    content = BytesIO()
    Pictures.new("RGB", (300, 100), colour).save(content, "PNG")
    return SimpleUploadedFile("logo.png", content.getvalue(), "image/png")


def text_of(answer: Any) -> str:
    return answer.content.decode()


# -- look and rules


def test_settings_are_kept_and_told_before_and_after(web: Client) -> None:
    assert "Saved." in text_of(web.post(LOOK, filled(basis_required="on"), follow=True))
    stored = MailSettings.current()
    assert stored.postal_address == "Example Ltd\n1 Example Street"
    assert stored.basis_required
    entry = Entry.objects.filter(action=Action.SETTING_CHANGED).latest("pk")
    assert (entry.before["basis_required"], entry.after["basis_required"]) == (False, True)


def test_a_logo_is_taken_in_shown_and_taken_away(web: Client, files: None) -> None:
    web.post(LOOK, filled(new_logo=picture()))
    logo = MailSettings.current().logo
    assert logo is not None
    assert f'src="{logo.path}"' in text_of(web.get(LOOK))
    web.post(LOOK, filled(without_logo="on"))
    assert MailSettings.current().logo is None
    # Mails that were sent show it.
    assert Image.objects.filter(pk=logo.pk).exists()


def test_what_is_no_picture_is_refused_and_nothing_is_saved(web: Client, files: None) -> None:
    script = SimpleUploadedFile("logo.svg", b"<svg onload='alert(1)'/>", "image/svg+xml")
    shown = text_of(web.post(LOOK, filled(new_logo=script, postal_address="Elsewhere")))
    assert "id_new_logo_error" in shown
    assert MailSettings.current().postal_address == ""


@pytest.mark.parametrize("colour", ["#ffff00", "#ffffff", "#8ab4f8", "#f59f00"])
def test_a_colour_that_cannot_be_read_on_white_is_refused_with_one_that_can(
    web: Client, colour: str
) -> None:
    shown = text_of(web.post(LOOK, filled(colour=colour)))
    assert "cannot be read on white" in shown
    assert darkened(colour) in shown
    assert contrast(darkened(colour), "#ffffff") >= READABLE
    assert MailSettings.current().colour == "#066fd1"


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"colour": "#06f;}body{"}, "colour"),
        ({"bounces_at_most": "0"}, "bounces_at_most"),
        ({"complaints_at_most": "101"}, "complaints_at_most"),
        ({"clicks": "everything"}, "clicks"),
        ({"postal_address": "x" * 501}, "postal_address"),
    ],
)
def test_what_cannot_be_is_refused(web: Client, changed: Any, field: str) -> None:
    assert f"id_{field}_error" in text_of(web.post(LOOK, filled(**changed)))
    assert not MailSettings.objects.exists()


# -- addresses that are not mailed


def test_addresses_are_found_by_text_and_reason(web: Client) -> None:
    suppress(["ada@example.org"], "unsubscribed")
    suppress(["ben@example.org"], "bounced")
    Address.objects.create(address="cleo@example.org")
    assert "2 addresses" in text_of(web.get(ADDRESSES))
    assert "cleo@example.org" not in text_of(web.get(ADDRESSES))
    found = text_of(web.get(ADDRESSES, {"q": "ADA@"}))
    assert "ada@example.org" in found
    assert "ben@example.org" not in found
    assert "ben@example.org" in text_of(web.get(ADDRESSES, {"why": "bounced"}))
    for nonsense in ({"why": "nonsense"}, {"q": "\0"}, {"q": "%"}, {"q": "_da@"}):
        assert "0 addresses" in text_of(web.get(ADDRESSES, nonsense))


def test_a_list_of_addresses_costs_the_same_for_2_and_for_40(
    web: Client, django_assert_max_num_queries: Any
) -> None:
    suppress([f"a{number}@example.org" for number in range(60)], "bounced")
    with django_assert_max_num_queries(8):
        page = text_of(web.get(ADDRESSES))
    assert page.count("@example.org</span>") == 50
    assert text_of(web.get(ADDRESSES, {"page": 2})).count("@example.org</span>") == 10


def test_erased_people_are_counted_and_not_named(web: Client) -> None:
    erase(["gone@example.org"], "erased")
    shown = text_of(web.get(ADDRESSES))
    assert "1 address of people who were erased" in shown
    assert "gone@example.org" not in shown


def test_an_address_is_added_by_hand_with_its_reason(web: Client) -> None:
    sent = {"address": "Ada@Example.org", "reason": "Asked by phone"}
    assert "is not mailed any more" in text_of(web.post(f"{ADDRESSES}block/", sent, follow=True))
    assert standing_of(["ada@example.org"])["ada@example.org"].suppressed == "blocked"
    entry = Entry.objects.get(record="emails.address")
    assert (entry.actor_name, entry.details["reason"]) == ("Root", "Asked by phone")
    assert "was not mailed before" in text_of(web.post(f"{ADDRESSES}block/", sent, follow=True))


def test_what_is_no_address_is_not_added(web: Client) -> None:
    answer = web.post(f"{ADDRESSES}block/", {"address": "nobody"})
    assert answer.status_code == 422
    assert "id_address_error" in text_of(answer)
    assert not Address.objects.exists()


def test_an_address_is_mailed_again_only_with_a_reason(web: Client) -> None:
    suppress(["ada@example.org"], "unsubscribed")
    one = Address.objects.get()
    lift = f"{ADDRESSES}{one.pk}/lift/"
    assert "asked on" in text_of(web.get(lift))
    assert "id_reason_error" in text_of(web.post(lift, {"reason": " "}))
    one.refresh_from_db()
    assert one.suppressed == "unsubscribed"
    web.post(lift, {"reason": "Wrote that they want it"})
    one.refresh_from_db()
    assert one.suppressed == ""
    event = AddressEvent.objects.filter(kind="lifted").get()
    assert event.details["reason"] == "Wrote that they want it"
    assert "Nothing keeps this address" in text_of(web.post(lift, {"reason": "Again"}))


# -- delivery reports


def test_reports_are_shown_newest_first_and_those_about_no_mail_apart(web: Client) -> None:
    old, new = timezone.now() - timedelta(days=1), timezone.now()
    Report.objects.create(
        key="1", source="IMAP", kind="bounced", address="ada@example.org", mailing_id=7, at=old,
        answer="550 <b>gone</b>",
    )  # fmt: skip
    Report.objects.create(
        key="2", source="mailgun", kind="complained", address="ben@example.org", at=new
    )
    shown = text_of(web.get(REPORTS))
    assert shown.index("ben@example.org") < shown.index("ada@example.org")
    assert "550 &lt;b&gt;gone&lt;/b&gt;" in shown
    apart = text_of(web.get(REPORTS, {"show": "unmatched"}))
    assert "ben@example.org" in apart
    assert "ada@example.org" not in apart
