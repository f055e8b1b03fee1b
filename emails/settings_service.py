"""Changing what holds for all mails."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from emails.models import MailSettings
from emails.pictures import store_picture

# WCAG 2.2, 1.4.3: between text and what is behind it.
READABLE = 4.5


def change_mail_settings(
    user: Any, *, new_logo: Any = None, without_logo: bool = False, **values: Any
) -> MailSettings:
    """Set these fields, and the logo where one is given. Raises ``ValidationError`` by field.

    Pictures that were logos stay: mails that were sent show them.
    """
    with transaction.atomic():
        MailSettings.objects.get_or_create(pk=1)
        stored = MailSettings.objects.select_for_update().get(pk=1)
        for name, value in values.items():
            setattr(stored, name, value)
        stored.postal_address = "\n".join(stored.postal_address.split("\r\n"))
        stored.full_clean()
        _refuse_pale(stored.colour)
        if without_logo:
            stored.logo = None
        if new_logo:
            try:
                stored.logo = store_picture(new_logo, user)
            except ValidationError as refusal:
                raise ValidationError({"new_logo": refusal.messages}) from refusal
        stored.save()
    return stored


def _refuse_pale(colour: str) -> None:
    """Links stand in it on white, and white words on buttons of it."""
    found = contrast(colour, "#ffffff")
    if found >= READABLE:
        return
    raise ValidationError(
        {
            "colour": _(
                "This colour cannot be read on white: its contrast is %(found).1f to 1, and %(wanted)s to 1 is needed. "
                "%(darker)s is the same, only darker."
            )
            % {"found": found, "wanted": READABLE, "darker": darkened(colour)}
        }
    )


def contrast(colour: str, other: str) -> float:
    """From 1 to 21, by the relative luminance of WCAG 2; colours as ``#rrggbb``."""
    darker, lighter = sorted((_luminance(colour), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def darkened(colour: str) -> str:
    """The lightest shade of a colour that can be read on white."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    for hundredths in range(100, -1, -1):
        shade = "#" + "".join(f"{one * hundredths // 100:02x}" for one in parts)
        if contrast(shade, "#ffffff") >= READABLE:
            return shade
    return "#000000"
