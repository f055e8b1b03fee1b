"""What deals carry: tags, values of custom fields, and what was changed of them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from contacts.models.labels import contacts_called, names_of_contacts
from deals.models.deal import Deal
from deals.models.pipelines import Stage
from settings.holders import Holder, register
from settings.models import CustomField, FieldValue, RecordChange, TagLink
from settings.models.values import value_indexes


class DealTag(TagLink):
    deal = models.ForeignKey(
        Deal, verbose_name=_("deal"), on_delete=models.CASCADE, db_index=False,
        related_name="tag_links",
    )  # fmt: skip

    class Meta:
        verbose_name = _("tag of a deal")
        verbose_name_plural = _("tags of deals")
        constraints = [models.UniqueConstraint(fields=["deal", "tag"], name="dealtag_once")]
        indexes = [
            # Lists filtered by a tag, and how many carry it.
            models.Index(fields=["tag", "deal"], name="dealtag_by_tag"),
        ]

    def __str__(self) -> str:
        return f"{self.deal_id}: {self.tag_id}"


class DealValue(FieldValue):
    deal = models.ForeignKey(
        Deal, verbose_name=_("deal"), on_delete=models.CASCADE, db_index=False,
        related_name="field_values",
    )  # fmt: skip
    record: Any = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.CASCADE, db_index=False,
        related_name="named_by_deals",
    )  # fmt: skip

    class Meta:
        verbose_name = _("custom value of a deal")
        verbose_name_plural = _("custom values of deals")
        constraints = [
            models.UniqueConstraint(fields=["deal", "field", "slot"], name="dealvalue_once")
        ]
        indexes = value_indexes("deal")

    def __str__(self) -> str:
        return f"{self.deal_id}: {self.field_id}"


class DealChange(RecordChange):
    """Waits for the return of a deleted deal."""

    deal = models.ForeignKey(
        Deal, verbose_name=_("deal"), on_delete=models.DO_NOTHING, db_constraint=False,
        db_index=False, related_name="label_changes",
    )  # fmt: skip

    class Meta(RecordChange.Meta):
        verbose_name = _("change of a tag or field of a deal")
        verbose_name_plural = _("changes of tags and fields of deals")
        indexes = [
            # The history on a card, newest first.
            models.Index(fields=["deal", "-recorded_at"], name="dealchange_of_deal"),
            # The audit log, newest first.
            models.Index(fields=["recorded_at", "id"], name="dealchange_by_time"),
        ]


class RequiredAt(models.Model):
    """A custom field that a deal must have when it reaches this stage."""

    field: Any = models.ForeignKey(
        CustomField, verbose_name=_("field"), on_delete=models.CASCADE, related_name="required_at"
    )
    stage = models.ForeignKey(
        Stage, verbose_name=_("stage"), on_delete=models.CASCADE, related_name="required_fields"
    )

    class Meta:
        verbose_name = _("field required at a stage")
        verbose_name_plural = _("fields required at stages")
        constraints = [models.UniqueConstraint(fields=["field", "stage"], name="requiredat_once")]

    def __str__(self) -> str:
        return f"{self.field} · {self.stage}"


HOLDER = register(
    Holder(
        record="deal",
        model=Deal,
        key="deal",
        links=DealTag,
        values=DealValue,
        changes=DealChange,
        members=lambda category: Q(),
        of_kind=lambda applies_to: Q(),
        names=names_of_contacts,
        find=contacts_called,
    )
)
