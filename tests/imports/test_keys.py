"""The keys of a source, when the records they lead to are merged or gone for good."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from contacts.models import Contact
from crm.trash.models import TrashedRecord
from crm.trash.services import purge_expired
from deals.models import Deal
from deals.services import check_statuses, merge_contacts
from imports.models import ImportedRecord
from tests.imports.files import contact, load_usual, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A company with two people, and a deal with the second."""
    write(
        tmp_path,
        companies=["C1,Acme"],
        people=["P1,Ann,Ash,ann@acme.example,C1", "P2,Bob,Birch,bob@acme.example,C1"],
        deals=["D1,Audit,P2,Won,2016-10-20,2017-03-01,1054.50"],
    )
    return tmp_path


def test_loading_again_finds_the_survivor_under_the_merged_key(folder: Path) -> None:
    load_usual(folder)
    merge_contacts(contact("Ann Ash"), contact("Bob Birch"))
    write(
        folder,
        companies=["C1,Acme"],
        people=["P1,Ann,Ash,ann@acme.example,C1", "P2,Bob,Birch,bob@acme.example,C1"],
        deals=[
            "D1,Audit,P2,Won,2016-10-20,2017-03-01,1054.50",
            "D2,Review,P2,Won,2018-10-20,2019-03-01,10.00",
        ],
    )
    report = load_usual(folder)
    assert report.rejects == []
    assert Contact.objects.people().count() == 1
    assert Deal.objects.get(name="Review").primary_contact == contact("Ann Ash")
    assert check_statuses().differences == []


def test_what_left_the_trash_for_good_can_be_loaded_again(folder: Path) -> None:
    load_usual(folder)
    contact("Ann Ash").delete()
    assert load_usual(folder).counts["people"].deleted == 1
    TrashedRecord.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    assert purge_expired() == 1
    assert not ImportedRecord.objects.filter(key="P1").exists()
    assert load_usual(folder).counts["people"].created == 1
    assert contact("Ann Ash").company == contact("Acme")
