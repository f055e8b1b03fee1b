"""Merges that happened, with what it takes to undo them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact


class MergeRecordQuerySet(models.QuerySet["MergeRecord"]):
    def editable_by(self, user: Any) -> MergeRecordQuerySet:
        """Merges into contacts that the user may edit; the user's own into some that are gone."""
        if not user.is_authenticated:
            return self.none()
        edited = Contact.objects.editable_by(user).order_by().values("pk")
        present = Contact.objects.order_by().values("pk")
        gone = Q(merged_by=user.pk) & ~Q(survivor_id__in=present)
        return self.filter(Q(survivor_id__in=edited) | gone)


class MergeRecord(models.Model):
    """One contact that was made of two: who did it, when, and every row that changed with it.

    ``data`` is what ``deals.services.pictures`` tells of the rows before and after. There is no
    foreign key to either contact: one of them is gone, and the other may go.
    """

    survivor_id = models.BigIntegerField(_("surviving contact"))
    survivor_name = models.CharField(_("name of the surviving contact"), max_length=255)
    merged_id = models.BigIntegerField(_("merged contact"))
    merged_name = models.CharField(_("name of the merged contact"), max_length=255)
    merged_at = models.DateTimeField(_("merged at"), default=timezone.now)
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("merged by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("undone by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    data = models.JSONField(_("data"))

    objects = MergeRecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        ordering = ["-merged_at", "-pk"]
        indexes = [
            # What was merged into a contact, for its merge page.
            models.Index(fields=["survivor_id", "-merged_at"], name="mergerecord_of_survivor"),
            # Where a contact went that something still names by its number.
            models.Index(fields=["merged_id"], name="mergerecord_of_merged"),
        ]

    def __str__(self) -> str:
        return f"{self.merged_name} > {self.survivor_name}"
