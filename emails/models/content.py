"""What mails are made from: templates with their versions, and pictures."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Team


class TemplateQuerySet(models.QuerySet["Template"]):
    def visible_to(self, user: Any) -> TemplateQuerySet:
        """One's own, those of one's teams, and everybody's."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        if user.is_superuser:
            return self.filter(Q(owner=user) | ~Q(scope=Template.Scope.MINE))
        teams = Team.objects.filter(Q(members=user) | Q(managers=user)).values("pk")
        of_teams = Q(scope=Template.Scope.TEAM, team__in=teams)
        return self.filter(Q(owner=user) | of_teams | Q(scope=Template.Scope.ALL))

    def editable_by(self, user: Any) -> TemplateQuerySet:
        """One's own; administrators also change the shared ones."""
        return self.visible_to(user) if user.is_superuser else self.filter(owner=user)


class Template(models.Model):
    """A mail to begin with. What it says stands in its versions, of which the last one is used."""

    class Scope(models.TextChoices):
        MINE = "mine", _("Only mine")
        TEAM = "team", _("A team’s")
        ALL = "all", _("Everybody’s")

    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    scope = models.CharField(_("for"), max_length=4, choices=Scope.choices, default=Scope.MINE)
    team = models.ForeignKey(
        "accounts.Team", verbose_name=_("team"), null=True, blank=True, on_delete=models.CASCADE
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(name="template_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="template_of_a_team",
                condition=Q(scope="team", team__isnull=False)
                | ~Q(scope="team") & Q(team__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """What a template said from then on. Never changed; going back makes a new one."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=200, blank=True)
    html = models.TextField(blank=True)
    text = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["template", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="template_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.template_id}/{self.number}"


def _public_key() -> str:
    return secrets.token_urlsafe(16)


class Image(models.Model):
    """A picture in mails. Recipients fetch it without signing in: its address is not to be guessed."""

    key = models.CharField(max_length=22, unique=True, default=_public_key, editable=False)
    file = models.FileField(upload_to="mail/%Y/%m/")
    content_type = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")

    def __str__(self) -> str:
        return self.key

    @property
    def extension(self) -> str:
        return {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}[self.content_type]

    @property
    def path(self) -> str:
        """Where it is fetched, without scheme and host; also in what was written of mails."""
        return f"/i/{self.key}.{self.extension}"
