"""Where addresses stand: which reason wins, who lifts it, and what is kept of how it came about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import User
from crm.audit.models import Entry
from crm.suppression.services import suppress as erase
from emails import standing
from emails.models import Address, AddressEvent
from emails.reasons import Basis, Suppressed
from emails.standing import NO_GROUND, Ground

pytestmark = pytest.mark.django_db
ADA = "ada@xn--bcher-kva.example"
Kind = AddressEvent.Kind


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


def why(address: str = ADA) -> str:
    return standing.standing_of([address])[address].suppressed


def kinds(address: str = ADA) -> list[str]:
    events = AddressEvent.objects.filter(address=address).order_by("pk")
    return list(events.values_list("kind", flat=True))


def test_however_it_is_written_an_address_has_one_standing() -> None:
    news = standing.suppress([" Ada@Bücher.example", "ADA@xn--bcher-kva.example", "no address"],
                             Suppressed.BOUNCED)  # fmt: skip
    assert news == {ADA}
    assert why() == "bounced"
    assert [one.address for one in Address.objects.all()] == [ADA]
    assert standing.standing_of(["nobody", "eve@example.org"]).keys() == {"eve@example.org"}


def test_the_stronger_reason_wins_in_whatever_order_they_come() -> None:
    order = [one.value for one in standing.STRENGTH]
    assert order == ["complained", "unsubscribed", "bounced", "blocked"]
    for first in order:
        for second in order:
            address = f"{first}-{second}@example.org"
            standing.suppress([address], first)
            standing.suppress([address], second)
            assert why(address) == min(first, second, key=order.index)
            # Of both is kept that they happened, of the same thing told twice once.
            assert kinds(address) == list(dict.fromkeys([first, second]))


def test_the_same_told_twice_of_one_mail_is_told_once_and_of_another_mail_again() -> None:
    first = standing.suppress([ADA], Suppressed.UNSUBSCRIBED, mailing_id=1, position=7)
    since = standing.standing_of([ADA])[ADA].suppressed_at
    again = standing.suppress([ADA], Suppressed.UNSUBSCRIBED, mailing_id=1, position=7)
    other = standing.suppress([ADA], Suppressed.UNSUBSCRIBED, mailing_id=2, position=7)
    assert (first, again, other) == ({ADA}, set(), set())
    assert kinds() == ["unsubscribed", "unsubscribed"]
    assert standing.standing_of([ADA])[ADA].suppressed_at == since


def test_only_an_administrator_lifts_and_only_with_a_reason(boss: User) -> None:
    ann = User.objects.create_user("ann")
    standing.suppress([ADA], Suppressed.COMPLAINED)
    for actor in (ann, None):
        with pytest.raises(PermissionDenied):
            standing.lift(ADA, actor=actor, reason="asked for it")
    with pytest.raises(ValidationError, match="Say why"):
        standing.lift(ADA, actor=boss, reason=" \n")
    assert (why(), kinds()) == ("complained", ["complained"])
    standing.lift("ADA@bücher.example", actor=boss, reason="Wrote to us on paper")
    assert (why(), kinds()) == ("", ["complained", "lifted"])
    event = AddressEvent.objects.get(kind=Kind.LIFTED)
    assert (event.actor, event.details["was"]) == (boss, "complained")
    entry = Entry.objects.get(record="emails.address")
    assert (entry.actor_id, entry.record_name) == (boss.pk, ADA)
    assert (entry.before, entry.after) == ({"suppressed": "complained"}, {"suppressed": ""})
    assert entry.details == {"reason": "Wrote to us on paper"}
    with pytest.raises(ValidationError, match="Nothing keeps"):
        standing.lift(ADA, actor=boss, reason="again")


def test_nobody_lifts_that_somebody_was_erased(boss: User) -> None:
    erase(["Ada@Bücher.example"], "erased")
    assert why() == "erased"
    with pytest.raises(ValidationError, match="Nothing keeps"):
        standing.lift(ADA, actor=boss, reason="wants to come back")
    with pytest.raises(ValueError, match="Erased"):
        standing.suppress([ADA], Suppressed.ERASED)
    assert why() == "erased"


def test_who_takes_the_unsubscribing_back_takes_nothing_else_back() -> None:
    assert not standing.take_back(ADA)
    at = datetime(2026, 1, 5, tzinfo=UTC)
    standing.suppress([ADA], Suppressed.BOUNCED, at=at)
    assert not standing.take_back(ADA)
    standing.suppress([ADA], Suppressed.UNSUBSCRIBED, mailing_id=1, position=1)
    assert standing.take_back(ADA, mailing_id=1, position=1)
    found = standing.standing_of([ADA])[ADA]
    assert (found.suppressed, found.suppressed_at) == ("bounced", at)
    standing.suppress([ADA], Suppressed.UNSUBSCRIBED)
    standing.suppress([ADA], Suppressed.COMPLAINED)
    assert not standing.take_back(ADA)
    assert why() == "complained"
    assert kinds() == ["bounced", "unsubscribed", "returned", "unsubscribed", "complained"]


def test_what_was_lifted_does_not_come_back_with_an_undo(boss: User) -> None:
    standing.suppress([ADA], Suppressed.BOUNCED)
    standing.lift(ADA, actor=boss, reason="mailbox mended")
    standing.suppress([ADA], Suppressed.UNSUBSCRIBED)
    assert standing.take_back(ADA)
    assert why() == ""


def test_who_unsubscribes_after_an_undo_is_out_again_by_the_same_mail() -> None:
    standing.suppress([ADA], Suppressed.UNSUBSCRIBED, mailing_id=1, position=1)
    standing.take_back(ADA, mailing_id=1, position=1)
    assert standing.suppress([ADA], Suppressed.UNSUBSCRIBED, mailing_id=1, position=1) == {ADA}
    assert (why(), kinds()) == ("unsubscribed", ["unsubscribed", "returned", "unsubscribed"])


def test_mails_put_off_several_times_in_a_row_count_as_bounced() -> None:
    for _n in range(standing.PUT_OFF_AT_MOST - 1):
        standing.put_off(ADA, mailing_id=1, position=1)
    standing.arrived([ADA])
    for _n in range(standing.PUT_OFF_AT_MOST - 1):
        standing.put_off(ADA)
    assert why() == ""
    standing.put_off(ADA, details={"answer": "452 mailbox full"})
    assert why() == "bounced"
    assert kinds().count("put_off") == 2 * standing.PUT_OFF_AT_MOST - 1


def test_a_legal_basis_is_kept_with_where_it_is_from_when_and_what_was_agreed_to(
    boss: User,
) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    ground = Ground("consent", "Trade fair", "Yes, write to me.", at)
    given: Any = {"source": " Trade fair ", "text": "Yes, write to me.", "at": at}
    assert standing.set_basis([ADA, "nobody"], Basis.CONSENT, **given, actor=boss) == {ADA}
    assert standing.standing_of([ADA])[ADA].ground == ground
    assert standing.set_basis([ADA], "consent", **given) == set()
    assert standing.set_basis([ADA], "") == {ADA}
    assert standing.standing_of([ADA])[ADA].ground == NO_GROUND
    before = [one.details["before"]["basis"] for one in AddressEvent.objects.order_by("pk")]
    assert (kinds(), before) == (["basis", "basis"], ["", "consent"])
    assert standing.read_ground(AddressEvent.objects.earliest("pk").details["after"]) == ground
    entry = Entry.objects.get(record="emails.address")
    assert (entry.before, entry.after) == ({"basis": ""}, {"basis": "consent"})
    with pytest.raises(ValueError, match="nonsense"):
        standing.set_basis([ADA], "nonsense")


def test_a_basis_says_nothing_against_a_suppression_nor_a_suppression_against_a_basis() -> None:
    standing.set_basis([ADA], Basis.CONTRACT)
    standing.suppress([ADA], Suppressed.UNSUBSCRIBED)
    standing.set_basis([ADA], Basis.CONSENT)
    found = standing.standing_of([ADA])[ADA]
    assert (found.suppressed_label, found.basis_label) == ("Unsubscribed", "Consent")


def test_each_step_takes_as_many_statements_for_two_addresses_as_for_forty() -> None:
    def statements(number: int) -> list[int]:
        addresses = [f"p{n}@{number}.example.org" for n in range(number)]
        at = datetime.now(UTC) - timedelta(days=1)
        steps = (
            lambda: standing.suppress(addresses, Suppressed.BOUNCED),
            lambda: standing.suppress(addresses, Suppressed.UNSUBSCRIBED, mailing_id=1),
            lambda: standing.set_basis(addresses, Basis.CONSENT, at=at),
            lambda: standing.standing_of(addresses),
        )
        counted = []
        for step in steps:
            with CaptureQueriesContext(connection) as queries:
                step()
            counted.append(len(queries))
        return counted

    erase(["x@example.org"], "erased")
    assert statements(2) == statements(40)
