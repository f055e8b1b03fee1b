"""The log, and the pages of a person's data, seen by people and by what reads to them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from contacts.models import Contact
from crm.accounts.models import User
from crm.actor import Trace, acting_as, coming_from
from crm.audit.models import Action
from crm.audit.services import record
from deals.services import select_status
from tests.deals.factories import company, deal, person
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


@pytest.fixture(autouse=True)
def media(tmp_path, settings):
    settings.MEDIA_ROOT = str(tmp_path / "media")


@pytest.fixture
def anna():
    return User.objects.create_superuser("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def ada(anna):
    """A person with a past, and somebody who was refused something."""
    with acting_as(anna), coming_from(Trace("web", "abcdefghijkl", "192.0.2.7")):
        ada = person("Lovelace", first_name="Ada", email="ada@example.org", company=company(LONG))
        ada.details.create(kind="email", label="home", value="ada@example.net")
        deal(ada, "won", name="Engine for Ada Lovelace")
        select_status(ada, customer="past")
        person("Else", description="Knows Ada Lovelace.")
        record(Action.DENIED, path=f"/settings/{LONG}/", method="GET", status=403)
        record(Action.SHARED, ada, before={"name": LONG}, after={"name": "–"}, reason=LONG)
        for number in range(55):
            record(Action.SIGN_IN_FAILED, name=f"eve{number}")
    return ada


def test_pages_can_be_read_by_everybody(visitor, anna, ada, look):
    language, width = look
    page = visitor(anna, language=language, width=width)
    found = []
    for address in (
        "/settings/audit/",
        "/settings/audit/?action=denied",
        f"/settings/audit/?record=contacts.contact&number={ada.pk}",
        f"/privacy/contacts/{ada.pk}/",
        f"/privacy/contacts/{ada.pk}/erase/",
    ):
        page.goto(address)
        assert page.locator("h1").count() == 1
        found += [f"{address} {fault}" for fault in faults(page)]
    assert found == []


def test_log_is_filtered_and_paged_by_keyboard_without_scripts(visitor, anna, ada):
    page = visitor(anna, java_script_enabled=False)
    page.goto("/settings/audit/")
    page.get_by_label("What", exact=True).select_option("sign_in_failed")
    page.get_by_label("What", exact=True).press("Tab")
    page.get_by_role("button", name="Filter").focus()
    page.keyboard.press("Enter")
    entries = page.locator("ol.rows > li")
    expect(entries).to_have_count(50)
    page.get_by_role("link", name="Older", exact=True).focus()
    page.keyboard.press("Enter")
    expect(entries).to_have_count(5)
    page.get_by_role("link", name="Newest", exact=True).click()
    expect(entries).to_have_count(50)


def test_person_is_exported_from_the_card_and_read_without_the_product(
    visitor, anna, ada, tmp_path
):
    page = visitor(anna)
    page.goto(f"/contacts/{ada.pk}/")
    page.get_by_role("link", name="Personal data").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    content = Path(waiting.value.path()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert json.loads(file.read("data.json"))["contact"][0]["email"] == "ada@example.org"
        file.extractall(tmp_path / "read")
    reader = visitor(None, width=360)
    # Not by its address: axe may not ask for files.
    reader.set_content(
        (tmp_path / "read" / "index.html").read_text().replace("style.css", "data:,")
    )
    reader.add_style_tag(path=tmp_path / "read" / "style.css")
    expect(reader.get_by_role("heading", level=1)).to_have_text("Data of Ada Lovelace")
    assert faults(reader) == []


def test_person_is_erased_once_the_name_is_typed(visitor, anna, ada):
    page = visitor(anna)
    page.goto(f"/privacy/contacts/{ada.pk}/")
    page.get_by_role("link", name="Erase").click()
    expect(page.get_by_role("link", name="Else")).to_be_visible()
    page.get_by_label("Type the name to confirm").fill("Ada")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator(".field-error, .errorlist, [id$=_error]").first).to_contain_text(
        "nothing was erased"
    )
    assert faults(page) == []
    page.get_by_label("Type the name to confirm").fill("Ada Lovelace")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The person is erased.")).to_be_visible()
    assert faults(page) == []
    assert Contact.objects.get(pk=ada.pk).name == f"Erased person {ada.pk}"
    assert "Lovelace" not in page.content()


def test_card_with_the_address_of_an_erased_person_says_so(visitor, anna, ada):
    page = visitor(anna, width=360)
    page.goto(f"/privacy/contacts/{ada.pk}/erase/")
    page.get_by_label("Type the name to confirm").fill("Ada Lovelace")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("The person is erased.")).to_be_visible()
    page.goto("/contacts/new/person/")
    page.get_by_label("Last name").fill("Lovelace")
    page.get_by_label("E-mail", exact=True).first.fill("Ada@Example.org")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("was erased at their request. Do not write to it.")).to_be_visible()
    assert faults(page) == []
