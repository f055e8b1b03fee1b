from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django_tasks_db.management.commands.db_worker import Command as TaskWorker

from crm.heart import Heart


class Command(TaskWorker):
    help = "Runs background tasks, takes over from workers that died, and starts the nightly work."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(reload=False, interval=0.5)
        parser.add_argument(
            "--end-with", type=int, help="End when the parent is no longer this process."
        )

    def handle(self, *, worker_id: str, end_with: int | None, **options: Any) -> None:  # type: ignore[override]
        heart = Heart(worker_id, end_with=end_with)
        heart.start()
        try:
            super().handle(worker_id=worker_id, **options)
        finally:
            heart.stop()
