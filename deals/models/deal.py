"""Deals, and what follows from their stage and their star when they are saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.keys import SORT_KEY_LENGTH, KeyField, KeyTextField
from contacts.models import Contact
from contacts.words import remember_words, vocabulary_of
from crm.actor import current_actor
from crm.bulk.among import among
from crm.changes import one_change
from deals.keys import KEYS, deal_keys
from deals.models.pipelines import Stage
from deals.models.reasons import DealSource, LossReason, UnqualifiedReason
from deals.querysets import RESTED_ON, DealQuerySet, companies_of
from deals.stages import Group, as_moment


class Stored(NamedTuple):
    """What a deal's row holds before it is written again."""

    stage_id: int
    group: str
    primary_contact_id: int
    company_id: int | None
    closed_at: datetime | None
    opened_at: datetime
    stage_changed_at: datetime


FOLLOWED = (
    "stage_id",
    "primary_contact_id",
    "company_id",
    "closed_at",
    "opened_at",
    "stage_changed_at",
)


class Deal(models.Model):
    """A sale in a stage, with its primary contact (the star).

    ``group`` repeats what the stage's category means for the law, so that the database can hold
    a close date to closed deals and the lists can filter without a join; saving keeps it.
    """

    name = models.CharField(_("name"), max_length=255)
    primary_contact = models.ForeignKey(
        Contact,
        verbose_name=_("main contact"),
        on_delete=models.PROTECT,
        related_name="primary_deals",
    )
    company = models.ForeignKey(
        Contact,
        verbose_name=_("company"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="company_deals",
    )
    contacts = models.ManyToManyField(
        Contact,
        verbose_name=_("associated contacts"),
        through="DealContact",
        related_name="associated_deals",
    )
    stage = models.ForeignKey(
        Stage, verbose_name=_("stage"), on_delete=models.PROTECT, related_name="deals"
    )
    group = models.CharField(
        _("group"), max_length=6, choices=Group.choices, default=Group.ACTIVE, editable=False
    )
    opened_at = models.DateTimeField(_("opened"), default=timezone.now)
    stage_changed_at = models.DateTimeField(_("stage reached"), default=timezone.now)
    stage_changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("stage reached by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
    )
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    estimated_close_date = models.DateField(_("expected close date"), null=True, blank=True)
    value = models.DecimalField(_("value"), max_digits=16, decimal_places=2, null=True, blank=True)
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, such as EUR."))],
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="deals",
    )
    source = models.ForeignKey(
        DealSource, verbose_name=_("source"), null=True, blank=True, on_delete=models.SET_NULL
    )
    loss_reason = models.ForeignKey(
        LossReason,
        verbose_name=_("loss reason"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
    )
    unqualified_reason = models.ForeignKey(
        UnqualifiedReason,
        verbose_name=_("unqualified reason"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
    )
    hot = models.BooleanField(_("hot"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now, editable=False)
    search_key = models.TextField(editable=False, default="", blank=True)
    sort_key = KeyField(max_length=SORT_KEY_LENGTH, editable=False, default="", blank=True)
    folded_name = KeyTextField(editable=False, default="", blank=True)

    objects = DealQuerySet.as_manager()

    class Meta:
        verbose_name = _("deal")
        verbose_name_plural = _("deals")
        ordering = ["-opened_at", "-pk"]
        # Django's own writes (stage.deals.add, SET_NULL) go through the base manager.
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                name="deal_closed_at_when_closed",
                condition=Q(group=Group.ACTIVE, closed_at__isnull=True)
                | Q(group__in=[Group.WON, Group.LOST], closed_at__isnull=False),
                violation_error_message=_("A closed deal has a close date, an active one none."),
            ),
            models.CheckConstraint(name="deal_has_a_name", condition=~Q(name="")),
        ]
        indexes = [
            # The list of all deals in its own order, newest first; with whose they are, which decides who sees them.
            models.Index(fields=["-opened_at", "-id", "owner"], name="deal_by_opened"),
            # The tabs Open, Won and Lost.
            models.Index(fields=["group", "-opened_at", "-id", "owner"], name="deal_by_group"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("deals:card", args=[self.pk])

    def set_keys(self) -> None:
        for key, value in deal_keys(self.name).items():
            setattr(self, key, value)

    def keys_saved(self, known: str = "") -> None:
        """What goes with new keys: the vocabulary. ``known`` is the search key from before."""
        remember_words(vocabulary_of(self.search_key) - vocabulary_of(known))

    # -- saving

    def save(
        self,
        *,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save, with group, dates and company following stage and primary contact.

        Raises ``ValidationError`` for a close date in the future, and for a deal that somebody
        deleted meanwhile.
        """
        with one_change():
            if self._state.adding:
                self.prepare_inserts([self])
                super().save(force_insert=force_insert or True, using=using)
                self._remember()
                self.keys_saved()
                return
            names = None if update_fields is None else set(update_fields)
            if names is None or RESTED_ON & {n.removesuffix("_id") for n in names}:
                stored = self.stored_states([self.pk]).get(self.pk)
                if stored is None:
                    # Saving it would bring it back, past the trash.
                    raise ValidationError(_("This deal is deleted."))
                changed = self.prepare_update(stored, names)
                names = None if names is None else names | changed
            keyed = names is None or "name" in names
            known = self._loaded.get("search_key", "")
            if keyed:
                self.set_keys()
            if names:
                names |= {"updated_at", *(KEYS if keyed else ())}
            if names is None or names:
                self.updated_at = timezone.now()
            super().save(force_update=force_update, using=using, update_fields=names)
            self._remember()
            if keyed:
                self.keys_saved(known)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete this deal; its parties' statuses follow, marks too where the law says so."""
        pk = self.pk
        try:
            with one_change():
                return super().delete(*args, **kwargs)
        except BaseException:
            # Django has emptied it; the row is still there, and the deletion may be tried again.
            self.pk = pk
            raise

    @classmethod
    def prepare_inserts(cls, deals: Sequence[Deal]) -> None:
        """Set group, dates and company of deals that are about to be inserted."""
        lacking = {deal.primary_contact_id for deal in deals if deal.company_id is None}
        companies = companies_of(lacking) if lacking else {}
        now = timezone.now()
        for deal in deals:
            deal.set_keys()
            deal.group = deal.stage.group
            deal.closed_at = as_moment(deal.closed_at, now)
            if deal.group != Group.ACTIVE:
                deal.closed_at = deal.closed_at or now
                deal.opened_at = min(deal.opened_at, deal.closed_at)
                deal.stage_changed_at = min(deal.stage_changed_at, deal.closed_at)
            deal.stage_changed_by = deal.stage_changed_by or current_actor()
            if deal.company_id is None:
                deal.company_id = companies.get(deal.primary_contact_id)

    @classmethod
    def stage_by_id(cls, stage_id: Any) -> Stage:
        return Stage.objects.get(pk=stage_id)

    @classmethod
    def stored_states(cls, ids: Sequence[int]) -> dict[int, Stored]:
        """The rows of these deals as stored, locked in the order of their ids."""
        rows = cls._base_manager.filter(among(ids)).order_by("pk")
        locked = rows.select_for_update(no_key=True).values_list("pk", *Stored._fields)
        return {pk: Stored(*values) for pk, *values in locked}

    def prepare_update(self, stored: Stored | None, names: set[str] | None) -> set[str]:
        """Set what follows from a new stage or star; returns the fields to save with them.

        ``names`` are the fields that are to be saved, None for all. ``stored`` is the row as it
        stands; None (it is gone) leaves everything as it is. Of the fields that statuses rest on,
        those that nobody changed since this instance was loaded keep what is stored by now, so
        that saving a stale instance takes nothing back.
        """
        if stored is None:
            return set()
        with one_change() as change:
            change.groups_before.setdefault(self.pk, stored.group)
            change.deals.add(self.pk)
        for name in FOLLOWED:
            if not self._is_set(name, names):
                setattr(self, name, getattr(stored, name))
        now = timezone.now()
        moved = self.stage_id != stored.stage_id
        self.group = self.stage.group if moved else stored.group
        self.closed_at = as_moment(self.closed_at, now)
        if self.group != stored.group:
            if self.group == Group.ACTIVE:
                self.closed_at = None
                if self.opened_at == stored.opened_at:
                    self.opened_at = now
            elif self.closed_at in (None, stored.closed_at):
                self.closed_at = now
        if moved:
            self.stage_changed_by = current_actor()
            if self.stage_changed_at == stored.stage_changed_at:
                self.stage_changed_at = self.closed_at if self.group != stored.group else None  # type: ignore[assignment]
                self.stage_changed_at = self.stage_changed_at or now
        new_star = self.primary_contact_id != stored.primary_contact_id
        # An active deal without a company takes its star's when the change is settled; between
        # the steps of one change it may well be active only for a moment.
        if new_star and self.company_id == stored.company_id:
            star = self.primary_contact_id
            self.company_id = companies_of({star}).get(star)
        return {*FOLLOWED, "group", "stage_changed_by"} - {"stage_id", "primary_contact_id"}

    def _is_set(self, name: str, names: set[str] | None) -> bool:
        if names is not None:
            return name in names or name.removesuffix("_id") in names
        return getattr(self, name) != self._loaded.get(name)

    # -- what was loaded, to tell what somebody changed from what is merely old

    _loaded: dict[str, Any] = {}

    def _remember(self) -> None:
        values = self.__dict__
        remembered = (*FOLLOWED, "search_key")
        self._loaded = {name: values[name] for name in remembered if name in values}

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Deal:
        deal = super().from_db(*args, **kwargs)
        deal._remember()
        return deal

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Deal] | None = None,
    ) -> None:
        # Deferred fields arrive here too: what was changed meanwhile stays changed.
        loaded = dict(self._loaded)
        names = None if fields is None else set(fields)
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        self._remember()
        if names is not None:
            for name in FOLLOWED:
                if not {name, name.removesuffix("_id")} & names:
                    self._loaded.pop(name, None)
                    self._loaded |= {name: loaded[name]} if name in loaded else {}
