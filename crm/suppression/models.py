"""To which addresses nobody may write any more, without keeping the addresses."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Suppression(models.Model):
    """An e-mail address that is not written to, as a hash of it."""

    class Reason(models.TextChoices):
        ERASED = "erased", _("erased")

    digest = models.CharField(_("hash of the address"), max_length=64, unique=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("address not to be written to")
        verbose_name_plural = _("addresses not to be written to")

    def __str__(self) -> str:
        return self.digest[:12]


def _random() -> str:
    return secrets.token_hex(32)


class Salt(models.Model):
    """The key of the hashes, one row, made with the first of them.

    It lies in the database and not in the settings: a backup restored elsewhere, or another SECRET_KEY, would else
    forget everybody who is not to be written to.
    """

    value = models.CharField(max_length=64, default=_random)

    class Meta:
        verbose_name = _("key of the hashes")
        constraints = [models.CheckConstraint(name="suppressionsalt_is_one", condition=Q(pk=1))]

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def current(cls) -> str:
        found: Any = cls.objects.get_or_create(pk=1)[0]
        return str(found.value)
