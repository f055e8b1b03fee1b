from __future__ import annotations

import time
from argparse import ArgumentParser
from random import Random
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from contacts.models import Contact
from contacts.statuses import CustomerStatus, ProspectStatus
from crm.demo import mails, store
from crm.demo.contacts import Cast, Casting
from crm.demo.deals import Selling
from crm.demo.labels import Labelling
from crm.demo.standings import Changed, Life, Part, parts_of
from deals.services import check_statuses


class Command(BaseCommand):
    help = (
        "Makes an invented book of business: contacts, two years of deals, statuses, history, tags."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--contacts", type=int, default=300, help="How many (default 300).")
        parser.add_argument(
            "--seed",
            type=int,
            default=1,
            help="The same seed gives the same data, on the same day: dates count back from today.",
        )
        parser.add_argument(
            "--append", action="store_true", help="Also where there are contacts already."
        )

    def handle(
        self, *, contacts: int, seed: int, append: bool, verbosity: int, **options: Any
    ) -> None:
        if contacts < 1:
            raise CommandError("--contacts is a whole number from 1.")
        started = time.monotonic()
        try:
            with transaction.atomic():
                if not append and Contact.objects.exists():
                    raise CommandError(
                        "There are contacts already; demo data would mix with them. "
                        "Give --append if that is what you want."
                    )
                deals = self.make(Random(seed), contacts)  # noqa: S311
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        if verbosity:
            seconds = time.monotonic() - started
            self.stdout.write(f"{contacts:,} contacts and {deals:,} deals in {seconds:.1f} s.")
            self.tell_statuses()

    def make(self, rng: Random, count: int) -> int:
        """Make it all, in the open transaction; returns how many deals."""
        lists = store.lists()
        today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
        casting = Casting(rng, count, today, lists.owners)
        sales = Selling(rng, casting, lists).sales
        parts = list(parts_of(sales))
        by_cast: dict[Cast, list[Part]] = {}
        for part in parts:
            by_cast.setdefault(part.cast, []).append(part)
        history: list[Changed] = []
        for cast in casting.everybody:
            history += Life(cast, by_cast.get(cast, ())).play(rng, today, lists.owners)
        history.sort(key=lambda change: change.why.at)
        store.write(casting, sales, parts, history)
        Labelling(rng, casting, sales, lists.owners).write()
        mails.write(today)
        report = check_statuses()
        if report.differences:
            # What is written past the models has to stand before the law like everything else.
            raise CommandError(
                f"Nothing was written: {len(report.differences)} differences from a recount, "
                f"such as: {report.differences[0]}"
            )
        return len(sales)

    def tell_statuses(self) -> None:
        statuses = Contact.objects.order_by().values_list("prospect_status", "customer_status")
        for prospect, customer, number in statuses.annotate(number=Count("pk")).order_by("-number"):
            labels = f"{ProspectStatus(prospect).label}, {CustomerStatus(customer).label}"
            self.stdout.write(f"{number:>10,}  {labels}")
