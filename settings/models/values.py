"""The base of the values of custom fields, and of the history of what people changed of them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.folding import KeyField, KeyTextField
from settings.models.fields import CustomField, Option

KEY_LENGTH = 200
# Which columns may hold a value, by what a list looks for; each row fills one of them.
COLUMNS = ("key", "number", "date", "moment", "yes", "option", "user", "record")


class FieldValue(models.Model):
    """A value of a custom field. The app of the record adds whose it is (unique with field and slot) and ``record``,
    the contact that it may name, and an index for each of ``COLUMNS``.

    Which column a value is in follows from the type of the field (`settings.types`). No row is no value.
    """

    field: Any = models.ForeignKey(
        CustomField, verbose_name=_("field"), on_delete=models.CASCADE, db_index=False,
        related_name="+",
    )  # fmt: skip
    # 0, or the number of the option where there can be several.
    slot = models.BigIntegerField(default=0, editable=False)
    # A text as it was typed; its folded beginning, and all of it where that is longer.
    text = models.TextField(blank=True, default="")
    key = KeyField(max_length=KEY_LENGTH, null=True, blank=True)
    folded = KeyTextField(null=True, blank=True)
    number = models.DecimalField(max_digits=19, decimal_places=4, null=True, blank=True)
    date = models.DateField(null=True, blank=True)
    moment = models.DateTimeField(null=True, blank=True)
    yes = models.BooleanField(null=True, blank=True)
    option: Any = models.ForeignKey(
        Option, null=True, blank=True, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    user: Any = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, db_index=False,
        related_name="+",
    )  # fmt: skip
    # The removals that brought it here from another one, the last at the end: “/3/12”.
    came_from = models.TextField(blank=True, default="", editable=False)

    class Meta:
        abstract = True


def value_indexes(record: str) -> list[models.Index]:
    """The indexes of the values of a record type: one for each of ``COLUMNS``, of the rows that fill it."""
    return [
        *(
            # Lists filtered or sorted by a field.
            models.Index(
                fields=["field", column, record],
                condition=Q((f"{column}__isnull", False)),
                name=f"{record}value_by_{column}",
            )
            for column in COLUMNS
        ),
        # Whoever is deleted or merged: which values name it.
        models.Index(
            fields=["record"], condition=Q(record__isnull=False), name=f"{record}value_naming"
        ),
    ]


class RecordChange(models.Model):
    """What somebody changed of a record's tags or custom fields. Never edited.

    Names and values are kept as they were called then; the history outlives tags, fields and the record.
    """

    class Kind(models.TextChoices):
        TAG_ON = "tag_on", _("tag added")
        TAG_OFF = "tag_off", _("tag taken off")
        FIELD = "field", _("field changed")

    kind = models.CharField(_("what"), max_length=7, choices=Kind.choices)
    category = models.CharField(_("category"), max_length=10)
    # Of the tag or field, without a foreign key.
    label_id = models.BigIntegerField()
    label = models.CharField(_("tag or field"), max_length=80)
    old = models.TextField(_("from"), blank=True)
    new = models.TextField(_("to"), blank=True)
    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now)
    actor: Any = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("who"), null=True, blank=True,
        on_delete=models.SET_NULL, db_index=False, related_name="+",
    )  # fmt: skip

    class Meta:
        abstract = True
        ordering = ["-recorded_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.label}: {self.old} > {self.new}"
