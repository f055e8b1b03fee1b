"""Accidents that happened to others: odd texts, keys that look like the ORM's, damaged lists, absurd numbers.

Whatever is asked, a list answers, and never with more rows than were asked for.
"""

from __future__ import annotations

import json
import re
from itertools import cycle
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.http import QueryDict

from contacts.models import Contact
from crm.accounts.models import User
from crm.lists.conditions import CHIPS_AT_MOST, VALUES_AT_MOST
from crm.lists.models import ListAddress, ListPreference, SmartList
from crm.lists.registry import Context, registry_of
from crm.lists.state import ListState
from crm.lists.why import reasons_for
from deals.models import Deal
from tests.deals.factories import company, deal, person
from tests.lists.oracle import Oracle

pytestmark = pytest.mark.django_db

LISTS = {"contact": "/contacts/", "deal": "/deals/"}
PARTS = ["", "list", "results", "editor", "why", "count", "nonsense"]
# As they stand in an address, after an equals sign.
VALUES = {
    "double quote": '"',
    "single quote": "'",
    "sql": "'; DROP TABLE contacts_contact; --",
    "sql or": "x' OR '1'='1",
    "union": "1 UNION SELECT password FROM accounts_user",
    "percent": "%",
    "percents": "%s %(x)s %d %%",
    "underscore": "_",
    "backslash": "\\",
    "escapes": "\\%\\_\\\\",
    "ampersand": "a&b=c",
    "html": "<script>alert(1)</script>",
    "template": "{{ request.user.password }}{% debug %}",
    "format": "{0.__class__} {values}",
    "emoji": "🦄👩‍👩‍👧‍👦",
    "override": "\u202egnp.exe",
    "isolates": "\u2066\u2067\u2069\u200b\ufeff",
    "combining": "a" + "\u0301" * 200,
    "only combining": "\u0301\u0302",
    "control": "\x01\x02\x1b[31m\x7f\x85",
    "newlines": "a\r\nSet-Cookie: x=1\r\n",
    "tab": "a\tb",
    "long": "x" * 10_000,
    "long percent": "%" * 10_000,
    "long emoji": "🦄" * 10_000,
    "long that folds longer": "\ufdfa" * 10_000,
    "too long": "x" * 10_001,
    "comma": ",",
    "regex": "(a+)+$",
    "null": "null",
    "none": "None",
    "true": "true",
    "nan": "NaN",
    "infinity": "-Infinity",
    "huge": "1e400",
    "huge number": "9" * 400,
    "tiny": "1e-400",
    "fraction": "0.001",
    "thousandth": "99999999999999.999",
    "superscript": "²",
    "arabic digit": "٣",
    "fullwidth digit": "１",
    "minus": "-1",
    "hex": "0x10",
    "underscored": "1_000",
    "float": "1.0",
    "exponent": "1e0",
    "zero": "0",
    "one": "1",
    "year one": "0001-01-01",
    "since year one": "0001-01-01..",
    "until year one": "..0001-01-01",
    "last year": "9999-12-30",
    "until the last year": "..9999-12-30",
    "from the last year": "9999-12-30..",
    "end of time": "9999-12-31",
    "2025 years": "last-2025-years",
    "2024 years": "2024-years",
    "9999 days": "9999-days",
    "history": "current@0001-01-01",
    "history open": "current@0001-01-01..9999-12-30",
    "history none": "current@",
    "history other": "@today",
    "amount": "0.001 EUR",
    "amount odd": "1 EURO",
    "amount big": "99999999999999.999 EUR",
    "me": "me",
}  # fmt: skip
RAW = {
    "nul": "%00",
    "nul inside": "a%00b",
    "surrogate": "%ED%A0%80",
    "not utf-8": "%FF%FE",
    "cut": "%E2%82",
    "no escape": "%ZZ%",
    "semicolon": "a;b",
}
FIELDS = {
    "contact": [
        "name", "email.is", "phone", "description.starts", "company_name", "customer_status", "kind",
        "owner", "prospect_by", "company", "disagree", "active_deals", "won_deals.least",
        "prospect_days", "prospect_days.least", "created", "created.over", "prospect_since.empty",
        "prospect_became", "customer_was", "won_value", "open_value.most", "expected_close",
        "expected_close.over", "last_won",
    ],
    "deal": [
        "name", "contact_name.is", "company_name.starts", "stage", "pipeline", "category", "value",
        "value.least", "value.most", "currency", "owner", "hot", "source", "contact", "company",
        "stage_days", "stage_days.most", "closed", "expected_close", "opened.over",
    ],
}  # fmt: skip
KEYS = [
    "pk", "id", "pk__in", "owner__password", "owner__password__startswith", "owner__username", "?",
    "_connector", "_negated", "company__people__name", "2.not.x.y~3", "__class__", "name__regex",
    "name.regex", "name.iregex", "name.isnull", "name.exact", "name.__class__", "customer_status.in",
    "customer_status.ne", "search_key", "sort_key", "is_organization", "folded", "prospect_mark",
    "not.pk", "3.pk", "name.contains.x", "name~x", "0.name", "Name", "name ", " name", "-name", "name[]",
    "customer_status.empty", "created.least", "edited2", "constructor", "toString", "csrfmiddlewaretoken",
    "x" * 300, "\x00", "ñame", "1", "..", "not.not.name", "where", "select_related", "order_by",
    "name.is.not", "created_at", "deal__name", "user_permissions", "99.name.foo",
]  # fmt: skip


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", last_name="A", time_zone="Europe/Berlin")


@pytest.fixture
def desk(client: Any, ann: User, book: Any) -> Any:
    client.force_login(ann)
    return client


@pytest.fixture
def book(ann: User) -> None:
    """Rows that careless filters would find: those with the texts that are asked for, and others."""
    plain = company("Acme", city="Paris")
    for text in list(VALUES.values())[:24]:
        if len(text) < 100 and text.strip():
            person(text, company=plain, description=text, owner=ann)
    for contact in Contact.objects.filter(is_organization=False).order_by("pk")[:12]:
        deal(contact, "won", name=f"Deal {contact.name}"[:200], value=5, owner=ann)
    deal(plain, "incoming", name="plain")


def ask(desk: Any, path: str, query: str, part: str = "") -> Any:
    """The answer after redirects, none of which goes round in circles."""
    headers = {"HX-Request": "true", "HX-Target": part} if part else {}
    return desk.get(f"{path}?{query}", headers=headers, follow=True)


def assert_no_more_than_asked(answer: Any, record: str, user: User) -> None:
    """The page has the rows that its state means, and none where it does not understand."""
    assert answer.status_code in (200, 422)
    state = answer.context["state"]
    listed = set(state.matching().values_list("pk", flat=True))
    if "rows" in answer.context:
        assert {row.pk for row in answer.context["rows"]} <= listed
    if state.faults:
        assert listed == set()
        return
    context = state.context
    oracle = Oracle(record, user, context.now, context.zone)
    assert listed == oracle.matching(state.conditions)


@pytest.mark.parametrize("record", LISTS)
def test_any_value_of_any_kind_of_filter_lists_what_it_means_or_nothing(
    ann: User, book: None, record: str
) -> None:
    context = Context.of(ann)
    oracle = Oracle(record, ann, context.now, context.zone)
    pk = next(iter(oracle.rows))
    turn = cycle(range(4))
    for name in FIELDS[record]:
        for value in filter(str.strip, VALUES.values()):
            number = next(turn)
            key = f"not.{name}" if number % 2 else name
            state = ListState(registry_of(record), context, QueryDict(urlencode({key: value})))
            # It was taken for a filter, and for nothing else.
            assert len(state.conditions.chips) == 1
            listed = set(state.matching().values_list("pk", flat=True))
            assert listed == (set() if state.faults else oracle.matching(state.conditions))
            assert state.sentence()
            if not number:
                assert reasons_for(state, pk).listed == (pk in listed)


@pytest.mark.parametrize("record", LISTS)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_page_answers_any_value(
    desk: Any, ann: User, record: str, part: str
) -> None:
    pk = Contact.objects.order_by("pk").first().pk
    beside = {"why": pk, "edit": "0.0", "choose": "0"}
    for number, value in enumerate(VALUES.values()):
        if number % 4 and part not in ("", "editor"):
            continue
        name = FIELDS[record][number % len(FIELDS[record])]
        answer = ask(desk, LISTS[record], urlencode({name: value, **beside}), part)
        assert_no_more_than_asked(answer, record, ann)
        if part == "results":
            answer = ask(desk, LISTS[record], urlencode({"q": value, **beside}), part)
            assert answer.status_code == 200


@pytest.mark.parametrize("record", LISTS)
@pytest.mark.parametrize("raw", RAW)
def test_bytes_that_are_no_text_are_answered(desk: Any, ann: User, record: str, raw: str) -> None:
    parts = cycle(["results", "editor", "count", ""])
    for name in ("name", "not.customer_status", "company", "owner", "not.created", "value"):
        answer = ask(desk, LISTS[record], f"{name}={RAW[raw]}", next(parts))
        assert_no_more_than_asked(answer, record, ann)
    for name in ("q", "sort", "columns", "page", "density", "why", "edit", "add", "choose", "find"):
        assert ask(desk, LISTS[record], f"{name}={RAW[raw]}", next(parts)).status_code == 200
    assert ask(desk, LISTS[record], f"{RAW[raw]}=x").status_code == 200


@pytest.mark.parametrize("record", LISTS)
def test_key_that_the_registry_does_not_know_lists_nothing_and_says_so(
    desk: Any, record: str
) -> None:
    # Beside a filter that is understood, too, and as the other group.
    ways = cycle([("results", {}), ("count", {"name": "a"}), ("results", {"2.name": "a"})])
    for key in KEYS:
        part, beside = next(ways)
        answer = ask(desk, LISTS[record], urlencode({**beside, key: "1"}), part)
        assert answer.status_code == 200
        state = answer.context["state"]
        assert state.faults, key
        assert not state.matching().exists()
        assert answer.context["count"] == 0
        assert not answer.context.get("rows")


@pytest.mark.parametrize("record", LISTS)
@pytest.mark.parametrize("name", ["sort", "columns"])
def test_nothing_outside_the_registry_is_sorted_by_or_shown(
    desk: Any, record: str, name: str
) -> None:
    odd = ["name,pk", "-", "--name", "-pk", "?", "name,?", "-?", "*", "random()", "name,-owner__id"]
    for key in [*KEYS, *odd, *(["name,name", "-name,name"] if name == "sort" else [])]:
        if (name, key) == ("sort", "-name"):
            continue
        answer = ask(desk, LISTS[record], urlencode({name: key}), "results")
        assert answer.status_code == 200
        state = answer.context["state"]
        known = state.registry.fields
        assert all(field.name in known for field, _down in state.sort)
        assert all(field.name in known for field in state.columns)
        assert state.faults, key
        assert not answer.context["rows"]


@pytest.mark.parametrize("record", LISTS)
@pytest.mark.parametrize(
    "page", ["-1", "0", "1", "2", "99", "abc", "", "1.5", "1e3", str(10**30), "9" * 5000, "²", "٣", "last",
             "' OR 1", "\x00"]
)  # fmt: skip
def test_absurd_page_shows_some_page_of_the_same_list(desk: Any, record: str, page: str) -> None:
    everything = set(
        (Contact if record == "contact" else Deal).objects.values_list("pk", flat=True)
    )
    for part in ("", "count", "editor"):
        answer = ask(desk, LISTS[record], urlencode({"page": page}), part)
        assert answer.status_code == 200
        if "rows" in answer.context:
            rows = {row.pk for row in answer.context["rows"]}
            assert rows
            assert rows <= everything


@pytest.mark.parametrize("record", LISTS)
@pytest.mark.parametrize(
    "size", ["-1", "0", "1", "201", str(10**9), "abc", "50.0", "²", "٥٠", " 50"]
)
def test_absurd_page_size_is_refused(desk: Any, record: str, size: str) -> None:
    answer = ask(desk, LISTS[record], urlencode({"per_page": size}))
    assert answer.context["state"].faults
    assert not answer.context["rows"]


@pytest.mark.parametrize("record", LISTS)
@pytest.mark.parametrize("name", ["edit", "add", "choose", "why", "set"])
def test_absurd_place_of_a_chip_opens_nothing_and_breaks_nothing(
    desk: Any, record: str, name: str
) -> None:
    places = ["", ".", "0", "0.", ".0", "-1.0", "0.-1", "99.99", "100.100", "a.b", "².0", "0.²", "²",
              "٣.٣", "0.0.0", "0.name", "0.pk", "0.owner__password", "0.name.x", "99.name", "²²",
              "1" * 50, "\x00", "0.\x00"]  # fmt: skip
    for number, value in enumerate(places):
        part = ["editor", "why", "editor", ""][number % 4]
        for more in (
            {},
            {"field": "name", "value": "x"},
            {"field": "pk", "op": "regex", "value": "x"},
        ):
            query = urlencode({"name": "a", name: value, **more})
            if name == "set":
                query = urlencode({"base": "name=a", name: value, **more})
            elif more:
                continue
            answer = ask(desk, LISTS[record], query, part)
            assert answer.status_code in (200, 422)
            for chip in answer.context["state"].conditions.chips:
                assert chip.field == "name"


@pytest.mark.parametrize("record", LISTS)
def test_form_of_a_chip_with_absurd_values_is_answered(desk: Any, ann: User, record: str) -> None:
    values = cycle(VALUES.values())
    for name in FIELDS[record]:
        field, _dot, op = name.partition(".")
        for _number in range(5):
            value = next(values)
            sent = {
                "set": "0.0", "field": field, "op": op, "value": value[:500], "number": value[:500],
                "unit": "day", "mode": "relative", "which": "last", "currency": "EUR", "day": value[:99],
            }  # fmt: skip
            answer = ask(desk, LISTS[record], urlencode(sent), "editor")
            assert_no_more_than_asked(answer, record, ann)


# -- saved lists that are damaged

DAMAGED: list[Any] = [
    {}, "null", "text", 5, True, [[]], [5], ["text"], [{}], [[{}]], [[None]], [[[]]], [[[[[[]]]]]],
    [[{"field": "city"}]], [[{"values": ["Paris"]}]], [[{"field": "city", "values": []}]],
    [[{"field": "city", "values": "Paris"}]], [[{"field": "city", "values": {"Paris": 1}}]],
    [[{"field": "city", "values": [5]}]], [[{"field": "city", "values": [None]}]],
    [[{"field": "city", "op": "regex", "values": ["."]}]], [[{"field": "city", "op": 5, "values": ["a"]}]],
    [[{"field": "city", "op": ["is"], "values": ["a"]}]], [[{"field": ["city"], "values": ["a"]}]],
    [[{"field": "owner__password", "values": ["a"]}]], [[{"field": "pk", "values": ["1"]}]],
    [[{"field": "", "values": ["1"]}]], [[{"field": "q", "values": ["1"]}]],
    [[{"field": "city", "values": ["Paris"], "not": "false"}]], [[{"field": "city", "values": ["a\u0000"]}]],
    [[{"field": "city", "values": ["\ud800"]}]], [[{"field": "city", "values": ["x" * 10_001]}]],
    [[{"field": "city", "values": ["Paris"]}], []], [[{"field": "city", "values": ["Paris"]}], 5],
    [[{"field": "customer_status", "values": ["rich"]}]], [[{"field": "company", "values": ["999999"]}]],
    [[{"field": "city", "values": ["Paris"]}] * (CHIPS_AT_MOST + 1)],
    [[{"field": "city", "values": [str(n) for n in range(VALUES_AT_MOST + 1)]}]],
    [[{"field": "active_deals", "values": ["1.5"]}]], [[{"field": "created", "values": ["0000-00-00"]}]],
]  # fmt: skip


def nested(depth: int) -> Any:
    found: Any = []
    for _level in range(depth):
        found = [found]
    return found


def test_damaged_saved_list_shows_nothing_and_says_so(desk: Any, ann: User) -> None:
    parts = cycle(["", "results", "count"])
    for conditions in [*DAMAGED, nested(200)]:
        text = json.dumps(conditions)
        if connection.vendor == "postgresql" and ("\\ud800" in text or "\\u0000" in text):
            # It stores neither.
            continue
        SmartList.objects.all().delete()
        SmartList.objects.create(
            record="contact", name="Bad", slug="bad", owner=ann, conditions=conditions
        )
        answer = ask(desk, "/contacts/lists/bad/", "", next(parts))
        assert answer.status_code == 200, conditions
        state = answer.context["state"]
        assert state.faults, conditions
        assert not state.matching().exists()
        assert not answer.context.get("rows")


@pytest.mark.parametrize(
    "columns",
    ["text", 5, True, {}, {"email": 1}, [5], [None], [["email"]], [{"a": 1}], ["owner__password"], ["pk", "email"],
     ["email"] * 500, "null"],
)  # fmt: skip
def test_damaged_columns_are_left_out(desk: Any, ann: User, columns: Any) -> None:
    SmartList.objects.create(record="contact", name="Bad", slug="bad", owner=ann, columns=columns)
    ListPreference.objects.create(user=ann, record="contact", columns=columns)
    for path in ("/contacts/lists/bad/", "/contacts/"):
        answer = ask(desk, path, "")
        assert answer.status_code == 200
        shown = [field.name for field in answer.context["state"].columns]
        assert shown[0] == "name"
        assert len(shown) == len(set(shown))
        assert answer.context["rows"]


def test_damaged_order_and_text_of_a_saved_list_show_nothing(desk: Any, ann: User) -> None:
    saved = SmartList.objects.create(record="contact", name="Bad", slug="bad", owner=ann)
    for damage in ({"sort": "owner__password"}, {"sort": "?"}, {"sort": "name,,"}):
        SmartList.objects.filter(pk=saved.pk).update(**{"sort": "", **damage})
        answer = ask(desk, "/contacts/lists/bad/", "")
        assert answer.context["state"].faults
        assert not answer.context["rows"]
    SmartList.objects.filter(pk=saved.pk).update(sort="", text="no such text anywhere")
    assert not ask(desk, "/contacts/lists/bad/", "").context["rows"]


def test_damaged_habits_do_no_harm(desk: Any, ann: User) -> None:
    for habits in ({"density": "odd"}, {"per_page": 7}, {"per_page": 10**6}, {"density": "<b>"}):
        ListPreference.objects.all().delete()
        ListPreference.objects.create(user=ann, record="contact", **habits)
        answer = ask(desk, "/contacts/", "")
        assert answer.context["rows"]
        assert answer.context["state"].per_page <= 200
        assert answer.context["state"].density in ("comfortable", "compact")


# -- long addresses


def test_a_long_address_gets_short_letters_and_keeps_its_rows(desk: Any, ann: User) -> None:
    query = urlencode({"not.city": "x" * 5_000, "kind": "company", "page": "1"})
    first = desk.get(f"/contacts/?{query}")
    assert first.status_code == 302
    assert re.fullmatch(r"/contacts/\?s=[a-z2-7]{8}&page=1", first.url)
    answer = desk.get(first.url)
    assert [row.name for row in answer.context["rows"]] == ["Acme"]
    assert desk.get(f"/contacts/?{query}").url == first.url
    assert ListAddress.objects.count() == 1


def test_what_is_asked_beside_short_letters_narrows_the_list(desk: Any, ann: User) -> None:
    short = desk.get("/contacts/?" + urlencode({"not.city": "x" * 5_000})).url
    wide = len(desk.get(short).context["rows"])
    answer = desk.get(f"{short}&kind=company")
    assert [row.name for row in answer.context["rows"]] == ["Acme"]
    assert wide > 1
    assert not desk.get(f"{short}&shoe_size=5").context["rows"]
    long_too = ask(
        desk, "/contacts/", short.partition("?")[2] + "&kind=company&name=" + "y" * 3_000
    )
    assert not long_too.context["rows"]


@pytest.mark.parametrize("name", ["page", "why", "edit", "add", "choose", "find"])
def test_a_long_address_is_shortened_once(desk: Any, name: str) -> None:
    for value in ("9" * 3_000, "x" * 3_000):
        answer = ask(desk, "/contacts/", urlencode({name: value, "kind": "company"}))
        assert answer.status_code == 200
        assert len(answer.redirect_chain) <= 1
        assert [row.name for row in answer.context["rows"]] == ["Acme"]


@pytest.mark.parametrize("path", ["/contacts/", "/deals/", "/contacts/lists/customers/"])
@pytest.mark.parametrize(
    "key", ["x", "nonsense", "aaaaaaaa", "AAAAAAAA", "²²²²²²²²", "%00%00%00%00%00%00%00%00", "a" * 300,
            "..%2F..%2Fx", "aaaaaaa%20", "%FF", "'%20OR%201=1"]
)  # fmt: skip
def test_letters_that_stand_for_nothing_are_not_found(desk: Any, path: str, key: str) -> None:
    assert desk.get(f"{path}?s={key}").status_code == 404


def test_letters_of_another_record_type_show_nothing_wrong(desk: Any, ann: User) -> None:
    short = desk.get("/contacts/?" + urlencode({"city": "x" * 5_000})).url.partition("?")[2]
    answer = desk.get(f"/deals/?{short}")
    assert answer.context["state"].faults
    assert not answer.context["rows"]


@pytest.mark.parametrize("slug", ["no-such-list", "x" * 300, "1", "new"])
def test_a_list_that_is_none_is_not_found(desk: Any, slug: str) -> None:
    assert desk.get(f"/contacts/lists/{slug}/").status_code == 404


def test_as_many_filters_and_values_as_there_may_be_are_answered(desk: Any, ann: User) -> None:
    """Within what a database takes of one statement."""
    names = ["name", "description", "company_name", "city"]
    for key, value in (
        (lambda n: names[n % 4], lambda n: f"x{n}"),
        (lambda n: f"{n + 1}.name", lambda n: f"x{n}"),
        (lambda n: "prospect_became", lambda n: f"current@2024-01-{n % 28 + 1:02}"),
        (lambda n: "prospect_was", lambda n: f"current@2024-01-{n % 28 + 1:02}"),
        (lambda n: "active_deals", str),
    ):
        query = QueryDict(mutable=True)
        for number in range(24):
            for one in range(40):
                query.appendlist(f"{key(number)}~{number + 2}", value(one))
        answer = ask(desk, "/contacts/", query.urlencode())
        assert answer.status_code == 200
        assert answer.context["state"].faults == []


def test_too_many_parts_of_an_address_are_refused_without_an_error(desk: Any) -> None:
    for number in (1_500, 5_000):
        query = "&".join(f"f{n}=1" for n in range(number))
        answer = ask(desk, "/contacts/", query)
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            assert answer.context["state"].faults
            assert not answer.context["rows"]


def test_words_of_the_page_are_escaped(desk: Any) -> None:
    text = "<script>alert(1)</script>\"'"
    for query in (
        {"name": text}, {"q": text}, {"customer_status": text}, {text: "x"}, {"sort": text},
        {"columns": text}, {"created": text}, {"company": text}, {"why": text}, {"find": text, "why": ""},
    ):  # fmt: skip
        answer = desk.get("/contacts/?" + urlencode(query))
        assert b"<script>alert" not in answer.content
        assert quote(text) or answer.content


def test_whoever_is_not_signed_in_is_sent_to_sign_in(client: Any, book: Any) -> None:
    for path in LISTS.values():
        answer = client.get(f"{path}?name=a")
        assert answer.status_code == 302
        assert "/login" in answer.url or "/accounts" in answer.url
