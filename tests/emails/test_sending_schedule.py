"""Mailings that wait for their time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.models import User
from crm.audit.models import Action, Entry
from emails import sending
from emails.models import Mailing
from tests.emails import crowds
from tests.emails.posts import Clock, Post, clock, post

__all__ = ["clock", "post"]
pytestmark = pytest.mark.django_db
State = Mailing.State


@pytest.fixture
def draft(clock: Clock) -> Any:
    crowds.readers(3)
    return crowds.mailing()


def test_a_mailing_waits_for_its_time_and_is_then_sent_to_who_is_there_then(
    draft: Any, clock: Clock, post: Post
) -> None:
    at = clock() + timedelta(hours=2)
    assert sending.schedule(draft, user=draft.author, at=at) is True
    assert sending.schedule(draft, user=draft.author, at=at) is False
    assert (draft.state, draft.scheduled_at) == (State.SCHEDULED, at)
    crowds.readers(1, of=3)
    clock.forward(hours=1.99)
    sending.tick()
    assert post.asked == []
    clock.forward(hours=0.02)
    assert sending.tick() == 1
    draft.refresh_from_db()
    assert (draft.state, draft.sent, len(post.to)) == (State.DONE, 4, 4)
    assert sending.tick() == 0
    assert len(post.to) == 4
    actions = Entry.objects.order_by("pk").values_list("action", "actor_name")
    assert [one for one in actions if one[0].startswith("mail_")] == [
        (Action.MAIL_SCHEDULED, "ann"),
        (Action.MAIL_STARTED, "ann"),
    ]


def test_a_time_is_meant_where_the_user_is(
    draft: Any, clock: Clock, post: Post, client: Client
) -> None:
    User.objects.update(time_zone="America/New_York")
    client.force_login(draft.author)
    page = reverse("emails:review", args=[draft.pk])
    client.post(page, {"step": "count"})
    given = {"day": "2026-03-09", "time": "10:00", "date": "2026-03-09", "at": "2026-03-09T10:00"}
    answer = client.post(
        page,
        {"step": "schedule", "expected": "3", "zone": "America/New_York", **given},
    )
    assert answer.status_code in (302, 303), answer.content.decode()
    draft.refresh_from_db()
    # The day after the clocks were set forward there.
    meant = datetime(2026, 3, 9, 10, 0, tzinfo=ZoneInfo("America/New_York"))
    assert draft.scheduled_at == meant
    assert meant.utcoffset() == timedelta(hours=-4)


def test_a_time_that_is_over_is_refused(draft: Any, clock: Clock) -> None:
    with pytest.raises(ValidationError, match="over"):
        sending.schedule(draft, user=draft.author, at=clock() - timedelta(seconds=1))
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_a_scheduled_mailing_can_be_taken_back_or_sent_now(
    draft: Any, clock: Clock, post: Post
) -> None:
    at = clock() + timedelta(hours=2)
    sending.schedule(draft, user=draft.author, at=at)
    assert sending.unschedule(draft, user=draft.author) is True
    assert sending.unschedule(draft, user=draft.author) is False
    assert (draft.state, draft.scheduled_at) == (State.DRAFT, None)
    clock.forward(hours=3)
    sending.tick()
    assert post.asked == []
    sending.schedule(draft, user=draft.author, at=clock() + timedelta(hours=1))
    assert sending.cancel(draft, user=draft.author) is True
    assert draft.state == State.DRAFT
    sending.schedule(draft, user=draft.author, at=clock() + timedelta(hours=1))
    assert sending.start(draft, user=draft.author, expected=3) is True
    clock.forward(hours=2)
    sending.tick()
    assert len(post.to) == 3


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (lambda: User.objects.update(may_mail=False), "right “Mailing”"),
        (lambda: User.objects.update(is_active=False), "sign in"),
        (lambda: Contact.objects.all().delete(), "obody"),
    ],
)
def test_one_that_cannot_be_sent_when_its_time_comes_is_a_draft_and_its_author_is_told(
    draft: Any,
    clock: Clock,
    post: Post,
    mailoutbox: list[Any],
    happens: Any,
    says: str,
) -> None:
    User.objects.update(email="ann@example.org")
    sending.schedule(draft, user=draft.author, at=clock() + timedelta(hours=1))
    happens()
    clock.forward(hours=2)
    sending.tick()
    draft.refresh_from_db()
    assert (draft.state, post.asked) == (State.DRAFT, [])
    assert says in draft.problem
    is_there = User.objects.get().is_active
    assert [one.subject[:9] for one in mailoutbox] == ["Not sent:"] * is_there
    sending.tick()
    assert len(mailoutbox) == is_there
