"""What lists of deals can be filtered by, show, sort by and take along; and the lists that are always there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Case, Expression, F, Q, TextChoices, When
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from contacts.keys import fold, folded_text
from contacts.listing import COMPANY_KIND, through
from contacts.models.labels import contacts_called, names_of_contacts
from contacts.statuses import CustomerStatus, ProspectStatus, StatusKind
from crm.lists import cells
from crm.lists.conditions import Chip, Conditions
from crm.lists.kinds import Choice, Moment, Number, Person, YesNo
from crm.lists.owners import people
from crm.lists.periods import days_before, midnight
from crm.lists.record_kinds import Record, Text
from crm.lists.registry import Cell, Condition, Context, Field, ReadyList, Registry, register
from deals.contact_listing import currencies
from deals.models import Deal, DealSource, LossReason, Stage, UnqualifiedReason
from deals.models.labels import HOLDER
from deals.stages import Category, Group
from settings.listing import list_fields

DEAL, PEOPLE = _("Deal"), _("Main contact and company")
TIMES = pgettext_lazy("section", "Dates")
CONTACT_KIND = Record(names_of_contacts, find=contacts_called, nullable=False)

# Values sort within their currency, since 100 of one may be less than 90 of another; where there is no value, the
# currency says nothing either.
CURRENCY_OF_VALUE = Case(When(value__isnull=False, then=F("currency")))


def folded(field: Field) -> Expression:
    """The folded text of a deal's name, or of a field of one of its contacts."""
    prefix, _dots, name = field.path.rpartition("__")
    if not prefix:
        expression: Expression = F("folded_name")  # type: ignore[assignment]
        return expression
    expression = folded_text(name, f"{prefix}__")
    return expression


TEXT = Text(folded, fold)


def stages(context: Context) -> list[tuple[str, str]]:
    """All stages; two pipelines may both have a stage “Quote”: then only its pipeline tells which."""
    found = _stages(context)
    several = len({stage.pipeline_id for stage in found}) > 1
    return [
        (str(one.pk), f"{one.pipeline.name}: {one.name}" if several else one.name) for one in found
    ]


def _stages(context: Context) -> list[Stage]:
    found: list[Stage] = context.once("stages", lambda: list(Stage.objects.in_order()))
    return found


def pipelines(context: Context) -> list[tuple[str, str]]:
    return list({str(one.pipeline_id): one.pipeline.name for one in _stages(context)}.items())


def _named(model: Any) -> Callable[[Context], list[tuple[str, str]]]:
    return lambda context: [(str(pk), name) for pk, name in model.objects.values_list("pk", "name")]


def _words(words: type[TextChoices]) -> Callable[[Context], list[tuple[str, str]]]:
    return lambda context: [(one.value, str(one.label)) for one in words]


def _labels(words: type[TextChoices]) -> Callable[[Context], Mapping[Any, Any]]:
    return lambda context: {one.value: one.label for one in words}


def _in_pipeline(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    # By the ids of its stages, which are few, and not by a join over all deals.
    ids = [one.pk for one in _stages(context) if str(one.pipeline_id) in values]
    return Q(stage__in=ids)


def _in_category(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    return Q(stage__in=[one.pk for one in _stages(context) if one.category in values])


def _days_in(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
    """Whole days between the day a deal reached its stage and today."""
    found = Q()
    for number in values:
        first = midnight(days_before(context.today, number), context.zone)
        end = midnight(days_before(context.today, number - 1), context.zone)
        reached = Q(stage_changed_at__gte=first) if op in ("is", "most") else Q()
        found |= reached & Q(stage_changed_at__lt=end) if op in ("is", "least") else reached
    return found


def _days_of(context: Context) -> Callable[[Any], Any]:
    return lambda value: (context.today - timezone.localtime(value, context.zone).date()).days


def _stage_cell(context: Context) -> Callable[[Any, Any], Cell]:
    known: dict[Any, Cell] = {}

    def cell(deal: Any, found: Any) -> Cell:
        if deal.stage_id not in known:
            known[deal.stage_id] = Cell(render_to_string("deals/_stage_cell.html", {"deal": deal}))
        return known[deal.stage_id]

    return cell


def _date(
    name: str,
    label: Any,
    path: str,
    *,
    nullable: bool = False,
    dates: bool = False,
    editable: str = "",
) -> Field:
    return Field(
        name=name, label=label, kind=Moment(nullable=nullable, dates=dates), section=TIMES,
        path=path, cell=(cells.day if dates else cells.moment)(path), needs=[path], order=[path],
        nullable=nullable, descends=True, css="num", editable=editable,
    )  # fmt: skip


def _reference(name: str, label: Any, model: Any, *, editable: str = "") -> Field:
    return Field(
        name=name, label=label, kind=Choice(_named(model), nullable=True), section=DEAL, path=name,
        cell=cells.text(f"{name}__name"), needs=[f"{name}__name"],
        order=[f"{name}__position", f"{name}__name"], nullable=True, source=f"{name}__name",
        editable=editable,
    )  # fmt: skip


def _deal_fields() -> list[Field]:
    return [
        Field(
            name="name", label=_("Deal"), kind=TEXT, section=DEAL, path="name",
            cell=cells.text("name"), needs=["name"], order=["sort_key"],
        ),
        Field(
            name="group", label=_("Status"), kind=Choice(_words(Group)), section=DEAL,
            path="group", offered_as=_("Active, won or lost"),
            cell=cells.choice("group", _labels(Group)), needs=["group"], order=["group"],
        ),
        Field(
            name="stage", label=_("Stage"), kind=Choice(stages), section=DEAL, path="stage",
            cell=_stage_cell, needs=["group", "stage__name"],
            order=["stage__pipeline__position", "stage__pipeline_id", "stage__position",
                   "stage_id"],
            source="stage__name", css="nowrap",
        ),
        Field(
            name="category", label=_("Category of the stage"), kind=Choice(_words(Category)),
            section=DEAL, path="stage__category", where=_in_category,
            cell=cells.choice("stage__category", _labels(Category)), needs=["stage__category"],
        ),
        Field(
            name="pipeline", label=_("Pipeline"), kind=Choice(pipelines), section=DEAL,
            path="stage__pipeline", where=_in_pipeline, cell=cells.text("stage__pipeline__name"),
            needs=["stage__pipeline__name"], source="stage__pipeline__name",
            order=["stage__pipeline__position", "stage__pipeline_id"],
        ),
        Field(
            name="value", label=_("Value"), kind=Number(nullable=True, whole=False), section=DEAL,
            path="value", cell=cells.money("value", "currency"), needs=["value", "currency"],
            order=[CURRENCY_OF_VALUE, "value"], nullable=True, descends=True, css="amount num",
            editable="value",
        ),
        Field(
            name="currency", label=_("Currency"), kind=Choice(currencies), section=DEAL,
            path="currency", cell=cells.text("currency"), needs=["currency"], order=["currency"],
        ),
        Field(
            name="owner", label=_("Owner"), kind=Person(people), section=DEAL, path="owner",
            cell=cells.person("owner"), editable="owner",
            needs=["owner__username", "owner__first_name", "owner__last_name"],
            order=["owner__last_name", "owner__first_name", "owner__username"], nullable=True,
            source="owner__username",
        ),
        Field(
            name="hot", label=_("Hot"), kind=YesNo(), section=DEAL, path="hot",
            cell=cells.yes_no("hot"), needs=["hot"], order=["hot"], descends=True, editable="hot",
        ),
        _reference("source", _("Source"), DealSource, editable="source"),
        _reference("loss_reason", _("Loss reason"), LossReason),
        _reference("unqualified_reason", _("Unqualified reason"), UnqualifiedReason),
    ]  # fmt: skip


def _contact_fields() -> list[Field]:
    return [
        Field(
            name="contact", label=_("Main contact"), kind=CONTACT_KIND, section=PEOPLE,
            path="primary_contact", through=through("primary_contact"),
            cell=cells.record("primary_contact", "contacts:card"),
            needs=["primary_contact__name"], order=["primary_contact__sort_key"],
            source="primary_contact__name", css="below",
        ),
        _status(StatusKind.PROSPECT, ProspectStatus, _("Main contact’s prospect status")),
        _status(StatusKind.CUSTOMER, CustomerStatus, _("Main contact’s customer status")),
        Field(
            name="contact_name", label=_("Main contact’s name"), kind=TEXT, section=PEOPLE,
            path="primary_contact__name", through=through("primary_contact"),
        ),
        Field(
            name="company", label=_("Company"), kind=COMPANY_KIND, section=PEOPLE, path="company",
            through=through("company"), cell=cells.record("company", "contacts:card"), needs=["company__name"],
            order=["company__sort_key"], nullable=True, source="company__name", css="below",
        ),
        Field(
            name="company_name", label=_("Company’s name"), kind=TEXT, section=PEOPLE,
            path="company__name", through=through("company"),
        ),
    ]  # fmt: skip


def _status(kind: StatusKind, statuses: type[TextChoices], label: Any) -> Field:
    path = f"primary_contact__{kind.value}_status"
    return Field(
        name=f"contact_{kind.value}_status",
        label=label,
        kind=Choice(_words(statuses)),
        section=PEOPLE,
        path=path,
        through=through(path),
        cell=cells.status(path, kind.value, {one.value: one.label for one in statuses}),
        needs=[path],
        order=[path],
    )


def _time_fields() -> list[Field]:
    return [
        _date("opened", _("Opened"), "opened_at"),
        _date("closed", _("Closed"), "closed_at", nullable=True),
        _date(
            "expected_close", _("Expected close"), "estimated_close_date", nullable=True,
            dates=True, editable="estimated_close_date",
        ),
        _date("stage_since", _("In its stage since"), "stage_changed_at"),
        Field(
            name="stage_days", label=_("Days in stage"), kind=Number(), section=TIMES,
            path="stage_changed_at", where=_days_in, cell=cells.days_since("stage_changed_at"),
            needs=["stage_changed_at"], css="num amount", convert=_days_of,
        ),
        _date("created", _("Created"), "created_at"),
        _date("updated", _("Updated"), "updated_at"),
    ]  # fmt: skip


def asking(*chips: Chip) -> Conditions:
    return Conditions((chips,))


def _group(group: Group) -> Chip:
    return Chip("group", "", (group.value,))


READY = [
    ReadyList("open", pgettext_lazy("deals", "Open"), asking(_group(Group.ACTIVE))),
    ReadyList(
        "won-this-month",
        _("Won this month"),
        asking(_group(Group.WON), Chip("closed", "", ("this-month",))),
        sort="-closed",
    ),
    ReadyList(
        "lost-this-month",
        _("Lost this month"),
        asking(_group(Group.LOST), Chip("closed", "", ("this-month",))),
        sort="-closed",
    ),
    ReadyList(
        "closing-soon",
        _("Closing soon"),
        asking(_group(Group.ACTIVE), Chip("expected_close", "", ("next-30-days",))),
        sort="expected_close",
    ),
    ReadyList(
        "stale",
        _("Stale"),
        asking(_group(Group.ACTIVE), Chip("stage_since", "over", ("30-days",))),
        sort="stage_since",
    ),
    ReadyList("won", pgettext_lazy("deals", "Won"), asking(_group(Group.WON)), sort="-closed"),
    ReadyList("lost", pgettext_lazy("deals", "Lost"), asking(_group(Group.LOST)), sort="-closed"),
    ReadyList("all", _("All")),
]

DEALS = register(
    Registry(
        record="deal",
        model=lambda: Deal,
        default_sort="-opened",
        default_columns=["contact", "company", "stage", "value", "owner", "opened"],
        fixed_columns=["name"],
        always=["name", "hot", "updated_at"],
        list_view="deals:list",
        card_view="deals:card",
        ready=READY,
        first_tabs=["open", "won", "lost", "all"],
        made=lambda: list_fields(HOLDER),
    )
)
DEALS.add(*_deal_fields(), *_contact_fields(), *_time_fields())
