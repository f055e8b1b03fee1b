"""Hidden records that count for nobody visible make no difference: two databases answer alike, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from contacts.querysets import ContactQuerySet
from crm.accounts.models import User
from crm.lists.registry import Registry
from crm.lists.through import Through
from deals.querysets import DealQuerySet
from tests.access import interference as two
from tests.access.interference import Stage, Step, build, hide, play, point_at_hidden, told_apart
from tests.access.matrix_world import asked

pytestmark = pytest.mark.django_db
NEEDED = 300
USERS = ["own", "team", "limited"]
# What a list, a chooser, an export or a step on many says, and no card.
OF_LISTS = ("filter", "count", "find", "sort", "page", "search", "options", "act", "export", "why")


@pytest.fixture
def stage(settings: Any, tmp_path: Any) -> Stage:
    settings.MEDIA_ROOT = tmp_path
    return build()


def differences(user: User, steps: list[Step], hiding: Callable[[], Any]) -> list[str]:
    with asked():
        without = play(steps, user)
    with asked():
        hiding()
        besides = play(steps, user)
    answers = zip(steps, without, strict=True)
    assert not [str(step) for step, (status, _text) in answers if status >= 500]
    return told_apart(steps, without, besides)


@pytest.mark.parametrize("name", USERS)
def test_hidden_records_make_no_difference(stage: Stage, name: str) -> None:
    """Each user plays a third of the script, so that all of it is played."""
    user = stage.users[name]
    steps = two.script(stage, user)[USERS.index(name) :: len(USERS)]
    assert len(steps) >= NEEDED
    found = differences(user, steps, lambda: hide(stage, deals=name != "limited"))
    assert not found, f"{len(found)} of {len(steps)}\n" + "\n".join(found)


def point_and_hide(stage: Stage) -> None:
    hide(stage, deals=False)
    point_at_hidden(stage)


@pytest.mark.parametrize("name", USERS)
def test_lists_treat_a_hidden_company_as_none(stage: Stage, name: str) -> None:
    user = stage.users[name]
    steps = [one for one in two.script(stage, user) if one.kind in OF_LISTS]
    steps = steps[USERS.index(name) :: 2 * len(USERS)]
    found = differences(user, steps, lambda: point_and_hide(stage))
    assert not found, f"{len(found)} of {len(steps)}\n" + "\n".join(found)


def test_a_hidden_deal_that_counts_shows_in_the_status_and_is_not_told(stage: Stage) -> None:
    user = stage.users["own"]
    star = next(one for one in reversed(stage.people) if one.company_id is None)
    explanation = reverse("contacts:explanation", args=[star.pk])
    steps = [Step("card", star.get_absolute_url()), Step("card", explanation, None, "explanation")]
    steps += [
        one for one in two.script(stage, user) if one.kind in ("sort", "search", "export", "why")
    ][::3]
    with asked():
        without = [text for _status, text in play(steps, user)]
    with asked():
        two.hide_a_deal_that_counts(stage)
        besides = [text for _status, text in play(steps, user)]
    for before, after in zip(without[:2], besides[:2], strict=True):
        assert "a deal you cannot see" in after
        assert "a deal you cannot see" not in before
    assert "Current Customer" in besides[0]
    for step, text in zip(steps, besides, strict=True):
        told = [word for word in ("Quillon order", "4,711", "4711.00") if word in text]
        asked_for = "4711" in step.path
        assert not told or asked_for, f"{step}: {told}"


# -- the tests can fail


def _everything(self: Any, user: Any, act: str) -> Any:
    found = self.all()
    found.viewer = user
    return found


FAULTS: list[tuple[str, tuple[Any, str, Any], bool, tuple[str, ...]]] = [
    ("contacts of others", (ContactQuerySet, "_reached_by", _everything), False, ("page", "search")),
    ("deals of others", (DealQuerySet, "_reached_by", _everything), False, ("options", "export")),
    ("lists pass the door", (Registry, "visible", lambda self, user: self.model().objects.all()), False,
     ("export",)),
    ("search does not ask who searches", (ContactQuerySet, "_as_seen", lambda self, condition: condition),
     True, ("search",)),
    ("companies are shown through people", (Through, "rows", lambda self, context: None), True,
     ("filter", "sort")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("patch", "pointing", "kinds"), [one[1:] for one in FAULTS], ids=[one[0] for one in FAULTS]
)
def test_a_door_left_open_is_found(
    stage: Stage,
    monkeypatch: Any,
    patch: tuple[Any, str, Any],
    pointing: bool,
    kinds: tuple[str, ...],
) -> None:
    user = stage.users["own"]
    of_kind = [[one for one in two.script(stage, user) if one.kind == kind] for kind in kinds]
    steps = [one for found in of_kind for one in found[:40]]
    monkeypatch.setattr(*patch)
    assert differences(user, steps, lambda: point_and_hide(stage) if pointing else hide(stage))
