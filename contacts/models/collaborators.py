"""Who works on a contact besides its owner."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models.contact import Contact


class ContactCollaborator(models.Model):
    """A user to whom a contact counts as their own, besides its owner."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, db_index=False,
        related_name="collaborations",
    )  # fmt: skip
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE,
        db_index=False, related_name="contact_collaborations",
    )  # fmt: skip

    class Meta:
        verbose_name = _("collaborator on a contact")
        verbose_name_plural = _("collaborators on contacts")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["contact", "user"], name="contactcollaborator_once")
        ]
        indexes = [
            # What a user collaborates on: part of whatever is visible to them.
            models.Index(fields=["user", "contact"], name="contactcollaborator_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.user_id}"
