"""Lists of who does not see everything: each field answers as if hidden contacts were not there.

The same questions are asked twice of the same database: first by Ann, who sees her own contacts only, and then, with
the hidden contacts deleted and nobody linked to them any more, by Ann who sees everything that is left.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.http import QueryDict
from django.utils import timezone

from contacts.models import Contact, ContactValue
from crm.accounts.levels import Area, Level
from crm.accounts.models import User
from crm.exports.columns import Cells, Sheet
from crm.exports.fields import exports_of
from crm.lists.conditions import Chip, Conditions
from crm.lists.registry import Context, registry_of
from crm.lists.state import ListState
from crm.lists.tables import RecordTable
from crm.lists.why import reasons_for
from deals.models import Deal
from settings.categories import FieldType
from tests.access.worlds import member, reloaded
from tests.deals import factories as make
from tests.labels.people import field, tag

pytestmark = pytest.mark.django_db
OWN, ALL = Level.OWN, Level.ALL
TEXTS = ["secret", "Secret Corp", "visible", "none", "Seagate", "1", "49"]
NUMBERS = ["0", "1"]


@pytest.fixture
def world() -> dict[str, Any]:
    """Ann's contacts, some of whom lead to hidden ones and some to others of hers."""
    ann, boss = member("ann", contacts=OWN, customers=OWN, deals=OWN), member("boss")
    known = {
        "owner": boss, "city": "Seagate", "country": "Secretia", "industry": "Secret arms",
        "phone": "+49 1", "email": "hq@secret.example",
    }  # fmt: skip
    secret = make.company("Secret Corp", **known)
    cellar = make.company("Secret Cellar", parent_company=secret, owner=boss)
    firm = make.company("Visible Firm", owner=ann, city="Seagate", parent_company=secret)
    branch = make.company("Visible Branch", owner=ann, parent_company=firm, phone="+49 1")
    people = [
        make.person("Amber", owner=ann, company=secret),
        make.person("Byron", owner=ann, company=firm),
        make.person("Clark", owner=ann, email="c@visible.example"),
        make.person("Diver", owner=ann, company=cellar, phone="+49 1"),
        # Of the name of somebody hidden.
        make.person("Twin", owner=ann, company=branch),
    ]
    hidden = [secret, cellar, make.person("Twin", owner=boss), make.person("Ghost", company=firm)]
    make.deal(secret, "won", name="Secret sale", owner=boss)
    make.deal(people[2], "incoming", name="Visible deal", owner=ann)
    partner = field("Partner", FieldType.CONTACT)
    for one, named in zip(people, (secret, firm, hidden[2]), strict=False):
        ContactValue.objects.create(contact=one, field=partner, record=named)
    tag("Hot")
    return {"ann": ann, "hidden": [one.pk for one in hidden], "shown": [firm.pk, secret.pk]}


def without_the_hidden(world: dict[str, Any]) -> Any:
    """The world in which they never were, and Ann who sees all of it. What is read of her own contacts stays."""
    hidden = world["hidden"]
    rows: models.QuerySet[Contact] = models.QuerySet(Contact)
    ContactValue.objects.filter(record__in=hidden).delete()
    Deal.objects.filter(primary_contact__in=hidden).delete()
    for name in ("company", "parent_company"):
        rows.filter(**{f"{name}__in": hidden}).update(**{name: None})
    Contact.objects.filter(pk__in=hidden).delete()
    Contact.objects.all().rekey()
    levels = {f"{act}_{area}": ALL for act in ("view", "edit") for area in Area.values}
    User.objects.filter(pk=world["ann"].pk).update(**levels)
    return reloaded(world["ann"])


def state(user: Any, record: str = "contact", query: str = "") -> ListState:
    return ListState.of(registry_of(record), user, QueryDict(query))


def asked(user: Any, chip: Chip) -> Any:
    query = QueryDict(mutable=True)
    for name, value in Conditions(((chip,),)).pairs():
        query.appendlist(name, value)
    found = ListState.of(registry_of("contact"), user, query)
    return "refused" if found.faults else set(found.matching().values_list("pk", flat=True))


def values_of(one: Any, op: Any, context: Context, world: dict[str, Any]) -> list[str]:
    codes = [value for value, _label in one.kind.choices(one, context)]
    today = timezone.localdate().isoformat()
    return {
        "yes": ["yes"],
        "choices": codes,
        "text": TEXTS,
        "number": NUMBERS,
        "amount": [f"{number} {code}" for number in NUMBERS for code in codes],
        "period": ["this-year", "previous-year"],
        "span": ["1-days"],
        "record": [str(pk) for pk in world["shown"]],
        "history": [f"{code}@{'this-year' if op.name == 'became' else today}" for code in codes],
    }[op.widget]


def answers(user: Any, world: dict[str, Any]) -> dict[Any, Any]:
    """What every filter, with each of some values and negated, finds."""
    context = Context.of(user)
    found = {}
    for one in registry_of("contact").filters():
        for op in one.kind.operators:
            for value in values_of(one, op, context, world):
                for negated in (False, True):
                    chip = Chip(one.name, op.name, (value,), negated)
                    found[one.name, op.name, value, negated] = asked(user, chip)
    return found


def test_every_filter_takes_a_hidden_contact_for_none(world):
    restricted = answers(reloaded(world["ann"]), world)
    free = answers(without_the_hidden(world), world)
    assert len(free) > 400
    differing = {key: (restricted[key], free[key]) for key in free if restricted[key] != free[key]}
    assert differing == {}


def test_every_order_takes_a_hidden_contact_for_none(world):
    def orders(user: Any) -> dict[str, list[int]]:
        names = [one.name for one in registry_of("contact").fields.values() if one.order]
        return {
            name: list(state(user, query=f"sort={name}").queryset().values_list("pk", flat=True))
            for name in [*names, *(f"-{name}" for name in names)]
        }

    restricted, free = orders(reloaded(world["ann"])), orders(without_the_hidden(world))
    assert "company_city" in restricted
    assert restricted == free


def test_every_cell_takes_a_hidden_contact_for_none(world):
    def cells(user: Any) -> dict[str, str]:
        names = ",".join(one.name for one in registry_of("contact").columns())
        table = RecordTable(state(user, query=f"columns={names}"))
        return {row.name: row.cells for row in table.prepare(table.rows().order_by("pk"))}

    restricted = cells(reloaded(world["ann"]))
    assert restricted == cells(without_the_hidden(world))
    assert "Secret" not in str(restricted)
    assert "Visible Firm" in restricted["Byron"]


def test_every_column_of_a_file_takes_a_hidden_contact_for_none(world):
    def rows(user: Any) -> list[Any]:
        sheet = Sheet(exports_of("contact").every_column(Context.of(user)), for_people=False)
        stored = list(sheet.values(Contact.objects.visible_to(user).order_by("pk")))
        return [tuple(row) for row in Cells(sheet, lambda column: None).of(stored)]

    restricted = rows(reloaded(world["ann"]))
    assert restricted == rows(without_the_hidden(world))
    assert len(restricted) == 7
    assert "Secret" not in str(restricted)


@pytest.mark.parametrize("text", [*TEXTS, "Secrte Corp", "Byron visible", "Amber secret", "sec"])
def test_a_text_finds_nothing_in_the_name_of_a_hidden_company(world, text):
    def found(user: Any) -> list[int]:
        rows = state(user, query=f"q={text}").queryset()
        return list(rows.values_list("pk", flat=True))

    restricted = found(reloaded(world["ann"]))
    assert restricted == found(without_the_hidden(world))


def test_what_passes_says_nothing_of_a_hidden_company(world):
    """The value that a row has, where the page says why it is in a list."""
    ann = reloaded(world["ann"])
    amber = Contact.objects.get(last_name="Amber")
    for name, op, value in (
        ("company_name", "contains", "secret"), ("company_city", "is", "seagate"),
        ("company", "empty", "yes"),
    ):  # fmt: skip
        found = reasons_for(state(ann, query=f"{name}.{op}={value}"), amber.pk)
        assert found is not None
        [[verdict]] = found.groups
        assert verdict.seen == "empty"
        assert verdict.passed == (op == "empty")


# -- deals, whose main contact cannot be taken away


@pytest.fixture
def sales() -> dict[str, Any]:
    ann, boss = member("ann", contacts=OWN, customers=OWN, deals=OWN), member("boss")
    secret = make.company("Secret Corp", owner=boss)
    star = make.person("Secretary", owner=boss, company=secret)
    firm = make.company("Visible Firm", owner=ann)
    found = {
        "both hidden": make.deal(star, name="both hidden", owner=ann),
        "company hidden": make.deal(
            make.person("Amber", owner=ann, company=secret), name="company hidden", owner=ann
        ),
        "star hidden": make.deal(
            make.person("Ghost", owner=boss, company=firm), name="star hidden", owner=ann
        ),
        "seen": make.deal(make.person("Byron", owner=ann, company=firm), name="seen", owner=ann),
        "no company": make.deal(make.person("Clark", owner=ann), name="no company", owner=ann),
    }
    make.deal(star, name="hidden itself", owner=boss)
    return {"ann": ann, "boss": boss, "firm": firm, "secret": secret, **found}


STAR_SEEN = {"company hidden", "seen", "no company"}
COMPANY_SEEN = {"star hidden", "seen"}
MINE = STAR_SEEN | COMPANY_SEEN | {"both hidden"}


def deals_found(user: Any, query: str) -> set[str]:
    found = state(user, "deal", query)
    assert not found.faults, found.faults
    return set(found.matching().values_list("name", flat=True))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("contact_name.contains=secret", set()),
        ("contact_name.contains=b", {"company hidden", "seen"}),
        ("contact_name.empty=yes", {"both hidden", "star hidden"}),
        ("company_name.contains=secret", set()),
        ("company_name.contains=visible", COMPANY_SEEN),
        ("company_name.starts=none", set()),
        ("company_name.empty=yes", MINE - COMPANY_SEEN),
        ("company.empty=yes", MINE - COMPANY_SEEN),
        ("contact_prospect_status=current", STAR_SEEN),
        ("contact_prospect_status=none", set()),
        ("contact_customer_status=none", STAR_SEEN),
    ],
)
def test_deals_are_filtered_as_if_hidden_contacts_were_none(sales, query, expected):
    ann = sales["ann"]
    assert deals_found(ann, query) == expected
    assert deals_found(ann, f"not.{query}") == MINE - expected


def test_deals_are_filtered_by_companies_that_one_sees(sales):
    ann, firm, secret = sales["ann"], sales["firm"], sales["secret"]
    assert deals_found(ann, f"company={firm.pk}") == COMPANY_SEEN
    assert state(ann, "deal", f"company={secret.pk}").faults
    assert state(ann, "deal", f"not.company={secret.pk}").faults
    gone = state(ann, "deal", "company=999999").faults
    assert state(ann, "deal", f"company={secret.pk}").faults == gone


@pytest.mark.parametrize("name", ["contact", "company", "contact_prospect_status"])
@pytest.mark.parametrize("minus", ["", "-"])
def test_deals_with_hidden_contacts_come_last_in_any_order(sales, name, minus):
    shown = COMPANY_SEEN if name == "company" else STAR_SEEN
    rows = state(sales["ann"], "deal", f"sort={minus}{name}").queryset()
    names = list(rows.values_list("name", flat=True))
    assert set(names[: len(shown)]) == shown


def test_cells_and_files_of_deals_name_no_hidden_contact(sales):
    ann = sales["ann"]
    names = ",".join(one.name for one in registry_of("deal").columns())
    table = RecordTable(state(ann, "deal", f"columns={names}"))
    cells = {row.name: row.cells for row in table.prepare(table.rows().order_by("pk"))}
    sheet = Sheet(exports_of("deal").every_column(Context.of(ann)), for_people=False)
    rows = list(sheet.values(Deal.objects.visible_to(ann)))
    for text in ("Secret", "Ghost", f"/contacts/{sales['secret'].pk}/"):
        assert text not in str(cells)
        assert text not in str(rows)
    assert "Visible Firm" in cells["star hidden"]
    assert "Byron" in cells["seen"]
    ids = {sales["secret"].pk, sales["both hidden"].primary_contact_id}
    numbers = [column.name for column in sheet.columns if column.name.endswith("_id")]
    assert numbers == ["contact_id", "company_id"]
    for row in rows:
        told = dict(zip([column.name for column in sheet.columns], row, strict=True))
        assert not ids & {told["contact_id"], told["company_id"]}


def test_a_text_finds_no_deal_by_its_hidden_contact(sales):
    for text in ("secret", "Secretary", "Secretray", "Ghost"):
        assert not state(sales["ann"], "deal", f"q={text}").matching().exists()
    assert deals_found(sales["ann"], "q=Byron") == {"seen"}
    assert deals_found(sales["ann"], "q=visible") == {"seen"}
    assert "both hidden" in deals_found(sales["boss"], "q=Secretary")


# -- what deals come to


def test_sums_and_dates_of_deals_leave_hidden_ones_out(sales):
    ann, boss = sales["ann"], sales["boss"]
    clark = Contact.objects.get(last_name="Clark")
    open_day = timezone.localdate()
    make.deal(clark, "won", name="Secret win", owner=boss, value=500, currency="USD")
    make.deal(
        clark, "incoming", name="Secret plan", owner=boss, value=70, currency="USD",
        estimated_close_date=open_day,
    )  # fmt: skip
    table = RecordTable(state(ann, query="columns=won_value,open_value,expected_close,last_won"))
    [row] = table.prepare(table.rows().filter(pk=clark.pk))
    assert "500" not in row.cells
    assert "70" not in row.cells
    assert str(open_day.year) not in row.cells
    for query in ("expected_close=this-year", "last_won=this-year", "last_won.over=1-days"):
        assert not state(ann, query=query).matching().filter(pk=clark.pk).exists()
    assert state(ann, query="last_won.empty=yes").matching().filter(pk=clark.pk).exists()
    assert not state(boss, query="last_won.empty=yes").matching().filter(pk=clark.pk).exists()
    # A currency that only hidden deals have is not among the choices.
    assert state(ann, query="won_value.least=100 USD").matching().count() == 0
    assert state(boss, query="won_value.least=100 USD").matching().exists()
