"""What erasing does, in words."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

# What ``erase_person`` counts, in the order it is told in.
TOLD = {
    "details": _("further addresses and numbers removed"),
    "tags": _("tags taken off"),
    "fields": _("values of custom fields removed"),
    "changes": _("changes of tags and fields emptied"),
    "deals": _("deals renamed, because their names hold the person’s"),
    "merges": _("merges that cannot be undone any more"),
    "trash": _("records in the trash made anonymous"),
    "runs": _("rows of actions on many that cannot be undone any more"),
    "imports": _("keys of loaded files forgotten"),
    "mails": _("rows of mailings made anonymous"),
    "entries": _("entries of the audit log emptied"),
    "texts": _("other texts that name the person replaced"),
    "files": _("files of exports removed; whoever needs one exports again"),
    "suppressed": _("addresses kept as a hash, so that nobody writes to them"),
}


def told_in_words(toll: Mapping[str, int]) -> list[tuple[str, str]]:
    """Number and what, of all that is not zero."""
    found = {one: words for one, words in TOLD.items() if toll.get(one)}
    return [(number_format(toll[one]), capfirst(str(words))) for one, words in found.items()]
