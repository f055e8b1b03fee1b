"""Contacts that may be one and the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from contacts.duplicates import (
    SHOWN_AT_MOST,
    Reason,
    duplicates_of,
    possible_duplicates,
    similar,
)
from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm.accounts.models import User
from tests.deals.factories import company, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def found(subject: Any, user: Any) -> dict[str, list[str]]:
    return {
        one.contact.name: [str(reason) for reason in one.reasons]
        for one in duplicates_of(subject, user)
    }


def test_the_same_address_number_and_name_are_found(ann: User) -> None:
    person("Byron", first_name="Ada", email="Ada@Example.org", phone="+49 30 1234567")
    typed = {"first_name": "Ada", "last_name": "byron", "email": "ada@example.org "}
    assert found(typed, ann) == {"Ada Byron": ["email", "name"]}
    assert found({**typed, "email": "", "mobile": "030 1234567"}, ann) == {
        "Ada Byron": ["phone", "name"]
    }


def test_words_may_change_places_and_a_legal_form_does_not_count(ann: User) -> None:
    person("Ada", first_name="Byron")
    company("Acme Freight GmbH")
    assert found({"first_name": "Ada", "last_name": "Byron"}, ann) == {"Byron Ada": ["name"]}
    typed = {"is_organization": True, "name": "Freight Acme, Inc."}
    assert found(typed, ann) == {"Acme Freight GmbH": ["name"]}


def test_a_person_and_a_company_are_never_one(ann: User) -> None:
    company("Acme", email="info@acme.example", phone="030 1234567")
    typed = {"last_name": "Acme", "email": "info@acme.example", "phone": "030 1234567"}
    assert found(typed, ann) == {}


def test_a_contact_is_no_duplicate_of_itself_and_empty_fields_match_nothing(ann: User) -> None:
    ada, bob = person("Ada"), person("Bob")
    assert found(ada, ann) == found(bob, ann) == {}
    assert found({"is_organization": False}, ann) == {}
    assert found(person("Ada"), ann) == {"Ada": ["name"]}


def test_only_what_one_may_see_is_found(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    person("Ada", email="ada@example.org")
    twin = person("Ada")
    assert found({"last_name": "Ada"}, AnonymousUser()) == {}

    def visible_to(self: ContactQuerySet, user: Any) -> QuerySet:
        return self.exclude(email="ada@example.org")

    monkeypatch.setattr(ContactQuerySet, "visible_to", visible_to)
    assert [one.contact for one in duplicates_of({"last_name": "Ada"}, ann)] == [twin]
    assert not possible_duplicates(Contact.objects.visible_to(ann), ann).exists()


def test_five_at_most_and_the_likeliest_first(ann: User) -> None:
    for number in range(SHOWN_AT_MOST + 2):
        person("Ada", email="ada@example.org" if number == 4 else "")
    duplicates = duplicates_of({"last_name": "Ada", "email": "ada@example.org"}, ann)
    assert len(duplicates) == SHOWN_AT_MOST
    assert duplicates[0].reasons == (Reason.EMAIL, Reason.NAME)


@pytest.mark.parametrize(
    ("name", "other", "alike"),
    [
        ("ada lovelace", "ada lovelaec", True),
        ("ada lovelace", "ada lovelac", True),
        ("ada lovelace", "ada lovelaxe", True),
        ("ada lovelace", "ada llovelace", True),
        ("ada lovelace", "eve lovelace", False),
        ("ada", "ads", False),
        ("anna", "hanna", True),
        ("ada lovelace", "ada lovelycex", False),
        ("ada lovelace", "ada king lovelace", False),
        ("smith smyth", "smith smith", True),
        ("ada lovelace", "ada lovelace", False),
    ],
)
def test_one_letter_of_a_longer_word_may_differ(name: str, other: str, alike: bool) -> None:
    assert similar(name, other) is alike
    assert similar(other, name) is alike


def test_ready_list_holds_whoever_shares_a_key_with_another_of_its_kind(ann: User) -> None:
    wanted = [
        person("One", email="same@example.org"),
        person("Two", email="SAME@example.org"),
        person("Three", phone="030 1234567"),
        person("Four", mobile="+49 30 1234567"),
        company("Acme GmbH"),
        company("ACME"),
        person("Byron", first_name="Ada"),
        person("Ada", first_name="Byron"),
    ]
    person("Acme")
    company("Five", email="same@example.org", phone="030 1234567")
    person("Alone", email="alone@example.org", phone="030 7654321")
    listed = possible_duplicates(Contact.objects.visible_to(ann), ann)
    assert set(listed) == set(wanted)
    assert set(listed.companies()) == {wanted[4], wanted[5]}


def test_ready_list_and_hints_agree(ann: User) -> None:
    for name in ("Ada Byron", "Byron Ada", "Ada", "Bob"):
        for email in ("", "a@x.example", "b@x.example"):
            first, _blank, last = name.rpartition(" ")
            person(last, first_name=first, email=email, phone=email and "030 1234567")
    listed = set(possible_duplicates(Contact.objects.visible_to(ann), ann))
    hinted = {
        contact
        for contact in Contact.objects.all()
        if any(set(one.reasons) - {Reason.SIMILAR} for one in duplicates_of(contact, ann))
    }
    assert listed == hinted


def test_hints_ask_the_same_number_of_queries_however_many(
    ann: User, django_assert_max_num_queries: Any
) -> None:
    for _number in range(30):
        person("Byron", first_name="Ada", email="ada@example.org", company=company())
    typed = {
        "first_name": "Ada",
        "last_name": "Byron",
        "email": "ada@example.org",
        "phone": "123456",
    }
    with django_assert_max_num_queries(5):
        names = [str(one.contact.company) for one in duplicates_of(typed, ann)]
    assert len(names) == SHOWN_AT_MOST
