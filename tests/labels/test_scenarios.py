"""The two categories of contacts, case by case, through the services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from settings.models import Removal
from tests.labels.worlds import World, take

SCENARIOS = yaml.safe_load((Path(__file__).parent / "scenarios.yaml").read_text())


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["name"] for s in SCENARIOS])
def test_scenario_holds_through_the_services(scenario: dict[str, Any]) -> None:
    world = World(scenario)
    for number, step in enumerate(scenario["steps"], start=1):
        take(world, step, number)


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["name"] for s in SCENARIOS])
def test_undoing_everything_backwards_brings_the_beginning_back(scenario: dict[str, Any]) -> None:
    """Whatever a scenario removes before it first undoes or changes anything else."""
    world = World(scenario)
    before = world.shown(), world.there()
    for step in scenario["steps"]:
        action = next(iter(step))
        if action not in ("delete", "merge", "move"):
            break
        if not step.get("refused"):
            getattr(world, action)(**step[action])
    for removal in reversed(world.removals):
        world.undo(world.removals.index(removal) + 1)
    assert (world.shown(), world.there()) == before
    assert not Removal.objects.filter(undone_at=None).exists()
