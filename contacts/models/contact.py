"""Contacts: people and companies in one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.events import company_changing
from contacts.keys import SOURCES, SearchIndex
from contacts.models.keyed import KeyedModel
from contacts.querysets import ContactQuerySet
from contacts.statuses import (
    CUSTOMER_MARKS,
    GUARDED,
    PROSPECT_MARKS,
    CustomerStatus,
    ProspectStatus,
    Standing,
    StatusKind,
    customer_status_expression,
    label_of,
    prospect_status_expression,
)
from crm.changes import one_change


class Contact(KeyedModel):
    """A person or a company, with its standing.

    ``prospect_status`` and ``customer_status`` are computed by the database from the facts and
    marks below them. Saving a contact writes neither facts nor marks, so that a form opened
    before a deal closed cannot put old ones back; ``deals.services`` writes them.
    """

    is_organization = models.BooleanField(_("company"), default=False)
    name = models.CharField(_("name"), max_length=255, blank=True)
    first_name = models.CharField(_("first name"), max_length=120, blank=True)
    last_name = models.CharField(_("last name"), max_length=120, blank=True)
    title = models.CharField(_("job title"), max_length=120, blank=True)
    company = models.ForeignKey(
        "self",
        verbose_name=_("company"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="employees",
    )
    parent_company = models.ForeignKey(
        "self",
        verbose_name=_("parent company"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="subsidiaries",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="contacts",
    )
    industry = models.CharField(_("industry"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=60, blank=True)
    mobile = models.CharField(_("mobile"), max_length=60, blank=True)
    website = models.URLField(_("website"), max_length=500, blank=True)
    street = models.CharField(_("street"), max_length=255, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=120, blank=True)
    state = models.CharField(_("state or region"), max_length=120, blank=True)
    country = models.CharField(_("country"), max_length=120, blank=True)
    # What mails to it are written in, as far as we write them; empty: as the account has it.
    language = models.CharField(
        _("language"),
        max_length=10,
        choices=settings.LANGUAGES,
        blank=True,
        default="",
        help_text=_("What is around mails to it is written in it."),
    )
    description = models.TextField(_("description"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now, editable=False)

    # Facts, counted by the status service.
    active_deals = models.PositiveIntegerField(_("active deals"), default=0, editable=False)
    won_deals = models.PositiveIntegerField(_("won deals"), default=0, editable=False)
    lost_deals = models.PositiveIntegerField(_("lost deals"), default=0, editable=False)
    last_won_at = models.DateTimeField(_("last won"), null=True, blank=True, editable=False)
    last_lost_at = models.DateTimeField(_("last lost"), null=True, blank=True, editable=False)
    # Since when the statuses are what they are; empty where nothing ever changed them.
    prospect_since = models.DateTimeField(
        _("prospect status since"), null=True, blank=True, editable=False
    )
    customer_since = models.DateTimeField(
        _("customer status since"), null=True, blank=True, editable=False
    )

    # Marks: what a person selected.
    prospect_mark = models.CharField(max_length=7, default="", blank=True, editable=False)
    prospect_marked_at = models.DateTimeField(null=True, blank=True, editable=False)
    prospect_marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
    )
    prospect_mark_had_deal = models.BooleanField(default=False, editable=False)
    customer_mark = models.CharField(max_length=7, default="", blank=True, editable=False)
    customer_marked_at = models.DateTimeField(null=True, blank=True, editable=False)
    customer_marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
    )
    customer_mark_had_deal = models.BooleanField(default=False, editable=False)

    prospect_status = models.GeneratedField(
        verbose_name=_("Prospect Status"),
        expression=prospect_status_expression(),
        output_field=models.CharField(max_length=7, choices=ProspectStatus.choices),
        db_persist=True,
    )
    customer_status = models.GeneratedField(
        verbose_name=_("Customer Status"),
        expression=customer_status_expression(),
        output_field=models.CharField(max_length=7, choices=CustomerStatus.choices),
        db_persist=True,
    )

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["sort_key", "pk"]
        # Django's own writes (company.employees.add, SET_NULL) go through the base manager.
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                name="contact_has_a_name",
                condition=Q(is_organization=True) & ~Q(name="")
                | Q(is_organization=False) & ~Q(last_name=""),
                violation_error_message=_("A company needs a name, a person a last name."),
            ),
            models.CheckConstraint(
                name="contact_company_has_no_employer",
                condition=Q(is_organization=False) | Q(company__isnull=True),
                violation_error_message=_("A company has no employer."),
            ),
            models.CheckConstraint(
                name="contact_person_has_no_parent",
                condition=Q(is_organization=True) | Q(parent_company__isnull=True),
                violation_error_message=_("Only a company has a parent company."),
            ),
            models.CheckConstraint(
                name="contact_not_its_own_parent",
                condition=~Q(parent_company=F("id")) & ~Q(company=F("id")),
                violation_error_message=_("A company cannot be its own parent."),
            ),
            models.CheckConstraint(
                name="contact_prospect_mark",
                condition=Q(prospect_mark="", prospect_marked_at__isnull=True)
                | Q(prospect_mark__in=PROSPECT_MARKS, prospect_marked_at__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_customer_mark",
                condition=Q(customer_mark="", customer_marked_at__isnull=True)
                | Q(customer_mark__in=CUSTOMER_MARKS, customer_marked_at__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_won_facts",
                condition=Q(won_deals=0, last_won_at__isnull=True)
                | Q(won_deals__gt=0, last_won_at__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_lost_facts",
                condition=Q(lost_deals=0, last_lost_at__isnull=True)
                | Q(lost_deals__gt=0, last_lost_at__isnull=False),
            ),
        ]
        indexes = [
            # The list of all contacts, and those of each status, in the order of names. With what else lists are
            # filtered by most, and with whose they are, so that the index alone counts them and passes over the pages
            # before the one shown, for who sees all of them and for who does not.
            models.Index(
                fields=[
                    "sort_key",
                    "id",
                    "customer_status",
                    "prospect_status",
                    "is_organization",
                    "owner",
                ],
                name="contact_by_name",
            ),
            models.Index(
                fields=[
                    "prospect_status",
                    "sort_key",
                    "id",
                    "customer_status",
                    "is_organization",
                    "owner",
                ],
                name="contact_by_prospect",
            ),
            models.Index(
                fields=[
                    "customer_status",
                    "sort_key",
                    "id",
                    "prospect_status",
                    "is_organization",
                    "owner",
                ],
                name="contact_by_customer",
            ),
            # What people type, among companies or people or both.
            SearchIndex(fields=["search_key", "is_organization"], name="contact_by_search"),
            # The subsidiaries of a company by name. Where few companies have any, the index of the foreign key looks
            # useless to SQLite, which then reads all contacts in the order of names.
            models.Index(
                fields=["parent_company", "sort_key"],
                name="contact_by_parent",
                condition=Q(parent_company__isnull=False),
            ),
            # The load command looks contacts up by e-mail.
            models.Index(fields=["email"], name="contact_by_email", condition=~Q(email="")),
            # Duplicates: another contact of the same kind and name, number or address, answered
            # without looking at its row.
            models.Index(
                fields=["match_name", "is_organization", "id"],
                name="contact_by_match_name",
                condition=~Q(match_name=""),
            ),
            models.Index(
                fields=["match_phone", "is_organization", "id"],
                name="contact_by_match_phone",
                condition=~Q(match_phone=""),
            ),
            models.Index(
                fields=["match_email", "is_organization", "id"],
                name="contact_by_match_email",
                condition=~Q(match_email=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("contacts:card", args=[self.pk])

    @property
    def prospect_label(self) -> str:
        """The prospect status in words; generated fields have no ``get_…_display``."""
        return label_of(StatusKind.PROSPECT, self.prospect_status)

    @property
    def customer_label(self) -> str:
        """The customer status in words."""
        return label_of(StatusKind.CUSTOMER, self.customer_status)

    @property
    def standing(self) -> Standing:
        """Facts and marks as loaded, in the form the law's plain functions take."""
        return Standing(
            self.active_deals,
            self.won_deals,
            self.lost_deals,
            self.last_won_at,
            self.last_lost_at,
            self.prospect_mark,
            self.prospect_marked_at,
            self.customer_mark,
            self.customer_marked_at,
            self.prospect_marked_by_id,
            self.prospect_mark_had_deal,
            self.customer_marked_by_id,
            self.customer_mark_had_deal,
        )

    def clean(self) -> None:
        """Refuse what two rows show wrong: an employer or a parent that cannot be one."""
        errors = {}
        if self.company and not self.company.is_organization:
            errors["company"] = _("%(name)s is a person. Choose a company.") % {
                "name": self.company
            }
        if self.parent_company:
            if not self.parent_company.is_organization:
                errors["parent_company"] = _("%(name)s is a person. Choose a company.") % {
                    "name": self.parent_company
                }
            elif self.pk and self._is_above(self.parent_company):
                errors["parent_company"] = _(
                    "%(name)s belongs to this company already; two companies cannot each be the "
                    "other's parent."
                ) % {"name": self.parent_company}
        if errors:
            raise ValidationError(errors)

    def _is_above(self, company: Contact) -> bool:
        seen: set[int] = set()
        above: int | None = company.pk
        while above is not None and above not in seen:
            if above == self.pk:
                return True
            seen.add(above)
            above = Contact.objects.values_list("parent_company_id", flat=True).get(pk=above)
        return False

    def prepare_insert(self, company: str | None = None) -> None:
        """Set the keys and empty facts and marks, which no new contact has.

        ``company`` is the name of the company it works for, where that is known.
        """
        self.set_keys(company)
        for name in GUARDED - {"prospect_status", "customer_status"}:
            field: models.Field = self._meta.get_field(name)  # type: ignore[assignment]
            setattr(self, field.attname, field.get_default())

    def save(
        self,
        *,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save all but facts and marks.

        Raises ``ValueError`` when asked to write those, and ``ValidationError`` for an employer
        that is a person or a contact that is to become the other kind.
        """
        if update_fields is not None:
            update_fields = set(update_fields)
            if guarded := sorted(GUARDED & update_fields):
                raise ValueError(f"{', '.join(guarded)} cannot be saved; see select_status.")
        with one_change():
            if self._state.adding:
                self._check_company()
                self.prepare_insert()
                super().save(force_insert=force_insert or True, using=using)
                self.keys_saved()
                return
            if update_fields is None:
                update_fields = {field.name for field in _saved_fields()}
            stored = self._prepare_update(update_fields) if update_fields else None
            super().save(force_update=force_update, using=using, update_fields=update_fields)
            if stored and "search_key" in update_fields:
                self.keys_saved(stored)

    def _prepare_update(self, update_fields: set[str]) -> dict[str, Any]:
        """Set what follows from the fields to be saved and add it; returns the row as stored."""
        # The company's row too, for the name in it.
        found = Contact.objects.filter(pk__in={self.pk, self.company_id or self.pk})
        columns = ("pk", "company_id", "search_key", *SOURCES)
        rows = {row["pk"]: row for row in found.values(*columns)}
        stored = rows.get(self.pk)
        if stored is None:
            raise ValidationError(_("This contact is deleted."))
        if stored["is_organization"] != self.is_organization:
            raise ValidationError(
                {"is_organization": _("A company stays a company, and a person a person.")}
            )
        moves = self.company_id != stored["company_id"]
        if moves and update_fields & {"company", "company_id"}:
            self._check_company()
            company_changing.send(Contact, contact_ids=[self.pk])
        update_fields |= self.keys_to_save(update_fields, rows) | {"updated_at"}
        self.updated_at = timezone.now()
        return stored

    def _check_company(self) -> None:
        if self.company_id and self.company is not None and not self.company.is_organization:
            raise ValidationError(
                {"company": _("%(name)s is a person. Choose a company.") % {"name": self.company}}
            )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete this contact; ``ProtectedError`` while it is the star of a deal."""
        pk = self.pk
        try:
            with one_change():
                return super().delete(*args, **kwargs)
        except BaseException:
            # Django has emptied it; the row is still there, and the deletion may be tried again.
            self.pk = pk
            raise


def _saved_fields() -> list[models.Field]:
    return [
        field
        for field in Contact._meta.concrete_fields
        if not field.primary_key and not field.generated and field.name not in GUARDED
    ]
