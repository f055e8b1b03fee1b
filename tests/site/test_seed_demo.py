"""Demo data: every status and stage in it, right by the law, the same for the same seed."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.db.models import Count, F
from django.utils import timezone

from contacts.models import Contact, ContactDetail, StatusChange
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.accounts.access_words import summary
from crm.accounts.models import Team, User
from crm.demo import people
from crm.management.commands import serve
from deals.models import Deal, DealContact, DealParty, Pipeline, Stage
from deals.services import check_statuses
from emails.models import Address, Mailing, MailSettings, Recipient, Sender, Template

pytestmark = pytest.mark.django_db


def seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out, **options)
    return out.getvalue()


def everything() -> list[Any]:
    contacts = Contact.objects.order_by("pk").values_list(
        "name", "email", "company__name", "owner__username", "prospect_status", "customer_status",
        "prospect_since", "customer_since",
    )  # fmt: skip
    deals = Deal.objects.order_by("pk").values_list(
        "name", "primary_contact__name", "company__name", "stage__name", "opened_at", "closed_at",
        "value",
    )  # fmt: skip
    changes = StatusChange.objects.order_by("pk").values_list(
        "status", "old", "new", "effective_at"
    )
    return [*contacts, *deals, *changes]


def empty() -> None:
    Deal.objects.all().delete()
    Contact.objects.all().delete()
    StatusChange.objects.all().delete()


def test_statuses_stand_before_the_law() -> None:
    seed(contacts=300)
    assert Contact.objects.count() == 300
    report = check_statuses()
    assert report.differences == []
    assert report.contacts == 300


def test_every_status_and_stage_is_there() -> None:
    seed()
    shown = set(Contact.objects.values_list("prospect_status", "customer_status"))
    assert {prospect for prospect, _customer in shown} == set(ProspectStatus.values)
    assert {customer for _prospect, customer in shown} == set(CustomerStatus.values)
    assert ("current", "past") in shown, "a past customer who is being sold to again"
    unused = Stage.objects.filter(pipeline__name__in=["Sales", "Renewals"], deals=None)
    assert [str(stage) for stage in unused] == []
    assert Pipeline.objects.filter(is_default=True).count() == 1


def test_the_story_has_its_turns() -> None:
    seed()
    assert Deal.objects.filter(
        primary_contact__is_organization=False, primary_contact__company__isnull=False
    ).exclude(company=F("primary_contact__company")), "a deal that stayed with the old company"
    assert DealParty.objects.filter(kept=True), "a kept win"
    assert DealContact.objects.exclude(contact__company=F("deal__company")).exclude(
        contact=F("deal__company")
    ), "an associated contact of another company"
    assert Contact.objects.filter(parent_company__isnull=False)
    assert Contact.objects.filter(name__regex=r"^.{120}"), "a long name"
    assert Contact.objects.filter(name__contains="ß")
    assert Contact.objects.filter(name__contains="ł")
    assert ContactDetail.objects.filter(label="Zentrale")
    assert Deal.objects.filter(loss_reason__isnull=False)
    assert Deal.objects.filter(unqualified_reason__isnull=False)
    assert Deal.objects.filter(source__isnull=False)
    assert Contact.objects.values("owner").exclude(owner=None).distinct().count() >= 5


def test_nobody_else_can_be_reached_or_sign_in() -> None:
    seed()
    addresses = set(Contact.objects.exclude(email="").values_list("email", flat=True))
    assert {a.rpartition("@")[2].split(".", 1)[-1] for a in addresses} <= {"example.com", "org"}
    assert not any(user.has_usable_password() for user in User.objects.all())


def test_history_lies_in_the_past_and_leads_to_the_statuses() -> None:
    seed()
    now = timezone.now()
    dates = list(StatusChange.objects.values_list("effective_at", flat=True))
    assert max(dates) < now
    assert min(dates) < now - timedelta(days=600)
    assert min(dates) > now - timedelta(days=740)
    for contact in Contact.objects.prefetch_related("status_changes"):
        for kind in ("prospect", "customer"):
            rows = [row for row in contact.status_changes.all() if row.status == kind]
            rows.sort(key=lambda row: row.pk)
            values = ["none", *(row.new for row in rows)]
            assert [row.old for row in rows] == values[:-1]
            assert getattr(contact, f"{kind}_status") == values[-1]
            since = rows[-1].effective_at if rows else None
            assert getattr(contact, f"{kind}_since") == since


def test_won_deal_dates_its_customer() -> None:
    seed()
    row = StatusChange.objects.filter(cause="deal_moved", new="current", status="customer").first()
    assert row is not None
    assert row.deal_id is not None
    assert row.effective_at == Deal.objects.get(pk=row.deal_id).closed_at


def test_same_seed_gives_the_same_and_another_another() -> None:
    seed(contacts=120, seed=7)
    first = everything()
    empty()
    seed(contacts=120, seed=7)
    assert everything() == first
    empty()
    seed(contacts=120, seed=8)
    assert everything() != first


@pytest.mark.parametrize("contacts", [1, 2, 7])
def test_any_size_will_do(contacts: int) -> None:
    seed(contacts=contacts)
    assert Contact.objects.count() == contacts
    assert check_statuses().differences == []


def test_existing_contacts_are_not_mixed_with_it_unless_asked() -> None:
    mine = Contact.objects.create(is_organization=True, name="Mine")
    with pytest.raises(CommandError, match="--append"):
        seed(contacts=20)
    assert list(Contact.objects.all()) == [mine]
    seed(contacts=20, append=True)
    assert Contact.objects.count() == 21
    seed(contacts=20, append=True)
    assert check_statuses().differences == []


def test_nothing_is_written_when_the_statuses_would_be_wrong(monkeypatch) -> None:
    monkeypatch.setattr("crm.demo.standings.Life._count", lambda self: None)
    with pytest.raises(CommandError, match="differences from a recount"):
        seed(contacts=50)
    assert not Contact.objects.exists()
    assert not StatusChange.objects.exists()


def test_pipeline_that_cannot_hold_the_deals_is_named() -> None:
    Pipeline.objects.create(name="Renewals").stages.create(name="Due", category="incoming")
    with pytest.raises(CommandError, match="Renewals"):
        seed(contacts=20)
    assert not Contact.objects.exists()


def test_size_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="from 1"):
        seed(contacts=0)


def test_it_says_how_many_of_which_status() -> None:
    said = seed(contacts=50)
    assert "50 contacts and" in said
    assert "Non Prospect, Non Customer" in said
    assert seed(contacts=5, append=True, verbosity=0) == ""


def test_own_user_owns_a_share() -> None:
    me = User.objects.create_user("demo", password="not used here")
    seed()
    assert me.contacts.exists()
    assert Deal.objects.filter(owner=me).exists()
    shares = Contact.objects.values("owner").annotate(number=Count("pk"))
    assert len(shares) == 7, "six owners, and nobody"


def test_its_users_differ_in_what_they_see() -> None:
    seed()
    told = {user.username: summary(user) for user in User.objects.all()}
    assert told == {
        "anna.keller": "Contacts, Prospects & Customers and Deals: sees and edits those of the team.",
        "jonas.lind": "Sees all customers",
        "camille.roux": "Own only",
        "piotr.ziel": "Contacts, Prospects & Customers and Deals: sees and edits those of the team.",
        "emma.hugh": "Read only",
    }
    anna, camille = (User.objects.get(username=name) for name in ("anna.keller", "camille.roux"))
    assert [team.name for team in anna.managed_teams.all()] == ["Key accounts"]
    seen = [Contact.objects.visible_to(user).count() for user in (camille, anna)]
    assert 0 < seen[0] < seen[1] < 300


def test_its_users_keep_what_was_changed_of_them() -> None:
    seed()
    User.objects.filter(username="emma.hugh").update(edit_deals=3)
    Team.objects.all().delete()
    seed(contacts=5, append=True)
    assert User.objects.get(username="emma.hugh").edit_deals == 3
    assert not Team.objects.exists()


def test_its_users_sign_in_with_the_administrators_password_and_no_other() -> None:
    demo = User.objects.create_superuser("demo", password="a password of the demo")
    seed()
    User.objects.filter(username="emma.hugh").update(password=make_password("emma's own password"))
    people.let_in_like(demo)
    assert {
        user.username: user.check_password("a password of the demo") for user in User.objects.all()
    } == {
        "demo": True,
        "anna.keller": True,
        "jonas.lind": True,
        "camille.roux": True,
        "piotr.ziel": True,
        "emma.hugh": False,
    }


def test_serving_tells_whom_to_sign_in_as_until_the_password_is_changed(
    settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    out = StringIO()
    command = serve.Command(stdout=out)
    demo = command.create_administrator(people.ADMINISTRATOR)
    people.owners()
    people.let_in_like(demo)
    command.tell_sign_ins()
    told = out.getvalue()
    password = (tmp_path / "demo_password").read_text()
    assert f"demo, with the password {password}" in told
    assert demo.check_password(password)
    assert "anna.keller   Manager of Key accounts." in told
    assert "emma.hugh     Read only" in told
    demo.set_password("another one of mine")
    demo.save()
    out.truncate(0)
    command.tell_sign_ins()
    assert out.getvalue() == ""


def test_mail_is_there_as_it_would_be_after_a_mailing() -> None:
    User.objects.create_superuser(people.ADMINISTRATOR, "demo@example.com")
    seed(contacts=300)
    sent, draft = Mailing.objects.order_by("pk")
    assert (sent.state, draft.state) == ("done", "draft")
    assert sent.total == sent.sent + sent.failed == 14
    assert (sent.failed, sent.unsubscribed) == (1, 1)
    states = Recipient.objects.filter(mailing=sent).values_list("state", flat=True)
    assert sorted(states) == ["failed"] + ["sent"] * 13
    # Whoever unsubscribed, or is not there, is left out of the next one.
    assert (draft.waiting, draft.left_out) == (12, 2)
    left_out = Recipient.objects.filter(mailing=draft, state="left_out")
    assert {one.reason for one in left_out} == {"unsubscribed", "bounced"}
    assert set(Address.objects.values_list("basis", flat=True)) == {"", "customer", "consent"}
    assert Template.objects.count() == 2
    assert "Example Street" in MailSettings.current().postal_address


def test_demo_mail_is_never_made_twice() -> None:
    seed(contacts=100)
    seed(contacts=100, seed=2, append=True)
    assert Sender.objects.count() == 1
    assert Mailing.objects.count() == 2
