"""How many queries a list and its parts take: a dozen at most, and as many for forty rows as for two."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.accounts.models import User
from crm.actor import acting_as
from crm.lists.models import SmartList
from crm.lists.registry import registry_of
from crm.lists.tabs import pin
from deals.models import Deal
from deals.services import select_status
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
MOST = 12
MODELS = {"contact": Contact, "deal": Deal}
CHIPS = {
    "contact": (
        "customer_status=current&not.prospect_status=lost&kind=person",
        "company={company}&owner=me&not.owner=none",
        "customer_became=current@last-30-days&customer_how=deals&disagree=no",
        "company_customer_status=current&2.city.contains=x&2.not.email.empty=yes&q=person",
    ),
    "deal": (
        "group=won&not.contact_prospect_status=lost&contact_customer_status=current",
        "company={company}&owner=me&stage={stage}",
        "contact={contact}&2.closed=this-year&2.value.least=0&q=deal",
    ),
}


@pytest.fixture
def anna():
    return User.objects.create_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


@pytest.fixture
def grow(anna):
    """Makes rows that have something in every column, each with relations of its own."""

    def grown(number):
        with acting_as(anna):
            for _ in range(number):
                parent = company()
                firm = company(parent_company=parent, owner=anna, city="Xanten")
                owner = User.objects.create_user(f"user{User.objects.count()}")
                one = person(company=firm, owner=anna, email="one@example.com", title="CTO")
                deal(one, "won", owner=owner, value=5)
                deal(one, "lost", owner=anna)
                select_status(person(company=firm, owner=owner), customer="past")
                deal(one, "won", owner=anna, value=7, currency="CHF")

    return grown


def query_of(record, anna, chips):
    """Chips with the values that they need filled in."""
    one = Deal.objects.order_by("pk").filter(group="won").first()
    firm = Contact.objects.companies().filter(employees__isnull=False).first()
    return chips.format(company=firm.pk, stage=one.stage_id, contact=one.primary_contact_id)


def queries(desk, path, part=""):
    headers = {"HX-Request": "true", "HX-Target": part} if part else {}
    # What is prepared once for the whole process is not what a list costs.
    desk.get(path, headers=headers)
    with CaptureQueriesContext(connection) as captured:
        answer = desk.get(path, headers=headers)
    assert answer.status_code == 200
    if answer.context.get("state"):
        assert not answer.context["state"].faults, answer.context["state"].faults
    return len(captured), answer


def held_to_budget(desk, grow, path, part="", *, rows=1):
    """The path costs a dozen queries at most, and as many when there are twenty times the rows."""
    few, _answer = queries(desk, path, part)
    grow(19)
    many, answer = queries(desk, path, part)
    assert many == few <= MOST, (few, many)
    assert len(answer.context.get("rows") or ()) >= rows
    return answer


# How addresses stand costs two or three more, which tests.emails counts.
ABOVE = {"mail_standing", "legal_basis"}


def every_column(record):
    own = registry_of(record).own.values()
    return ",".join(one.name for one in own if one.cell and one.name not in ABOVE)


@pytest.mark.parametrize("record", MODELS)
@pytest.mark.parametrize("columns", [False, True], ids=["usual columns", "every column"])
@pytest.mark.parametrize("query", ["", "q=e", "per_page=25&density=compact"])
def test_forty_rows_cost_as_many_queries_as_two(desk, grow, record, columns, query):
    grow(1)
    more = {"columns": every_column(record)} if columns else {}
    answer = held_to_budget(desk, grow, f"/{record}s/?{query}&{urlencode(more)}", rows=20)
    assert len(answer.context["table"].fields) > (15 if columns else 4)


@pytest.mark.parametrize(("record", "chips"), [(r, c) for r, some in CHIPS.items() for c in some])
def test_chips_cost_no_query_for_a_row(desk, anna, grow, record, chips):
    grow(1)
    query = query_of(record, anna, chips)
    held_to_budget(desk, grow, f"/{record}s/?{query}&columns={every_column(record)}")


@pytest.mark.parametrize("record", MODELS)
def test_a_saved_list_among_many_tabs_keeps_the_budget(desk, anna, grow, record):
    grow(1)
    registry = registry_of(record)
    for number in range(9):
        saved = SmartList.objects.create(
            record=record, name=f"List {number}", slug=f"list-{number}", owner=anna,
            conditions=[[{"field": "owner", "values": ["me"]}]], sort="-updated,name",
            columns=every_column(record).split(","),
        )  # fmt: skip
        pin(registry, anna, saved, whose=anna)
    answer = held_to_budget(desk, grow, f"/{record}s/lists/list-8/?q=e", rows=2)
    assert len(answer.context["tabs"]) > 9


@pytest.mark.parametrize("record", MODELS)
@pytest.mark.parametrize("part", ["list", "results"])
def test_what_is_exchanged_costs_no_more_than_the_page(desk, anna, grow, record, part):
    grow(1)
    path = f"/{record}s/?{query_of(record, anna, CHIPS[record][0])}"
    held_to_budget(desk, grow, path, part)
    assert queries(desk, path, part)[0] <= queries(desk, path)[0]


@pytest.mark.parametrize("record", MODELS)
@pytest.mark.parametrize(
    ("part", "query"),
    [
        ("count", "owner=me"),
        ("editor", "owner=me&choose=0"),
        ("editor", "owner=me&edit=0.0"),
        ("editor", "company={company}&edit=0.0"),
        ("editor", "owner=me&add=0.company"),
        ("why", "owner=me&company={company}&2.owner=none&why={why}"),
    ],
)
def test_a_part_that_stands_beside_the_rows_asks_for_none_of_them(
    desk, anna, grow, record, part, query
):
    grow(1)
    why = MODELS[record].objects.order_by("pk").first().pk
    path = f"/{record}s/?{query_of(record, anna, query.replace('{why}', str(why)))}"
    answer = held_to_budget(desk, grow, path, part, rows=0)
    assert "rows" not in answer.context
    assert f'id="{part}"' in answer.content.decode()
