"""Further addresses and numbers."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models.contact import Contact


class ContactDetail(models.Model):
    """A further e-mail address, number, website or postal address of a contact."""

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Phone")
        WEBSITE = "website", _("Website")
        ADDRESS = "address", _("Address")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="details")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    label = models.CharField(_("label"), max_length=60, blank=True)
    value = models.CharField(_("value"), max_length=500)

    class Meta:
        verbose_name = _("further address or number")
        verbose_name_plural = _("further addresses and numbers")
        ordering = ["kind", "pk"]

    def __str__(self) -> str:
        return f"{self.label}: {self.value}" if self.label else self.value
