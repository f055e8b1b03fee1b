"""What contacts carry: tags, values of custom fields, and what was changed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from contacts.models.contact import Contact
from contacts.statuses import prospect_or_customer
from settings.categories import AppliesTo, Category
from settings.holders import Holder, register
from settings.models import FieldValue, RecordChange, TagLink
from settings.models.values import value_indexes

FOUND_AT_MOST = 10
PROSPECT_OR_CUSTOMER = prospect_or_customer()


class ContactTag(TagLink):
    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, db_index=False,
        related_name="tag_links",
    )  # fmt: skip

    class Meta:
        verbose_name = _("tag of a contact")
        verbose_name_plural = _("tags of contacts")
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], name="contacttag_once")]
        indexes = [
            # Lists filtered by a tag, and how many carry it.
            models.Index(fields=["tag", "contact"], name="contacttag_by_tag"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.tag_id}"


class ContactValue(FieldValue):
    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, db_index=False,
        related_name="field_values",
    )  # fmt: skip
    record: Any = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.CASCADE, db_index=False,
        related_name="named_by_contacts",
    )  # fmt: skip

    class Meta:
        verbose_name = _("custom value of a contact")
        verbose_name_plural = _("custom values of contacts")
        constraints = [
            models.UniqueConstraint(fields=["contact", "field", "slot"], name="contactvalue_once")
        ]
        indexes = value_indexes("contact")

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.field_id}"


class ContactChange(RecordChange):
    """Waits, as the history of statuses does, for the return of a deleted contact."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.DO_NOTHING, db_constraint=False,
        db_index=False, related_name="label_changes",
    )  # fmt: skip

    class Meta(RecordChange.Meta):
        verbose_name = _("change of a tag or field of a contact")
        verbose_name_plural = _("changes of tags and fields of contacts")
        indexes = [
            # The history on a card, newest first.
            models.Index(fields=["contact", "-recorded_at"], name="contactchange_of_contact"),
            # The audit log, newest first.
            models.Index(fields=["recorded_at", "id"], name="contactchange_by_time"),
        ]


def members(category: Category) -> Q:
    return PROSPECT_OR_CUSTOMER if category == Category.CUSTOMERS else Q()


def of_kind(applies_to: str) -> Q:
    if applies_to == AppliesTo.ALL:
        return Q()
    return Q(is_organization=applies_to == AppliesTo.COMPANIES)


def names_of_contacts(ids: Sequence[int], user: Any) -> Mapping[int, str]:
    """The names of those that ``user`` may see; for None, the system, of all."""
    seen = Contact.objects.all() if user is None else Contact.objects.visible_to(user)
    return dict(seen.filter(pk__in=ids).values_list("pk", "name"))


def contacts_called(text: str, user: Any) -> Sequence[tuple[int, str, str]]:
    """Some that a typed name could mean, with company or e-mail address."""
    return called(Contact.objects.visible_to(user), text)


def called(contacts: Any, text: str) -> Sequence[tuple[int, str, str]]:
    """As ``contacts_called``, of ``contacts`` that somebody sees, who may not see the companies of all of them."""
    reader = contacts.viewer
    companies = Contact.objects.all() if reader is None else Contact.objects.visible_to(reader)
    company = Subquery(companies.filter(pk=OuterRef("company")).order_by().values("name"))
    found = contacts.matching(text).annotate(company_seen=company)
    rows = found.values_list("pk", "name", "company_seen", "email")[:FOUND_AT_MOST]
    return [(pk, name, company or email) for pk, name, company, email in rows]


HOLDER = register(
    Holder(
        record="contact",
        model=Contact,
        key="contact",
        links=ContactTag,
        values=ContactValue,
        changes=ContactChange,
        members=members,
        of_kind=of_kind,
        names=names_of_contacts,
        find=contacts_called,
    )
)
