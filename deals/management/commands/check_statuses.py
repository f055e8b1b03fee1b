"""Prove that every status is what a recount gives."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.retry import retrying
from deals.services import check_statuses


class Command(BaseCommand):
    help = (
        "Compares every contact and deal with a recount and lists what differs, with the reason. "
        "Exits with 1 when anything differs (with --fix: when anything is left)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--fix", action="store_true", help="repair what differs, and write history"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = retrying(check_statuses)(fix=options["fix"])
        for difference in report.differences:
            self.stdout.write(str(difference))
        looked_at = f"{report.contacts} contacts and {report.deals} deals"
        if not report.differences:
            self.stdout.write(f"{looked_at}: every status is what a recount gives.")
        elif options["fix"] and not report.left:
            self.stdout.write(f"{looked_at}: {len(report.differences)} differences, all repaired.")
        elif options["fix"]:
            raise CommandError(f"{looked_at}: {len(report.left)} differences need a person.")
        else:
            raise CommandError(
                f"{looked_at}: {len(report.differences)} differences. Run with --fix to repair."
            )
