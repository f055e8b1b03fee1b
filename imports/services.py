"""Loading files: one call, one transaction, one change.

``load`` reads the files that a mapping names, in the order companies, people, deals, who is on
them; writes what is new in bulk and what changed through the models; and leaves every status as
the law gives it. The ``load`` command is one caller; it knows nothing that another could not.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Contact, StatusChange
from contacts.models.labels import ContactTag, ContactValue
from crm.actor import acting_as, said_to_come_from
from crm.audit.models import Action
from crm.audit.services import record
from crm.changes import one_change
from deals.models import Deal, DealContact, DealParty
from deals.models.labels import DealTag, DealValue
from deals.services.arrivals import Selection, select_many, settle_arrivals
from imports import bulk
from imports.contact_rows import ContactRows
from imports.deal_rows import DealRows
from imports.fields import Entity
from imports.link_rows import LinkRows
from imports.loading import Loading, Progress
from imports.mapping import Mapping
from imports.models import ImportRun
from imports.parents import Parent, find_parents
from imports.report import Report, statuses_now
from settings.catalogue import forget, known_once

# From here on the planner is told what was loaded; below, it costs more than it brings.
MANY = 5_000
CARRIED = (ContactTag, ContactValue, DealTag, DealValue)


def load(
    folder: Path,
    mapping: Mapping,
    *,
    user: Any = None,
    dry_run: bool = False,
    mended: Path | None = None,
    progress: Progress | None = None,
    announce: Callable[[Report], None] | None = None,
) -> Report:
    """Load the files of ``folder`` as ``mapping`` says, in one transaction.

    ``user`` is who does it, for history and marks. ``mended`` is a file of rejected rows, put
    right, to be read instead of the folder's files. ``announce`` is called with the finished
    report before anything is committed; what it raises takes everything back. With ``dry_run``
    all is done, and rolled back at the end. Returns the report; rows that were not taken are in
    its ``rejects``. Raises ``ValidationError``, and loads nothing, for a file that cannot be read.
    """
    if not folder.is_dir():
        raise ValidationError(_("%(folder)s is no folder.") % {"folder": folder})
    with acting_as(user), said_to_come_from("import"), known_once(), transaction.atomic():
        with one_change(cause=StatusChange.Cause.IMPORTED):
            loading = Loading(
                folder,
                mapping,
                actor_id=user.pk if user else None,
                mended=mended,
                progress=progress,
            )
            report = loading.report
            report.dry_run = dry_run
            report.before = statuses_now()
            with _undisturbed():
                _read_files(loading)
            _bring_in_step(loading)
            report.after = statuses_now()
            _write_run(loading, user)
        if announce:
            announce(report)
        if dry_run:
            transaction.set_rollback(True)
            forget()
    return report


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the collector of cycles: it walks all that is kept, again and again, for nothing.

    Rows make no cycles, and it costs a sixth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_files(loading: Loading) -> None:
    mapping = loading.mapping
    parents: list[Parent] = []
    # Every file is opened before the first is read: a missing one is found at once.
    companies = [ContactRows(loading, section) for section in mapping.of(Entity.COMPANIES)]
    people = [ContactRows(loading, section) for section in mapping.of(Entity.PEOPLE)]
    deals = [DealRows(loading, section) for section in mapping.of(Entity.DEALS)]
    links = [LinkRows(loading, section) for section in mapping.of(Entity.DEAL_CONTACTS)]
    for rows in companies:
        rows.load()
        parents += rows.parents
    find_parents(loading, parents)
    for rows in people:
        rows.load()
    for each in deals:
        each.load()
    for every in links:
        every.load()
    carrying: list[ContactRows | DealRows] = [*companies, *people, *deals]
    for one in carrying:
        one.labels.name_contacts()


def _bring_in_step(loading: Loading) -> None:
    """Statuses: what the deals give, then what the files select."""
    if bulk.is_postgresql() and loading.report.total("created") >= MANY:
        bulk.analyze(Contact, Deal, DealContact, DealParty, *CARRIED)
    cause = StatusChange.Cause.IMPORTED
    settle_arrivals(loading.star_of.keys(), cause=cause, now=loading.now)
    found = loading.selections
    refused = select_many(
        [Selection(each.contact_id, each.status, each.value, each.at) for each in found],
        cause=cause,
    )
    entities = {"company": Entity.COMPANIES, "person": Entity.PEOPLE}
    for number, reason in refused.items():
        selection = found[number]
        text = _("loaded without its status: %(reason)s") % {"reason": reason}
        loading.reject(selection.file, selection.row, selection.column, text)
        loading.counts(entities[selection.kind]).incomplete += 1
    for kind in entities:
        # Not remembered as they are: the next load tries them again.
        again = {found[number].key for number in refused if found[number].kind == kind}
        loading.remember_digests(kind, [("", key) for key in sorted(again)])


def _write_run(loading: Loading, user: Any) -> None:
    report = loading.report
    numbers: dict[str, Any] = {
        name: report.total(name) for name in ("created", "updated", "unchanged", "rejected")
    }
    run = ImportRun.objects.create(
        source=report.source,
        started_at=report.started_at,
        finished_at=timezone.now(),
        started_by=user,
        **numbers,
        report=report.as_data(),
    )
    record(Action.IMPORTED, run, source=report.source, **numbers)
