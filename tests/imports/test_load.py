"""The load engine: what becomes of rows, and what is left as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from contacts.models import Contact, StatusChange
from contacts.words import SearchWord
from crm.accounts.models import User
from deals.models import Deal, DealContact, DealParty, Stage
from deals.services import check_statuses, select_status
from imports.models import ImportedRecord, ImportRun
from tests.imports.files import (
    COMPANIES,
    DATA,
    DEALS,
    LINKS,
    PEOPLE,
    contact,
    load_usual,
    statuses,
    with_fields,
    write,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A company with two people, a won deal of 2017 with one of them, the other on it."""
    write(
        tmp_path,
        companies=["C1,Acme", "C2,Blum"],
        people=["P1,Ann,Ash,ann@acme.example,C1", "P2,Bob,Birch,bob@acme.example,C1"],
        deals=["D1,Audit,P1,Won,2016-10-20,2017-03-01,1054.50"],
        links=["D1,P2,Buyer"],
    )
    return tmp_path


def test_people_work_for_their_company_and_deals_count_for_all_three(folder: Path) -> None:
    report = load_usual(folder)
    assert report.rejects == []
    assert contact("Ann Ash").company == contact("Acme")
    deal = Deal.objects.get()
    assert (deal.name, deal.company, deal.value) == ("Audit", contact("Acme"), Decimal("1054.50"))
    assert [statuses(name) for name in ("Acme", "Ann Ash", "Bob Birch", "Blum")] == [
        "none/current",
        "none/current",
        "none/current",
        "none/none",
    ]
    assert DealContact.objects.get().role == "Buyer"
    assert not check_statuses().differences


def test_deal_won_in_2017_was_won_in_2017(folder: Path) -> None:
    load_usual(folder)
    end_of_day = datetime(2017, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
    deal = Deal.objects.get()
    assert deal.closed_at == deal.stage_changed_at == end_of_day
    assert deal.opened_at == datetime(2016, 10, 20, tzinfo=UTC)
    assert contact("Acme").customer_since == end_of_day
    changes = StatusChange.objects.filter(contact=contact("Bob Birch"))
    assert [(c.status, c.old, c.new, c.effective_at, c.cause) for c in changes] == [
        ("customer", "none", "current", end_of_day, "imported")
    ]


def test_history_is_one_import_by_whoever_loaded(folder: Path) -> None:
    user = User.objects.create_user("ann")
    load_usual(folder, user=user)
    changes = StatusChange.objects.all()
    assert {(change.cause, change.actor) for change in changes} == {("imported", user)}
    assert len({change.recorded_at for change in changes}) == 1
    run = ImportRun.objects.get()
    assert (run.source, run.started_by, run.created, run.rejected) == ("test", user, 6, 0)


def test_dry_run_says_the_same_and_writes_nothing(folder: Path) -> None:
    dry = load_usual(folder, dry_run=True)
    for model in (Contact, Deal, DealParty, StatusChange, ImportedRecord, ImportRun):
        assert not model._base_manager.exists()
    assert not Stage.objects.filter(pipeline__name="Test").exists()
    real = load_usual(folder)
    assert dry.as_data() == real.as_data()


def test_what_goes_wrong_at_the_end_takes_everything_back(folder: Path) -> None:
    with (folder / "links.csv").open("a") as file:
        file.write('D1,"P1,Buyer\n')
    with pytest.raises(ValidationError, match=r"links.csv"):
        load_usual(folder)
    assert not Contact.objects.exists()
    assert not ImportedRecord.objects.exists()


# -- again


def test_again_makes_no_doubles(folder: Path) -> None:
    load_usual(folder)
    report = load_usual(folder)
    assert (Contact.objects.count(), Deal.objects.count(), DealContact.objects.count()) == (4, 1, 1)
    assert report.total("unchanged") == 6
    assert StatusChange.objects.count() == 3


def test_changed_row_updates_the_fields_of_the_mapping_alone(folder: Path) -> None:
    load_usual(folder)
    Contact.objects.filter(name="Ann Ash").update(title="Director", email="ann@home.example")
    write(folder, people=["P1,Anna,Ash,anna@acme.example,C1", "P2,Bob,Birch,bob@acme.example,C1"])
    report = load_usual(folder)
    assert (report.counts["people"].updated, report.counts["people"].unchanged) == (1, 1)
    anna = contact("Anna Ash")
    assert (anna.title, anna.email, anna.search_key) == (
        "Director",
        "anna@acme.example",
        " anna ash anna acme example  acme ",
    )


def test_row_that_says_what_it_said_leaves_what_people_changed(folder: Path) -> None:
    load_usual(folder)
    Contact.objects.filter(name="Ann Ash").update(email="ann@home.example")
    load_usual(folder)
    assert contact("Ann Ash").email == "ann@home.example"


def test_deal_that_moved_in_the_file_moves_here(folder: Path) -> None:
    load_usual(folder)
    write(folder, deals=["D1,Audit,P1,Lost,2016-10-20,2018-05-02,1054.50"])
    load_usual(folder)
    assert statuses("Acme") == "lost/none"
    assert contact("Acme").last_lost_at.date().isoformat() == "2018-05-02"
    assert not check_statuses().differences


def test_deal_reopened_in_the_file_is_active_here(folder: Path) -> None:
    load_usual(folder)
    write(folder, deals=["D1,Audit,P1,Working,2016-10-20,,1054.50"])
    load_usual(folder)
    assert Deal.objects.get().closed_at is None
    assert statuses("Bob Birch") == "current/none"


def test_new_star_in_the_file_leaves_the_win_with_the_old_one(folder: Path) -> None:
    load_usual(folder)
    write(folder, deals=["D1,Audit,C2,Won,2016-10-20,2017-03-01,1054.50"])
    load_usual(folder)
    assert Deal.objects.get().company == contact("Blum")
    assert [statuses(name) for name in ("Blum", "Ann Ash", "Acme")] == ["none/current"] * 3
    assert set(DealParty.objects.filter(kept=True).values_list("contact__name", flat=True)) == {
        "Ann Ash",
        "Bob Birch",
        "Acme",
    }
    assert not check_statuses().differences


def test_person_who_changed_jobs_in_the_file_keeps_the_win(folder: Path) -> None:
    load_usual(folder)
    write(folder, people=["P1,Ann,Ash,ann@acme.example,C1", "P2,Bob,Birch,bob@acme.example,C2"])
    load_usual(folder)
    assert contact("Bob Birch").company == contact("Blum")
    assert statuses("Bob Birch") == "none/current"
    assert statuses("Blum") == "none/none"
    assert not check_statuses().differences


def test_co_worker_added_to_a_deal_of_the_last_load_is_a_customer(folder: Path) -> None:
    write(folder, links=[])
    load_usual(folder)
    assert statuses("Bob Birch") == "none/none"
    write(folder, links=["D1,P2,Buyer"])
    load_usual(folder)
    assert statuses("Bob Birch") == "none/current"
    assert not check_statuses().differences


def test_role_that_changed_is_updated(folder: Path) -> None:
    load_usual(folder)
    write(folder, links=["D1,P2,User"])
    assert load_usual(folder).counts["deal_contacts"].updated == 1
    assert DealContact.objects.get().role == "User"


def test_deleted_record_stays_deleted_and_what_names_it_is_rejected(folder: Path) -> None:
    load_usual(folder)
    contact("Bob Birch").delete()
    report = load_usual(folder)
    assert report.counts["people"].deleted == 1
    assert not Contact.objects.filter(name="Bob Birch").exists()
    assert [reject.reason for reject in report.rejects] == [
        "“P2” was loaded before and is deleted; restore it from the trash"
    ]


def test_new_deal_counts_for_contacts_that_were_here_before(folder: Path) -> None:
    load_usual(folder)
    with (folder / "deals.csv").open("a") as file:
        file.write("D2,More,C1,New,2020-01-01,,\n")
    load_usual(folder)
    assert statuses("Acme") == "current/current"
    assert statuses("Ann Ash") == "none/current"
    assert contact("Acme").prospect_since == datetime(2020, 1, 1, tzinfo=UTC)
    assert not check_statuses().differences


def test_same_key_of_another_source_is_another_record(folder: Path) -> None:
    load_usual(folder)
    load_usual(folder, source="other")
    assert Contact.objects.filter(name="Acme").count() == 2


# -- marks


def test_mark_set_since_an_old_win_stays(folder: Path) -> None:
    deals = (folder / "deals.csv").read_text()
    write(folder, deals=[])
    load_usual(folder)
    in_2020 = datetime(2020, 6, 1, tzinfo=UTC)
    select_status(contact("Acme"), customer="past", at=in_2020)
    (folder / "deals.csv").write_text(deals)
    load_usual(folder)
    assert statuses("Acme") == "none/past"
    assert statuses("Ann Ash") == "none/current"
    assert contact("Acme").customer_since == in_2020
    assert not check_statuses().differences


STATUS_COLUMNS = with_fields(
    COMPANIES,
    customer_status={
        "column": "was",
        "words": {"Old Customer": "past", "Customer": "current", "Never": "none", "Partner": ""},
        "date_column": "since",
    },
    prospect_status={"column": "sold", "words": {"yes": "current", "no": "lost"}},
)


def with_status_columns(folder: Path, *rows: str) -> dict[str, Any]:
    text = "\n".join(["id,name,was,since,sold", *rows]) + "\n"
    (folder / "companies.csv").write_text(text)
    return {"companies": STATUS_COLUMNS}


def test_status_column_is_a_selection_of_its_date(folder: Path) -> None:
    user = User.objects.create_user("ann")
    given = with_status_columns(folder, "C1,Acme,Old Customer,2020-06-01,", "C2,Blum,Partner,,")
    report = load_usual(folder, user=user, **given)
    acme = contact("Acme")
    assert (statuses("Acme"), statuses("Blum")) == ("none/past", "none/none")
    assert acme.customer_marked_at.date().isoformat() == "2020-06-01"
    assert (acme.customer_marked_by, acme.customer_mark_had_deal) == (user, True)
    assert [
        (change.new, change.effective_at.year, change.cause)
        for change in acme.status_changes.order_by("pk")
    ] == [("current", 2017, "imported"), ("past", 2020, "imported")]
    assert report.rejects == []
    assert not check_statuses().differences


def test_past_customer_of_2015_who_bought_in_2017_is_a_customer(folder: Path) -> None:
    given = with_status_columns(folder, "C1,Acme,Old Customer,2015-06-01,", "C2,Blum,,,")
    load_usual(folder, **given)
    assert statuses("Acme") == "none/current"
    assert contact("Acme").customer_mark == "past"


def test_customer_without_deals_is_taken_as_one(folder: Path) -> None:
    given = with_status_columns(folder, "C1,Acme,,,", "C2,Blum,customer,2012-01-31,")
    load_usual(folder, **given)
    assert statuses("Blum") == "none/current"
    assert contact("Blum").customer_since.year == 2012


def test_refused_selections_are_reported_with_their_reason(folder: Path) -> None:
    given = with_status_columns(folder, "C1,Acme,Never,,no", "C2,Blum,,,yes")
    report = load_usual(folder, **given)
    assert (statuses("Acme"), statuses("Blum")) == ("none/current", "none/none")
    found = {(reject.row, reject.column): reject.reason for reject in report.rejects}
    assert "did buy: “Audit”" in found[2, "was"]
    assert "bought: “Audit”" in found[2, "sold"]
    assert "Only an active deal" in found[3, "sold"]
    assert report.counts["companies"].incomplete == 3
    assert report.counts["companies"].created == 2


def test_refused_selection_is_tried_again_by_the_next_load(folder: Path) -> None:
    given = with_status_columns(folder, "C1,Acme,,,", "C2,Blum,,,yes")
    load_usual(folder, **given)
    with (folder / "deals.csv").open("a") as file:
        file.write("D2,More,C2,New,2020-01-01,,\n")
    assert load_usual(folder, **given).rejects == []
    assert statuses("Blum") == "current/none"


def test_unknown_word_for_a_status_rejects_the_row(folder: Path) -> None:
    given = with_status_columns(folder, "C1,Acme,Friend,,", "C2,Blum,,,")
    report = load_usual(folder, **given)
    assert report.rejects[0].reason == "“Friend” is not in the mapping"
    assert report.counts["companies"].rejected == 1


def test_selection_of_the_future_rejects_the_row(folder: Path) -> None:
    given = with_status_columns(folder, "C1,Acme,Old Customer,2999-01-01,", "C2,Blum,,,")
    report = load_usual(folder, **given)
    assert "lies in the future" in report.rejects[0].reason


def test_what_a_person_selected_later_outweighs_the_file(folder: Path) -> None:
    given = with_status_columns(folder, "C1,Acme,,,", "C2,Blum,,,")
    load_usual(folder, **given)
    select_status(contact("Blum"), customer="past")
    given = with_status_columns(folder, "C1,Acme,,,", "C2,Blum,Customer,2019-01-01,")
    report = load_usual(folder, **given)
    assert statuses("Blum") == "none/past"
    assert "later, stays" in report.rejects[0].reason


# -- references


def test_name_of_two_companies_is_refused_and_their_ids_are_not(folder: Path) -> None:
    write(
        folder,
        companies=["C1,Nissan Motors", "C2,Nissan Motors"],
        people=[],
        links=[],
        deals=["D1,Audit,Nissan Motors,Won,,2017-03-01,"],
    )
    by_name = with_fields(
        DEALS, primary_contact={"column": "contact", "by": "name", "kind": "company"}
    )
    report = load_usual(folder, deals=by_name)
    assert report.rejects[0].reason == "several contacts are “Nissan Motors”; refer to them by id"
    write(folder, deals=["D1,Audit,C2,Won,,2017-03-01,"])
    assert load_usual(folder).counts["deals"].created == 1


def test_deals_are_linked_to_people_by_email_whatever_its_case(folder: Path) -> None:
    write(folder, deals=["D1,Audit,ANN@acme.example,Won,,2017-03-01,"])
    by_email = with_fields(DEALS, primary_contact={"column": "contact", "by": "email"})
    load_usual(folder, deals=by_email)
    assert Deal.objects.get().primary_contact == contact("Ann Ash")


def test_contact_from_before_the_load_is_found_by_name(folder: Path) -> None:
    here = Contact.objects.create(is_organization=True, name="Zenit")
    write(folder, deals=["D1,Audit,zenit,Won,,2017-03-01,"], links=[])
    by_name = with_fields(DEALS, primary_contact={"column": "contact", "by": "name"})
    load_usual(folder, deals=by_name)
    assert Deal.objects.get().company == here
    assert statuses("Zenit") == "none/current"


def test_first_of_several_ways_that_is_not_empty_names_the_contact(folder: Path) -> None:
    text = "id,name,contact,stage,opened,closed,value,firm\n"
    rows = "D1,One,P1,New,,,,Blum\nD2,Two,,New,,,,Blum\n"
    (folder / "deals.csv").write_text(text + rows)
    ways = [{"column": "contact", "by": "id"}, {"column": "firm", "by": "name"}]
    load_usual(folder, deals=with_fields(DEALS, primary_contact=ways))
    assert list(Deal.objects.order_by("name").values_list("primary_contact__name", flat=True)) == [
        "Ann Ash",
        "Blum",
    ]


def test_file_may_name_another_company_for_a_deal(folder: Path) -> None:
    text = "id,name,contact,stage,opened,closed,value,firm\nD1,One,P1,Won,,2017-01-01,,C2\n"
    (folder / "deals.csv").write_text(text)
    load_usual(folder, deals=with_fields(DEALS, company="firm"))
    assert [statuses(name) for name in ("Ann Ash", "Blum", "Acme", "Bob Birch")] == [
        "none/current",
        "none/current",
        "none/none",
        "none/none",
    ]


def test_unknown_reference_rejects_the_row_with_every_reason(folder: Path) -> None:
    write(folder, deals=["D1,Audit,P9,Nowhere,,2017-03-01,much"], links=[])
    reject = load_usual(folder).rejects[0]
    assert (reject.file, reject.row, reject.column) == ("deals.csv", 2, "contact; stage; value")
    assert "there is no contact “P9”" in reject.reason
    assert "“Nowhere” is not in [pipeline.stages]" in reject.reason
    assert "“much” is no number" in reject.reason


def test_main_contact_among_the_associated_needs_no_row(folder: Path) -> None:
    write(folder, links=["D1,P1,Buyer", "D1,P2,User"])
    report = load_usual(folder)
    assert list(DealContact.objects.values_list("contact__name", flat=True)) == ["Bob Birch"]
    assert report.rejects == []


def test_second_row_with_a_key_is_rejected(folder: Path) -> None:
    write(folder, companies=["C1,Acme", "C1,Blum"])
    report = load_usual(folder)
    assert report.rejects[0].reason == "has the same key as row 2"
    assert report.rejects[0].row == 3


PARENTS = with_fields(COMPANIES, parent_company={"column": "parent", "by": "id"})


def test_parent_may_stand_below_its_subsidiary(folder: Path) -> None:
    (folder / "companies.csv").write_text("id,name,parent\nC1,Acme,C2\nC2,Blum,\n")
    load_usual(folder, companies=PARENTS)
    assert contact("Acme").parent_company == contact("Blum")
    assert statuses("Blum") == "none/none"


def test_two_companies_are_not_each_others_parent(folder: Path) -> None:
    (folder / "companies.csv").write_text("id,name,parent\nC1,Acme,C2\nC2,Blum,C1\n")
    report = load_usual(folder, companies=PARENTS)
    assert contact("Acme").parent_company == contact("Blum")
    assert contact("Blum").parent_company is None
    assert "each be the other's parent" in report.rejects[0].reason
    assert report.counts["companies"].incomplete == 1


def test_file_of_deals_may_feed_the_companies_too(folder: Path) -> None:
    (folder / "companies.csv").unlink()
    (folder / "people.csv").unlink()
    (folder / "links.csv").unlink()
    write(folder, deals=["D1,A,Acme,New,,,", "D2,B,Acme,Lost,,2020-01-01,", "D3,C,,New,,,"])
    companies = {"file": "deals.csv", "key": "contact", "repeated": True,
                 "fields": {"name": "contact"}}  # fmt: skip
    by_name = with_fields(DEALS, primary_contact={"column": "contact", "by": "name"})
    report = load_usual(folder, companies=companies, deals=by_name)
    assert Contact.objects.count() == 1
    assert statuses("Acme") == "current/none"
    assert [reject.row for reject in report.rejects] == [4]


# -- cells


def test_owner_is_found_by_any_name_and_strangers_are_counted(folder: Path) -> None:
    user = User.objects.create_user("ann", "ann@here.example", first_name="Ann", last_name="Smith")
    (folder / "companies.csv").write_text(
        "id,name,owner\nC1,Acme,ANN SMITH\nC2,Blum,ann@here.example\nC3,Cobalt,Zoe\n"
    )
    report = load_usual(folder, companies=with_fields(COMPANIES, owner="owner"))
    assert (contact("Acme").owner, contact("Blum").owner) == (user, user)
    assert contact("Cobalt").owner is None
    assert report.unmatched_owners == {"Zoe": 1}
    assert report.rejects == []


@pytest.mark.parametrize(("opened", "closed"), [("2999-01-01", ""), ("", "2999-01-01")])
def test_nothing_is_opened_or_closed_in_the_future(folder: Path, opened: str, closed: str) -> None:
    write(folder, deals=[f"D1,Audit,P1,Won,{opened},{closed},"], links=[])
    assert "lies in the future" in load_usual(folder).rejects[0].reason


def test_expected_close_date_of_an_open_deal_may_lie_in_the_future(folder: Path) -> None:
    write(folder, deals=["D1,Audit,P1,New,,2999-01-01,"], links=[])
    section = with_fields(DEALS, estimated_close_date="closed")
    section["fields"].pop("closed_at")
    assert load_usual(folder, deals=section).rejects == []


def test_deal_closed_today_was_closed_by_now(folder: Path) -> None:
    today = timezone.localdate().isoformat()
    write(folder, deals=[f"D1,Audit,P1,Won,{today},{today},"])
    load_usual(folder)
    deal = Deal.objects.get()
    assert deal.opened_at <= deal.closed_at <= timezone.now()


def test_numbers_and_dates_are_read_as_the_mapping_says(folder: Path) -> None:
    (folder / "deals.csv").write_text(
        "id;name;contact;stage;opened;closed;value\nD1;Audit;P1;Won;02.01.2017;01.03.2017;1.054,50\n"
    )
    section = DEALS | {"decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y"}
    load_usual(folder, deals=section)
    deal = Deal.objects.get()
    assert (deal.value, deal.closed_at.date().isoformat()) == (Decimal("1054.50"), "2017-03-01")


def test_too_long_name_and_bad_email_are_rejected_with_their_column(folder: Path) -> None:
    write(folder, companies=["C1," + "x" * 256], people=["P1,Ann,Ash,ann at acme,"], deals=[],
          links=[])  # fmt: skip
    rejects = load_usual(folder).rejects
    assert [(reject.column, reject.reason) for reject in rejects] == [
        ("name", "is 256 characters long, at most 255 fit"),
        ("email", "“ann at acme” is no e-mail address"),
    ]


def test_bad_email_may_be_left_out_instead(folder: Path) -> None:
    write(folder, people=["P1,Ann,Ash,ann at acme,C1", "P2,Bob,Birch,,C1"])
    report = load_usual(folder, people=PEOPLE | {"invalid_email": "drop"})
    assert contact("Ann Ash").email == ""
    assert report.rejects == []
    assert report.notes.total() == 1


def test_website_is_an_address_of_the_web_or_rejected(folder: Path) -> None:
    (folder / "companies.csv").write_text(
        "id,name,site\nC1,Acme,www.acme.example/x\nC2,Blum,javascript:alert(1)\n"
    )
    report = load_usual(folder, companies=with_fields(COMPANIES, website="site"))
    assert contact("Acme").website == "https://www.acme.example/x"
    assert "no web address" in report.rejects[0].reason


def test_control_characters_reject_the_row(folder: Path) -> None:
    write(folder, companies=["C1,Ac\x00me", "C2,Blum"])
    report = load_usual(folder)
    assert "U+0000" in report.rejects[0].reason
    assert contact("Blum")


def test_naughty_strings_come_through_unchanged(folder: Path) -> None:
    import csv

    strings = json.loads((DATA / "blns" / "blns.json").read_text(encoding="utf-8"))
    usable = [text for text in dict.fromkeys(strings) if 0 < len(text.strip()) <= 255]
    with (folder / "companies.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name"])
        writer.writerows((f"N{number}", text) for number, text in enumerate(usable))
    write(folder, people=[], deals=[], links=[])
    report = load_usual(folder)
    refused = {reject.cells[0] for reject in report.rejects}
    assert all("control character" in reject.reason for reject in report.rejects)
    keys = dict(ImportedRecord.objects.values_list("key", "record_id"))
    names = dict(Contact.objects.values_list("pk", "name"))
    for number, text in enumerate(usable):
        if f"N{number}" not in refused:
            assert names[keys[f"N{number}"]] == text.strip()
    assert len(refused) < 10


def test_contact_loaded_has_the_keys_that_saving_it_gives(folder: Path) -> None:
    write(folder, people=["P1,Ähm,Łoś,a@b.example,C1", "P2,Bob,Birch,,C1"])
    load_usual(folder)
    assert Contact.objects.rekey() == Deal.objects.rekey() == 0
    assert contact("Ähm Łoś").search_key == " ahm los a b example  acme "
    kept = set(SearchWord.objects.values_list("word", flat=True))
    assert {"example", "acme", "birch"} <= kept


def test_links_of_deals_that_are_not_there_are_rejected(folder: Path) -> None:
    write(folder, links=["D9,P2,", ",P2,", "D1,P2,", "D1,P2,"])
    reasons = [reject.reason for reject in load_usual(folder, deal_contacts=LINKS).rejects]
    assert reasons == ["there is no deal “D9”", "is empty", "is on this deal in an earlier row"]


def test_two_files_may_say_who_is_on_deals(folder: Path) -> None:
    (folder / "more.csv").write_text("deal,contact,role\nD1,P2,User\nD1,C2,Adviser\n")
    report = load_usual(folder, deal_contacts=[LINKS, LINKS | {"file": "more.csv"}])
    assert set(DealContact.objects.values_list("contact__name", "role")) == {
        ("Bob Birch", "Buyer"),
        ("Blum", "Adviser"),
    }
    assert [reject.reason for reject in report.rejects] == ["is on this deal in an earlier row"]


def test_stage_of_another_category_in_the_pipeline_is_refused(folder: Path) -> None:
    load_usual(folder)
    stages = {"New": "incoming", "Won": "lost"}
    with pytest.raises(ValidationError, match="stage “Won” of the category won"):
        load_usual(folder, pipeline={"name": "Test", "stages": stages})
