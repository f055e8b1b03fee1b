"""Turn about, medians, and what a line of the report says."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Result:
    """One line: the product's median and its limit's, in seconds, and at most how many times."""

    work: str
    database: str
    size: str
    product: float
    limit: float
    at_most: float
    # What the two numbers are; seconds unless it says something else.
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.product / self.limit

    @property
    def passed(self) -> bool:
        return self.ratio <= self.at_most

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self, seconds: float) -> str:
        if self.unit != "s":
            return f"{seconds:g} {self.unit}"
        return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"

    def __str__(self) -> str:
        return (
            f"{'pass' if self.passed else 'FAIL'}  {self.ratio:6.2f} x (at most {self.at_most:g})  "
            f"{self.shown(self.product):>10} / {self.shown(self.limit):<10}  "
            f"{self.work}, {self.size}, {self.database}"
        )


def timed(step: Callable[[], Any]) -> float:
    gc.collect()
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def turn_about(
    product: Callable[[], Any],
    limit: Callable[[], Any],
    *,
    pairs: int,
    warm: int = 0,
    before: Callable[[], Any] = lambda: None,
) -> tuple[float, float]:
    """Medians of both, run A B A B after ``warm`` pairs that do not count.

    ``before`` is run before each and not timed.
    """
    products: list[float] = []
    limits: list[float] = []
    for turn in range(-warm, pairs):
        for step, times in ((product, products), (limit, limits)):
            before()
            seconds = timed(step)
            if turn >= 0:
                times.append(seconds)
    return median(products), median(limits)
