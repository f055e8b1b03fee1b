"""Merging two contacts, taking it back, and hints at duplicates, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import expect

from contacts.models import Contact
from deals.models import DealContact
from deals.services import merge_contacts, select_status
from tests.deals import factories as make
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann(db: None) -> Any:
    return get_user_model().objects.create_superuser("ann", language="en")


@pytest.fixture
def pair(ann: Any) -> tuple[Contact, Contact]:
    """A company twice, each with something that the other lacks."""
    long = "https://a-very-long-address-without-any-blank.example/with/a/path/that/goes/on/and/on"
    ours = make.company(
        "Gebrüder Birkental Verpackungen GmbH & Co. KG",
        email="info@birkental-verpackungen-international.example",
        phone="+49 30 1234567",
        website=long,
        description="Pays late.\nBut always pays.",
    )
    theirs = make.company(
        "Birkental Gebrüder Verpackungen", phone="030 1234567", description="Met at the fair."
    )
    for name in ("Ada", "Bob"):
        employee = make.person(name, company=theirs)
        DealContact.objects.create(deal=make.deal(theirs, name=f"Audit {name}"), contact=employee)
    select_status(ours, customer="past")
    return ours, theirs


def page_of(survivor: Contact, merged: Contact) -> str:
    return reverse("contacts:merge_pair", args=[survivor.pk, merged.pk])


def test_pages_are_accessible_and_fit(
    visitor: Any, ann: Any, pair: Any, look: tuple[str, int]
) -> None:
    language, width = look
    ann.language = language
    ann.save()
    ours, theirs = pair
    merge_contacts(ours, make.company("Earlier"))
    person = make.person("Lovelace")
    page = visitor(ann, language=language, width=width)
    addresses = {
        "choose": reverse("contacts:merge", args=[ours.pk]),
        "pair": page_of(ours, theirs),
        "refused": page_of(ours, person),
        "card": ours.get_absolute_url(),
    }
    found = {}
    for name, address in addresses.items():
        page.goto(address)
        found[name] = faults(page)
    page.goto(reverse("contacts:new_person"))
    page.locator("#id_last_name").fill("Lovelace")
    page.locator("#id_email").focus()
    expect(page.locator("#duplicates a")).to_have_count(1)
    found["hints"] = faults(page)
    page.locator("#create-contact").evaluate("(button) => button.removeAttribute('name')")
    page.locator("#create-contact").click()
    expect(page.locator("#duplicates .notice")).to_be_focused()
    found["asked"] = faults(page)
    assert found == {name: [] for name in found}


def test_two_are_merged_and_parted_again_by_keyboard(visitor: Any, ann: Any, pair: Any) -> None:
    ours, _theirs = pair
    page = visitor(ann)
    page.goto(ours.get_absolute_url())
    page.get_by_role("link", name="Merge", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Compare with Birkental Gebrüder Verpackungen").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#merge-effects")).to_contain_text("Current Prospect")
    names = page.get_by_role("radiogroup", name="Name").get_by_role("radio")
    names.first.focus()
    page.keyboard.press("ArrowRight")
    expect(names.nth(1)).to_be_checked()
    # The preview of this choice has come.
    expect(page.locator("#afterwards-title")).to_contain_text("Birkental Gebrüder Verpackungen")
    page.get_by_role("button", name="Merge into").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Birkental Gebrüder Verpackungen")
    expect(page.locator("#messages")).to_contain_text("is part of")
    assert faults(page) == []
    assert Contact.objects.companies().count() == 1
    page.get_by_role("button", name="Undo the merge").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("are two contacts again")
    expect(page.locator("main")).to_contain_text("Audit Ada")
    assert Contact.objects.get(pk=ours.pk).name.startswith("Gebrüder")


def test_another_choice_previews_other_statuses(visitor: Any, ann: Any) -> None:
    old, new = make.company("Old"), make.company("New")
    ours, theirs = make.person("Ours", company=old), make.person("Theirs", company=new)
    DealContact.objects.create(deal=make.deal(new), contact=theirs)
    page = visitor(ann)
    page.goto(page_of(ours, theirs))
    effects = page.locator("#merge-effects")
    expect(effects).not_to_contain_text("Current Prospect")
    page.get_by_role("radiogroup", name="Company").get_by_role("radio", name="New").check()
    expect(effects).to_contain_text("Current Prospect")
    assert Contact.objects.people().count() == 2


def test_swapped_the_other_one_survives_without_javascript(
    visitor: Any, ann: Any, pair: Any
) -> None:
    _ours, theirs = pair
    page = visitor(ann, java_script_enabled=False)
    page.goto(reverse("contacts:merge", args=[theirs.pk]))
    page.get_by_role("link", name="Compare with").click()
    page.get_by_role("link", name="Swap").click()
    page.get_by_role("button", name="Preview statuses").click()
    expect(page.locator("#merge-effects")).to_contain_text("Past Customer")
    page.get_by_role("button", name="Merge into").click()
    expect(page.locator("#messages")).to_contain_text("is part of")
    assert Contact.objects.companies().get().pk == theirs.pk


def test_hints_come_while_typing_and_go_again(visitor: Any, ann: Any, pair: Any) -> None:
    page = visitor(ann)
    page.goto(reverse("contacts:new_company"))
    page.get_by_label("Name", exact=False).first.fill("Birkental Verpackungen Gebrüder")
    page.locator("#id_email").focus()
    hints = page.locator("#duplicates")
    expect(hints).to_contain_text("Looks like one of these 2 contacts")
    save = page.locator("#create-contact")
    expect(save).to_have_text("Create anyway")
    expect(page.locator("#id_email")).to_be_focused()
    page.locator("#id_name").fill("Somebody Else")
    page.locator("#id_email").focus()
    expect(save).to_have_text("Save")
    expect(hints).not_to_contain_text("Looks like")
    page.locator("#id_name").fill("Birkental Verpackungen Gebrüder")
    page.locator("#id_email").focus()
    expect(save).to_have_text("Create anyway")
    save.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Birkental Verpackungen Gebrüder")
    assert Contact.objects.companies().count() == 3
