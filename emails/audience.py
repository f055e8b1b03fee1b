"""Whom a mailing is meant for, as its list has it now.

What was chosen is kept as it was posted from a list. A live list is asked anew each time, with what its reader may see
by then. Rows that were ticked are meant by themselves, whatever the list would say of them by now. Deals stand for
their primary contacts, each once, where its first deal stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection
from django.db.models import F, Func, IntegerField, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Contact
from crm.bulk.among import among
from crm.lists.registry import registry_of
from crm.lists.selection import ROWS_AT_MOST, Selection
from emails.models import Mailing
from emails.reasons import LeftOut


class Statement(NamedTuple):
    """A SELECT and what it takes."""

    sql: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Audience:
    """``contacts`` are those of it that the user may see, in no order.

    ``statement`` selects all of it: position (from 1), contact_id, deal_id, and of those that are seen name, email_key
    and seen, which is NULL for the others; why these are left out says ``unseen``.
    """

    contacts: QuerySet
    statement: Statement
    unseen: LeftOut = LeftOut.GONE


def contacts_of(mailing: Mailing, user: Any) -> QuerySet:
    """The contacts of the mailing that ``user`` may see now, in the order of the list; those of deals by name.

    Raises ``ValidationError`` when the list is gone or asks for something that it has not got.
    """
    if mailing.record == "deal":
        return audience_of(mailing, user).contacts.order_by("sort_key", "pk")
    ids = _ticked(mailing)
    if ids is None:
        return _selection(mailing, user).queryset
    return _visible(user).filter(among(ids)).order_by(_Place(ids))


def chosen_sentence(mailing: Mailing, user: Any) -> str:
    """What was chosen, for people. Raises as ``contacts_of`` does."""
    return _selection(mailing, user).sentence


def audience_of(mailing: Mailing, user: Any) -> Audience:
    """Raises as ``contacts_of`` does."""
    ids = _ticked(mailing)
    if mailing.record == "deal":
        return _of_deals(ids, mailing, user)
    if ids is not None:
        return _of_ids(ids, user)
    rows = _selection(mailing, user).queryset
    numbered = _numbered(rows, mail_name=F("name"), mail_key=F("match_email"))
    columns = (
        "mail_position AS position, mail_id AS contact_id, CAST(NULL AS bigint) AS deal_id, "
        "mail_name AS name, mail_key AS email_key, 1 AS seen"
    )
    return Audience(
        rows.order_by(), Statement(f"SELECT {columns} FROM ({numbered.sql}) AS l", numbered.params)
    )


def _of_ids(ids: list[int], user: Any) -> Audience:
    """Those that cannot be seen are gone, as far as the user can know."""
    seen = _visible(user).filter(among(ids))
    ticked = _each_of(ids)
    statement = Statement(
        f"SELECT t.place AS position, t.id AS contact_id, CAST(NULL AS bigint) AS deal_id, "
        f"{_SEEN} FROM ({ticked.sql}) AS t LEFT JOIN ({_facts(seen).sql}) AS c ON c.mail_id = t.id",
        (*ticked.params, *_facts(seen).params),
    )
    return Audience(seen, statement)


def _of_deals(ids: list[int] | None, mailing: Mailing, user: Any) -> Audience:
    """A contact whom one may not see although one sees its deal is told of: not who it is, but that it is left out."""
    if ids is None:
        deals = _selection(mailing, user).queryset
    else:
        deals = registry_of("deal").visible(user).filter(among(ids)).order_by(_Place(ids))
    numbered = _numbered(deals, mail_contact=F("primary_contact_id"))
    stars = deals.order_by().values("primary_contact")
    seen = _visible(user).filter(pk__in=stars)
    facts = _facts(seen)
    first = (
        "SELECT mail_position, mail_id, mail_contact, ROW_NUMBER() OVER "
        f"(PARTITION BY mail_contact ORDER BY mail_position) AS turn FROM ({numbered.sql}) AS l"
    )
    statement = Statement(
        "SELECT ROW_NUMBER() OVER (ORDER BY d.mail_position) AS position, "
        f"d.mail_contact AS contact_id, d.mail_id AS deal_id, {_SEEN} FROM ({first}) AS d "
        f"LEFT JOIN ({facts.sql}) AS c ON c.mail_id = d.mail_contact WHERE d.turn = 1",
        (*numbered.params, *facts.params),
    )
    return Audience(seen, statement, LeftOut.NOT_YOURS)


_SEEN = "c.mail_name AS name, c.mail_key AS email_key, c.mail_seen AS seen"


def _visible(user: Any) -> QuerySet:
    return Contact.objects.visible_to(user)


def _selection(mailing: Mailing, user: Any) -> Selection:
    posted = _posted(mailing)
    if posted.get("scope") in ("rows", "page"):
        # Rows that were ticked on a list that is gone are still those rows.
        posted["list"] = posted["state"] = ""
    # Days are the user's own, whoever asks: a worker has another time zone.
    with timezone.override(user.zone):
        return Selection.of(registry_of(mailing.record), user, posted)


def _posted(mailing: Mailing) -> QueryDict:
    posted = QueryDict(mutable=True)
    for name, value in mailing.selection:
        posted.appendlist(name, value)
    return posted


def _ticked(mailing: Mailing) -> list[int] | None:
    """The ids that were ticked, in the order of the list; None for a live list."""
    posted = _posted(mailing)
    if posted.get("scope") == "all":
        return None
    rows = (one for one in posted.getlist("row") if one.isascii() and one.isdigit())
    ids = [int(one) for one in dict.fromkeys(rows) if len(one) < 19][:ROWS_AT_MOST]
    if not ids:
        raise ValidationError(_("Nobody is chosen. Choose whom to mail in a list."))
    return ids


def _numbered(rows: QuerySet, **columns: Any) -> Statement:
    """The rows with ``mail_position``, ``mail_id`` and these columns."""
    order: list[Any] = [*(rows.query.order_by or rows.model._meta.ordering or ["pk"])]
    numbered = rows.order_by().annotate(
        mail_position=Window(RowNumber(), order_by=order), mail_id=F("pk"), **columns
    )
    return _compiled(numbered.values_list("mail_position", "mail_id", *columns), *columns)


def _facts(contacts: QuerySet) -> Statement:
    columns = {"mail_name": F("name"), "mail_key": F("match_email")}
    facts = contacts.order_by().annotate(mail_id=F("pk"), **columns)
    compiled = _compiled(facts.values_list("mail_id", *columns), *columns)
    return Statement(f"SELECT f.*, 1 AS mail_seen FROM ({compiled.sql}) AS f", compiled.params)


def _compiled(rows: QuerySet, *columns: str) -> Statement:
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        nothing = ", ".join(f"'' AS {one}" for one in columns if one != "mail_contact")
        nothing = f"{nothing}, " if nothing else ""
        return Statement(
            f"SELECT {nothing}0 AS mail_position, 0 AS mail_id, 0 AS mail_contact WHERE 1 = 0"
        )
    return Statement(sql, tuple(params))


def _each_of(ids: list[int]) -> Statement:
    """A table of ``place``, from 1, and ``id``."""
    if connection.vendor == "postgresql":
        return Statement(
            "SELECT place, id FROM unnest(%s::bigint[]) WITH ORDINALITY AS u(id, place)", (ids,)
        )
    return Statement(
        "SELECT key + 1 AS place, value AS id FROM json_each(%s)", (f"[{','.join(map(str, ids))}]",)
    )


class _Place(Func):
    """Where the primary key stands among some."""

    output_field = IntegerField()

    def __init__(self, ids: list[int]) -> None:
        super().__init__(F("pk"))
        self.ids = ids

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        ids = f"[{','.join(map(str, self.ids))}]"
        return f"(SELECT key FROM json_each(%s) WHERE value = {sql})", [ids, *params]

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        return f"array_position(%s::bigint[], {sql})", [self.ids, *params]
