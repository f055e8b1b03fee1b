from __future__ import annotations

from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.along import ALONG
from crm.accounts.levels import Area, Level, Right, Role
from crm.actor import current_actor


def validate_time_zone(name: str) -> None:
    """Raises ValidationError unless `name` is a time zone such as Europe/Berlin."""
    if name not in available_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone. Example: Europe/Berlin."), params={"name": name}
        )


def zone_called(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def _level() -> Any:
    return models.PositiveSmallIntegerField(choices=Level.choices, default=Level.ALL)


class User(AbstractUser):
    """Somebody who signs in. Administrators, who are Django's superusers, see and edit everything."""

    class Language(models.TextChoices):
        BROWSER = "", _("As the browser asks")
        ENGLISH = "en", "English"
        GERMAN = "de", "Deutsch"
        FRENCH = "fr", "Français"

    class Theme(models.TextChoices):
        AUTO = "auto", _("As the device is set")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class Formats(models.TextChoices):
        LANGUAGE = "", _("As the language")
        BRITISH = "GB", _("British: 31/12/2026, 1,234.5")
        AMERICAN = "US", _("American: 12/31/2026, 1,234.5")
        GERMAN = "DE", _("German: 31.12.2026, 1.234,5")
        FRENCH = "FR", _("French: 31/12/2026, 1 234,5")

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
    # A region, which with the language makes a locale: German words with British dates are "de-gb". See crm.formats.
    formats = models.CharField(
        _("dates and numbers"),
        max_length=2,
        choices=Formats.choices,
        default=Formats.LANGUAGE,
        blank=True,
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme.choices, default=Theme.AUTO)

    # Who speaks to the computer, or types with one hand, may not want a letter to do something.
    shortcuts = models.BooleanField(
        _("keyboard shortcuts"), default=True, help_text=_("Single letters that act in lists.")
    )

    # What a member may see and edit; see crm.accounts.levels. In columns of their own, because every page asks.
    view_contacts = _level()
    edit_contacts = _level()
    view_customers = _level()
    edit_customers = _level()
    view_deals = _level()
    edit_deals = _level()
    may_export = models.BooleanField(Right.EXPORT.label, default=True)
    may_delete_many = models.BooleanField(Right.DELETE_MANY.label, default=True)
    may_mail = models.BooleanField(Right.MAIL.label, default=True)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                name=f"user_sees_what_they_edit_of_{area}",
                condition=models.Q(**{f"edit_{area}__lte": models.F(f"view_{area}")}),
                violation_error_message=_("Nobody can edit more than they see."),
            )
            for area in Area.values
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def clean(self) -> None:
        """Raises ``ValidationError`` where nobody would be left to administer; for the back office's form too."""
        super().clean()
        self.is_staff = self.is_superuser
        if self.pk and not (self.is_active and self.is_superuser):
            refuse_losing_the_last(self)
        actor = current_actor()
        if actor is not None and actor.pk == self.pk and not self.is_active:
            raise ValidationError(_("You cannot deactivate yourself. Another administrator can."))

    @property
    def role(self) -> Role:
        return Role.ADMINISTRATOR if self.is_superuser else Role.MEMBER

    @role.setter
    def role(self, role: str) -> None:
        # The back office is for administrators, and for whom one of them lets in besides.
        self.is_superuser = self.is_staff = role == Role.ADMINISTRATOR

    @cached_property
    def team_ids(self) -> list[int]:
        """The ids of everybody who shares a team with the user, as a member or as a manager; the user's own too."""
        return sorted({self.pk, *_teammates(self.pk)})

    # What holds for whoever has chosen nothing. With the user that a request finds they come along.

    @cached_property
    def account_language(self) -> str:
        return str(self._along("account_language") or "")

    @cached_property
    def account_time_zone(self) -> str:
        return str(self._along("account_time_zone") or "")

    def _along(self, name: str) -> Any:
        if name not in ALONG:
            return None
        found = User.objects.filter(pk=self.pk).annotate(**{name: ALONG[name]})
        return found.values_list(name, flat=True).first()

    @property
    def zone(self) -> ZoneInfo | None:
        """The user's time zone, else the account's; None for the installation's.

        One that is no longer known counts as none.
        """
        return zone_called(self.time_zone) or zone_called(self.account_time_zone or "")


def administrators() -> models.QuerySet[User]:
    """Those who can sign in and administer: active, and not merely invited."""
    return User.objects.filter(is_superuser=True, is_active=True, invitation=None)


def refuse_losing_the_last(user: User) -> None:
    """Raises ``ValidationError`` where ``user`` is the only one of the administrators.

    In a transaction the others are locked, so that of two who step down at once one is refused.
    """
    rows = administrators().order_by("pk")
    if transaction.get_connection().in_atomic_block:
        rows = rows.select_for_update(no_key=True, of=("self",))
    if [one.pk for one in rows] == [user.pk]:
        raise ValidationError(
            _("%(name)s is the only administrator. Make somebody else one first."),
            params={"name": str(user)},
        )


class Invitation(models.Model):
    """A way in for a user who has no password yet: a link that works once. Of it only a hash is kept."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="invitation")
    digest = models.CharField(max_length=64, unique=True)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return str(self.user)

    @property
    def is_over(self) -> bool:
        return self.expires_at <= timezone.now()


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


def _teammates(user_id: int) -> set[int]:
    teams = Team.objects.filter(models.Q(members=user_id) | models.Q(managers=user_id)).values("pk")
    members = Team.members.through.objects.filter(team__in=teams).values_list("user_id")
    managers = Team.managers.through.objects.filter(team__in=teams).values_list("user_id")
    return {pk for (pk,) in members.union(managers)}
