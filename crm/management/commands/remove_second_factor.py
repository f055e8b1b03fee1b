from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from crm.accounts.models import User
from crm.accounts.second_factor import remove_factors


class Command(BaseCommand):
    help = (
        "Takes the second factor from somebody who lost it, such as the only administrator. Make sure that it is them; "
        "an administrator does the same in Settings, Users."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user “{username}”.")
        if remove_factors(user):
            self.stdout.write(f"{user} signs in with the password alone, until a factor is set up.")
        else:
            self.stdout.write(f"{user} had no second factor.")
