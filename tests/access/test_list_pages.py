"""Lists, their counts and what is found as one types, for who does not see everything."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact, ContactTag
from crm.accounts.levels import Level
from crm.accounts.models import User
from deals.models import DealCollaborator
from deals.services import select_status
from tests.access.worlds import member, team
from tests.deals import factories as make
from tests.labels.people import tag

pytestmark = pytest.mark.django_db
OWN, TEAM, ALL, NONE = Level.OWN, Level.TEAM, Level.ALL, Level.NONE


@pytest.fixture
def ann() -> User:
    return member("ann", contacts=OWN, customers=OWN, deals=OWN)


@pytest.fixture
def ben() -> User:
    return member("ben")


@pytest.fixture
def book(ann: User, ben: User) -> dict[str, Contact]:
    secret = make.company("Secret Corp", owner=ben)
    found = {
        "secret": secret,
        "amber": make.person("Amber", owner=ann, company=secret),
        "byron": make.person("Byron", owner=ann),
        "ghost": make.person("Ghost", owner=ben, company=secret),
    }
    make.deal(found["amber"], "won", name="Small sale", owner=ann)
    make.deal(found["ghost"], "won", name="Secret sale", owner=ben)
    return found


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get(user: Any, path: str, data: dict[str, str] | None = None, **headers: str) -> Any:
    answer = client_of(user).get(path, data or {}, headers=headers)
    assert answer.status_code == 200
    return answer


def names(answer: Any) -> set[str]:
    return {one.name for one in answer.context["rows"]}


def test_a_list_and_its_number_have_only_what_one_sees(ann, ben, book):
    answer = get(ann, "/contacts/")
    assert names(answer) == {"Amber", "Byron"}
    assert answer.context["count"] == 2
    assert "Secret" not in answer.content.decode()
    assert get(ben, "/contacts/").context["count"] == 4
    answer = get(ann, "/deals/")
    assert names(answer) == {"Small sale"}
    assert "Secret" not in answer.content.decode()


def test_tabs_count_only_what_one_sees(ann, ben, book):
    def counted(user: Any, record: str) -> dict[str, str]:
        answer = get(user, reverse("lists:counts", args=[record]))
        return {one["slug"]: one["shown"] for one in answer.context["tabs"]}

    assert counted(ann, "contact") == {"all": "2", "prospects": "0", "customers": "1"}
    assert counted(ben, "contact") == {"all": "4", "prospects": "0", "customers": "3"}
    assert counted(ann, "deal") == {"open": "0", "won": "1", "lost": "0", "all": "1"}


def test_a_list_of_nothing_is_there_for_who_sees_nothing(book):
    cia = member("cia", contacts=NONE, customers=NONE, deals=NONE)
    for path in ("/contacts/", "/deals/"):
        answer = get(cia, path)
        assert names(answer) == set()
        assert answer.context["count"] == 0


def test_who_becomes_a_customer_appears_in_lists_counts_and_search_at_once(ben, book):
    cia = member("cia", contacts=OWN, customers=ALL, deals=OWN)
    dora = make.person("Dora", owner=ben)
    assert "Dora" not in names(get(cia, "/contacts/"))
    before = get(cia, "/contacts/").context["count"]
    select_status(dora, customer="current")
    assert "Dora" in names(get(cia, "/contacts/", {"q": "dora"}))
    assert get(cia, "/contacts/").context["count"] == before + 1
    select_status(dora, customer="none")
    assert names(get(cia, "/contacts/", {"q": "dora"})) == set()
    assert get(cia, "/contacts/").context["count"] == before


def test_what_somebody_collaborates_on_is_in_their_lists(ann, ben, book):
    deal = make.deal(book["ghost"], name="Shared sale", owner=ben)
    assert "Shared sale" not in names(get(ann, "/deals/"))
    DealCollaborator.objects.create(deal=deal, user=ann)
    answer = get(ann, "/deals/")
    assert "Shared sale" in names(answer)
    assert "Ghost" not in answer.content.decode()
    assert "Secret" not in answer.content.decode()


def test_choosing_by_name_offers_only_what_one_sees(ann, ben, book):
    def offered(user: Any, path: str, text: str) -> str:
        return get(user, path, {"q": text}).content.decode()

    for text in ("secret", "ghost", "Secrte"):
        for path in ("/contacts/options/", "/deals/options/"):
            assert "ecret" not in offered(ann, path, text).replace(text, "")
            assert "Ghost" not in offered(ann, path, text)
    assert "Secret Corp" in offered(ben, "/contacts/options/", "secret")
    told = json.dumps(offered(ann, "/contacts/options/", "amber"))
    assert "Amber" in told
    assert "Secret" not in told


def test_the_form_of_a_filter_finds_only_companies_that_one_sees(ann, ben, book):
    query = {"add": "company", "find": "secret"}
    assert "Secret Corp" not in get(ann, "/contacts/", query).content.decode()
    assert "Secret Corp" in get(ben, "/contacts/", query).content.decode()


def test_why_says_of_a_hidden_record_what_it_says_of_none(ann, book):
    hidden = get(ann, "/contacts/", {"why": str(book["ghost"].pk)}).content.decode()
    none = get(ann, "/contacts/", {"why": "999999"}).content.decode()
    assert "Ghost" not in hidden
    answer = get(ann, "/contacts/", {"why": "", "find": "ghost"})
    assert not answer.context.get("why_found")
    assert masked(hidden, str(book["ghost"].pk)) == masked(none, "999999")


def masked(html: str, number: str) -> list[str]:
    html = re.sub(r'(name="token" value=")[^"]+', r"\1-", html.replace(number, "N"))
    return [line for line in html.splitlines() if "csrf" not in line]


def test_a_row_asks_about_why_without_the_name_of_a_hidden_company(ann, book):
    query = {"company_name.contains": "secret", "why": str(book["amber"].pk)}
    answer = get(ann, "/contacts/", query)
    assert names(answer) == set()
    assert "Secret Corp" not in answer.content.decode()


def test_used_tags_of_hidden_contacts_are_no_oracle(ann, ben, book):
    hot = tag("Hot")
    ContactTag.objects.create(contact=book["ghost"], tag=hot)
    ContactTag.objects.create(contact=book["byron"], tag=hot)
    assert names(get(ann, "/contacts/", {"tags": str(hot.pk)})) == {"Byron"}
    assert get(ben, "/contacts/", {"tags": str(hot.pk)}).context["count"] == 2


@pytest.mark.parametrize(
    "levels",
    [
        {"contacts": OWN, "customers": OWN, "deals": OWN},
        {"contacts": TEAM, "customers": TEAM, "deals": TEAM},
        {"contacts": OWN, "customers": ALL, "deals": TEAM},
    ],
    ids=["own", "team", "mixed"],
)
@pytest.mark.parametrize(
    "path",
    [
        "/contacts/",
        "/contacts/?columns=company,parent_company,company_city,owner,won_value,last_won,last_lost",
        "/contacts/?company_name.contains=secret&sort=company",
        "/deals/",
        "/deals/?columns=contact,company,contact_prospect_status,stage,owner&sort=company",
    ],
)
def test_a_restricted_list_costs_a_constant_number_of_statements(levels, path):
    cia, dan, boss = member("cia", **levels), member("dan"), member("boss")
    team("North", cia, dan)

    def cost() -> int:
        client = client_of(cia)
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    def grow(number: int) -> None:
        for n in range(number):
            for owner in (cia, dan, boss):
                company = make.company(f"Secret {owner} {number} {n}", owner=(boss, owner)[n % 2])
                one = make.person(f"Of {owner} {number} {n}", owner=owner, company=company)
                make.deal(one, "won", name=f"Deal {owner} {number} {n}", owner=owner)

    grow(2)
    before = cost()
    grow(8)
    assert cost() == before
    # Twelve for who sees everything; one to know the team, and one for each kind of what cells may not show.
    assert before <= 17
