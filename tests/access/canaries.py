"""Hidden records with a word of their own in every field, and a reader who goes wherever a user can get."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.core.files.base import ContentFile
from django.test import Client
from django.urls import Resolver404, resolve

from contacts.models import Contact, ContactCollaborator, ContactDetail
from crm.accounts.models import User
from crm.actor import acting_as
from crm.bulk.models import BulkRow, BulkRun
from crm.lists.models import SmartList
from deals.models import Deal, DealCollaborator, DealContact
from settings.categories import Category, FieldType
from settings.models import CustomField, Option
from settings.services import set_values
from tests.access.worlds import member, team, with_set
from tests.deals.factories import company, deal, person

# The beginning of every canary. What is typed to find one is shorter, so that a page may repeat it.
WORD, TYPED = "kanarzq", "kanarz"
PHONE, TYPED_PHONE = "5550194", "555019"
AMOUNT, YEAR = Decimal("7654321.98"), 1987
# Texts that would be one of these numbers, however it is written.
NUMBERS = (PHONE, "7654321", "7,654,321", str(YEAR))
FOUND = re.compile(rf"{WORD}[a-z0-9]*|" + "|".join(map(re.escape, NUMBERS)), re.IGNORECASE)

TEXTS = ("title", "street", "postal_code", "city", "state", "country", "description", "industry")


@dataclass
class Nest:
    """Who may see what: tokens of records by record, and the records that each user may see."""

    users: dict[str, User] = field(default_factory=dict)
    hidden: dict[str, Any] = field(default_factory=dict)
    visible: dict[str, Any] = field(default_factory=dict)

    def ids(self, model: type[Any]) -> list[int]:
        return [one.pk for one in self.hidden.values() if isinstance(one, model)]


def build() -> Nest:
    nest = Nest()
    nest.users = {
        "nobody": member("nobody", contacts=0, customers=0, deals=0),
        "own": member("own", contacts=1, customers=1, deals=1),
        "team": member("team", contacts=2, customers=2, deals=2),
        "limited": with_set("limited", "customers"),
        "stranger": member("stranger"),
        "colleague": member("colleague"),
    }
    User.objects.filter(username="limited").update(may_export=True, may_delete_many=True)
    nest.users["limited"].refresh_from_db()
    team("North", nest.users["team"], nest.users["colleague"])
    with acting_as(nest.users["stranger"]):
        _fields(nest)
        _hidden_contacts(nest)
        _visible(nest)
        _hidden_deals(nest)
        _pasts(nest)
        _kept_things(nest)
    return nest


def _fields(nest: Nest) -> None:
    for category in (Category.CONTACTS, Category.DEALS):
        for kind in (FieldType.TEXT, FieldType.LONG_TEXT, FieldType.CONTACT, FieldType.CHOICE):
            made = CustomField.objects.create(
                name=f"{category} {kind}", type=kind, category=category, position=len(nest.hidden)
            )
            nest.visible[f"{category} {kind}"] = made
            if kind == FieldType.CHOICE:
                Option.objects.create(field=made, name="Yes", position=0)


def _hide(nest: Nest, code: str, **more: Any) -> Contact:
    """A contact of the stranger's with a canary in every field."""
    is_company = more.pop("is_organization", False)
    lengths = {name: Contact._meta.get_field(name).max_length for name in TEXTS}
    texts = {name: f"{WORD}{code}{name.replace('_', '')}"[: lengths[name]] for name in TEXTS}
    names: dict[str, str] = (
        {"name": f"{WORD}{code}name"}
        if is_company
        else {"first_name": f"{WORD}{code}first", "last_name": f"{WORD}{code}last"}
    )
    number = f"{PHONE}{len(nest.hidden):03}"
    found = Contact.objects.create(
        is_organization=is_company, owner=nest.users["stranger"], email=f"{WORD}{code}@mail.example",
        phone=number, mobile=number[::-1] + PHONE, website=f"https://{WORD}{code}.example/",
        **names, **texts, **more,
    )  # fmt: skip
    for kind in ContactDetail.Kind.values:
        ContactDetail.objects.create(
            contact=found, kind=kind, label=f"{WORD}{code}label", value=f"{WORD}{code}{kind}"
        )
    for kind in (FieldType.TEXT, FieldType.LONG_TEXT):
        made = nest.visible[f"{Category.CONTACTS} {kind}"]
        set_values("contact", {found.pk: {made.pk: f"{WORD}{code}{kind.value}"}})
    nest.hidden[code] = found
    return found


def _hidden_contacts(nest: Nest) -> None:
    firm = _hide(nest, "firm", is_organization=True)
    _hide(nest, "worker", company=firm)
    _hide(nest, "top", is_organization=True)
    _hide(nest, "pointed")
    _hide(nest, "former")
    # Twins of visible contacts, by name, number and address, for hints at duplicates.
    twin = _hide(nest, "twin")
    Contact.objects.filter(pk=twin.pk).update(email="vera@visible.example", phone="040 12345678")


def _show(nest: Nest, code: str, **more: Any) -> Contact:
    """A contact that all but nobody see."""
    make = company if more.pop("is_organization", False) else person
    owner = nest.users["colleague"]
    found: Contact = make(f"Visible {code}", owner=owner, **more)
    for name in ("own", "limited"):
        ContactCollaborator.objects.create(contact=found, user=nest.users[name])
    nest.visible[code] = found
    return found


def _visible(nest: Nest) -> None:
    hidden = nest.hidden
    _show(nest, "worker of hidden", company=hidden["firm"], email="vera@visible.example")
    branch = _show(nest, "branch", is_organization=True, parent_company=hidden["top"])
    _show(nest, "colleague", company=branch, phone="040 12345678")
    points = _show(nest, "pointing")
    by_record = nest.visible[f"{Category.CONTACTS} {FieldType.CONTACT}"]
    # It pointed elsewhere before, which its history tells.
    for code in ("former", "pointed"):
        set_values("contact", {points.pk: {by_record.pk: hidden[code].pk}})
    # Employees whom one may not see, of a company that one may see.
    _hide(nest, "employee", company=branch)
    _hide(nest, "daughter", is_organization=True, parent_company=branch)


def _hide_deal(nest: Nest, code: str, star: Contact, category: str, **more: Any) -> Deal:
    found = deal(
        star, category, name=f"{WORD}{code}deal", owner=nest.users["stranger"], value=AMOUNT,
        currency="XAF", estimated_close_date=date(YEAR, 6, 5), **more,
    )  # fmt: skip
    for kind in (FieldType.TEXT, FieldType.LONG_TEXT):
        made = nest.visible[f"{Category.DEALS} {kind}"]
        set_values("deal", {found.pk: {made.pk: f"{WORD}{code}{kind.value}"}})
    nest.hidden[code] = found
    return found


def _hidden_deals(nest: Nest) -> None:
    visible, hidden = nest.visible, nest.hidden
    _hide_deal(nest, "active", visible["worker of hidden"], "in_progress")
    _hide_deal(nest, "won", visible["colleague"], "won")
    _hide_deal(nest, "lost", visible["pointing"], "lost")
    also = _hide_deal(nest, "also", visible["branch"], "incoming")
    DealContact.objects.create(deal=also, contact=visible["pointing"], role=f"{WORD}role")
    # And visible ones with hidden people on them.
    star = _hide(nest, "star")
    _show_deal(nest, "with a hidden star", star)
    shown = _show_deal(nest, "with hidden people", visible["worker of hidden"])
    for code in ("first", "second"):
        one = _hide(nest, code)
        DealContact.objects.create(deal=shown, contact=one, role=f"{WORD}{code}role")
    by_record = visible[f"{Category.DEALS} {FieldType.CONTACT}"]
    for code in ("former", "pointed"):
        set_values("deal", {shown.pk: {by_record.pk: hidden[code].pk}})


def _show_deal(nest: Nest, code: str, star: Contact) -> Deal:
    found = deal(star, "in_progress", name=f"Deal {code}", owner=nest.users["colleague"], value=50)
    for name in ("own", "limited"):
        DealCollaborator.objects.create(deal=found, user=nest.users[name])
    nest.visible[code] = found
    return found


def _pasts(nest: Nest) -> None:
    """What was: deleted deals and contacts that left their names in the history of others."""
    gone = _hide_deal(nest, "deleted", nest.visible["branch"], "won")
    gone.delete()
    del nest.hidden["deleted"]
    contact = _hide(nest, "trashed")
    contact.delete()
    del nest.hidden["trashed"]


def _kept_things(nest: Nest) -> None:
    stranger = nest.users["stranger"]
    conditions = [[{"field": "city", "values": [f"{WORD}listvalue"]}]]
    for record in ("contact", "deal"):
        SmartList.objects.create(
            record=record, name=f"{WORD}list {record}", slug=f"{WORD}-{record}", owner=stranger,
            conditions=conditions, text=f"{WORD}listtext",
        )  # fmt: skip
    # A list for everybody that names a hidden contact and a hidden deal's company.
    nest.visible["list"] = SmartList.objects.create(
        record="contact", name="Shared", slug="shared", owner=stranger, shared=True,
        conditions=[[{"field": "company", "values": [str(nest.hidden["firm"].pk)]}]],
    )  # fmt: skip
    for state in (BulkRun.State.DONE, BulkRun.State.PAUSED):
        run = BulkRun.objects.create(
            action="contact.set", record="contact", user=stranger, state=state, total=1,
            params={"field": "city", "value": f"{WORD}runvalue", "names": {"field": f"{WORD}runname"}},
            sentence=f"{WORD}runsentence", token=f"canary {state}", file_name=f"{WORD}file.csv",
        )  # fmt: skip
        run.file.save(f"{WORD}file.csv", ContentFile(f"{WORD}filecontent".encode()))
        BulkRow.objects.create(run=run, position=0, record_id=nest.hidden["firm"].pk)
        nest.hidden[f"run {state}"] = run


# -- reading


def text_of(answer: Any) -> str:
    """All that an answer says: its page, its files unpacked, its headers."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"\n".join(packed.read(name) for name in packed.namelist())
    headers = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
    return content.decode("utf-8", "replace") + headers


def canaries_in(answer: Any) -> set[str]:
    return {found.lower() for found in FOUND.findall(text_of(answer))}


LINK = re.compile(r'\s(?:href|hx-get|action|data-[a-z-]*url)="([^"#]*)')
# Of addresses that differ in nothing but these values one is read.
TOLD_APART_BY = (
    "add",
    "edit",
    "sort",
    "set",
    "show",
    "act",
    "stage",
    "list",
    "kind",
    "then",
    "choose",
)
LEAVES = ("logout", "account_logout")


class Reader:
    """Follows links and what htmx would ask for, each kind of address once; notes what sings."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen: set[Any] = set()
        self.songs: dict[str, set[str]] = {}
        self.broken: dict[str, int] = {}

    def read(self, url: str, *, headers: Any = None) -> Any:
        answer = self.client.get(url, headers=headers or {})
        self.listen(url, answer)
        return answer

    def post(self, url: str, data: Any, **more: Any) -> Any:
        answer: Any = self.client.post(url, data, **more)
        self.listen(f"POST {url} {urlencode(data, doseq=True)[:200]}", answer)
        for _step in range(3):
            if answer.status_code not in (301, 302) or not answer.url.startswith("/"):
                break
            answer = self.read(answer.url)
        return answer

    def listen(self, where: str, answer: Any) -> None:
        if answer.status_code >= 500:
            self.broken[where] = answer.status_code
        if songs := canaries_in(answer):
            self.songs.setdefault(where, set()).update(songs)

    def crawl(self, start: str = "/", at_most: int = 100) -> int:
        """Returns how many pages were read."""
        waiting, read = [start], 0
        while waiting and read < at_most:
            url = waiting.pop(0)
            kind = self._kind(url)
            if kind is None or kind in self.seen:
                continue
            self.seen.add(kind)
            answer = self.read(url)
            read += 1
            waiting += list(self._links(url, answer))
        return read

    def _links(self, url: str, answer: Any) -> Iterator[str]:
        if answer.status_code in (301, 302):
            yield urljoin(url, answer.url)
            return
        if not answer.headers.get("Content-Type", "").startswith("text/html") or answer.streaming:
            return
        for link in LINK.findall(answer.content.decode()):
            yield urljoin(url, html.unescape(link))

    def _kind(self, url: str) -> Any:
        parts = urlsplit(url)
        if parts.netloc not in ("", "testserver") or parts.path.startswith(("/static/", "/admin")):
            return None
        try:
            match = resolve(parts.path)
        except Resolver404:
            return None
        if match.view_name in LEAVES:
            return None
        asked = parse_qsl(parts.query, keep_blank_values=True)
        told = tuple((key, value) for key, value in asked if key in TOLD_APART_BY)
        return match.view_name, str(match.kwargs), frozenset(key for key, _value in asked), told
