"""Named sets of contacts, and the guards on their bulk writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from contacts.events import company_changing
from contacts.keys import KEYS, SOURCES, contact_keys, person_name
from contacts.statuses import (
    GUARDED,
    CustomerStatus,
    ProspectStatus,
    neither_prospect_nor_customer,
    prospect_or_customer,
)
from contacts.words import in_own_words, remember_words, search, vocabulary_of
from crm.accounts.access import Act, is_active, level_of, reach
from crm.accounts.doors import sees_all
from crm.accounts.levels import Area
from crm.changes import one_change

if TYPE_CHECKING:
    from contacts.models import Contact


def reached(user: Any, act: Act = "view", prefix: str = "") -> Q:
    """Which contacts ``user`` reaches, as a condition on contacts, or on the one that ``prefix`` leads to.

    It rests on statuses and owners as they are stored, so that it holds as soon as they change.
    """
    levels = {area: level_of(user, area, act) for area in (Area.CONTACTS, Area.CUSTOMERS)}
    nearer, further = sorted(levels.values())
    ours = apps.get_model("contacts", "ContactCollaborator").objects.values("contact")
    found = reach(user, nearer, ours, prefix)
    if nearer == further:
        return found
    belongs = prospect_or_customer(prefix)
    if levels[Area.CUSTOMERS] == nearer:
        belongs = neither_prospect_nor_customer(prefix)
    # Statuses first: they stand in the indexes of lists, and decide most rows.
    return belongs & reach(user, further, ours, prefix) | found


# Whoever writes one of these writes keys with it.
KEYED = frozenset((*SOURCES, "company"))


# How many rows are rekeyed in one statement.
REKEYED = 500


class ContactQuerySet(models.QuerySet["Contact"]):
    # -- whom a user may see

    # Who looks at these rows, once ``visible_to`` or ``editable_by`` was asked; None for the product itself.
    viewer: Any = None

    def visible_to(self, user: Any) -> ContactQuerySet:
        """Those that ``user`` may see: by owner, collaborators, and the category that statuses give."""
        return self._reached_by(user, "view")

    def editable_by(self, user: Any) -> ContactQuerySet:
        """Those of the visible ones that ``user`` may change."""
        return self._reached_by(user, "edit")

    def _reached_by(self, user: Any, act: Act) -> ContactQuerySet:
        found = self.filter(reached(user, act)) if is_active(user) else self.none()
        found.viewer = user
        return found

    def _clone(self) -> ContactQuerySet:
        clone: ContactQuerySet = super()._clone()  # type: ignore[misc]
        clone.viewer = self.viewer
        return clone

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
        """Contacts whose name, e-mail, numbers or company hold every word of ``text``, folded.

        A company counts where the viewer may see it. Where none does, those with one letter
        otherwise; see ``contacts.words``. Asks at once.
        """
        return search(self, text, self._as_seen)

    def _as_seen(self, condition: Q) -> Q:
        """A condition on search keys, of what the viewer may see of them."""
        if self.viewer is None or sees_all(self.viewer, Area.CONTACTS, Area.CUSTOMERS):
            return condition
        companies = self.model._default_manager.visible_to(self.viewer).order_by()
        seen = Exists(companies.filter(pk=OuterRef("company_id")))
        return condition & (in_own_words(condition) | Q(seen))

    def found_by(self, condition: Q) -> ContactQuerySet:
        """Those that a condition on search keys holds of, as far as the viewer may see what it asks."""
        return self.filter(self._as_seen(condition))

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
        written = {name.removesuffix("_id") for name in values}
        if not KEYED & written:
            return super().update(**values)
        with one_change():
            ids = list(self.order_by().values_list("pk", flat=True))
            if "company" in written:
                company_changing.send(self.model, contact_ids=ids)
            # By id: who begins to match only now was not noted.
            updated = models.QuerySet.update(self.filter(pk__in=ids), **values)
            self.model._default_manager.filter(pk__in=ids).rekey()
            if "name" in written:
                self.model._default_manager.filter(company__in=ids).rekey()
            return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def rekey(self) -> int:
        """Recompute the names of people and the keys of these rows; returns how many were wrong.

        Only what differs is written. The keys of a company's employees have its name in them.
        """
        wrong = 0
        for ids in batched(self.order_by("pk").values_list("pk", flat=True), REKEYED):
            wrong += self._rekey_some(ids)
        return wrong

    def _rekey_some(self, ids: Sequence[int]) -> int:
        # Plain querysets, because this one's update() would call here again.
        rows: models.QuerySet[Contact] = models.QuerySet(self.model, using=self.db)
        stored = rows.filter(pk__in=ids).annotate(company_name=F("company__name")).order_by("pk")
        wrong, columns, words = [], set(), set()
        for row in stored.values("pk", "company_name", *SOURCES, *KEYS):
            right = {"name": row["name"]}
            if not row["is_organization"]:
                right["name"] = person_name(row["first_name"], row["last_name"])
            right |= contact_keys(row | right, row["company_name"] or "")
            if differing := {name for name, value in right.items() if row[name] != value}:
                columns |= differing
                words |= vocabulary_of(right["search_key"]) - vocabulary_of(row["search_key"])
                wrong.append(self.model(pk=row["pk"], **right))
        if wrong:
            rows.bulk_update(wrong, sorted(columns))
        remember_words(words)
        return len(wrong)

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
        if KEYED & {name.removesuffix("_id") for name in fields}:
            fields |= {"name", *KEYS}
        with one_change():
            self._prepare_inserts(objs)
            if fields & {"company", "company_id"}:
                company_changing.send(self.model, contact_ids=[c.pk for c in objs if c.pk])
            created: list[Contact] = super().bulk_create(
                objs,  # type: ignore[arg-type]
                batch_size=batch_size,
                ignore_conflicts=ignore_conflicts,
                update_conflicts=update_conflicts,
                update_fields=fields or None,
                unique_fields=unique_fields,
            )  # type: ignore[assignment]
            remember_words(vocabulary_of(*(one.search_key for one in objs)))
            if "name" in fields:
                companies = [one.pk for one in objs if one.is_organization and one.pk]
                self.model._default_manager.filter(company__in=companies).rekey()
            return created

    def _prepare_inserts(self, contacts: Sequence[Contact]) -> None:
        """Set the keys of contacts that are about to be inserted, and empty facts and marks."""
        ids = {contact.company_id for contact in contacts if contact.company_id}
        companies = self.model._default_manager.filter(pk__in=ids).order_by()
        names = dict(companies.values_list("pk", "name")) if ids else {}
        for contact in contacts:
            contact.prepare_insert(names.get(contact.company_id or 0, ""))

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
