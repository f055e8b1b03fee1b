"""Custom fields and the options of those that choose."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.folding import KeyField
from crm.names import KEY_LENGTH, name_key, validate_name
from settings.categories import AppliesTo, Category, Color, FieldType
from settings.models.labels import NAME_LENGTH, Label

DEFAULT_LENGTH = 500


class CustomField(Label):
    """A field of an account's own. What its values are is `settings.types.type_of(field)`."""

    type = models.CharField(_("type"), max_length=10, choices=FieldType.choices)
    applies_to = models.CharField(
        _("for"), max_length=7, choices=AppliesTo.choices, default=AppliesTo.ALL, blank=True
    )
    required = models.BooleanField(
        _("required"), default=False, help_text=_("Forms are not saved without it.")
    )
    filterable = models.BooleanField(
        _("filterable"), default=True, help_text=_("Lists can be filtered by it.")
    )
    help_text = models.CharField(_("help text"), max_length=250, blank=True)
    # As it would be typed; for a choice, the name of the option.
    default = models.CharField(_("default"), max_length=DEFAULT_LENGTH, blank=True)
    # Of money; empty for the account's own.
    currency = models.CharField(_("currency"), max_length=3, blank=True)

    class Meta(Label.Meta):
        verbose_name = _("custom field")
        verbose_name_plural = _("custom fields")
        constraints = [
            *Label.Meta.constraints,
            models.CheckConstraint(name="customfield_type", condition=Q(type__in=FieldType.values)),
            models.CheckConstraint(
                name="customfield_of_a_deal_is_for_all",
                condition=~Q(category=Category.DEALS) | Q(applies_to=""),
            ),
        ]

    @property
    def form_name(self) -> str:
        """What it is called in forms, registries of lists and saved lists; names may change."""
        return f"field{self.pk}"


class Option(models.Model):
    """One of the values to choose from. A retired one is offered no more and stays where it is chosen."""

    field = models.ForeignKey(
        CustomField, verbose_name=_("field"), on_delete=models.CASCADE, related_name="options"
    )
    name = models.CharField(_("name"), max_length=NAME_LENGTH, validators=[validate_name])
    key = KeyField(max_length=KEY_LENGTH, editable=False)
    color = models.CharField(_("color"), max_length=8, choices=Color.choices, default=Color.GRAY)
    position = models.PositiveIntegerField(_("position"), default=0)
    retired = models.BooleanField(_("retired"), default=False)

    class Meta:
        verbose_name = _("option")
        verbose_name_plural = _("options")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["field", "key"],
                name="option_one_of_a_name",
                violation_error_message=_("There is an option of this name already."),
            ),
            models.CheckConstraint(name="option_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.name = " ".join(self.name.split())
        self.key = name_key(self.name)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = name_key(self.name)
        if (names := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*names, "key"}
        super().save(*args, **kwargs)
