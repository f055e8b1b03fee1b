"""People as choices of a filter, the same in every list."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.lists.registry import Context

ME, NOBODY = "me", "none"


def people(context: Context) -> list[tuple[str, str]]:
    """Whoever looks at the list first, nobody last; ids as text."""
    users = User.objects.order_by("last_name", "first_name", "username")
    fields = users.only("first_name", "last_name", "username")
    return [(ME, _("Me")), *((str(user.pk), str(user)) for user in fields), (NOBODY, _("Nobody"))]
