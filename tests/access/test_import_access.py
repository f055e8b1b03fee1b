"""Loading files: by command alone; what came in is for whom it belongs to, what was loaded for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import get_resolver, reverse

from crm.accounts.models import User
from crm.audit.models import Action, Entry
from imports.models import ImportedRecord, ImportRun
from tests.access.checksums import checksum, differing
from tests.access.worlds import administrator, with_set
from tests.imports.files import COMPANIES, contact, load_usual, with_fields, write

pytestmark = pytest.mark.django_db
PAGES = [reverse(f"admin:imports_{model}_changelist") for model in ("importrun", "importedrecord")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(
        tmp_path,
        companies=["C1,Acme"],
        people=["P1,Ann,Ash,ann@acme.example,C1"],
        deals=["D1,Audit,P1,Won,2024-01-01,2024-02-01,100"],
    )
    return tmp_path


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def modules_of(patterns: Any) -> Iterator[str]:
    """Where the views behind addresses are written."""
    for one in patterns:
        if hasattr(one, "url_patterns"):
            yield from modules_of(one.url_patterns)
        else:
            yield one.callback.__module__


def test_no_page_loads_files():
    rooms = {module.partition(".")[0] for module in modules_of(get_resolver().url_patterns)}
    assert "contacts" in rooms
    assert "imports" not in rooms


@pytest.mark.parametrize("code", ["everything", "own", "read"])
def test_what_was_loaded_is_for_administrators(folder, code):
    load_usual(folder)
    user = with_set("ann", code)
    run, key = ImportRun.objects.get(), ImportedRecord.objects.get(key="C1")
    pages = [
        *PAGES,
        reverse("admin:imports_importrun_change", args=[run.pk]),
        reverse("admin:imports_importedrecord_change", args=[key.pk]),
    ]
    root = client_of(administrator())
    for page in pages:
        refused = client_of(user).get(page)
        assert refused.status_code in (302, 403, 404)
        assert "Acme" not in text(refused)
        assert root.get(page).status_code == 200


def test_what_was_loaded_is_changed_by_nobody(folder):
    load_usual(folder)
    run = ImportRun.objects.get()
    root = client_of(administrator())
    before = checksum()
    for step in ("change", "delete"):
        page = reverse(f"admin:imports_importrun_{step}", args=[run.pk])
        assert root.post(page, {"source": "other", "post": "yes"}).status_code == 403
    assert not differing(before, checksum())


def test_what_comes_in_is_for_whom_it_belongs_to(folder):
    ann, ben = (with_set(name, "own") for name in ("ann", "ben"))
    (folder / "companies.csv").write_text("id,name,owner\nC1,Acme,ann\n", encoding="utf-8")
    load_usual(folder, companies=with_fields(COMPANIES, owner="owner"))
    acme = contact("Acme")
    assert acme.owner == ann
    for user, status in ((ann, 200), (ben, 404)):
        assert client_of(user).get(acme.get_absolute_url()).status_code == status
    person = contact("Ann Ash")
    assert client_of(ann).get(person.get_absolute_url()).status_code == 404


def run(folder: Path, *more: str) -> str:
    said = StringIO()
    mapping = folder / "mapping.toml"
    mapping.write_text(
        'source = "test"\n[companies]\nfile = "companies.csv"\nkey = "id"\n'
        '[companies.fields]\nname = "name"\n',
        encoding="utf-8",
    )
    call_command("load", folder, "--map", str(mapping), *more, stdout=said, verbosity=0)
    return said.getvalue()


def test_load_is_noted_with_who_did_it_and_how_much(folder):
    ann = with_set("ann", "own")
    assert "Loaded." in run(folder, "--user", "ann")
    noted = Entry.objects.get(action=Action.IMPORTED)
    assert (noted.actor_id, noted.source, noted.record) == (ann.pk, "import", "imports.importrun")
    assert (noted.details["source"], noted.details["created"]) == ("test", 1)


def test_nothing_is_noted_of_a_trial(folder):
    run(folder, "--dry-run")
    assert not Entry.objects.filter(action=Action.IMPORTED).exists()
    assert not ImportRun.objects.exists()


def test_nobody_loads_in_the_name_of_who_is_deactivated(folder):
    with_set("ann", "own")
    User.objects.filter(username="ann").update(is_active=False)
    before = checksum()
    with pytest.raises(CommandError, match="“ann” is deactivated"):
        run(folder, "--user", "ann")
    assert not differing(before, checksum())
