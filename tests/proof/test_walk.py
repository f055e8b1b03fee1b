"""Random histories, 10,000 operations on each database; STANDING_WALK_OPERATIONS walks further."""

from __future__ import annotations

import os

import pytest

from tests.proof.walk import shrink, walk

OPERATIONS = 400
SEEDS = max(1, int(os.environ.get("STANDING_WALK_OPERATIONS", 10_000)) // OPERATIONS)
FIRST_SEED = int(os.environ.get("STANDING_WALK_FIRST_SEED", 1))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_random_history_agrees_with_the_law(seed: int) -> None:
    failure = walk(seed, OPERATIONS)
    if failure is not None:
        pytest.fail(str(shrink(failure)))
