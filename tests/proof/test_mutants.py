"""Each planted bug is found by the walk. ``make mutants`` prints where."""

from __future__ import annotations

import pytest

from tests.proof.mutants import MUTANTS, hunt

# Bugs that take a rare history to show; `make mutants` plants these too.
RARE = {
    "a saved stage does not tell its deals",
    "a merge keeps the older mark",
    "the deals of a deleted company are not looked at",
    "Non Customer does not forget kept wins",
    "a restored deal brings no marks back",
}


def test_rare_bugs_are_among_the_planted() -> None:
    assert MUTANTS.keys() > RARE


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in RARE])
def test_planted_bug_is_found(name: str) -> None:
    assert hunt(MUTANTS[name]) is not None, f"survived: {name}"
