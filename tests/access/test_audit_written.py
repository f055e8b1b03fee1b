"""What is written into the audit log by whom: refusals, settings, loads, the administration, and its own end."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import ContactTag, StatusChange
from crm import nightly
from crm.accounts.levels import Level
from crm.audit.denied import MOST_IN_A_MINUTE
from crm.audit.models import Action, Entry
from crm.audit.retention import remove_older
from crm.audit.services import record, record_many
from crm.models import NightlyRun
from crm.tasks import run_nightly
from crm.trash.models import TrashedRecord
from deals.models import Deal, Pipeline, Stage
from deals.services import merge_contacts, pipelines, undo_merge
from settings.categories import Category
from settings.models import Account, Tag
from settings.services import account as account_service
from settings.services.making import change_tag, create_tag
from settings.services.removing import delete_label
from settings.services.undoing import undo_removal
from tests.access.worlds import administrator, member
from tests.deals.factories import deal, default_stages, person
from tests.exports.people import posted
from tests.imports.files import load_usual, write

pytestmark = pytest.mark.django_db


def told(action: str) -> list[Entry]:
    return list(Entry.objects.filter(action=action).order_by("pk"))


# -- refusals


def test_refused_page_is_noted_without_what_was_asked(client):
    max_ = member("max")
    client.force_login(max_)
    client.get(reverse("traces:log"), {"request": "Ada Lovelace"}, REMOTE_ADDR="192.0.2.7")
    (entry,) = told(Action.DENIED)
    assert (entry.actor_id, entry.actor_name) == (max_.pk, "Max")
    assert entry.details == {"path": reverse("traces:log"), "method": "GET", "status": 403}
    assert entry.address == "192.0.2.7"


def test_refused_change_of_what_one_cannot_see_is_noted(client):
    hidden = person()
    client.force_login(member("max", contacts=Level.OWN, customers=Level.OWN))
    assert client.post(reverse("contacts:delete", args=[hidden.pk])).status_code == 404
    assert [entry.details["status"] for entry in told(Action.DENIED)] == [404]


def test_card_one_may_not_see_and_card_that_is_not_there_are_noted_alike(client):
    """Else the time that writing takes would tell one from the other."""
    hidden = person()
    client.force_login(member("max", contacts=Level.OWN, customers=Level.OWN))
    assert client.get(hidden.get_absolute_url()).status_code == 404
    assert client.get("/contacts/999999/").status_code == 404
    assert [one.details for one in told(Action.DENIED)] == [
        {"path": path, "method": "GET", "status": 404}
        for path in (hidden.get_absolute_url(), "/contacts/999999/")
    ]


def test_address_that_leads_nowhere_is_no_refusal(client):
    client.force_login(member("max"))
    assert client.get("/nowhere/").status_code == 404
    assert told(Action.DENIED) == []


def test_key_in_an_address_is_not_noted(db):
    administrator()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/accounts/password/reset/2z-abc-0123456789abcdef/").status_code == 403
    (entry,) = told(Action.DENIED)
    assert entry.details["path"] == "/accounts/password/reset/…-…/"


def test_control_characters_forge_no_line(client):
    client.force_login(member("max"))
    client.post("/contacts/%0aRoot%20signed%20in%1b[2J%e2%80%ae/")
    (entry,) = told(Action.DENIED)
    assert entry.details["path"] == "/contacts/\\x0aRoot signed in\\x1b[2J\\u202e/"


def test_texts_of_entries_hold_no_control_characters():
    eve = person("Eve\r\nRoot", first_name="\x1b[31m")
    entry = record(Action.CHANGED, eve, after={"name": "a\x00b\ud800", "more": ["\u202ec"]})
    entry.refresh_from_db()
    assert entry.record_name == "\\x1b[31m Eve\\x0d\\x0aRoot"
    assert entry.after == {"name": "a\\x00b\\ud800", "more": ["\\u202ec"]}


def test_what_is_called_a_secret_is_withheld():
    entry = record(
        Action.CHANGED,
        before={"password": "s1", "reset_token": "s2"},
        after={"api_key": "s3", "deep": {"client_secret": "s4", "secret_set": True}},
        cookie="s5",
    )
    assert not {"s1", "s2", "s3", "s4", "s5"} & set(re.findall(r"s\d", str(vars(entry))))
    assert entry.after["deep"]["secret_set"] is True


def test_form_without_its_token_is_noted(db):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member("max"))
    assert strict.post(reverse("settings:account")).status_code == 403
    assert len(told(Action.DENIED)) == 1


def test_one_path_is_noted_once_a_minute(client):
    client.force_login(member("max"))
    for _ in range(3):
        client.get(reverse("traces:log"))
    assert len(told(Action.DENIED)) == 1


def test_log_cannot_be_flooded(client):
    client.force_login(member("max"))
    for number in range(MOST_IN_A_MINUTE + 5):
        client.post(f"/contacts/{number + 100_000}/delete/")
    assert len(told(Action.DENIED)) == MOST_IN_A_MINUTE


# -- deletions, merges, exports


def test_deletion_and_return_are_told(client):
    root = administrator()
    client.force_login(root)
    ada = person("Lovelace")
    client.post(reverse("contacts:delete", args=[ada.pk]))
    client.post(reverse("deals:restore", args=[TrashedRecord.objects.get().pk]))
    (deleted,), (restored,) = told(Action.DELETED), told(Action.RESTORED)
    for entry in (deleted, restored):
        assert (entry.record, entry.record_id) == ("contacts.contact", ada.pk)
        assert (entry.record_name, entry.actor_id) == ("Lovelace", root.pk)


def test_each_of_many_deleted_deals_is_told():
    ada = person()
    ids = {deal(ada).pk for _ in range(3)}
    Deal.objects.filter(pk__in=ids).delete()
    assert {(one.record, one.record_id) for one in told(Action.DELETED)} == {
        ("deals.deal", pk) for pk in ids
    }


def test_looking_what_a_deletion_would_do_is_told_to_nobody(client):
    client.force_login(administrator())
    ada = person()
    assert client.get(reverse("contacts:delete", args=[ada.pk])).status_code == 200
    assert told(Action.DELETED) == []


def test_end_of_what_lay_in_the_trash_is_told():
    person().delete()
    TrashedRecord.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    nightly.JOBS["empty_trash"]()
    entry = told(Action.DELETED)[-1]
    assert entry.details == {"number": 1, "how": "trash_emptied"}


def test_merge_and_its_undoing_are_told():
    ada, twin = person("Lovelace"), person("Lovelance")
    number = twin.pk
    undo_merge(merge_contacts(ada, twin))
    for entry in (*told(Action.MERGED), *told(Action.UNMERGED)):
        assert (entry.record_id, entry.record_name) == (ada.pk, "Lovelace")
        assert entry.details == {"with": "Lovelance", "number": number}
    assert len(told(Action.MERGED)) == len(told(Action.UNMERGED)) == 1


def test_export_is_told_with_its_filter_and_its_rows(client):
    root = administrator()
    client.force_login(root)
    person("Lovelace")
    person("Babbage")
    sent = posted(format="csv", state="q=lovel", columns="name", count="1")
    answer = client.post(reverse("contacts:export"), sent)
    assert answer.status_code == 200, answer.content
    (entry,) = told(Action.EXPORTED)
    assert entry.details["count"] == 1
    assert "lovel" in entry.details["selected"]
    assert entry.details["format"] == "csv"


def test_load_has_itself_as_source_in_the_log_and_in_histories(tmp_path):
    write(tmp_path, people="1,Ada,Lovelace,ada@example.org,", deals="1,Engine,1,New,2026-01-01,,")
    load_usual(tmp_path)
    (entry,) = told(Action.IMPORTED)
    assert (entry.source, entry.details["created"]) == ("import", 2)
    assert set(StatusChange.objects.values_list("source", flat=True)) == {"import"}


def test_what_the_worker_does_has_it_as_source():
    run = NightlyRun.objects.create(job="shorten_audit_log", day=timezone.localdate())
    record_many([Entry(action="denied", at=timezone.now() - timedelta(days=8000))])
    run_nightly.func(run.pk)
    assert told(Action.RETENTION)[0].source == "worker"


# -- settings


def test_changed_account_is_told_before_and_after(client):
    root = administrator()
    client.force_login(root)
    data = {"name": "Analytical", "currency": "EUR", "language": "", "time_zone": ""}
    assert client.post(reverse("settings:account"), data).status_code == 302
    (entry,) = [one for one in told(Action.SETTING_CHANGED) if one.before]
    assert (entry.before, entry.after) == ({"name": ""}, {"name": "Analytical"})
    assert (entry.actor_id, entry.source) == (root.pk, "web")


def test_exceptions_of_quiet_customers_are_told_by_name():
    vip = create_tag(Category.CONTACTS, name="VIP")
    account_service.change_account(quiet_except=[vip])
    assert told(Action.SETTING_CHANGED)[-1].after == {"quiet_except": ["VIP"]}


def test_tag_is_followed_from_its_making_to_its_return():
    tag = create_tag(Category.DEALS, name="VIP")
    change_tag(tag, name="Important", color="red")
    undo_removal(delete_label(Tag.objects.get(pk=tag.pk)))
    made, changed, removed, returned = told(Action.SETTING_CHANGED)
    assert made.details["how"] == "created"
    assert made.after["name"] == "VIP"
    assert (changed.before["name"], changed.after["name"]) == ("VIP", "Important")
    assert (removed.record_name, removed.details["how"]) == ("Important", "deleted")
    assert returned.details["how"] == "undone"


def test_deleted_tag_tells_how_many_lose_it():
    tag = create_tag(Category.CONTACTS, name="VIP")
    ContactTag.objects.create(contact=person(), tag=tag)
    delete_label(tag)
    removed = told(Action.SETTING_CHANGED)[-1]
    assert (removed.details["lost"], removed.details["kept"]) == (1, 0)


def test_what_was_saved_as_it_was_tells_nothing():
    tag = create_tag(Category.CONTACTS, name="VIP")
    tag.save()
    assert len(told(Action.SETTING_CHANGED)) == 1


def test_changes_past_the_signals_are_told_too():
    first = default_stages()["incoming"].pipeline
    second = pipelines.add_pipeline("Partners")
    so_far = len(told(Action.SETTING_CHANGED))
    pipelines.make_default(second)
    pipelines.archive_pipeline(first)
    pipelines.unarchive_pipeline(first)
    changes = [(one.record_name, one.after) for one in told(Action.SETTING_CHANGED)[so_far:]]
    assert changes == [
        ("Partners", {"is_default": True}),
        ("Sales", {"archived": True}),
        ("Sales", {"archived": False}),
    ]


def test_deleted_stage_is_told():
    default_stages()
    sales = Pipeline.objects.get(name="Sales")
    stage = pipelines.add_stage(sales, name="Second look", category="in_progress", likelihood=20)
    pipelines.delete_stage(Stage.objects.get(pk=stage.pk))
    assert told(Action.SETTING_CHANGED)[-1].details["how"] == "deleted"
    assert told(Action.SETTING_CHANGED)[-1].before["name"] == "Second look"


def test_setting_that_was_taken_back_is_not_told():
    with transaction.atomic():
        create_tag(Category.CONTACTS, name="VIP")
        transaction.set_rollback(True)
    assert told(Action.SETTING_CHANGED) == []


# -- the administration


def test_what_the_administration_saves_has_it_as_source(client):
    client.force_login(administrator())
    data: dict[str, Any] = {"name": "North"}
    answer = client.post(reverse("admin:accounts_team_add"), data)
    assert answer.status_code == 302, answer.context["errors"]
    (entry,) = told(Action.CREATED)
    assert (entry.record, entry.record_name, entry.source) == ("accounts.team", "North", "admin")


# -- its end


def test_entries_are_kept_as_long_as_the_account_says():
    Account(audit_days=40).save()
    now = timezone.now()
    record_many(Entry(action="denied", at=now - timedelta(days=days)) for days in (39, 41, 400))
    assert nightly.JOBS["shorten_audit_log"]() == (True, "2")
    assert [one.at for one in told("denied")] == [now - timedelta(days=39)]
    (removal,) = told(Action.RETENTION)
    assert removal.details == {"removed": 2, "days": 40}


def test_account_that_was_made_to_say_less_than_a_month_removes_no_less_than_that():
    now = timezone.now()
    record_many(Entry(action="denied", at=now - timedelta(days=days)) for days in (29, 31))
    assert remove_older(0) == 1
    assert [one.at for one in told("denied")] == [now - timedelta(days=29)]


def test_night_without_old_entries_leaves_no_trace():
    nightly.JOBS["shorten_audit_log"]()
    assert told(Action.RETENTION) == []


def test_log_is_not_kept_shorter_than_a_month(client):
    client.force_login(administrator())
    data = {"currency": "EUR", "audit_days": "29"}
    assert client.post(reverse("settings:account"), data).status_code == 200
    assert Account.current().audit_days == 730
    client.post(reverse("settings:account"), {**data, "audit_days": "30"})
    assert Account.current().audit_days == 30
