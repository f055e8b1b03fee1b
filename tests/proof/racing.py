"""Threads with connections of their own that begin at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from django.db import connections


def at_once(*works: Callable[[], object]) -> list[BaseException | None]:
    """Run ``works`` at once, one thread each; returns what each of them raised, or None."""
    barrier = threading.Barrier(len(works))
    errors: list[BaseException | None] = [None] * len(works)

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            barrier.wait(30)
            work()
        except BaseException as error:
            errors[number] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(number, work)) for number, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


class Rounds:
    """Threads that stay, each with its connection, and race again and again.

    Opening a connection costs more than the race itself; with these a second holds many rounds.
    """

    def __init__(self, racers: int) -> None:
        self.start = threading.Barrier(racers + 1)
        self.end = threading.Barrier(racers + 1)
        self.works: Sequence[Callable[[], object]] = []
        self.errors: list[BaseException | None] = []
        self.over = False
        self.threads = [
            threading.Thread(target=self._race, args=(number,), daemon=True)
            for number in range(racers)
        ]

    def __enter__(self) -> Rounds:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self.over = True
        self.start.wait(30)
        for thread in self.threads:
            thread.join(30)

    def _race(self, number: int) -> None:
        try:
            while True:
                self.start.wait(120)
                if self.over:
                    return
                try:
                    self.works[number]()
                except BaseException as error:
                    self.errors[number] = error
                self.end.wait(120)
        finally:
            connections.close_all()

    def run(self, *works: Callable[[], object]) -> list[BaseException | None]:
        """One round; returns what each of ``works`` raised, or None."""
        self.works, self.errors = works, [None] * len(works)
        self.start.wait(30)
        self.end.wait(60)
        return self.errors
