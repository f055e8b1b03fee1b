"""Named sets of contacts, and the guards on their bulk writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from contacts.events import company_changing
from contacts.keys import fold
from contacts.statuses import GUARDED, CustomerStatus, ProspectStatus
from crm.changes import one_change

if TYPE_CHECKING:
    from contacts.models import Contact

# What is computed from the fields below by ``Contact.set_keys``.
KEYS = ("search_key", "sort_key", "match_name", "match_phone", "match_email")
KEYED = frozenset(("name", "first_name", "last_name", "email", "phone", "mobile"))


class ContactQuerySet(models.QuerySet["Contact"]):
    # -- whom a user may see

    def visible_to(self, user: Any) -> ContactQuerySet:
        """Every signed-in user sees every contact, nobody else any."""
        return self if user.is_authenticated and user.is_active else self.none()

    def editable_by(self, user: Any) -> ContactQuerySet:
        return self.visible_to(user)

    # -- what they mean

    def people(self) -> ContactQuerySet:
        return self.filter(is_organization=False)

    def companies(self) -> ContactQuerySet:
        return self.filter(is_organization=True)

    def prospects(self) -> ContactQuerySet:
        return self.filter(prospect_status=ProspectStatus.CURRENT)

    def lost_prospects(self) -> ContactQuerySet:
        return self.filter(prospect_status=ProspectStatus.LOST)

    def customers(self) -> ContactQuerySet:
        return self.filter(customer_status=CustomerStatus.CURRENT)

    def past_customers(self) -> ContactQuerySet:
        return self.filter(customer_status=CustomerStatus.PAST)

    def matching(self, text: str) -> ContactQuerySet:
        """Contacts whose name, e-mail or numbers hold every word of ``text``, folded."""
        found = self
        for word in fold(text).split():
            squeezed = "".join(char for char in word if char.isdigit())
            # Short pieces too: "+49" is the first word of "+49 30 1234".
            looks_like_number = squeezed and not any(char.isalpha() for char in word)
            condition = Q(search_key__contains=word)
            if looks_like_number:
                condition |= Q(search_key__contains=squeezed)
            found = found.filter(condition)
        return found

    # -- what the pages need with them

    def for_list(self) -> ContactQuerySet:
        return self.select_related("company", "owner")

    def for_card(self) -> ContactQuerySet:
        return self.select_related(
            "company",
            "parent_company",
            "owner",
            "prospect_marked_by",
            "customer_marked_by",
        ).prefetch_related("details")

    # -- bulk writes, which send no signals

    def update(self, **values: Any) -> int:
        """As Django's, but statuses cannot be written, and what hangs on a value follows it.

        Raises ``ValueError`` for a status, a fact, a mark, or for making people of companies.
        """
        self._refuse_guarded(values)
        if "company" not in values and "company_id" not in values and not KEYED & values.keys():
            return super().update(**values)
        with one_change():
            ids = list(self.order_by().values_list("pk", flat=True))
            if "company" in values or "company_id" in values:
                company_changing.send(self.model, contact_ids=ids)
            # By id: who begins to match only now was not noted.
            updated = models.QuerySet.update(self.filter(pk__in=ids), **values)
            if KEYED & values.keys():
                self.model._default_manager.filter(pk__in=ids).rekey()
            return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def rekey(self) -> None:
        """Recompute names of people and the search and sort keys of these rows."""
        contacts = list(self.only("is_organization", *KEYED))
        for contact in contacts:
            contact.set_keys()
        # A plain queryset, because this one's update() would call here again.
        models.QuerySet(self.model, using=self.db).bulk_update(
            contacts,  # type: ignore[arg-type]
            ["name", *KEYS],
            batch_size=500,
        )

    def bulk_create(  # type: ignore[override]
        self,
        objs: Iterable[Contact],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Contact]:
        objs = list(objs)
        fields = set(update_fields or ())
        self._refuse_guarded(dict.fromkeys(fields, True))
        for contact in objs:
            contact.prepare_insert()
        with one_change():
            if fields & {"company", "company_id"}:
                company_changing.send(self.model, contact_ids=[c.pk for c in objs if c.pk])
            return super().bulk_create(  # type: ignore[return-value]
                objs,  # type: ignore[arg-type]
                batch_size=batch_size,
                ignore_conflicts=ignore_conflicts,
                update_conflicts=update_conflicts,
                update_fields=update_fields,
                unique_fields=unique_fields,
            )

    def bulk_update(  # type: ignore[override]
        self, objs: Iterable[Contact], fields: Sequence[str], batch_size: int | None = None
    ) -> int:
        self._refuse_guarded(dict.fromkeys(fields, True))
        with one_change():
            return super().bulk_update(objs, fields, batch_size=batch_size)  # type: ignore[arg-type]

    def delete(self) -> tuple[int, dict[str, int]]:
        with one_change():
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _refuse_guarded(self, values: dict[str, Any]) -> None:
        names = {name.removesuffix("_id") for name in values}
        # Deleting a user empties who set a mark; statuses do not rest on it.
        names -= {name for name in names if name.endswith("_marked_by") and not values.get(name, 1)}
        guarded = sorted(GUARDED & names)
        if guarded:
            raise ValueError(
                f"{', '.join(guarded)} cannot be written: statuses follow from deals and from "
                "what people select (deals.services.select_status)."
            )
        if "is_organization" in values:
            raise ValueError("Whether a contact is a person or a company never changes.")
