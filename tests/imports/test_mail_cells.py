"""Legal bases and unsubscribings from files: by address, and never against what is known here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import User
from crm.audit.models import Entry
from emails import standing
from emails.models import Address, AddressEvent
from emails.standing import Standing
from imports.report import Report
from tests.imports.files import DEALS, PEOPLE, load_usual, with_fields

pytestmark = pytest.mark.django_db
MAPPED = with_fields(
    {**PEOPLE, "fields": {"last_name": "last", "email": "email"}},
    legal_basis={"column": "basis", "words": {"J": "consent", "N": ""}},
    legal_basis_source="from",
    legal_basis_at={"column": "at", "format": "%d.%m.%Y"},
    legal_basis_text="text",
    unsubscribed="out",
)


def loaded(folder: Path, *rows: str, **more: Any) -> Report:
    text = "\n".join(["id,last,email,basis,from,at,text,out", *rows])
    (folder / "people.csv").write_text(text, encoding="utf-8")
    return load_usual(folder, people=MAPPED, **more)


def of(address: str) -> Standing:
    return standing.standing_of([address])[address]


def test_a_file_says_on_what_basis_its_addresses_are_mailed_and_who_is_out(tmp_path: Path) -> None:
    ann = User.objects.create_user("ann")
    report = loaded(
        tmp_path,
        "1,Ash,Ann@Bücher.example,J,Form,01.03.2024,Write to me,",
        "2,Birch,bob@example.org,contract,,,,no",
        "3,Cole,cid@example.org,N,,,,yes",
        "4,Dunn,,J,,,,",
        user=ann,
    )
    assert report.rejects == []
    found = of("ann@xn--bcher-kva.example").ground
    assert (found.basis, found.source, found.text) == ("consent", "Form", "Write to me")
    assert (found.at.year, found.at.month) in ((2024, 3), (2024, 2))
    # Every basis says where it is from.
    assert of("bob@example.org").ground[:2] == ("contract", "test")
    assert (of("cid@example.org").suppressed, of("cid@example.org").ground.basis) == (
        "unsubscribed", "",
    )  # fmt: skip
    assert report.notes["legal bases and unsubscribings without an address"] == 1
    assert set(AddressEvent.objects.values_list("actor", flat=True)) == {ann.pk}
    # The load is the entry.
    assert not Entry.objects.filter(record="emails.address").exists()


def test_blanks_and_a_later_no_take_nothing_back(tmp_path: Path) -> None:
    first = "1,Ash,ann@example.org,customer,,,,yes"
    loaded(tmp_path, first)
    loaded(tmp_path, "1,Ash,ann@example.org,N,,,,no")
    assert (of("ann@example.org").suppressed, of("ann@example.org").ground.basis) == (
        "unsubscribed", "customer",
    )  # fmt: skip


def test_a_row_that_says_what_it_said_leaves_what_people_decided_since(tmp_path: Path) -> None:
    boss = User.objects.create_superuser("boss")
    row = "1,Ash,ann@example.org,consent,,,,yes"
    loaded(tmp_path, row)
    standing.lift("ann@example.org", actor=boss, reason="wrote to us")
    standing.set_basis(["ann@example.org"], "contract", actor=boss)
    loaded(tmp_path, row)
    assert (of("ann@example.org").suppressed, of("ann@example.org").ground.basis) == (
        "",
        "contract",
    )


def test_what_is_no_basis_and_what_lies_in_the_future_reject_the_row(tmp_path: Path) -> None:
    report = loaded(
        tmp_path,
        "1,Ash,ann@example.org,maybe,,,,",
        "2,Birch,bob@example.org,J,,01.03.2990,,",
        "3,Cole,cid@example.org,J," + "x" * 201 + ",,,",
        "4,Dunn,dan@example.org,J,,,,perhaps",
    )
    assert [one.column for one in report.rejects] == ["basis", "at", "from", "out"]
    assert "consent, customer, contract, interest" in report.rejects[0].reason
    assert not Address.objects.exists()


def test_a_dry_run_leaves_all_addresses_as_they_are(tmp_path: Path) -> None:
    report = loaded(tmp_path, "1,Ash,ann@example.org,J,,,,yes", dry_run=True)
    assert report.rejects == []
    assert not Address.objects.exists()


def test_a_basis_is_for_contacts_and_not_for_deals(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id\n", encoding="utf-8")
    with pytest.raises(ValidationError, match="legal_basis"):
        load_usual(tmp_path, deals=with_fields(DEALS, legal_basis="basis"))


def test_a_file_takes_as_many_statements_more_for_two_rows_as_for_forty(tmp_path: Path) -> None:
    def statements(first: int, number: int) -> int:
        rows = [
            f"{n},P{n},p{n}@example.org,consent,S{n},01.0{n % 9 + 1}.2024,T{n},yes"
            for n in range(first, first + number)
        ]
        with CaptureQueriesContext(connection) as queries:
            loaded(tmp_path, *rows)
        return sum("emails_address" in one["sql"] for one in queries)

    statements(500, 1)
    assert statements(0, 2) == statements(100, 40) > 0
