"""Lists that people keep: what they ask for, under a name; their tabs; how each likes to read them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.access import is_active
from crm.accounts.models import Team
from crm.lists.conditions import Conditions


class RecordType(models.TextChoices):
    CONTACT = "contact", _("Contacts")
    DEAL = "deal", _("Deals")


class SmartListQuerySet(models.QuerySet["SmartList"]):
    def visible_to(self, user: Any) -> SmartListQuerySet:
        """One's own lists, everybody's, and those of one's teams; of administrators, those of all teams."""
        if not is_active(user):
            return self.none()
        return self.filter(Q(owner=user) | Q(shared=True) | _of_teams(user, teams_of(user)))

    def editable_by(self, user: Any) -> SmartListQuerySet:
        """One's own, and those of the teams that one manages; administrators change everybody's and all teams'."""
        if not is_active(user):
            return self.none()
        theirs = _of_teams(user, Team.objects.filter(managers=user))
        if user.is_superuser:
            theirs |= Q(shared=True)
        return self.filter(Q(owner=user) | theirs)


def teams_of(user: Any) -> models.QuerySet[Team]:
    """The teams that a user is in, as a member or as a manager."""
    memberships = Team.members.through.objects.filter(user=user).values("team")
    managed = Team.managers.through.objects.filter(user=user).values("team")
    return Team.objects.filter(Q(pk__in=memberships) | Q(pk__in=managed))


def _of_teams(user: Any, teams: models.QuerySet[Team]) -> Q:
    return Q(team__isnull=False) if user.is_superuser else Q(team__in=teams.order_by().values("pk"))


class SmartList(models.Model):
    """A list under a name: filters, columns and order. Codes are kept, not words, so that it reads in any language."""

    record = models.CharField(_("of"), max_length=10, choices=RecordType.choices)
    name = models.CharField(_("name"), max_length=80)
    # Its address; stays when the name changes.
    slug = models.SlugField(_("address"), max_length=90)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="smart_lists",
    )
    shared = models.BooleanField(_("everybody's"), default=False)
    # Who sees it besides its owner, where it is not everybody's. Without its team it is its owner's alone.
    team = models.ForeignKey(
        Team,
        verbose_name=_("team"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    conditions = models.JSONField(_("filters"), default=list, blank=True)
    text = models.CharField(_("text"), max_length=200, blank=True)
    sort = models.CharField(_("order"), max_length=300, blank=True)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now, editable=False)

    objects = SmartListQuerySet.as_manager()

    class Meta:
        verbose_name = _("smart list")
        verbose_name_plural = _("smart lists")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["record", "slug"], name="smartlist_one_address"),
            models.CheckConstraint(name="smartlist_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="smartlist_everybodys_or_a_teams",
                condition=Q(shared=False) | Q(team__isnull=True),
                violation_error_message=_("A list is everybody's or a team's, not both."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def asked(self) -> Conditions:
        return Conditions.of_data(self.conditions)


class ListTab(models.Model):
    """A list pinned above the lists of its type. Those of nobody are what new users start with."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="list_tabs",
    )
    record = models.CharField(max_length=10, choices=RecordType.choices)
    # One of the two: a list that is always there, by its slug, or a saved one.
    ready = models.CharField(max_length=40, blank=True)
    saved = models.ForeignKey(SmartList, null=True, blank=True, on_delete=models.CASCADE)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("tab")
        verbose_name_plural = _("tabs")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                name="listtab_one_list",
                condition=Q(saved__isnull=True) & ~Q(ready="") | Q(saved__isnull=False, ready=""),
            ),
            models.UniqueConstraint(
                fields=["user", "record", "ready"],
                condition=~Q(ready=""),
                name="listtab_ready_once",
            ),
            models.UniqueConstraint(
                fields=["user", "record", "saved"],
                condition=Q(saved__isnull=False),
                name="listtab_saved_once",
            ),
            # Nobody's: unique constraints take each NULL for another one.
            models.UniqueConstraint(
                fields=["record", "ready"],
                condition=Q(user__isnull=True) & ~Q(ready=""),
                name="listtab_ready_once_for_all",
            ),
            models.UniqueConstraint(
                fields=["record", "saved"],
                condition=Q(user__isnull=True, saved__isnull=False),
                name="listtab_saved_once_for_all",
            ),
        ]

    def __str__(self) -> str:
        return self.ready or str(self.saved)


class ListPreference(models.Model):
    """How a user likes to read the lists of a record type."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    record = models.CharField(max_length=10, choices=RecordType.choices)
    columns = models.JSONField(default=list, blank=True)
    density = models.CharField(max_length=12, blank=True)
    per_page = models.PositiveIntegerField(default=0)
    # Whether the tabs are the user's own, be they none at all.
    own_tabs = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "record"], name="listpreference_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.record}"


class ListAddress(models.Model):
    """The state of a list whose address would be too long, under eight letters. Never changed: it is its content."""

    key = models.CharField(max_length=8, primary_key=True)
    query = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("short address")
        verbose_name_plural = _("short addresses")

    def __str__(self) -> str:
        return self.key
