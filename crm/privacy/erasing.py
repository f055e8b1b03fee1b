"""Erasing a person: the record and its history stay where they are and tell of nobody any more.

Deals keep their star, their value and their dates; statuses are counted as ever. Nothing of it can be undone.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from contacts.keys import words
from contacts.models import Contact, ContactChange, ContactDetail, ContactTag, ContactValue
from contacts.words import vocabulary_of
from crm.audit.models import Action
from crm.audit.services import about
from crm.bulk.models import BulkRun
from crm.changes import one_change
from crm.privacy import copies, mails
from crm.privacy.subjects import TEXTS, Subject
from crm.suppression.models import Suppression
from crm.suppression.services import suppress
from deals.models import DealContact
from deals.services import lock_deals_of
from settings.models import Account

WAITING = (*BulkRun.ON, BulkRun.State.PAUSED)


class Erasure(Counter[str]):
    """What was done, in numbers."""

    def add(self, what: str, number: int) -> None:
        self[what] += number


def erase_person(pk: int) -> Erasure:
    """Make the person of this number anonymous wherever the product holds something of them; tells how many of what.

    Raises ``ObjectDoesNotExist`` where there is none, and ``ValidationError`` while something is at work that would
    write their data again; then nothing has changed.
    """
    _overwrite()
    done = Erasure()
    with one_change():
        _take_time()
        lock_deals_of([pk])
        list(Contact.objects.select_for_update(no_key=True).filter(pk=pk).values_list("pk"))
        subject = Subject.of(pk)
        refuse_while_at_work(subject)
        token = token_of(pk)
        # Before anything is gone: by these the copies are found.
        needles, own, forgotten = subject.needles, subject.own_needles, _words(subject)
        done.add("suppressed", suppress(subject.addresses, Suppression.Reason.ERASED))
        if subject.trashed is None:
            _anonymise(subject, token, done)
        done.add("changes", _forget_values(subject))
        copies.forget(subject, needles, own, token, done.add)
        done.add("files", len(copies.files_at_hand()))
        copies.forget_words(forgotten)
        about("contacts.contact", pk, token, Action.PERSON_ERASED, **done).save()
    # The person is erased even if a file cannot be removed: the log says so, and the night removes it.
    transaction.on_commit(copies.remove_files, robust=True)
    transaction.on_commit(_empty_journal, robust=True)
    return done


def toll_of(pk: int) -> Erasure:
    """What erasing would do, by doing it and taking it back. Raises as ``erase_person`` does."""
    with transaction.atomic():
        done = erase_person(pk)
        transaction.set_rollback(True)
    return done


def token_of(pk: int) -> str:
    """What an erased person is called from then on, in the language of the account."""
    with translation.override(Account.current().language or translation.get_language() or "en"):
        return _("Erased person %(number)d") % {"number": pk}


def refuse_while_at_work(subject: Subject) -> None:
    """Raise ``ValidationError`` while a run is on that has the person, or writes files that may have them, and while a
    mail to them is on its way."""
    on = BulkRun.objects.filter(state__in=WAITING)
    theirs = on.filter(record="contact", rows__record_id__in=subject.ids).distinct()
    writing = on.filter(action__endswith=".export")
    for run in [*theirs[:1], *writing[:1]]:
        raise ValidationError(
            _(
                "Run %(number)d is not at its end and may have this person. Wait until it is, or cancel it under Runs."
            )
            % {"number": run.pk}
        )
    if row := mails.is_in_flight(subject):
        raise ValidationError(
            _(
                "The mailing “%(name)s” is being sent to this person just now. Try again in a minute."
            )
            % {"name": row.mailing}
        )


def _anonymise(subject: Subject, token: str, done: Erasure) -> None:
    contact = Contact.objects.get(pk=subject.pk)
    for name in TEXTS:
        setattr(contact, name, "")
    contact.last_name = token
    # Where somebody works tells who they are.
    contact.company = None
    contact.save()
    done.add("details", ContactDetail.objects.filter(contact=subject.pk).delete()[0])
    done.add("tags", ContactTag.objects.filter(contact=subject.pk).delete()[0])
    # Also those of fields that were removed, which lie unseen for a while.
    done.add("fields", ContactValue.objects.filter(contact=subject.pk).delete()[0])
    DealContact.objects.filter(contact=subject.pk).exclude(role="").update(role="")


def _forget_values(subject: Subject) -> int:
    """That something was changed, and when, stays; what it was does not."""
    plain: QuerySet[Any] = QuerySet(ContactChange)
    return plain.filter(contact__in=subject.ids).update(old="", new="")


def _words(subject: Subject) -> set[str]:
    """Those that search may remember because of this person."""
    stored = Contact.objects.filter(pk=subject.pk).values_list("search_key", flat=True)
    return vocabulary_of(*stored, *map(words, [*subject.names, *subject.addresses]))


def _take_time() -> None:
    """All texts of the audit log are looked through, which may take longer than a page may ask for otherwise."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")


def _overwrite() -> None:
    """SQLite leaves what was deleted in its file until something else needs the room, unless told to overwrite it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")


def _empty_journal() -> None:
    """The journal of SQLite holds the pages of before until it is begun anew."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
