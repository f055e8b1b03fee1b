from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


def validate_time_zone(name: str) -> None:
    """Raises ValidationError unless `name` is a time zone such as Europe/Berlin."""
    if name not in available_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone. Example: Europe/Berlin."), params={"name": name}
        )


class User(AbstractUser):
    class Language(models.TextChoices):
        BROWSER = "", _("As the browser asks")
        ENGLISH = "en", "English"
        GERMAN = "de", "Deutsch"
        FRENCH = "fr", "Français"

    class Theme(models.TextChoices):
        AUTO = "auto", _("As the device is set")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    language = models.CharField(
        _("language"), max_length=5, choices=Language.choices, default=Language.BROWSER, blank=True
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Empty: the time zone of this installation."),
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme.choices, default=Theme.AUTO)

    # Who speaks to the computer, or types with one hand, may not want a letter to do something.
    shortcuts = models.BooleanField(
        _("keyboard shortcuts"), default=True, help_text=_("Single letters that act in lists.")
    )

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def zone(self) -> ZoneInfo | None:
        """The user's time zone; None when they follow the installation's or theirs is no longer known."""
        try:
            return ZoneInfo(self.time_zone) if self.time_zone else None
        except (KeyError, ValueError, OSError):
            return None


class Team(models.Model):
    name = models.CharField(_("name"), max_length=150, unique=True)
    members = models.ManyToManyField(
        User, verbose_name=_("members"), related_name="teams", blank=True
    )
    managers = models.ManyToManyField(
        User, verbose_name=_("managers"), related_name="managed_teams", blank=True
    )

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
