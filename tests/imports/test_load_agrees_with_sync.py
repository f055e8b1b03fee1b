"""The load's own path gives what the models and their signals give, on made-up data."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from django.utils.dateparse import parse_date

from benchmarks.generate import generate
from contacts.models import Contact, StatusChange
from contacts.statuses import FACTS, SINCE
from crm.changes import one_change
from deals.models import Deal, DealContact, DealParty, Pipeline
from deals.services import check_statuses
from imports.models import ImportedRecord
from imports.parsing import read_mapping
from imports.services import load

pytestmark = pytest.mark.django_db

COMPARED = ("prospect_status", "customer_status", *FACTS, *SINCE)


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def through_the_models(folder: Path) -> dict[str, dict[str, Any]]:
    """Everything in the files, saved one by one; records by kind and key."""
    stages = {stage.name: stage for stage in Pipeline.objects.get(name="Generated").stages.all()}
    made: dict[str, dict[str, Any]] = {"contact": {}, "deal": {}}
    with one_change():
        for row in rows_of(folder, "companies"):
            made["contact"][row["id"]] = Contact.objects.create(
                is_organization=True, name=row["name"]
            )
        for row in rows_of(folder, "people"):
            made["contact"][row["id"]] = Contact.objects.create(
                last_name=row["last name"], company=made["contact"].get(row["company_id"])
            )
        for row in rows_of(folder, "deals"):
            opened = datetime.combine(date.fromisoformat(row["opened"]), time.min, tzinfo=UTC)
            made["deal"][row["id"]] = Deal.objects.create(
                name=row["name"],
                primary_contact=made["contact"][row["contact_id"]],
                stage=stages[row["stage"]],
                opened_at=opened,
                closed_at=parse_date(row["closed"]) if row["closed"] else None,
            )
        for row in rows_of(folder, "deal_contacts"):
            DealContact.objects.create(
                deal=made["deal"][row["deal_id"]], contact=made["contact"][row["contact_id"]]
            )
    return made


def pictures(contacts: dict[str, int]) -> dict[str, tuple[Any, ...]]:
    """By key: facts, dates, statuses and history."""
    rows = {
        pk: tuple(values)
        for pk, *values in Contact.objects.filter(pk__in=contacts.values()).values_list(
            "pk", *COMPARED
        )
    }
    history: dict[int, set[tuple[Any, ...]]] = {}
    for change in StatusChange.objects.all():
        seen = (change.status, change.old, change.new, change.effective_at)
        history.setdefault(change.contact_id, set()).add(seen)
    return {key: (rows[pk], history.get(pk, set())) for key, pk in contacts.items()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_load_gives_facts_dates_and_history_of_the_models(tmp_path: Path, seed: int) -> None:
    mapping = generate(tmp_path, contacts=200, deals=220, links=300, seed=seed)
    report = load(tmp_path, read_mapping(mapping))
    assert report.rejects == []
    records = ImportedRecord.objects.exclude(kind="deal").values_list("key", "record_id")
    loaded = pictures(dict(records))
    parties = DealParty.objects.count()

    made = through_the_models(tmp_path)
    saved = pictures({key: contact.pk for key, contact in made["contact"].items()})

    assert loaded == saved
    assert DealParty.objects.count() == 2 * parties
    assert not check_statuses().differences


def test_loading_in_two_halves_gives_the_same(tmp_path: Path) -> None:
    mapping = read_mapping(generate(tmp_path, contacts=200, deals=220, links=300, seed=4))
    whole = (tmp_path / "deals.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    links = (tmp_path / "deal_contacts.csv").read_text(encoding="utf-8")
    (tmp_path / "deals.csv").write_text("".join(whole[:120]), encoding="utf-8")
    (tmp_path / "deal_contacts.csv").write_text(links.splitlines()[0] + "\n", encoding="utf-8")
    load(tmp_path, mapping)
    (tmp_path / "deals.csv").write_text("".join(whole), encoding="utf-8")
    (tmp_path / "deal_contacts.csv").write_text(links, encoding="utf-8")
    load(tmp_path, mapping)
    assert not check_statuses().differences

    records = ImportedRecord.objects.exclude(kind="deal").values_list("key", "record_id")
    made = through_the_models(tmp_path)
    for key, pk in records:
        ours, theirs = Contact.objects.get(pk=pk), made["contact"][key]
        theirs.refresh_from_db()
        assert (ours.prospect_status, ours.customer_status) == (
            theirs.prospect_status,
            theirs.customer_status,
        )
        assert [getattr(ours, fact) for fact in FACTS] == [getattr(theirs, f) for f in FACTS]
