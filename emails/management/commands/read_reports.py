"""Read the mailbox that delivery reports come back to, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from emails.reports.mailbox import MailboxError, read_new


class Command(BaseCommand):
    help = "Reads delivery reports and complaints in the mailbox of BOUNCES_IMAP_URL, as the worker does by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = read_new()
        except MailboxError as error:
            raise CommandError(str(error)) from error
        if not found:
            self.stdout.write("Nothing new.")
        for kind, number in sorted(found.items()):
            self.stdout.write(f"{kind}: {number}")
