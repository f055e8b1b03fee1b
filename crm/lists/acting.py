"""What stands below a list whose rows are chosen: how many, and what can be done with them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.access import may
from crm.accounts.levels import Right
from crm.lists.models import SmartList
from crm.lists.registry import ReadyList
from crm.lists.state import ListState


class Act(Protocol):
    """An action on the chosen rows: its key, what its button says and shows."""

    key: ClassVar[str]
    label: ClassVar[str | Promise]
    icon: ClassVar[str]


@dataclass(frozen=True)
class Choosing:
    """What the form of a list sends besides the rows that are ticked, and what it says.

    ``counted`` is how many match, as in “1,234 contacts”; ``ids`` are the rows of the page.
    """

    state: ListState
    counted: str
    ids: Sequence[Any]
    acts: Sequence[Act]

    @property
    def may_export(self) -> bool:
        return may(self.state.context.user, Right.EXPORT)

    @property
    def may_copy_addresses(self) -> bool:
        return self.may_export or may(self.state.context.user, Right.MAIL)

    @property
    def may_mail(self) -> bool:
        return may(self.state.context.user, Right.MAIL)

    @property
    def token(self) -> str:
        """Of this page: what is begun on it by the same form twice is begun once."""
        return secrets.token_urlsafe(16)

    @property
    def app(self) -> str:
        """Where the addresses of the record type are."""
        return self.state.registry.list_view.partition(":")[0]

    @property
    def listed(self) -> str:
        listed: ReadyList | SmartList | None = self.state.listed
        return listed.slug if listed else ""

    @property
    def page(self) -> str:
        return ",".join(map(str, self.ids))

    @property
    def all_on_page(self) -> str:
        text = ngettext(
            "The one on this page is selected.",
            "All %(number)d on this page are selected.",
            len(self.ids),
        )
        return text % {"number": len(self.ids)}

    @property
    def choose_all(self) -> str:
        return _("Select all %(counted)s that match") % {"counted": self.counted}

    @property
    def all_chosen(self) -> str:
        """Everything that matches is chosen, and what that is."""
        asked = self.state.sentence()
        if not asked:
            return _("All %(counted)s are selected.") % {"counted": self.counted}
        return _("All %(counted)s that match are selected: %(filters)s.") % {
            "counted": self.counted,
            "filters": asked,
        }
