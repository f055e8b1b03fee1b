"""What lists of contacts can be filtered by, show, sort by and take along; and the lists that are always there.

What deals add to it stands in ``deals.contact_listing``: contacts know nothing of deals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import Exists, Expression, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import NullIf
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from contacts.duplicates import has_possible_duplicate
from contacts.hidden import sees_all_contacts
from contacts.impossible import never_together
from contacts.keys import digits, fold, folded_text
from contacts.models import Contact
from contacts.models.labels import HOLDER, called, names_of_contacts
from contacts.status_fields import SECTION as STATUSES
from contacts.status_fields import status_fields
from contacts.statuses import CustomerStatus, ProspectStatus, StatusKind
from crm.lists import cells
from crm.lists.conditions import Chip, Conditions
from crm.lists.kinds import Choice, Moment, Number, Person, YesNo
from crm.lists.owners import people
from crm.lists.record_kinds import Record, Text
from crm.lists.registry import Condition, Context, Field, ReadyList, Registry, register
from crm.lists.through import Through
from settings.listing import list_fields

CONTACT, COMPANY, RECORD = _("Contact"), _("Company"), _("Record")
DEALS = _("Deals that count")
KINDS = [("person", _("Person")), ("company", _("Company"))]


def languages(context: Context) -> list[tuple[str, str]]:
    return list(settings.LANGUAGES)


def kinds(context: Context) -> list[tuple[str, str]]:
    return [(code, str(label)) for code, label in KINDS]


def companies_called(text: str, user: Any) -> Sequence[tuple[int, str, str]]:
    return called(Contact.objects.visible_to(user).companies(), text)


def folded(field: Field) -> Expression:
    """The folded text of a field of a contact, or of one of its company."""
    prefix, _dots, name = field.path.rpartition("__")
    expression: Expression = folded_text(name, f"{prefix}__" if prefix else "")
    return expression


TEXT = Text(folded, fold)
# Numbers are compared by their digits, however they are written.
PHONE = Text(folded, digits)
COMPANY_KIND = Record(names_of_contacts, find=companies_called)


def seen_contacts(user: Any) -> QuerySet | None:
    """Those that ``user`` may see; None where that is all of them."""
    return None if sees_all_contacts(user) else Contact.objects.visible_to(user)


def through(path: str) -> Through:
    """The contact that the path of a field leads to first, or leads through."""
    return Through(path.partition("__")[0], seen_contacts)


def _text(name: str, label: Any, section: Any = CONTACT, path: str = "", **more: Any) -> Field:
    path = path or name
    own = "__" not in path
    described = Field(name=name, label=label, kind=TEXT, section=section, path=path)
    options: dict[str, Any] = {
        "kind": TEXT,
        "cell": cells.text(path),
        "needs": [path],
        "order": [NullIf(folded(described), Value("", TextField()))],
        "nullable": True,
        "editable": name if own else "",
        "through": None if own else through(path),
        **more,
    }
    return Field(name=name, label=label, section=section, path=path, **options)


def _is_company(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    wanted = {value == "company" for value in values}
    return Q(is_organization__in=wanted)


def _duplicates(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    found = has_possible_duplicate(context.user)
    return found if values[0] else ~found


def _disagree(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    """Companies with an employee of another status, and these employees."""
    visible = Contact.objects.visible_to(context.user)
    same = {
        "prospect_status": OuterRef("prospect_status"),
        "customer_status": OuterRef("customer_status"),
    }
    employees = visible.filter(company=OuterRef("pk")).exclude(**same)
    employer = visible.filter(pk=OuterRef("company")).exclude(**same)
    found = Q(Exists(employees)) | Q(Exists(employer))
    return found if values[0] else ~found


def _company_status(kind: StatusKind, statuses: Any, label: Any) -> Field:
    path = f"company__{kind.value}_status"
    return Field(
        name=f"company_{kind.value}_status",
        label=label,
        kind=Choice(lambda context: [(one.value, str(one.label)) for one in statuses]),
        section=COMPANY,
        path=path,
        through=through(path),
        cell=cells.status(path, kind.value, {one.value: one.label for one in statuses}),
        needs=[path],
        order=[path],
        nullable=True,
    )


def _number(name: str, label: Any) -> Field:
    return Field(
        name=name, label=label, kind=Number(), section=DEALS, path=name,
        cell=cells.number(name), needs=[name], order=[name], descends=True, css="num amount",
    )  # fmt: skip


def _moment(name: str, label: Any, path: str, section: Any, *, nullable: bool = False) -> Field:
    return Field(
        name=name, label=label, kind=Moment(nullable=nullable), section=section, path=path,
        cell=cells.moment(path), needs=[path], order=[path], nullable=nullable, descends=True,
        css="num",
    )  # fmt: skip


def _own_fields() -> list[Field]:
    return [
        _text(
            "name",
            _("Name"),
            needs=["name"],
            order=["sort_key"],
            nullable=False,
            editable="",
            css="",
        ),
        Field(
            name="kind",
            label=pgettext_lazy("contact", "Kind"),
            kind=Choice(kinds),
            section=CONTACT,
            where=_is_company,
            path="is_organization",
            cell=cells.choice("is_organization", _kind_labels),
            needs=["is_organization"],
            order=["is_organization"],
            convert=lambda context: _kind_code,
        ),
        _text("first_name", _("First name"), editable="first_name"),
        _text("last_name", _("Last name"), editable="last_name"),
        _text("title", _("Job title")),
        _text("email", _("E-mail"), cell=cells.mail("email")),
        _text("phone", _("Phone"), css="num", kind=PHONE),
        _text("mobile", _("Mobile"), css="num", kind=PHONE),
        _text("website", _("Website")),
        Field(
            name="language",
            label=_("Language"),
            kind=Choice(languages),
            section=CONTACT,
            path="language",
            cell=cells.choice("language", lambda context: dict(settings.LANGUAGES)),
            needs=["language"],
            order=["language"],
        ),
        _text("street", _("Street")),
        _text("postal_code", _("Postal code"), css="num"),
        _text("city", _("City")),
        _text("state", _("State or region")),
        _text("country", _("Country")),
        _text("industry", _("Industry")),
        _text("description", _("Description"), order=()),
        _disagreement(),
        Field(
            name="duplicate",
            label=_("Possible duplicate"),
            kind=YesNo(),
            section=CONTACT,
            where=_duplicates,
        ),
    ]


def _disagreement() -> Field:
    return Field(
        name="disagree",
        label=_("Company and people disagree"),
        kind=YesNo(),
        section=STATUSES,
        where=_disagree,
    )


def _kind_labels(context: Context) -> dict[bool, Any]:
    return {False: KINDS[0][1], True: KINDS[1][1]}


def _kind_code(is_organization: bool) -> str:
    return "company" if is_organization else "person"


def _company_fields() -> list[Field]:
    return [
        Field(
            name="company", label=_("Company"), kind=COMPANY_KIND, section=COMPANY,
            path="company", through=through("company"),
            cell=cells.record("company", "contacts:card"),
            needs=["company__name"], order=["company__sort_key"], nullable=True,
            source="company__name", css="below", editable="company",
        ),
        _company_status(StatusKind.PROSPECT, ProspectStatus, _("Company’s prospect status")),
        _company_status(StatusKind.CUSTOMER, CustomerStatus, _("Company’s customer status")),
        _text("company_name", _("Company’s name"), COMPANY, "company__name", cell=None),
        _text("company_industry", _("Company’s industry"), COMPANY, "company__industry"),
        _text("company_city", _("Company’s city"), COMPANY, "company__city"),
        _text("company_country", _("Company’s country"), COMPANY, "company__country"),
        _text("company_phone", _("Company’s phone"), COMPANY, "company__phone", kind=PHONE),
        Field(
            name="company_owner", label=_("Company’s owner"), kind=Person(people),
            section=COMPANY, path="company__owner", through=through("company"),
        ),
        Field(
            name="parent_company", label=_("Parent company"), kind=COMPANY_KIND, section=COMPANY,
            path="parent_company", through=through("parent_company"),
            cell=cells.record("parent_company", "contacts:card"),
            needs=["parent_company__name"], order=["parent_company__sort_key"], nullable=True,
            source="parent_company__name",
        ),
    ]  # fmt: skip


def _record_fields() -> list[Field]:
    return [
        Field(
            name="owner", label=_("Owner"), kind=Person(people), section=RECORD, path="owner",
            cell=cells.person("owner"), editable="owner",
            needs=["owner__username", "owner__first_name", "owner__last_name"],
            order=["owner__last_name", "owner__first_name", "owner__username"], nullable=True,
            source="owner__username",
        ),
        _moment("created", _("Created"), "created_at", RECORD),
        _moment("updated", _("Updated"), "updated_at", RECORD),
    ]  # fmt: skip


def _deal_facts() -> list[Field]:
    return [
        _number("active_deals", _("Active deals")),
        _number("won_deals", _("Won deals")),
        _number("lost_deals", _("Lost deals")),
        _moment("last_won", _("Last won on"), "last_won_at", DEALS, nullable=True),
        _moment("last_lost", _("Last lost on"), "last_lost_at", DEALS, nullable=True),
    ]


def asking(*chips: Chip) -> Conditions:
    return Conditions((chips,))


NONE, CURRENT = ProspectStatus.NONE.value, ProspectStatus.CURRENT.value
WITHOUT_DEALS = [Chip(name, "most", ("0",)) for name in ("active_deals", "won_deals", "lost_deals")]

READY = [
    ReadyList("all", _("All")),
    ReadyList("prospects", _("Prospects"), asking(Chip("prospect_status", "", (CURRENT,)))),
    ReadyList("customers", _("Customers"), asking(Chip("customer_status", "", (CURRENT,)))),
    ReadyList(
        "past-customers",
        _("Past Customers"),
        asking(Chip("customer_status", "", (CustomerStatus.PAST.value,))),
    ),
    ReadyList(
        "lost-prospects",
        _("Lost Prospects"),
        asking(Chip("prospect_status", "", (ProspectStatus.LOST.value,))),
    ),
    ReadyList(
        "untouched",
        _("Untouched"),
        asking(Chip("prospect_status", "", (NONE,)), Chip("customer_status", "", (NONE,))),
    ),
    ReadyList("without-a-deal", _("Without a deal"), asking(*WITHOUT_DEALS)),
    ReadyList("mine", _("My contacts"), asking(Chip("owner", "", ("me",)))),
    ReadyList(
        "company-and-people-disagree",
        _("Company and people disagree"),
        asking(Chip("disagree", "", ("yes",))),
    ),
    ReadyList(
        "possible-duplicates",
        _("Possible duplicates"),
        asking(Chip("duplicate", "", ("yes",))),
    ),
]

CONTACTS = register(
    Registry(
        record="contact",
        model=lambda: Contact,
        default_sort="name",
        default_columns=["company", "prospect_status", "customer_status", "owner", "updated"],
        fixed_columns=["name"],
        always=["is_organization", "name", "title", "updated_at"],
        list_view="contacts:list",
        card_view="contacts:card",
        ready=READY,
        first_tabs=["all", "prospects", "customers"],
        impossible=never_together,
        made=lambda: list_fields(HOLDER),
    )
)
CONTACTS.add(
    *status_fields(), *_own_fields(), *_company_fields(), *_deal_facts(), *_record_fields()
)
