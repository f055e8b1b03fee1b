"""Hostile names and values in every tag, field, option, stage and reason, on every page that shows them.

They are refused with a sentence, or shown as the text that they are.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.models import User
from deals.models import Deal, DealSource, LossReason, Stage, UnqualifiedReason
from deals.services import select_status
from settings.categories import Category, FieldType
from settings.models import CustomField, Option, Removal, Tag
from settings.services import change_tags, delete_label, move_label, set_values
from tests.deals.factories import company, deal, default_stages, person
from tests.labels.worlds import made_field, made_tag

pytestmark = pytest.mark.django_db

MARK = "xq7"
NAMES = [
    f"<script>{MARK}()</script>", f'"><img src=x {MARK}=1>', f"'><svg/{MARK}=1>",
    f"</title><script>{MARK}()</script>", f"</textarea><{MARK}>", f"--><{MARK}>",
    f"<a href=javascript:{MARK}()>x", "{{ 7*7 }}{% debug %}", "${7*7} #{7*7} <%= 7*7 %>",
    "{0.__class__}", "%s %(name)s %d", "=1+1", "@SUM(A1)", "+49", "-2+3", "＝1+1", "' OR 1=1 --",
    "\u202egnp.exe", "\u2066\u2067\u2069", "a" + "\u0301" * 40, "🦄👩‍👩‍👧‍👦", "ﷺ" * 20, "a\\;b;c",
    "null", "None", "true", "0", "constructor", "__proto__", "&lt;b&gt;", "a&amp;b", "x" * 80,
    "\u200b", "\ufeff", "İıſẞ", "ＡＢ", "a/b", "../../etc", "con", "?q=1&tags=2#x", "%00", "%3Cb%3E",
]  # fmt: skip
REFUSED = ["", "   ", "\x00", "a\x00b", "a\nb", "a\rb", "a\tb", "\x1b[31m", "a\x85b", "a\u2028b",
           "\ud800", "x" * 81, "x" * 10_000]  # fmt: skip
BLNS = json.loads((Path(__file__).parents[1] / "imports/data/blns/blns.json").read_text())


class Elements(HTMLParser):
    """Whatever a browser would make of a page that came from a name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.script = tag == "script"
        names = [tag, *(name for name, _value in attrs)]
        self.found += [name for name in names if MARK in name]
        self.found += [
            f"{name}={value}"
            for name, value in attrs
            if name in ("href", "src", "action") and (value or "").lower().startswith("javascript")
        ]

    def handle_data(self, data: str) -> None:
        if self.script and MARK in data:
            self.found.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.script = False


def assert_harmless(answer: Any, page: str) -> str:
    assert answer.status_code == 200, f"{page} answers {answer.status_code}"
    text: str = answer.content.decode()
    reader = Elements()
    reader.feed(text)
    assert not reader.found, f"{page}: {reader.found}"
    assert "{{" not in text or "{{ 7*7 }}" in text, page
    assert ">49<" not in text, page
    return text


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(User.objects.create_user("ann", is_superuser=True))
    return client


def usable(names: list[str], model: Any, **more: Any) -> list[Any]:
    """Those that are made of ``names``; the others are refused with a sentence."""
    made = []
    for name in names:
        one = model(name=name, **more)
        try:
            one.full_clean()
        except ValidationError as error:
            problem = error.messages
        else:
            problem = []
            one.save()
            made.append(one)
        assert all(message.strip() for message in problem), name
    return made


class Hostile:
    """A world in which everything that people name has a hostile name."""

    def __init__(self) -> None:
        self.stages = default_stages()
        self.tags = [one for c in Category for one in usable(NAMES, Tag, category=c)]
        kinds = list(FieldType)
        self.fields = []
        for category in Category:
            for number, name in enumerate(NAMES):
                kind = kinds[number % len(kinds)]
                self.fields += usable(
                    [name], CustomField, category=category, type=kind, help_text=name[:200]
                )
        for field in self.fields:
            if field.type in (FieldType.CHOICE, FieldType.CHOICES):
                usable(NAMES, Option, field=field)
        pipeline = self.stages["won"].pipeline
        for position, name in enumerate(NAMES[:12], 10):
            usable([name], Stage, pipeline=pipeline, category="incoming", position=position)
        for model in (LossReason, UnqualifiedReason, DealSource):
            usable(NAMES, model)
        self.person, self.company = person(NAMES[0]), company(NAMES[1])
        select_status(self.person, customer="current")
        self.deal = deal(
            self.person, name=NAMES[2], stage=Stage.objects.get(name=NAMES[0]),
            source=DealSource.objects.get(name=NAMES[0]),
        )  # fmt: skip
        self._carry("contact", self.person.pk, [Category.CONTACTS, Category.CUSTOMERS])
        self._carry("deal", self.deal.pk, [Category.DEALS])

    def _carry(self, record: str, pk: int, categories: list[Category]) -> None:
        change_tags(record, [pk], on=[one.pk for one in self.tags if one.category in categories])
        values = {}
        for number, field in enumerate(self.fields):
            if field.category in categories:
                values[field.pk] = self._value(field, NAMES[number % len(NAMES)])
        set_values(record, {pk: values})

    def _value(self, field: CustomField, name: str) -> Any:
        options = [one.pk for one in field.options.all()]
        return {
            FieldType.TEXT: name, FieldType.LONG_TEXT: name * 100, FieldType.ADDRESS: name,
            FieldType.URL: "https://example.com/?a=%22%3E%3Cscript%3E", FieldType.PHONE: f"1 {name[:50]}",
            FieldType.CHOICE: options[0] if options else None, FieldType.CHOICES: options or None,
            FieldType.CONTACT: self.company.pk,
        }.get(FieldType(field.type))  # fmt: skip

    def pages(self) -> list[str]:
        fields = {one.type: one for one in self.fields}.values()
        columns = ",".join(one.form_name for one in list(fields)[:16])
        found = [
            reverse("settings:overview"), reverse("settings:compare"), reverse("settings:removed"),
            *(reverse("settings:category", args=[one]) for one in Category),
            "/settings/pipelines/", "/settings/reasons/", "/settings/sources/",
            reverse("settings:account"),
        ]  # fmt: skip
        for tag in self.tags[:3]:
            found.append(reverse("settings:tag_edit", args=[tag.pk]))
            found += [
                reverse(f"settings:{what}", args=["tag", tag.pk])
                for what in ("delete", "merge", "move")
            ]
        for field in fields:
            found.append(reverse("settings:field_edit", args=[field.pk]))
            found.append(reverse("settings:field_type", args=[field.pk]))
            found.append(reverse("settings:delete", args=["field", field.pk]))
        for record, one in (("contact", self.person), ("deal", self.deal)):
            mine = [f for f in fields if f.record == record]
            found += [
                one.get_absolute_url(),
                reverse(f"{record}s:edit", args=[one.pk]),
                f"/{record}s/?columns=tags,{columns}",
                f"/{record}s/?tags={self.tags[0].pk}&sort=name",
                *(f"/{record}s/?not.{f.form_name}.empty=yes" for f in mine if f.type != "user"),
            ]
        return found


def test_every_page_shows_hostile_names_as_text(desk: Client) -> None:
    world = Hostile()
    assert len(world.tags) > 80
    delete_label(world.tags[0])
    move_label(world.tags[1])
    for page in world.pages():
        assert_harmless(desk.get(page, follow=True), page)
    card = desk.get(world.person.get_absolute_url()).content.decode()
    assert f"&lt;script&gt;{MARK}()&lt;/script&gt;" in card


def test_the_admin_shows_hostile_names_as_text(desk: Client) -> None:
    world = Hostile()
    for name in ("settings_tag", "settings_customfield", "contacts_contact", "deals_deal"):
        page = reverse(f"admin:{name}_changelist")
        assert_harmless(desk.get(page), page)
    for name, pk in (
        ("settings_tag", world.tags[0].pk),
        ("settings_customfield", world.fields[0].pk),
        ("contacts_contact", world.person.pk),
        ("deals_deal", world.deal.pk),
    ):
        for what in ("change", "history", "delete"):
            page = reverse(f"admin:{name}_{what}", args=[pk])
            answer = desk.get(page)
            if answer.status_code not in (302, 403):
                assert_harmless(answer, page)


@pytest.mark.parametrize("name", REFUSED)
def test_names_that_are_none_are_refused_with_a_sentence(desk: Client, name: str) -> None:
    page = reverse("settings:tag_new", args=["contacts"])
    answer = desk.post(page, {"name": name.encode("utf-8", "replace").decode(), "color": "gray"})
    if answer.status_code == 302:
        made = Tag.objects.get()
        assert made.name == " ".join(made.name.split()).strip()
        assert made.name.isprintable()
    else:
        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode() or "invalid" in answer.content.decode()
        assert not Tag.objects.exists()


def test_values_that_people_were_bitten_by_are_kept_or_refused() -> None:
    """The big list of naughty strings, in each type that takes a text."""
    ann = person("Ann")
    kinds = ["text", "long_text", "email", "phone", "url", "address", "whole", "number", "date"]
    fields = {kind: made_field(kind, kind) for kind in [*kinds, "moment"]}
    kept = 0
    for text in [*BLNS, *NAMES, *REFUSED[2:], "x" * 10_000, "x" * 10_001, "٣", "²", "NaN", "1e999"]:
        for kind, field in fields.items():
            try:
                set_values("contact", {ann.pk: {field.pk: text}})
            except ValidationError as error:
                problem = error.messages[0]
            else:
                problem = f"{field.name}: none"
                kept += 1
            assert problem.startswith(f"{field.name}: "), (kind, text)
    assert kept > 1_500
    assert set_values("contact", {ann.pk: {fields["long_text"].pk: "x" * 10_000}})


def test_addresses_of_what_is_gone_or_odd_are_no_pages(desk: Client) -> None:
    tag = made_tag("VIP")
    for path in ("contacts/tags/999/", "tags/0/", "tags/99999999999999999999/", "nobody/", "tag/x/delete/",
                 "fields/1e3/", "tags/-1/", "field/999999999999/delete/"):  # fmt: skip
        assert desk.get(f"/settings/{path}").status_code == 404, path
    for posted in ("", "x", "1-2-3", "-", "9" * 19, "1e3", "٣"):
        answer = desk.post(reverse("settings:undo"), {"removal": posted})
        assert answer.status_code == 404, posted
    answer = desk.post(
        reverse("settings:undo"), {"removal": delete_label(tag).pk, "next": "//evil.example"}
    )
    assert answer.headers["Location"] == reverse("settings:removed")
    assert Removal.objects.get().undone_at


def test_deals_and_contacts_do_not_take_each_others_labels() -> None:
    ann, sold = person("Ann"), deal(person("Bob"))
    tag, field = made_tag("A", "deals"), made_field("F", "text", "deals")
    with pytest.raises(ValidationError):
        change_tags("contact", [ann.pk], on=[tag.pk])
    with pytest.raises(ValidationError):
        set_values("contact", {ann.pk: {field.pk: "x"}})
    change_tags("deal", [sold.pk], on=[tag.pk])
    assert Deal.objects.filter(tag_links__tag=tag).exists()
    assert not Contact.objects.filter(tag_links__tag=tag).exists()
