"""Each planted bug is found by the walk. ``make mutants`` prints where."""

from __future__ import annotations

import pytest

from tests.proof.mutants import MUTANTS, hunt

# Bugs that need a rare history, kept for the nightly run.
RARE: set[str] = set()


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in RARE])
def test_planted_bug_is_found(name: str) -> None:
    assert hunt(MUTANTS[name]) is not None, f"survived: {name}"
