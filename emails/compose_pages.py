"""What pages for writing show beside the mail: what is wrong with it and where, and which merge fields there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from emails import problems as places
from emails.checking import Problem, problems, recipients_lacking
from emails.models import Mailing
from emails.pictures import BYTES_AT_MOST
from emails.values import MergeField, merge_fields

NAMED_AT_MOST = 10


@dataclass(frozen=True)
class Concern:
    """A problem with the places to mend it, as (words, anchor on the composer), and whom it concerns by name."""

    problem: Problem
    places: Sequence[tuple[str, str]]
    recipients: Sequence[tuple[int, str]] = ()

    @property
    def others(self) -> int:
        return self.problem.count - len(self.recipients)


def concerns_of(mailing: Mailing, user: Any) -> list[Concern]:
    author = mailing.author or user
    anchors = {
        places.subject(): "id_subject",
        places.text(): "id_html",
        places.plain_text(): "plain",
        _("Sender"): "id_sender",
        _("Recipients"): "audience-title",
    }
    found = []
    for one in problems(mailing, author):
        named = []
        if one.field and one.count:
            named = recipients_lacking(mailing, author, one.field, at_most=NAMED_AT_MOST)
        where = [(word, anchors.get(word, "")) for word in one.where.split(", ")]
        found.append(Concern(one, where, named))
    return found


def field_groups(record: str, user: Any) -> list[tuple[str, list[MergeField]]]:
    """The merge fields that ``user`` may put into a mail, by group, in their order."""
    fields = merge_fields(record, user)
    return [(group, list(some)) for group, some in groupby(fields, lambda one: one.group)]


def picture_hint() -> str:
    return _("PNG, JPEG, GIF or WebP, at most %(size)s.") % {"size": filesizeformat(BYTES_AT_MOST)}
