"""What can be wrong with a mail: what it is, where, and how it is mended."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True, kw_only=True)
class Problem:
    """``blocks``: the mailing cannot start with it; else it is advice.

    ``field`` is the merge field that ``count`` recipients have nothing for, where it is about that.
    """

    code: str
    what: str
    mend: str
    where: str
    blocks: bool = True
    field: str = ""
    count: int = 0


def subject() -> str:
    return _("Subject")


def text() -> str:
    return _("Text")


def plain_text() -> str:
    return _("Plain text")
