"""Who is on a deal, and whom it counts for."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from crm.changes import one_change
from deals.models.deal import Deal
from deals.querysets import DealContactQuerySet


class DealContact(models.Model):
    """An associated contact of a deal. The primary contact has no such row."""

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="links")
    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="deal_links"
    )
    role = models.CharField(_("role"), max_length=120, blank=True)

    objects = DealContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("associated contact")
        verbose_name_plural = _("associated contacts")
        ordering = ["pk"]
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["deal", "contact"],
                name="dealcontact_once_a_deal",
                violation_error_message=_("This contact is on the deal already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.contact} ({self.role})" if self.role else str(self.contact)

    def clean(self) -> None:
        if self.deal_id and self.contact_id == self.deal.primary_contact_id:
            raise ValidationError(
                {"contact": _("This is the main contact; it is on the deal already.")}
            )

    def save(self, *args: Any, **kwargs: Any) -> None:
        with one_change() as change:
            if not self._state.adding:
                # It may leave another deal for this one.
                stored = DealContact.objects.filter(pk=self.pk)
                change.deals.update(stored.values_list("deal_id", flat=True))
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with one_change():
            return super().delete(*args, **kwargs)


class DealParty(models.Model):
    """A contact that a deal counts for. Derived; ``deals.services`` alone writes it.

    Both foreign keys do nothing on deletion: they are checked when the transaction ends, and the
    service, which settles before, learns from the rows left behind whom the deletion concerns.
    """

    deal = models.ForeignKey(Deal, on_delete=models.DO_NOTHING, related_name="parties")
    contact = models.ForeignKey(
        Contact,
        on_delete=models.DO_NOTHING,
        db_index=False,
        related_name="party_of",
    )
    # A kept win: no party of the won deal any more, a customer through it all the same.
    kept = models.BooleanField(default=False)
    # When the contact became a party of a deal that was closed already; else empty.
    joined_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        constraints = [
            models.UniqueConstraint(fields=["contact", "deal"], name="dealparty_once_a_deal")
        ]

    def __str__(self) -> str:
        return f"{self.deal_id}: {self.contact_id}"
