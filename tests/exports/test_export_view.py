"""Taking a small selection along, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm.bulk.models import BulkRun
from crm.exports import services
from crm.exports.fields import exports_of
from crm.lists.registry import Context, registry_of
from deals.models import Deal, Pipeline
from tests.exports.people import body, csv_rows, posted, signed_in, user, xlsx_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return signed_in()


def company(name: str, **more: Any) -> Contact:
    return Contact.objects.create(is_organization=True, name=name, **more)


def take(client: Client, url: str = "/contacts/export/", **more: Any) -> Any:
    return client.post(url, posted(**more))


def names(response: Any) -> list[str]:
    return names_in(body(response))


def names_in(content: bytes) -> list[str]:
    rows = csv_rows(content)
    return [row[rows[0].index("Name")] for row in rows[1:]]


def test_file_has_the_rows_and_columns_of_the_list_in_its_order(ada: Client) -> None:
    company("Blum", city="Ulm"), company("Acme", city="Aachen"), company("Carl", city="Bonn")
    state = "city.starts=b&city.starts=u&sort=-name&columns=city,customer_status"
    response = take(ada, format="csv", state=state, count="2")
    rows = csv_rows(body(response))
    assert rows[0] == ["ID", "Kind", "Name", "City", "Customer Status"]
    assert [row[1:] for row in rows[1:]] == [
        ["Company", "Carl", "Bonn", "Non Customer"],
        ["Company", "Blum", "Ulm", "Non Customer"],
    ]


def test_only_chosen_rows_are_taken(ada: Client) -> None:
    wanted, _other = company("Blum"), company("Acme")
    assert names(take(ada, format="csv", scope="rows", row=[wanted.pk])) == ["Blum"]


def test_row_that_left_the_list_is_not_taken(ada: Client) -> None:
    kept, left = company("Blum", city="Ulm"), company("Acme", city="Bonn")
    response = take(ada, format="csv", scope="rows", row=[kept.pk, left.pk], state="city=Ulm")
    assert names(response) == ["Blum"]


def test_nobody_takes_along_what_he_may_not_see(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    company("Seen"), company("Hidden")
    monkeypatch.setattr(ContactQuerySet, "visible_to", lambda self, user: self.filter(name="Seen"))
    for form in ("csv", "raw"):
        assert b"Hidden" not in body(take(ada, format=form))
    assert b"Hidden" not in ada.post("/contacts/addresses/", posted()).content


def test_strangers_get_nothing(client: Client) -> None:
    company("Acme")
    for url in ("/contacts/export/", "/contacts/addresses/", "/deals/export/"):
        response = client.post(url, posted(format="csv"))
        assert (response.status_code, b"Acme" in response.content) == (302, False)


def test_nothing_is_taken_by_get(ada: Client) -> None:
    assert ada.get("/contacts/export/?format=csv&scope=all").status_code == 405


@pytest.mark.parametrize(
    ("form", "content_type", "name"),
    [
        ("csv", "text/csv; charset=utf-8", "contacts-{day}.csv"),
        ("raw", "text/csv; charset=utf-8", "contacts-raw-{day}.csv"),
        ("mailchimp", "text/csv; charset=utf-8", "contacts-mailchimp-{day}.csv"),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "contacts-{day}.xlsx",
        ),
    ],
)
def test_file_is_an_attachment_named_by_list_and_day(
    ada: Client, form: str, content_type: str, name: str
) -> None:
    company("Acme", email="a@example.org")
    response = take(ada, format=form)
    name = name.format(day=f"{timezone.localdate():%Y-%m-%d}")
    assert response["Content-Type"] == content_type
    assert response["Content-Disposition"] == (
        f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    )
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]
    assert body(response)


def test_file_of_a_named_list_bears_its_name(ada: Client) -> None:
    response = take(ada, format="csv", list="past-customers", count="0")
    assert response.status_code == 400
    company("Acme")
    response = take(ada, format="csv", list="all")
    assert 'filename="all-' in response["Content-Disposition"]


def test_xlsx_and_csv_say_the_same(ada: Client) -> None:
    company("=1+1", phone="+49 30", city="Ulm"), company("Acme", phone="-5")
    state = "columns=phone,city"
    in_csv = csv_rows(body(take(ada, format="csv", state=state)))
    in_xlsx = xlsx_rows(body(take(ada, format="xlsx", state=state)))
    plain = [[cell.removeprefix("'") for cell in row] for row in in_csv]
    assert [["" if cell is None else str(cell) for cell in row] for row in in_xlsx] == plain


def test_deals_are_taken_with_the_currency_of_their_value(ada: Client) -> None:
    stage = Pipeline.objects.get(is_default=True).stages.all()[0]
    Deal.objects.create(name="Audit", primary_contact=company("Acme"), stage=stage, value=12)
    response = take(ada, "/deals/export/", format="csv", state="columns=value,stage", count="1")
    header, row = csv_rows(body(response))
    assert header == ["ID", "Deal", "Value", "Currency", "Stage"]
    assert row[1:] == ["Audit", "12.00", "EUR", "Incoming"]


def test_deals_do_not_go_to_mailchimp(ada: Client) -> None:
    stage = Pipeline.objects.get(is_default=True).stages.all()[0]
    Deal.objects.create(name="Audit", primary_contact=company("Acme"), stage=stage)
    response = take(ada, "/deals/export/", format="mailchimp", count="1")
    assert response.status_code == 400
    assert b"Only contacts can be taken to Mailchimp." in response.content
    assert b"Mailchimp" not in take(ada, "/deals/export/", count="1").content.replace(
        b"Mailchimp gets", b""
    )


def test_mailchimp_gets_people_and_companies_with_an_address(ada: Client) -> None:
    acme = company("Acme", email="info@example.org", mobile="0171 1")
    Contact.objects.create(
        first_name="Ada", last_name="Blum", company=acme, email="ada@example.org", phone="+49 30"
    )
    Contact.objects.create(first_name="No", last_name="Address")
    assert csv_rows(body(take(ada, format="mailchimp"))) == [
        ["Email Address", "First Name", "Last Name", "Phone Number", "Tags", "Prospect Status",
         "Customer Status"],
        ["info@example.org", "", "Acme", "0171 1", "", "Non Prospect", "Non Customer"],
        ["ada@example.org", "Ada", "Blum", "+49 30", "", "Non Prospect", "Non Customer"],
    ]  # fmt: skip


def test_words_are_in_the_language_of_the_reader_and_codes_in_none() -> None:
    company("Acme")
    german = signed_in(username="carl", language="de")
    rows = csv_rows(body(take(german, format="csv", state="columns=prospect_status")))
    assert rows[0][3] != "Prospect Status"
    assert rows[1][3] != "Non Prospect"
    raw = csv_rows(body(take(german, format="raw", state="columns=prospect_status")))
    assert raw[0] == ["id", "kind", "name", "prospect_status"]
    assert raw[1][1:] == ["company", "Acme", "none"]


def test_owners_who_share_a_name_are_told_apart(ada: Client) -> None:
    for username in ("eva1", "eva2"):
        company(username, owner=user(username, first_name="Eva", last_name="Blum"))
    company("third", owner=user("finn", first_name="Finn", last_name="Carl"))
    rows = csv_rows(body(take(ada, format="csv", state="columns=owner")))
    assert {row[2]: row[3] for row in rows[1:]} == {
        "eva1": "eva1", "eva2": "eva2", "third": "Finn Carl",
    }  # fmt: skip


# -- what is refused, and what is kept


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"format": "pdf"}, "“pdf” is no format"),
        ({"format": "csv", "state": "no_such_field=1"}, "no filter “no_such_field”"),
        ({"format": "csv", "scope": "rows"}, "Nothing is chosen"),
        ({"format": "csv", "scope": "rows", "row": ["1 OR 1=1"]}, "is no number"),
        ({"format": "csv", "list": "nobodys"}, "is gone"),
    ],
)
def test_post_that_is_no_selection_gives_no_file(
    ada: Client, more: dict[str, Any], said: str
) -> None:
    company("Acme")
    response = take(ada, **more)
    assert response.status_code == 400
    assert said in response.content.decode()
    assert not BulkRun.objects.exists()


def test_empty_selection_gives_no_file(ada: Client) -> None:
    response = take(ada, format="csv", state="name=nobody", count="0")
    assert response.status_code == 400
    assert "no row matches" in response.content.decode()


def test_too_many_rows_for_a_workbook_are_refused(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    company("Acme"), company("Blum")
    monkeypatch.setattr("crm.exports.formats.ROWS_AT_MOST", 1)
    assert "at most" in take(ada, format="xlsx").content.decode()
    assert take(ada, format="csv").status_code == 200


def test_who_took_what_along_is_kept(ada: Client) -> None:
    company("Acme", city="Ulm")
    body(take(ada, format="csv", state="city=Ulm&columns=city"))
    run = BulkRun.objects.get()
    assert (run.action, run.record, run.user.username) == ("contact.export", "contact", "ada")
    assert (run.state, run.total, run.done) == ("done", 1, 1)
    assert run.params["format"] == "csv"
    assert run.params["columns"] == ["name", "city"]
    assert "City" in run.sentence
    assert "Ulm" in run.sentence
    assert run.finished_at


def test_page_offers_formats_and_posts_the_same_selection(ada: Client) -> None:
    chosen = company("Acme")
    response = take(ada, scope="rows", row=[chosen.pk])
    page = response.content.decode()
    assert response.status_code == 200
    for form in ("csv", "raw", "xlsx", "mailchimp"):
        assert f'name="format" id="format-{form}" value="{form}"' in page
    assert f'<input type="hidden" name="row" value="{chosen.pk}">' in page
    assert not BulkRun.objects.exists()


def test_statements_do_not_grow_with_the_rows(ada: Client) -> None:
    def statements(**more: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            body(take(ada, format="csv", **more))
        return len(captured)

    state = "columns=company,owner,won_value,open_value,prospect_by,prospect_status"
    company("Acme", owner=user("eva"))
    one = statements(state=state)
    for number in range(40):
        Contact.objects.create(last_name=f"P{number}", company=company(f"C{number}"))
    assert statements(state=state) == one


@pytest.mark.parametrize("record", ["contact", "deal"])
def test_every_column_of_the_list_can_be_taken_along(ada: Client, record: str) -> None:
    stage = Pipeline.objects.get(is_default=True).stages.get(category="won")
    acme = company("Acme", owner=user("eva"))
    Deal.objects.create(name="Audit", primary_contact=acme, stage=stage, value=1200)
    fields = [field.name for field in registry_of(record).columns()]
    state = f"columns={','.join(fields)}"
    for form in ("csv", "xlsx"):
        response = take(ada, f"/{record}s/export/", format=form, state=state, count="1")
        content = body(response)
        rows = csv_rows(content) if form == "csv" else xlsx_rows(content)
        assert len(rows) == 2
        assert {field.name for field in registry_of(record).columns() if str(field.label) not in
                [str(cell).partition(" (")[0] for cell in rows[0]]} == set()  # fmt: skip


def test_large_selection_is_handed_to_the_background(
    ada: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    company("Acme"), company("Blum")
    monkeypatch.setattr(services, "AT_ONCE", 1)
    settings.MEDIA_ROOT = tmp_path
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BulkRun, "get_absolute_url", lambda run: f"/runs/{run.pk}/")
        response = take(ada, format="csv", token="t" * 20)
        again = take(ada, format="csv", token="t" * 20)
    run = BulkRun.objects.get()
    assert response["Location"] == again["Location"] == f"/runs/{run.pk}/"
    assert (run.state, run.total, run.action) == ("done", 2, "contact.export")
    assert names_in(run.file.read()) == ["Acme", "Blum"]


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("record", ["contact", "deal"])
def test_no_two_columns_have_one_header_in_any_language(record: str, language: str) -> None:
    exports = exports_of(record)
    with translation.override(language):
        context = Context.of(None)
        shown = [field.name for field in registry_of(record).columns()]
        columns = exports.columns([*exports.complete, *shown], context)
        titles = [column.title(timezone.get_default_timezone()) for column in columns]
    assert len({title.casefold() for title in titles}) == len(titles)
