"""What the account says for people who have chosen nothing, known wherever a user is.

The values come with the user that a request looks up: no page pays a statement for them, and no process can hold old
ones.
"""

from __future__ import annotations

from django.db.models import Subquery

from crm.accounts.along import ask_along
from settings.models import Account


def _of_account(name: str) -> Subquery:
    return Subquery(Account.objects.filter(pk=1).values(name)[:1])


ask_along(
    account_name=_of_account("name"),
    account_language=_of_account("language"),
    account_time_zone=_of_account("time_zone"),
    # Whether quiet customers are proposed at all, for the menu.
    account_quiet_months=_of_account("quiet_months"),
    # Whether signing in needs a second factor, by role.
    factor_of_administrators=_of_account("factor_of_administrators"),
    factor_of_members=_of_account("factor_of_members"),
)
