"""Two databases that differ only in records which a user may not see, and a script of requests played on both.

Records have fixed numbers, hidden ones between visible ones, so that no answer has to be forgiven a number of a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactCollaborator, ContactDetail
from crm.accounts.models import User
from crm.actor import acting_as
from crm.bulk.models import BulkRow, BulkRun
from crm.bulk.pages import pages_of
from crm.lists.kinds import Operator
from crm.lists.models import SmartList
from crm.lists.registry import Context, Field, registry_of
from deals.models import Deal, DealCollaborator, DealContact
from deals.services import merge_contacts
from settings.categories import Category, FieldType
from settings.models import CustomField, Option, Tag
from settings.services import change_tags, set_values
from tests.access.canaries import text_of
from tests.access.worlds import member, team, with_set
from tests.deals.factories import default_stages

RECORDS = ("contact", "deal")
# Visible records have odd numbers, hidden ones the even ones between. The last one is visible: what is made
# afterwards gets the same numbers on both sides.
FIRST, LAST = 10_001, 10_999
FIELDS = (FieldType.TEXT, FieldType.NUMBER, FieldType.DATE, FieldType.CHOICE, FieldType.CONTACT)


@dataclass
class Stage:
    """What both databases have."""

    users: dict[str, User] = field(default_factory=dict)
    fields: dict[tuple[str, str], CustomField] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    people: list[Contact] = field(default_factory=list)
    firms: list[Contact] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)


def build() -> Stage:
    stage = Stage()
    stage.users = {
        "own": member("own", contacts=1, customers=1, deals=1),
        "team": member("team", contacts=2, customers=2, deals=2),
        "limited": with_set("limited", "customers"),
        "colleague": member("colleague"),
        "stranger": member("stranger"),
    }
    User.objects.filter(username="limited").update(may_export=True, may_delete_many=True)
    team("North", stage.users["team"], stage.users["colleague"])
    default_stages()
    for category in (Category.CONTACTS, Category.DEALS):
        stage.tags[category] = Tag.objects.create(name=f"Tag of {category}", category=category)
        for kind in FIELDS:
            made = CustomField.objects.create(
                name=f"{category} {kind}", type=kind, category=category, position=len(stage.fields)
            )
            stage.fields[category, kind] = made
            for place, name in enumerate(("Small", "Large") if kind == FieldType.CHOICE else ()):
                Option.objects.create(field=made, name=name, position=place)
    with acting_as(stage.users["colleague"]):
        _visible(stage)
    return stage


def _shared(stage: Stage, record: Contact | Deal) -> None:
    names = ("own", "limited")
    for name in names:
        user = stage.users[name]
        if isinstance(record, Contact):
            ContactCollaborator.objects.create(contact=record, user=user)
        else:
            DealCollaborator.objects.create(deal=record, user=user)


def _visible(stage: Stage) -> None:
    owner = stage.users["colleague"]
    # The highest number first, so that what is made while hidden ones are added is the same on both sides.
    last = Contact.objects.create(id=LAST, last_name="Zuletzt", owner=owner)
    _shared(stage, last)
    number = FIRST
    for place, name in enumerate(("Alder Works", "Birch & Sons", "Cedar")):
        number += 2
        firm = Contact.objects.create(
            id=number, is_organization=True, name=name, owner=owner, city=["Ulm", "Bonn", ""][place],
            email=f"office@{name.split()[0].lower()}.example",
            parent_company=stage.firms[0] if place == 1 else None,
        )  # fmt: skip
        stage.firms.append(firm)
    for place in range(27):
        number += 2
        person = Contact.objects.create(
            id=number, first_name=["Anna", "Berta", "Carl"][place % 3], last_name=f"Miller {place:02}",
            owner=owner, company=stage.firms[place % 3] if place % 4 else None,
            city=["Ulm", "Bonn", "Köln", ""][place % 4], email=f"miller{place}@mail.example",
            phone=f"0731 55{place:04}", description="Met at the fair" if place % 5 == 0 else "",
        )  # fmt: skip
        stage.people.append(person)
        if place % 6 == 0:
            ContactDetail.objects.create(
                contact=person, kind="email", label="home", value=f"home{place}@mail.example"
            )
    for one in (*stage.firms, *stage.people):
        _shared(stage, one)
    _values(
        stage, "contact", Category.CONTACTS, [one.pk for one in stage.people[:6]], stage.firms[0]
    )
    for place, category in enumerate(
        ("incoming", "in_progress", "won", "lost", "unqualified", "won")
    ):
        number += 2
        made = Deal.objects.create(
            id=number, name=f"Order {place}", primary_contact=stage.people[place * 2], owner=owner,
            stage=default_stages()[category], value=Decimal(100 * place), currency="EUR", hot=place == 1,
            estimated_close_date=date(2026, 3, 1 + place),
        )  # fmt: skip
        DealContact.objects.create(deal=made, contact=stage.people[place * 2 + 1], role="buyer")
        stage.deals.append(made)
        _shared(stage, made)
    _values(stage, "deal", Category.DEALS, [one.pk for one in stage.deals[:3]], stage.firms[1])


def _values(
    stage: Stage, record: str, category: Category, ids: list[int], points_at: Contact
) -> None:
    by_kind: dict[str, Any] = {
        FieldType.TEXT: "violet", FieldType.NUMBER: Decimal(7), FieldType.DATE: date(2026, 5, 4),
        FieldType.CHOICE: Option.objects.get(field=stage.fields[category, FieldType.CHOICE], name="Small").pk,
        FieldType.CONTACT: points_at.pk,
    }  # fmt: skip
    values = {stage.fields[category, kind].pk: value for kind, value in by_kind.items()}
    set_values(record, dict.fromkeys(ids, values))
    change_tags(record, ids, on=[stage.tags[category].pk])


# -- what one of them has besides

# A hidden record has these words, numbers and values; each is asked for by the script.
HIDDEN_WORDS = ("Quillon", "annas", "miler", "Zander Group", "secretville")
HIDDEN_PERSON, HIDDEN_FIRM, HIDDEN_DEAL, HIDDEN_STAR = 10_004, 10_006, 10_080, 10_008


def hide(stage: Stage, *, deals: bool = True) -> None:
    """Add records that the users of the script may not see, and that count for nobody whom they see.

    Without ``deals`` nobody is a prospect or customer, whom ``limited`` would see.
    """
    owner = stage.users["stranger"]
    with acting_as(owner):
        firm = Contact.objects.create(
            id=HIDDEN_FIRM, is_organization=True, name="Zander Group", owner=owner, city="Secretville",
            email="office@zander.example", phone="0731 550000",
        )  # fmt: skip
        first = Contact.objects.create(
            id=HIDDEN_PERSON, first_name="Annas", last_name="Miller 00", owner=owner, company=firm,
            email="miller0@mail.example", phone="0731 550000", city="Ulm", description="Quillon",
        )  # fmt: skip
        star = Contact.objects.create(id=HIDDEN_STAR, last_name="Miler", owner=owner, company=firm)
        more = [
            Contact.objects.create(
                id=number,
                first_name="Anna",
                last_name=f"Quillon {number}",
                owner=owner,
                city="Bonn",
                company=firm if number % 4 else None,
                email=f"quillon{number}@mail.example",
            )
            for number in range(10_010, 10_070, 2)
        ]
        ids = [first.pk, star.pk, *(one.pk for one in more[:5])]
        _values(stage, "contact", Category.CONTACTS, ids, firm)
        ContactDetail.objects.create(
            contact=first, kind="email", label="x", value="x@quillon.example"
        )
        if deals:
            _hidden_deals(stage, star, more[0])
        merge_contacts(more[1], more[2])
        more[3].delete()
        _hidden_things(owner, firm)


def _hidden_deals(stage: Stage, star: Contact, also: Contact) -> None:
    found = []
    for place, category in enumerate(("won", "lost", "in_progress", "unqualified")):
        made = Deal.objects.create(
            id=HIDDEN_DEAL + 2 * place, name=f"Quillon order {place}", primary_contact=star,
            stage=default_stages()[category], owner=stage.users["stranger"], value=Decimal(4711),
            currency="EUR", hot=True, estimated_close_date=date(2026, 3, 2),
        )  # fmt: skip
        DealContact.objects.create(deal=made, contact=also, role="buyer")
        found.append(made)
    _values(stage, "deal", Category.DEALS, [one.pk for one in found], star)
    found[-1].delete()


def _hidden_things(owner: User, firm: Contact) -> None:
    for record in RECORDS:
        SmartList.objects.create(
            record=record, name="Quillons", slug="quillons", owner=owner,
            conditions=[[{"field": "owner", "values": ["me"]}]],
        )  # fmt: skip
    run = BulkRun.objects.create(
        action="contact.export", record="contact", user=owner, params={"names": {}}, total=1,
        sentence="Quillon", token="of the stranger", state=BulkRun.State.DONE, file_name="q.csv",
    )  # fmt: skip
    run.file.save("q.csv", ContentFile(b"Quillon"))
    BulkRow.objects.create(run=run, position=0, record_id=firm.pk)


def point_at_hidden(stage: Stage) -> None:
    """Let visible records lead to hidden ones, as lists may not tell; nothing else of them is changed.

    Of people without a deal: those of others would make a prospect of their company.
    """
    for one in stage.people[2 * len(stage.deals) :]:
        if one.company_id is None:
            Contact.objects.filter(pk=one.pk).update(company=HIDDEN_FIRM)
    Contact.objects.filter(pk=stage.firms[2].pk).update(parent_company=HIDDEN_FIRM)


def hide_a_deal_that_counts(stage: Stage) -> Contact:
    """A won deal that the users of the script may not see, with a visible person as its star; returns the person."""
    star = next(one for one in reversed(stage.people) if one.company_id is None)
    with acting_as(stage.users["stranger"]):
        Deal.objects.create(
            id=HIDDEN_DEAL, name="Quillon order", primary_contact=star, value=Decimal(4711),
            stage=default_stages()["won"], owner=stage.users["stranger"], currency="EUR",
        )  # fmt: skip
    return star


# -- the script


class Step(NamedTuple):
    kind: str
    path: str
    data: dict[str, Any] | None = None
    htmx: str = ""

    def __str__(self) -> str:
        sent = f" {urlencode(self.data, doseq=True)}" if self.data is not None else ""
        return f"{self.kind}: {'POST' if sent else 'GET'} {self.path}{sent}"


def script(stage: Stage, user: User) -> list[Step]:
    """Some hundred requests, the same for both databases, made of what there is without hidden records."""
    found: list[Step] = []
    for record in RECORDS:
        found += _of_filters(stage, record, user)
        found += _of_columns(record)
        found += _of_searches(record)
        found += _of_actions(stage, record)
        found += _of_exports(stage, record)
    return found + list(_of_records(stage)) + list(_of_pages())


def _of_filters(stage: Stage, record: str, user: User) -> Iterator[Step]:
    registry, context = registry_of(record), Context.of(user)
    path = reverse(registry.list_view)
    for one in registry.filters():
        for operator in one.kind.operators:
            values = _values_for(stage, one, operator, context)
            for value in values:
                yield Step("filter", f"{path}?{urlencode({f'{one.name}.{operator.name}': value})}")
            refused = {f"not.{one.name}.{operator.name}": values[0]}
            yield Step("count", f"{path}?{urlencode(refused)}", htmx="count")
            if operator.widget == "record":
                asked = f"{path}?set=0.0&field={one.name}&op={operator.name}&find=zan"
                yield Step("find", asked, htmx="found")


def _values_for(stage: Stage, one: Field, operator: Operator, context: Context) -> list[str]:
    """Values that a visible record has, and values that only a hidden one has."""
    choices = [value for value, _words in one.kind.choices(one, context)]
    code = choices[0] if choices else ""
    return {
        "yes": ["yes"],
        "text": ["miller", "quillon"],
        "record": [str(stage.firms[0].pk), str(HIDDEN_FIRM)],
        "choices": list(dict.fromkeys([*choices[:2], *choices[-1:]])) or ["none"],
        "number": ["1", "4711"],
        "amount": ["100 EUR", "4711 EUR"],
        "period": ["last-30-days"],
        "span": ["1-days"],
        "history": [f"{code}@last-30-days" if operator.name == "became" else f"{code}@today"],
    }[operator.widget]


def _of_columns(record: str) -> Iterator[Step]:
    registry = registry_of(record)
    path = reverse(registry.list_view)
    for place, one in enumerate(registry.columns()):
        sign = "-" if place % 2 else ""
        asked = {"columns": one.name, "sort": f"{sign}{one.name}", "per_page": "25"}
        yield Step("sort", f"{path}?{urlencode(asked)}")
    for page in (2, 3, 9):
        yield Step("page", f"{path}?page={page}&per_page=25")


SEARCHES = (
    "miller", "Miller 00", "anna", "anna miller", "cedar", "order", "0731 55", "miller0@mail.example",
    *HIDDEN_WORDS,
    # With one letter wrong: near to what is visible, and near to what only hidden ones are called.
    "millar", "qillon", "Zanderr", "secretvile", "Mile",
    # Parted otherwise than any visible name: found only once a word of it is taken for mistyped.
    "annaa-miller", "miller-anna", "berta-anna", "anna.works",
)  # fmt: skip


def _of_searches(record: str) -> Iterator[Step]:
    path, options = reverse(f"{record}s:list"), reverse(f"{record}s:options")
    for text in SEARCHES:
        yield Step("search", f"{path}?{urlencode({'q': text})}")
        yield Step("options", f"{options}?{urlencode({'q': text})}")
        yield Step("why", f"{path}?{urlencode({'why': '', 'find': text})}", htmx="why-found")
    for more in (
        "kind=company",
        "kind=person",
        "act=edit",
        "kind=company&act=edit",
        "q=z&kind=company",
    ):
        yield Step("options", f"{options}?{more}")
    for ready in registry_of(record).ready:
        yield Step("list", reverse(registry_of(record).list_view, args=[ready.slug]))
    yield Step("list", reverse(registry_of(record).list_view, args=["quillons"]))


def _of_actions(stage: Stage, record: str) -> Iterator[Step]:
    path = reverse(f"{record}s:act")
    hidden = [HIDDEN_PERSON, HIDDEN_FIRM] if record == "contact" else [HIDDEN_DEAL]
    shown = (stage.people if record == "contact" else stage.deals)[0].pk
    for page in pages_of(record):
        yield Step("act", path, {"action": page.key, "scope": "rows", "row": [shown, *hidden]})
        yield Step("act", path, {"action": page.key, "scope": "rows", "row": hidden})


def _of_exports(stage: Stage, record: str) -> Iterator[Step]:
    path, shown = reverse(f"{record}s:export"), stage.people if record == "contact" else stage.deals
    for form in ("csv", "json"):
        sent = {"scope": "all", "count": "99", "format": form, "columns": "complete"}
        yield Step("export", path, sent)
    rows = [shown[0].pk, HIDDEN_PERSON, HIDDEN_DEAL]
    yield Step(
        "export", path, {"scope": "rows", "row": rows, "format": "csv", "columns": "complete"}
    )
    if record == "contact":
        yield Step("export", reverse("contacts:addresses"), {"scope": "all", "count": "99"})


def _of_records(stage: Stage) -> Iterator[Step]:
    contacts = [
        stage.firms[0].pk,
        stage.people[0].pk,
        stage.people[2].pk,
        HIDDEN_PERSON,
        HIDDEN_FIRM,
    ]
    for pk in contacts:
        yield Step("why", f"{reverse('contacts:list')}?why={pk}", htmx="why")
        explanation = reverse("contacts:explanation", args=[pk])
        yield Step("card", explanation, None, "explanation")
        for page in ("card", "edit", "merge", "delete"):
            yield Step("card", reverse(f"contacts:{page}", args=[pk]))
        yield Step("card", f"{reverse('deals:new')}?contact={pk}")
        yield Step("card", reverse("contacts:merge_pair", args=[stage.people[1].pk, pk]))
    for pk in (*(one.pk for one in stage.deals[:3]), HIDDEN_DEAL):
        yield Step("why", f"{reverse('deals:list')}?why={pk}", htmx="why")
        for page in ("card", "edit", "delete", "star", "link_add"):
            yield Step("card", reverse(f"deals:{page}", args=[pk]))
        yield Step(
            "card", f"{reverse('deals:star', args=[stage.deals[0].pk])}?contact={HIDDEN_STAR}"
        )
    for kind, sent in (
        ("person", {"last_name": "Quillon 10010", "first_name": "Anna"}),
        ("person", {"email": "quillon10012@mail.example", "last_name": "x"}),
        ("person", {"phone": "0731 550000", "last_name": "x"}),
        ("person", {"email": "miller0@mail.example", "last_name": "x"}),
        ("company", {"name": "Zander Group"}),
    ):
        yield Step("hints", reverse("contacts:duplicate_hints", args=[kind]), sent)


def _of_pages() -> Iterator[Step]:
    for record in RECORDS:
        for page in ("tabs", "counts", "menu", "columns"):
            yield Step("frame", reverse(f"lists:{page}", args=[record]))
    for name in (
        "home",
        "bulk:runs",
        "bulk:indicator",
        "emails:mailings",
        "emails:indicator",
        "deals:quiet",
        "deals:trash",
        "preferences",
    ):
        yield Step("page", reverse(name))


# -- playing it

MASKS = [
    (re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]+'), r"\1-"),
    (re.compile(r'(X-CSRFToken(?:&quot;|"): ?(?:&quot;|"))[^"&]+'), r"\1-"),
    (re.compile(r'(name="token" value=")[^"]+'), r"\1-"),
    (re.compile(r"(X-Request-ID: )\S+"), r"\1-"),
    (re.compile(r"(Content-Length: )\d+"), r"\1-"),
    # Runs count up over everybody's.
    (re.compile(r"/runs/\d+/"), "/runs/-/"),
    (re.compile(r"\d?\d:\d\d(:\d\d(\.\d+)?)?( [ap]\.m\.)?"), "-:-"),
]  # fmt: skip


def play(steps: Sequence[Step], user: User) -> list[tuple[int, str]]:
    """The status and the text of each answer, redirections followed, without what differs from one time to the next."""
    client = Client(raise_request_exception=False)
    client.force_login(user)
    found = []
    for step in steps:
        headers: Any = {"HX-Request": "true", "HX-Target": step.htmx} if step.htmx else {}
        if step.data is None:
            answer = client.get(step.path, headers=headers)
        else:
            answer = client.post(step.path, step.data, follow=True)
        text = text_of(answer)
        for pattern, instead in MASKS:
            text = pattern.sub(instead, text)
        found.append((answer.status_code, text))
    return found


def told_apart(
    steps: Sequence[Step], one: Sequence[tuple[int, str]], other: Sequence[tuple[int, str]]
) -> list[str]:
    """By which steps the two are told apart, and where their answers first differ."""
    return [
        f"{step}\n    {_first_difference(first, second)}"
        for step, first, second in zip(steps, one, other, strict=True)
        if first != second
    ]


def _first_difference(one: tuple[int, str], other: tuple[int, str]) -> str:
    if one[0] != other[0]:
        return f"{one[0]} / {other[0]}"
    pairs = zip(one[1].splitlines(), other[1].splitlines(), strict=False)
    return next((f"{a.strip()!r} / {b.strip()!r}" for a, b in pairs if a != b), "its length")
