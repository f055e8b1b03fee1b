"""What the mappings that ship with the product make of the files they are for."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from django.db.models import Count

from contacts.models import Contact, StatusChange
from deals.models import Deal, Stage
from deals.services import check_statuses
from imports.fields import Entity
from imports.parsing import read_mapping
from imports.report import Report
from imports.services import load
from tests.imports.files import DATA, MAPPINGS

pytestmark = pytest.mark.django_db

MAVEN = "maven-crm-opportunities"
SALESFORCE = "salesforce-org-export"


def load_shipped(name: str, folder: Path | None = None) -> Report:
    return load(folder or DATA / name, read_mapping(MAPPINGS / f"{name}.toml"))


def statuses(**of: object) -> dict[str, int]:
    rows = Contact.objects.filter(**of).order_by().values_list("prospect_status", "customer_status")
    return {
        f"{prospect}/{customer}": count for prospect, customer, count in rows.annotate(Count("pk"))
    }


def maven_cut(folder: Path, rows: list[list[str]]) -> Path:
    shutil.copy(DATA / MAVEN / "accounts.csv", folder)
    with (folder / "sales_pipeline.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture
def maven_rows() -> list[list[str]]:
    with (DATA / MAVEN / "sales_pipeline.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_maven_makes_every_company_a_current_prospect_and_customer() -> None:
    report = load_shipped(MAVEN)
    assert statuses() == {"current/current": 85}
    assert report.counts["companies"].created == 85
    assert report.counts["deals"].created == 7375
    assert not check_statuses().differences


def test_maven_open_deals_without_an_account_are_rejected_each_with_that_reason() -> None:
    report = load_shipped(MAVEN)
    assert report.counts["deals"].rejected == 1425
    assert report.reasons() == [
        (
            "sales_pipeline.csv",
            "account",
            "names no contact: a deal needs a main contact",
            1425,
        )
    ]
    assert all(not reject.cells[3] for reject in report.rejects)


def test_maven_cut_to_its_first_200_deals(tmp_path: Path, maven_rows: list[list[str]]) -> None:
    load_shipped(MAVEN, maven_cut(tmp_path, maven_rows[:201]))
    assert statuses() == {
        "current/current": 8,
        "current/none": 1,
        "lost/none": 5,
        "none/current": 63,
        "none/none": 8,
    }
    assert not check_statuses().differences


def test_maven_cut_to_one_product(tmp_path: Path, maven_rows: list[list[str]]) -> None:
    header, *rows = maven_rows
    load_shipped(MAVEN, maven_cut(tmp_path, [header, *(r for r in rows if r[2] == "GTK 500")]))
    assert statuses() == {
        "current/current": 1,
        "current/none": 6,
        "lost/none": 2,
        "none/current": 11,
        "none/none": 65,
    }
    assert not check_statuses().differences


def test_maven_parents_dates_and_history_are_the_original_ones() -> None:
    load_shipped(MAVEN)
    subsidiaries = Contact.objects.filter(parent_company__isnull=False)
    assert subsidiaries.count() == 15
    assert subsidiaries.get(name="Bluth Company").parent_company.name == "Acme Corporation"
    first = Deal.objects.get(name="GTX Plus Basic 1C1I7A6R")
    assert (first.opened_at.date().isoformat(), first.closed_at.date().isoformat()) == (
        "2016-10-20",
        "2017-03-01",
    )
    won = StatusChange.objects.filter(status="customer")
    assert won.count() == 85
    assert {change.effective_at.year for change in won} == {2017}
    assert {change.cause for change in StatusChange.objects.all()} == {"imported"}
    cancity = Contact.objects.get(name="Cancity")
    earliest = Deal.objects.won().filter(company=cancity).order_by("closed_at").first()
    assert cancity.customer_since == earliest.closed_at
    assert Contact.objects.get(name="Acme Corporation").industry == "technology"


def test_maven_again_makes_no_doubles_and_no_history() -> None:
    load_shipped(MAVEN)
    history = StatusChange.objects.count()
    report = load_shipped(MAVEN)
    assert (Contact.objects.count(), Deal.objects.count()) == (85, 7375)
    assert (report.total("created"), report.total("updated")) == (0, 0)
    assert report.total("unchanged") == 85 + 7375
    assert StatusChange.objects.count() == history
    assert Stage.objects.filter(pipeline__name="Opportunities").count() == 4


def test_salesforce_export_links_everything_by_id() -> None:
    report = load_shipped(SALESFORCE)
    assert [report.counts[entity].created for entity in Entity] == [83, 133, 774, 0]
    assert report.rejects == []
    assert statuses(is_organization=True) == {
        "current/current": 55,
        "current/none": 1,
        "none/current": 27,
    }
    assert statuses(is_organization=False) == {"none/none": 133}
    assert Contact.objects.filter(name="Nissan Motors").count() == 2
    assert Contact.objects.filter(email="sfdcjdemo01@salesforce.com").count() == 133
    assert not Contact.objects.people().filter(company__isnull=True).exists()
    assert not check_statuses().differences


def test_salesforce_deals_keep_stage_date_and_amount() -> None:
    load_shipped(SALESFORCE)
    deal = Deal.objects.get(name="mm 300 seats", value=22905)
    assert deal.stage.name == "Closed Won"
    assert deal.closed_at.date().isoformat() == "2021-07-24"
    assert (deal.currency, deal.opened_at.isoformat()) == ("USD", "2017-08-04T09:09:33+00:00")
    open_deal = Deal.objects.active().filter(name="System Assessment").first()
    assert open_deal.closed_at is None
    assert open_deal.estimated_close_date is not None
