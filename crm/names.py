"""What people may call things."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from crm.folding import fold

# Some letters fold to a whole sentence; an index holds only so much.
KEY_LENGTH = 320


def name_key(name: str) -> str:
    """By which two names are alike: folded, and cut."""
    return fold(name)[:KEY_LENGTH]


def validate_name(name: str) -> None:
    """Refuse what nobody can read or type again: control characters, and nothing at all."""
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise ValidationError(_("A name has no control characters."))
    if not fold(name) or all(unicodedata.category(char)[0] in "CZM" for char in name):
        raise ValidationError(_("A name has at least one letter, digit or sign."))
