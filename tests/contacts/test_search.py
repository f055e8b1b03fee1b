"""Finding contacts and deals by what people type, and the folded texts that lists filter by."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models.lookups import Contains, Exact, StartsWith
from django.test.utils import CaptureQueriesContext

from contacts.keys import digits, fold, folded_text
from contacts.models import Contact
from contacts.words import (
    MOST_PIECES,
    SearchWord,
    alternatives_to,
    is_one_letter_away,
    remember_words,
)
from deals.models import Deal
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db


def names(text: str) -> list[str]:
    return list(Contact.objects.matching(text).values_list("name", flat=True))


# -- what is typed


@pytest.mark.parametrize(
    "text",
    [
        "lovelace",
        "LOVELACE ada",
        "ada.x@ex-ample",
        "ada_x",
        "x@ex ada",
        "ana engi",
        "(030) / 12 34-5",
        "1234 030",
        "engines o'neil",
        "“lovelace”, ada",
        "al",
    ],
)
def test_a_person_is_found_by_name_address_number_and_company(text: str) -> None:
    engines = company("Analytical-Engines (O'Neil) & Co.")
    person(
        "Lovelace", first_name="Ada Al", email="ada_x@ex-ample.org", phone="030 / 12345",
        company=engines,
    )  # fmt: skip
    person("Babbage", email="b@example.net", phone="0301")
    assert "Ada Al Lovelace" in names(text)
    assert "Babbage" not in names(text)


@pytest.mark.parametrize("text", ["lovelace bob", "love_ace", "l%e", "12350", "acme", "ov"])
def test_what_no_contact_holds_finds_nobody(text: str) -> None:
    person("Lovelace", first_name="Ada", phone="030 12345")
    assert names(text) == []


def test_blank_text_finds_all_and_punctuation_alone_nobody() -> None:
    person("Ash")
    for text in ("", " ", "\t\n"):
        assert names(text) == ["Ash"]
    for text in ("-", "& %", "'", "\\", "\x00", "\u200b", "_", "+ <>"):
        assert names(text) == []


def test_pictures_and_scripts_are_words_too() -> None:
    company("🎉 Party ☕")
    company("王芳")
    company("Ελλάς")
    assert names("🎉") == names("party") == names("☕ par") == ["🎉 Party ☕"]
    assert names("芳") == ["王芳"]
    assert names("ΕΛΛΑΣ") == ["Ελλάς"]


def test_a_word_with_an_invisible_joint_is_one_word() -> None:
    company("Donau\u00addampf")
    assert names("donaudampf") == ["Donau\u00addampf"]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000,
        "%" * 10_000,
        "a\x00b",
        "dash " + "\\" * 50,
        "'; --",
        "🎉" * 400,
        "[a-z]+",
        "a|b",
    ],
)
def test_no_text_breaks_the_search(text: str) -> None:
    person("Bash")
    assert "Bash" not in names(text)


def test_more_pieces_than_anybody_types_find_nobody() -> None:
    person("Ash")
    assert names(" ".join(f"a{number}" for number in range(MOST_PIECES + 1))) == []
    # However often the same.
    assert names("ash " * 100) == ["Ash"]


# -- one letter wrong


@pytest.mark.parametrize("text", ["lovelaxe", "lovelac", "lovelacee", "lovealce", "Lövelaze ada"])
def test_one_wrong_letter_is_forgiven(text: str) -> None:
    person("Lovelace", first_name="Ada")
    person("Loveland", first_name="Ada")
    assert names(text) == ["Ada Lovelace"]


@pytest.mark.parametrize("text", ["lovelxxe", "evolelac", "lovelacexx", "acb", "bco", "12346"])
def test_two_wrong_letters_short_words_and_numbers_are_not(text: str) -> None:
    person("Lovelace", first_name="Abc", phone="030 12345")
    assert names(text) == []


def test_nothing_is_guessed_where_something_matches() -> None:
    person("Meier")
    person("Meyer")
    assert names("meyer") == ["Meyer"]
    assert names("meuer") == ["Meier", "Meyer"]
    # Whole words only.
    person("Meyerbeer")
    assert names("meuer") == ["Meier", "Meyer"]


def test_every_word_may_have_a_letter_wrong_and_the_others_must_be_there() -> None:
    person("Lovelace", first_name="Ada", company=company("Analytical Engines"))
    assert names("lovelase engimes") == ["Ada Lovelace"]
    assert names("lovelase engimes bob") == []
    assert names("lovelase engines@analitical") == ["Ada Lovelace"]


def test_what_others_may_see_does_not_change_what_is_guessed() -> None:
    person("Meyer")
    seen = person("Meier")
    rows = Contact.objects.filter(pk=seen.pk)
    # “Meyer” is hidden, so it is a mistake for “Meier”, as it would be if it did not exist.
    assert list(rows.matching("meyer")) == [seen]
    assert list(rows.matching("meyxr")) == []
    assert list(Contact.objects.visible_to(AnonymousUser()).matching("meyer")) == []


def test_words_of_contacts_that_are_gone_find_nobody() -> None:
    person("Lovelace").delete()
    person("Babbage")
    assert SearchWord.objects.filter(word="lovelace").exists()
    assert names("lovelase") == []


def test_words_are_remembered_once() -> None:
    remember_words(["lovelace", "babbage"])
    remember_words(["babbage", "somerville"])
    words = SearchWord.objects.order_by("word").values_list("word", "reversed")
    assert list(words) == [
        ("babbage", "egabbab"),
        ("lovelace", "ecalevol"),
        ("somerville", "ellivremos"),
    ]


def test_alternatives_are_what_is_one_letter_away() -> None:
    """Going by halves of words leaves none out and lets no other in."""
    letters = "abc"
    word = "abcab"
    near = {word[:at] + letter + word[at:] for at in range(6) for letter in letters}
    near |= {word[:at] + letter + word[at + 1 :] for at in range(5) for letter in letters}
    near |= {word[:at] + word[at + 1 :] for at in range(5)}
    near |= {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(4)}
    near -= {word}
    far = {"abc", "cabab", "abcabbb", "bcabc", "abcba"[::-1], "ccccc"} - near
    remember_words(near | far | {word})
    assert set(alternatives_to([word])[word]) == near
    assert all(is_one_letter_away(other, word) for other in near)
    assert alternatives_to([]) == {}


def test_a_search_costs_at_most_three_queries() -> None:
    for number in range(3):
        person(f"Lovelace {number}")

    def cost(text: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            found = Contact.objects.matching(text)
        with CaptureQueriesContext(connection) as evaluated:
            list(found)
        assert len(evaluated) <= 1
        return len(captured)

    assert cost("") == 0
    assert cost("!") == 0
    assert cost("lovelace") == 1
    assert cost("zz") == 1
    assert cost("xovelace") == 3


@pytest.mark.parametrize("far_down", [True, False])
def test_many_that_match_are_all_found(monkeypatch: pytest.MonkeyPatch, far_down: bool) -> None:
    """Where more match than are worth naming by their ids, at the top of a list or far down."""
    for name, value in (("FEW", 2), ("PASSED", 4), ("PAGE", 2)):
        monkeypatch.setattr(f"contacts.words.{name}", value)
    for number in range(5):
        person("Ash" if far_down else "Zoe", first_name=f"Bea{number}")
        found = person("Lovelace", first_name=f"Ada{number}")
    everybody = names("lovelace")
    assert len(everybody) == 5
    assert names("lovelase") == everybody
    assert names("lovelace") == everybody
    assert names("bea lovelace") == []
    deals = [deal(found, name=f"Audit {number}") for number in range(5)]
    assert list(Deal.objects.matching("ada4 audit")) == deals[::-1]


# -- deals


def test_a_deal_is_found_by_its_name_and_its_main_contact() -> None:
    ada = person("Lovelace", company=company("Analytical Engines"), phone="030 12345")
    audit = deal(ada, name="Audit (2026)")
    deal(person("Babbage"), name="Difference")
    for text in ("audit", "2026 lovelace", "(2026)", "engines audit", "12345", "audti", "lovelase"):
        assert list(Deal.objects.matching(text)) == [audit]
    for text in ("audit babbage", "-", "audxti"):
        assert list(Deal.objects.matching(text)) == []
    assert Deal.objects.matching("").count() == 2


def test_deal_keys_follow_every_way_to_write_a_name() -> None:
    stored = Deal.objects.values_list("search_key", "sort_key", "folded_name")
    audit = deal(company(), name="Prüfung (A)")
    assert stored.get() == (" prufung a ", "prufung (a)", "prufung (a)")
    Deal.objects.update(name="Éxamen")
    assert stored.get() == (" examen ", "examen", "examen")
    audit.name = "Revision"
    Deal.objects.bulk_update([audit], ["name"])
    assert stored.get() == (" revision ", "revision", "revision")
    audit.name = "Kontrolle"
    audit.hot = True
    audit.save(update_fields=["hot"])
    assert stored.get() == (" revision ", "revision", "revision")
    audit.save()
    assert stored.get() == (" kontrolle ", "kontrolle", "kontrolle")
    assert list(Deal.objects.matching("kontrole")) == [audit]


# -- folded texts, to filter by

AWKWARD = [
    "Köln", "100%", "a_b", "it's", '"quoted"', "back\\slash", "true", "null", "1", "{}", "[1]",
    "🎉", "a%b", "%", "_", "\\", "'", '"', "Straße", "ﬁn", "x\ty", "İ", "中国", "a\u00adb", "$.x",
]  # fmt: skip


@pytest.mark.parametrize("lookup", [Exact, Contains, StartsWith])
def test_folded_texts_compare_as_in_python(lookup: Any) -> None:
    for value in AWKWARD:
        person("Ash", city=value, company=company(f"{value} Ltd", city=value))
    person("Birch")
    compare = {
        Exact: lambda text, value: text == value,
        Contains: lambda text, value: value in text,
        StartsWith: lambda text, value: text.startswith(value),
    }[lookup]
    for prefix in ("", "company__"):
        people = Contact.objects.people().order_by("pk")
        cities = list(people.values_list("pk", f"{prefix}city"))
        for value in (*AWKWARD, "K", "oln", "Q", ""):
            found = people.filter(lookup(folded_text("city", prefix), fold(value)))
            expected = [pk for pk, city in cities if compare(fold(city or ""), fold(value))]
            assert list(found.values_list("pk", flat=True)) == expected, (prefix, value)


def test_folded_numbers_are_digits_and_long_texts_are_whole() -> None:
    text = "Ä" * 5_000 + " end"
    jo = person("Jo", phone="+49 (30) 12-34", description=text)
    assert Contact.objects.filter(Exact(folded_text("phone"), digits("+49/301234"))).get() == jo
    assert Contact.objects.filter(Contains(folded_text("description"), "a end")).get() == jo
    assert not Contact.objects.filter(Contains(folded_text("phone"), "+")).exists()


def test_folded_texts_sort_by_their_bytes() -> None:
    for city in ("Zürich", "äa", "Ab", "a-b", "_", "~", "中", ""):
        person("Ash", city=city)
    cities = [fold(city) for city in Contact.objects.values_list("city", flat=True)]
    found = Contact.objects.order_by(folded_text("city")).values_list("city", flat=True)
    assert [fold(city) for city in found] == sorted(cities, key=lambda text: text.encode())


def test_what_is_not_kept_folded_cannot_be_asked_for() -> None:
    for name in ("search_key", "city__x", "owner", ""):
        with pytest.raises(ValueError, match="not stored folded"):
            folded_text(name)
