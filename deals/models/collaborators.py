"""Who works on a deal besides its owner."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deals.models.deal import Deal


class DealCollaborator(models.Model):
    """A user to whom a deal counts as their own, besides its owner."""

    deal = models.ForeignKey(
        Deal, verbose_name=_("deal"), on_delete=models.CASCADE, db_index=False,
        related_name="collaborations",
    )  # fmt: skip
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE,
        db_index=False, related_name="deal_collaborations",
    )  # fmt: skip

    class Meta:
        verbose_name = _("collaborator on a deal")
        verbose_name_plural = _("collaborators on deals")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["deal", "user"], name="dealcollaborator_once")
        ]
        indexes = [
            # What a user collaborates on: part of whatever is visible to them.
            models.Index(fields=["user", "deal"], name="dealcollaborator_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.deal_id}: {self.user_id}"
