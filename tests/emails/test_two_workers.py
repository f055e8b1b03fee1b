"""Several workers at one mailing: each row is taken once, over as many connections as the sender may have."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from emails.models import Recipient
from tests.emails import crowds
from tests.emails.smtp import Fault, Server, Step
from tests.emails.test_crash import assert_kept_its_word, is_over, until, workers_of
from tests.emails.test_unsubscribe_race import a_mailing
from tests.proof.racing import at_once

READERS = 200
# So long a letter takes, that a second worker surely finds some left.
SLOW = Fault(Step.DOT, after=0.01)


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_a_connection_each_send_every_row_once(tmp_path: Path) -> None:
    with Server() as server, workers_of(tmp_path, server) as child:
        server.expect_always(SLOW)
        child.ask(f"prepare {READERS} 2")
        workers = [child.ask("work 10") for _ in range(2)]
        until(lambda: is_over(child), child, server)
        child.ask(f"kill {' '.join(map(str, workers))}")
        rows = child.ask("rows")
        assert child.ask("wrong") == []
    assert_kept_its_word(server, rows)
    assert Counter(rows.values()) == {"sent": READERS}
    by_connection = Counter(letter.connection for letter in server.letters)
    assert len(by_connection) >= 2, "both took part"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's tests have one connection")
class TestAtTheSameMoment:
    def test_connections_of_one_sender_never_take_the_same_row(self) -> None:
        with a_mailing(READERS, connections=4) as (mailing, server):
            errors = at_once(
                *[lambda slot=slot: crowds.send_on(mailing, slot) for slot in range(4)]
            )
        assert errors == [None] * 4
        assert server.to() == dict.fromkeys(crowds.rows_of(mailing.pk), 1)
        mailing.refresh_from_db()
        assert (mailing.state, mailing.sent) == ("done", READERS)
        assert server.met[Step.CONNECT] >= 2

    def test_a_connection_that_somebody_has_is_left_to_them(self) -> None:
        with a_mailing(READERS) as (mailing, server):
            server.expect_always(SLOW)
            errors = at_once(*[lambda: crowds.send_on(mailing)] * 3)
        assert errors == [None] * 3
        assert server.to() == dict.fromkeys(crowds.rows_of(mailing.pk), 1)
        assert not Recipient.objects.filter(mailing=mailing).exclude(state="sent").exists()
        # The others were turned away at once, and opened none of their own.
        assert server.met[Step.CONNECT] == 1
