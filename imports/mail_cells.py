"""On what legal basis the addresses of a file are mailed, and who of them has unsubscribed elsewhere.

Both belong to the address. A file says something by its words and nothing by its blanks: it takes no basis away, and
lets nobody be mailed who is not to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from crm.actor import current_actor
from emails.addresses import normal
from emails.reasons import Basis, Suppressed
from emails.standing import Ground, put_basis, suppress
from imports.cells import BadCell, shortened

if TYPE_CHECKING:
    from imports.loading import Loading


def basis(text: str) -> str:
    """A cell that names a legal basis, by its code or in words."""
    word = text.casefold()
    for one in Basis:
        if word in (one.value, str(one.label).casefold()):
            return one.value
    known = ", ".join(Basis.values)
    raise BadCell(
        _("“%(text)s” is no legal basis; give one of %(known)s")
        % {"text": shortened(text), "known": known}
    )


class MailCells:
    """What the rows of one section say of their addresses; written batch by batch."""

    def __init__(self, loading: Loading, names: Sequence[str]) -> None:
        self.loading = loading
        places = {name: position for position, name in enumerate(names)}
        self._email = places.get("email")
        self._basis = places.get("legal_basis")
        self._facts = [places.get(f"legal_basis_{one}", -1) for one in ("source", "text", "at")]
        self._unsubscribed = places.get("unsubscribed")
        self._grounds: dict[str, Ground] = {}
        self._left: set[str] = set()

    def take(self, values: Sequence[Any]) -> None:
        """Note a row that is new or says something new."""
        basis = values[self._basis] if self._basis is not None else None
        left = self._unsubscribed is not None and values[self._unsubscribed]
        if not basis and not left:
            return
        address = normal(values[self._email] or "") if self._email is not None else ""
        if not address:
            self.loading.report.notes[_("legal bases and unsubscribings without an address")] += 1
            return
        if basis:
            source, text, at = (values[place] if place >= 0 else None for place in self._facts)
            source = source or self.loading.mapping.source
            self._grounds[address] = Ground(basis, source, text or "", at)
        if left:
            self._left.add(address)

    def flush(self) -> None:
        actor, details = current_actor(), {"source": self.loading.mapping.source}
        # The load is one entry of the audit log.
        put_basis(self._grounds, actor=actor, audited=False)
        suppress(self._left, Suppressed.UNSUBSCRIBED, actor=actor, details=details, audited=False)
        self._grounds, self._left = {}, set()
