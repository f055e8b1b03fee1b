"""Who is meant: records by the key of a source, contacts by name or e-mail, users by theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.translation import gettext as _

from contacts.models import Contact
from imports.cells import BadCell, shortened
from imports.mapping import FieldMap
from imports.models import ImportedRecord

Kind = ImportedRecord.Kind
SEVERAL = 0


class Known(NamedTuple):
    """What a source's key stood for when it was loaded before; ``exists`` if it still does."""

    record_id: int
    digest: str
    exists: bool


class Found(NamedTuple):
    id: int
    is_company: bool


class Directory:
    """Everything that a row may refer to; grows as rows are loaded."""

    def __init__(self, source: str, *, by_name: bool, by_email: bool) -> None:
        self.source = source
        self.ids: dict[str, dict[str, int]] = {kind: {} for kind in Kind.values}
        self.known: dict[str, dict[str, Known]] = {kind: {} for kind in Kind.values}
        self.names: dict[str, dict[str, int]] | None = None
        self.emails: dict[str, dict[str, int]] | None = None
        # Deals have no index of names in the database; only those of this source are found so.
        self.deal_names: dict[str, int] | None = {} if by_name else None
        self._read_known()
        self.know(*(["name"] if by_name else []), *(["email"] if by_email else []))

    def know(self, *ways: str) -> None:
        """Let contacts be found by “name” or “email” from now on."""
        lacking = {
            way
            for way, index in (("name", self.names), ("email", self.emails))
            if way in ways and index is None
        }
        if not lacking:
            return
        if "name" in lacking:
            self.names = {Kind.COMPANY: {}, Kind.PERSON: {}}
        if "email" in lacking:
            self.emails = {Kind.COMPANY: {}, Kind.PERSON: {}}
        rows = Contact.objects.order_by().values_list("pk", "is_organization", "name", "email")
        for pk, is_company, name, email in rows.iterator(chunk_size=10_000):
            self.add_contact(Kind.COMPANY if is_company else Kind.PERSON, pk, name, email)

    def _read_known(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT r.kind, r.key, r.record_id, r.digest,
                    CASE WHEN r.kind = 'deal' THEN d.id ELSE c.id END, d.name
                FROM imports_importedrecord r
                LEFT JOIN contacts_contact c ON r.kind <> 'deal' AND c.id = r.record_id
                LEFT JOIN deals_deal d ON r.kind = 'deal' AND d.id = r.record_id
                WHERE r.source = %s""",
                [self.source],
            )
            for kind, key, record_id, digest, present, name in cursor.fetchall():
                self.known[kind][key] = Known(record_id, digest, present is not None)
                if present is not None:
                    self.ids[kind][key] = record_id
                    if name is not None and self.deal_names is not None:
                        _add(self.deal_names, name, record_id)

    def add_contact(self, kind: str, pk: int, name: str, email: str) -> None:
        if self.names is not None:
            _add(self.names[kind], name, pk)
        if self.emails is not None and email:
            _add(self.emails[kind], email, pk)

    def add_deals(self, deals: Iterable[tuple[str, int]]) -> None:
        if self.deal_names is not None:
            for name, pk in deals:
                _add(self.deal_names, name, pk)

    def contact(self, mapped: FieldMap, text: str) -> Found:
        """The contact that ``text`` means. Raises ``BadCell`` when there is none, or several."""
        if mapped.by == "id":
            index: dict[str, dict[str, int]] | None = self.ids
        else:
            index = self.names if mapped.by == "name" else self.emails
            folded = text.casefold()
        assert index is not None
        wanted = text if mapped.by == "id" else folded
        found = [
            Found(pk, kind == Kind.COMPANY)
            for kind in mapped.kinds
            if (pk := index[kind].get(wanted)) is not None
        ]
        if len(found) == 1 and found[0].id != SEVERAL:
            return found[0]
        raise self._not_found(mapped, text, several=bool(found))

    def _not_found(self, mapped: FieldMap, text: str, *, several: bool) -> BadCell:
        if several:
            reason = _("several contacts are “%(text)s”; refer to them by id")
        elif mapped.by == "id" and any(text in self.known[kind] for kind in mapped.kinds):
            reason = _("“%(text)s” was loaded before and is deleted; restore it from the trash")
        elif mapped.kinds == ("company",):
            reason = _("there is no company “%(text)s”")
        elif mapped.kinds == ("person",):
            reason = _("there is no person “%(text)s”")
        else:
            reason = _("there is no contact “%(text)s”")
        return BadCell(reason % {"text": shortened(text)})

    def deal(self, mapped: FieldMap, text: str) -> int:
        if mapped.by == "id":
            found = self.ids[Kind.DEAL].get(text)
        else:
            assert self.deal_names is not None
            found = self.deal_names.get(text.casefold())
        if found == SEVERAL:
            raise BadCell(
                _("several deals are called “%(text)s”; refer to them by id")
                % {"text": shortened(text)}
            )
        if found is None:
            raise BadCell(_("there is no deal “%(text)s”") % {"text": shortened(text)})
        return found


def _add(index: dict[str, int], text: str, pk: int) -> None:
    folded = text.casefold()
    if index.setdefault(folded, pk) != pk:
        index[folded] = SEVERAL


def users_by_word() -> dict[str, int]:
    """Users by user name, e-mail address and full name, casefolded; shared ones are left out."""
    index: dict[str, int] = {}
    users = get_user_model().objects.all()
    for user in users.iterator():
        words: Iterable[str] = {user.get_username(), user.email, user.get_full_name()}
        for word in words:
            if word:
                _add(index, word, user.pk)
    return {word: pk for word, pk in index.items() if pk != SEVERAL}
