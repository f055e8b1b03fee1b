"""Trying again what the database asked to be tried again.

A deadlock or a lock that took too long is nobody's mistake: the whole unit of work is rolled back
and begun anew, at the edge (a view, a command, a task), never inside a transaction.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import OperationalError, transaction

TRIES = 5
# serialization_failure, deadlock_detected, lock_not_available
_PASSING = frozenset(("40001", "40P01", "55P03"))


def is_passing(error: BaseException) -> bool:
    """Whether the same work may well succeed if it is begun again."""
    cause: Any = error.__cause__ or error
    if getattr(cause, "sqlstate", None) in _PASSING:
        return True
    return isinstance(error, OperationalError) and "locked" in str(error)


def retrying[**P, T](work: Callable[P, T]) -> Callable[P, T]:
    """``work``, begun again a few times after a deadlock, a lock timeout or a busy SQLite.

    Inside a transaction it runs once: only the outermost unit can be begun again.
    """

    @wraps(work)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, TRIES):
            try:
                return work(*args, **kwargs)
            except OperationalError as error:
                if transaction.get_connection().in_atomic_block or not is_passing(error):
                    raise
                # Waits of different length keep two that met from meeting again.
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311
        return work(*args, **kwargs)

    return tried
