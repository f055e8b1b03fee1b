"""The log of a mailing as a file: every recipient with what became of it."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.doors import visible_or_404
from crm.accounts.guards import needs
from crm.accounts.levels import Right
from crm.attachments import as_attachment
from crm.audit import services as audit
from crm.audit.models import Action
from crm.exports.guard import guarded
from emails.mailing_rows import LedgerRows, Row
from emails.models import Mailing

CHUNK = 2_000


@require_POST
@needs(Right.MAIL)
@needs(Right.EXPORT)
def download(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """For spreadsheets. Posted, since it is written down that somebody took it along."""
    mailing: Mailing = visible_or_404(Mailing, request.user, pk)
    audit.record(Action.EXPORTED, mailing, actor=request.user, count=mailing.total)
    answer = StreamingHttpResponse(_lines(LedgerRows(mailing, request.user, QueryDict())))
    return as_attachment(answer, f"mailing-{mailing.pk}.csv", "text/csv; charset=utf-8")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _lines(ledger: LedgerRows) -> Iterator[bytes]:
    writer: Any = csv.writer(_Echo())
    header = (_("Number"), _("Name"), _("Address"), _("State"), _("Reason"), _("Answer"), _("When"))
    yield codecs.BOM_UTF8 + writer.writerow([guarded(str(one)) for one in header]).encode()
    zone, last = timezone.get_current_timezone(), 0
    while rows := list(ledger.rows().filter(position__gt=last)[:CHUNK]):
        last = rows[-1].position
        told = (writer.writerow(_cells(row, zone)) for row in ledger.told(rows))
        yield "".join(told).encode("utf-8", "replace")


def _cells(row: Row, zone: Any) -> list[Any]:
    one = row.recipient
    when = one.changed_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if one.changed_at else ""
    mine = (one.name, one.address) if row.is_told else ("", "")
    texts = (*mine, one.get_state_display(), row.reason, one.answer if row.is_told else "")
    return [one.position, *(guarded(text) for text in texts), when]
