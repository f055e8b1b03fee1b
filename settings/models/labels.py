"""What tags and custom fields share, and how they are removed without losing anything before its time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.folding import KeyField
from crm.names import KEY_LENGTH, name_key, validate_name
from settings.categories import Category

NAME_LENGTH = 80


class LiveQuerySet(models.QuerySet):
    def live(self) -> Any:
        """Those that are not removed, in their order."""
        return self.filter(deleted_at=None)


class Label(models.Model):
    """A tag or a custom field of a category. A removed one keeps its row, and what it was left with, for 30 days.

    What is removed is on no page and in no answer: everybody reads ``live()`` ones.
    """

    category = models.CharField(_("category"), max_length=10, choices=Category.choices)
    name = models.CharField(_("name"), max_length=NAME_LENGTH, validators=[validate_name])
    # By which two of a category are alike.
    key = KeyField(max_length=KEY_LENGTH, editable=False)
    position = models.PositiveIntegerField(_("position"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
    )
    updated_at = models.DateTimeField(_("updated"), default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(_("removed"), null=True, blank=True, editable=False)

    objects = LiveQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["category", "position", "key", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "key"],
                condition=Q(deleted_at=None),
                name="%(class)s_one_of_a_name",
                violation_error_message=_("There is one of this name already."),
            ),
            models.CheckConstraint(
                name="%(class)s_category", condition=Q(category__in=Category.values)
            ),
            models.CheckConstraint(name="%(class)s_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.name = " ".join(self.name.split())
        self.key = name_key(self.name)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = name_key(self.name)
        self.updated_at = timezone.now()
        if (names := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*names, "key", "updated_at"}
        super().save(*args, **kwargs)

    @property
    def record(self) -> str:
        return Category(self.category).record


class Removal(models.Model):
    """One deletion, merge, move or change of type of a tag or field, and all it takes to undo it.

    What the removed label lost stays with it, unseen. What went to another carries the number of the removal
    (``came_from``), so that undoing brings exactly this back.
    """

    class Kind(models.TextChoices):
        TAG = "tag", _("Tag")
        FIELD = "field", _("Custom field")

    class How(models.TextChoices):
        DELETED = "deleted", _("deleted")
        MERGED = "merged", _("merged")
        MOVED = "moved", _("moved")
        CONVERTED = "converted", _("given another type")

    kind = models.CharField(_("kind"), max_length=5, choices=Kind.choices)
    how = models.CharField(_("what happened"), max_length=10, choices=How.choices)
    # The label, without a foreign key: the account of it outlives it.
    label_id = models.BigIntegerField()
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    category = models.CharField(_("category"), max_length=10, choices=Category.choices)
    # Where to, if anywhere, and whether that was made for it.
    into_id = models.BigIntegerField(null=True, blank=True)
    into_category = models.CharField(max_length=10, choices=Category.choices, blank=True)
    into_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    into_is_new = models.BooleanField(default=False)
    # How many records keep what they had, and how many lose it.
    kept = models.PositiveIntegerField(_("kept by"), default=0)
    lost = models.PositiveIntegerField(_("lost by"), default=0)
    # What undoing needs besides: which option became which.
    data = models.JSONField(default=dict, blank=True)
    removed_at = models.DateTimeField(_("removed"), default=timezone.now)
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("removed by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        verbose_name = _("removed tag or field")
        verbose_name_plural = _("removed tags and fields")
        ordering = ["-removed_at", "-pk"]

    def __str__(self) -> str:
        return self.name
