"""What users choose for themselves: language, time zone, formats, theme, single-letter keys."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import translation

from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.accounts.people import LEVELS, change_user
from crm.audit.models import Action, Entry
from tests.access.worlds import member, reloaded
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
SENT = {"language": "de", "time_zone": "Europe/Berlin", "formats": "GB", "theme": "dark"}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_everybody_chooses_for_themselves():
    ann, ben = member("ann"), member("ben")
    web = client_of(ann)
    assert web.post("/preferences/", SENT).status_code == 302
    ann.refresh_from_db()
    assert {name: getattr(ann, name) for name in SENT} == SENT
    assert ann.shortcuts is False
    page = web.get("/preferences/").content.decode()
    assert 'lang="de-gb"' in page
    assert 'data-bs-theme="dark"' in page
    assert 'data-shortcuts="off"' in page
    assert reloaded(ben).language == "en"


def test_the_log_says_what_was_chosen():
    ann = member("ann")
    client_of(ann).post("/preferences/", SENT | {"shortcuts": "on"})
    entry = Entry.objects.get(action=Action.USER_CHANGED)
    assert (entry.actor_id, entry.record_id) == (ann.pk, ann.pk)
    assert entry.before == {"language": "en", "time_zone": "", "formats": "", "theme": "auto"}
    assert entry.after == SENT


def test_nobody_gives_themselves_rights_on_the_way():
    ann = member("ann", contacts=Level.OWN, customers=Level.OWN, deals=Level.OWN, rights=False)
    before = User.objects.filter(pk=ann.pk).values(*LEVELS, "may_export", "is_superuser", "email")
    was = before.get()
    forged = dict.fromkeys(LEVELS, "3") | {
        "may_export": "on", "is_superuser": "on", "is_staff": "on", "role": "administrator",
        "email": "root@example.com", "username": "root", "pk": "1", "set": "everything",
    }  # fmt: skip
    web = client_of(ann)
    assert web.post("/preferences/", SENT | forged).status_code == 302
    assert before.get() == was
    assert not reloaded(ann).is_staff
    for step in ("", "access/"):
        assert web.post(f"/settings/users/{ann.pk}/{step}", SENT | forged).status_code == 403
    assert before.get() == was


@pytest.mark.parametrize(
    "wrong",
    [{"language": "xx"}, {"time_zone": "Mars/Crater"}, {"formats": "ZZ"}, {"theme": "pink"}],
)
def test_what_there_is_not_is_refused(wrong):
    ann = member("ann")
    page = client_of(ann).post("/preferences/", SENT | wrong)
    assert page.status_code == 200
    assert "not one of the available choices" in page.content.decode()
    assert (reloaded(ann).language, reloaded(ann).theme) == ("en", "auto")


def test_times_are_told_in_the_users_zone():
    ann = member("ann")
    change_user(ann, time_zone="Asia/Tokyo", formats="DE")
    User.objects.filter(pk=ann.pk).update(last_login=datetime(2026, 3, 5, 20, 30, tzinfo=UTC))
    deal = make.deal(make.company(), opened_at=datetime(2026, 3, 5, 20, 30, tzinfo=UTC))
    page = client_of(ann).get(f"/deals/lists/open/?columns=name,opened&q={deal.name}")
    assert "06.03.2026" in page.content.decode()


@pytest.mark.parametrize(
    ("formats", "day", "value"),
    [
        ("", "05.03.2026", "1.234,50"),
        ("GB", "05/03/2026", "1,234.50"),
        ("US", "03/05/2026", "1,234.50"),
        ("FR", "05/03/2026", "1\xa0234,50"),
    ],
)
def test_dates_and_numbers_follow_the_formats_and_words_the_language(formats, day, value):
    ann = member("ann")
    change_user(ann, language="de", formats=formats)
    make.deal(make.company(), value="1234.50", currency="EUR", estimated_close_date="2026-03-05")
    columns = "?columns=name,value,expected_close"
    with translation.override("en"):
        page = client_of(ann).get(f"/deals/lists/open/{columns}").content.decode()
    assert day in page
    assert value in page.replace("&nbsp;", "\xa0").replace("\u202f", "\xa0")
    assert "Kontakte" in page
