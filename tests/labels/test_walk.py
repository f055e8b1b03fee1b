"""Random histories of tags and fields; some seeds are fixed, one is drawn anew and printed by a failure."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.labels.mutants import MUTANTS
from tests.labels.walk import shrink, walk

STEPS, HUNTED = 160, 220
SEEDS = [1, 2, 3, 4]
SECONDS = float(os.environ.get("STANDING_LABEL_SECONDS", 0))

pytestmark = pytest.mark.django_db


def held(seed: int) -> None:
    failure = walk(seed, STEPS)
    if failure is not None:
        pytest.fail(str(shrink(failure)))


@pytest.mark.parametrize("seed", SEEDS)
def test_random_history_agrees_with_the_rules(seed: int) -> None:
    held(seed)


def test_a_history_that_nobody_chose_agrees_with_the_rules() -> None:
    end = time.monotonic() + SECONDS
    while True:
        held(random.SystemRandom().randrange(1_000, 10**9))
        if time.monotonic() > end:
            return


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_walk_finds_planted_bugs(name: str) -> None:
    with MUTANTS[name]():
        for seed in range(1, 16):
            if walk(seed, HUNTED) is not None:
                return
    pytest.fail("The walk does not find it.")
