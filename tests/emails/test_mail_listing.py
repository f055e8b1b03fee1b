"""Lists of contacts by whether they can be mailed and why: filters and cells say the same."""

from __future__ import annotations

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.accounts.models import User
from crm.exports.columns import Cells, Sheet
from crm.exports.fields import exports_of
from crm.lists.registry import Context, registry_of
from crm.lists.state import ListState
from crm.suppression.services import suppress as erase
from emails import standing
from emails.contact_listing import WORDS, standings
from emails.models import MailSettings
from emails.reasons import Basis
from tests.deals.factories import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_superuser("ann")


@pytest.fixture
def book() -> None:
    emails = {
        "Complained": "complained@example.org", "Unsubscribed": "Un@Bücher.example",
        "Bounced": "bounced@example.org", "Blocked": "blocked@example.org", "None": "",
        "Based": "based@straße.example", "Based too": "BASED2@example.org", "Free": "free@example.org",
    }  # fmt: skip
    for name, email in emails.items():
        person(name, email=email)
    for why in standing.STRENGTH:
        email = emails[why.value.capitalize()]
        standing.suppress([email], why)
        standing.set_basis([email], Basis.CONTRACT)
    standing.set_basis([emails["Based"], emails["Based too"]], Basis.CONSENT)


def names(user: User, query: str) -> set[str]:
    state = ListState.of(registry_of("contact"), user, QueryDict(query))
    assert state.faults == []
    return set(state.matching().values_list("name", flat=True))


def shown(user: User, field: str) -> dict[str, str]:
    """By name what the cell says."""
    context, rows = Context.of(user), list(Contact.objects.all())
    one = registry_of("contact").own[field]
    found = standings(rows, context, [one])
    cell = one.cell(context)
    return {row.name: cell(row, found.get(row.pk)).text for row in rows}


@pytest.mark.parametrize("required", [False, True])
def test_each_contact_is_listed_under_what_its_cell_says(
    ann: User, book: None, required: bool
) -> None:
    MailSettings(basis_required=required).save()
    cells = shown(ann, "mail_standing")
    everybody = set(cells)
    for code, word in WORDS.items():
        so = {name for name, text in cells.items() if text == str(word)}
        assert names(ann, f"mail_standing={code}") == so
        assert names(ann, f"not.mail_standing={code}") == everybody - so
    assert cells["Unsubscribed"] == "Unsubscribed"
    assert cells["Free"] == ("No legal basis" if required else "Can be mailed")
    assert names(ann, "mail_standing=unsubscribed&mail_standing=bounced") == {
        "Unsubscribed", "Bounced",
    }  # fmt: skip


def test_contacts_are_listed_by_their_legal_basis(ann: User, book: None) -> None:
    cells = shown(ann, "legal_basis")
    assert cells["Based"] == cells["Based too"] == "Consent"
    assert names(ann, "legal_basis=consent") == {"Based", "Based too"}
    assert names(ann, "legal_basis=contract") == {
        "Complained", "Unsubscribed", "Bounced", "Blocked",
    }  # fmt: skip
    assert names(ann, "legal_basis.empty=yes") == {"None", "Free"}
    assert len(names(ann, "not.legal_basis.empty=yes")) == 6


def test_who_was_erased_and_what_is_no_address_is_told_in_the_cell(ann: User) -> None:
    erase(["erased@example.org"], "erased")
    person("Erased", email="erased@example.org")
    person("Odd", email="no address")
    assert shown(ann, "mail_standing") == {
        "Erased": "Erased: must not be contacted again", "Odd": "Not a valid e-mail address",
    }  # fmt: skip


def test_the_list_shows_both_columns(ann: User, book: None, client: Client) -> None:
    client.force_login(ann)
    page = client.get("/contacts/?columns=mail_standing,legal_basis&legal_basis=consent")
    text = page.content.decode()
    assert "Mail standing" in text
    assert "Can be mailed" in text
    assert "Consent" in text


def test_both_columns_cost_three_statements_at_most_whatever_the_rows(
    ann: User, client: Client
) -> None:
    erase(["x@example.org"], "erased")
    client.force_login(ann)

    def statements(columns: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/contacts/?columns={columns}")
        return len(queries)

    person(email="a@bücher.example")
    statements("city")
    plain, few = statements("city"), statements("city,mail_standing,legal_basis")
    for n in range(20):
        person(email=f"p{n}@example.org")
    assert statements("city,mail_standing,legal_basis") == few <= plain + 3


def test_both_columns_are_taken_along(ann: User, book: None) -> None:
    context = Context.of(ann)
    columns = exports_of("contact").columns(["name", "mail_standing", "legal_basis"], context)
    rows = Sheet(columns, for_people=True).values(Contact.objects.order_by("pk"))
    cells = {
        row[-3]: tuple(row[-2:]) for row in Cells(Sheet(columns), lambda one: None).of(list(rows))
    }
    assert cells["Bounced"] == (str(WORDS["bounced"]), "Contract")
    assert cells["Based"] == ("Can be mailed", "Consent")
    assert cells["None"] == ("No e-mail address", "")
