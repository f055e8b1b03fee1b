"""What somebody chose in a list and sent: some rows, a page of them, or all that match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from crm.lists.addresses import expanded
from crm.lists.registry import Registry
from crm.lists.saved import found_list, preference_of
from crm.lists.state import ListState

ROWS_AT_MOST = 1_000


@dataclass(frozen=True)
class Selection:
    """Rows of a list, as they were posted from it.

    ``queryset`` is in the order of the list and holds only rows that still match it and that the user may see;
    ``seen`` is how many the user was told, ``fields`` what to post again to choose the same.
    """

    state: ListState
    queryset: QuerySet
    seen: int
    fields: list[tuple[str, str]]
    everything: bool

    @cached_property
    def count(self) -> int:
        return self.queryset.count()

    @property
    def sentence(self) -> str:
        """What was chosen, for people and for the record of what was done."""
        if not self.everything:
            return _("chosen by hand")
        return self.state.sentence() or _("everything")

    @classmethod
    def of(cls, registry: Registry, user: Any, posted: QueryDict) -> Selection:
        """Raises ``ValidationError`` when what was posted is no selection, or its list is gone or invalid."""
        slug = posted.get("list", "")
        listed = found_list(registry, user, slug) if slug else None
        if slug and listed is None:
            raise ValidationError(_("The list that you chose from is gone."))
        params = expanded(QueryDict(posted.get("state", "").removeprefix("?")))
        if params is None:
            raise ValidationError(_("The list that you chose from is gone."))
        state = ListState.of(registry, user, params, listed, preference_of(user, registry.record))
        if state.faults:
            raise ValidationError(state.faults)
        scope = posted.get("scope", "rows")
        if scope not in ("rows", "page", "all"):
            raise ValidationError(_("Choose rows, the page, or all that match."))
        fields = [(name, posted.get(name, "")) for name in ("list", "state", "count")]
        fields.append(("scope", scope))
        rows = state.queryset()
        if scope == "all":
            return cls(state, rows, _number(posted.get("count", "")), fields, True)
        # Without scripts nobody ticks a whole page: the list says which rows are on it.
        page = posted.get("page", "").split(",") if scope == "page" and posted.get("page") else []
        ids = _ids(page or posted.getlist("row"))
        fields += [("row", str(pk)) for pk in ids]
        return cls(state, rows.filter(pk__in=ids), len(ids), fields, False)


def _ids(given: list[str]) -> list[int]:
    ids = list(dict.fromkeys(_number(one) for one in given))
    if not ids:
        raise ValidationError(_("Nothing is chosen. Tick some rows first."))
    if len(ids) > ROWS_AT_MOST:
        raise ValidationError(
            _("At most %(number)d rows can be ticked one by one.") % {"number": ROWS_AT_MOST}
        )
    return ids


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValidationError(_("“%(text)s” is no number.") % {"text": text[:80]})
    return int(text)
