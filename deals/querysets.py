"""Named sets of deals, and bulk writes that keep statuses in step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.utils import timezone

from contacts.models import Contact
from contacts.words import remember_words, search, vocabulary_of
from crm.accounts.access import Act, is_active, level_of, reach
from crm.accounts.doors import sees_all
from crm.accounts.levels import Area
from crm.actor import current_actor
from crm.bulk.among import among
from crm.changes import one_change
from deals.keys import KEYS, deal_keys
from deals.stages import GROUP_OF, Category, Group, as_moment

if TYPE_CHECKING:
    from deals.models import Deal, DealContact, Stage

# What the statuses rest on; whoever writes one of these notes the deal in the change.
RESTED_ON = frozenset(("stage", "primary_contact", "company", "group", "closed_at", "opened_at"))


# How many rows are rekeyed in one statement.
REKEYED = 500


def companies_of(contact_ids: Iterable[int]) -> dict[int, int | None]:
    """For each contact the company a deal with it belongs to: itself, its employer, or None."""
    rows = Contact.objects.filter(pk__in=set(contact_ids))
    return {
        pk: pk if is_organization else company_id
        for pk, is_organization, company_id in rows.values_list(
            "pk", "is_organization", "company_id"
        )
    }


def _names(values: Iterable[str]) -> set[str]:
    return {name.removesuffix("_id") for name in values}


def reached(user: Any, act: Act = "view", prefix: str = "") -> Q:
    """Which deals ``user`` reaches, as a condition on deals, or on the one that ``prefix`` leads to."""
    ours = apps.get_model("deals", "DealCollaborator").objects.values("deal")
    return reach(user, level_of(user, Area.DEALS, act), ours, prefix)


class DealQuerySet(models.QuerySet["Deal"]):
    # Who looks at these rows, once ``visible_to`` or ``editable_by`` was asked; None for the product itself.
    viewer: Any = None

    def visible_to(self, user: Any) -> DealQuerySet:
        """Those that ``user`` may see, by owner and collaborators."""
        return self._reached_by(user, "view")

    def editable_by(self, user: Any) -> DealQuerySet:
        """Those of the visible ones that ``user`` may change."""
        return self._reached_by(user, "edit")

    def _reached_by(self, user: Any, act: Act) -> DealQuerySet:
        found = self.filter(reached(user, act)) if is_active(user) else self.none()
        found.viewer = user
        return found

    def _clone(self) -> DealQuerySet:
        clone: DealQuerySet = super()._clone()  # type: ignore[misc]
        clone.viewer = self.viewer
        return clone

    def active(self) -> DealQuerySet:
        return self.filter(group=Group.ACTIVE)

    def won(self) -> DealQuerySet:
        return self.filter(group=Group.WON)

    def lost(self) -> DealQuerySet:
        return self.filter(group=Group.LOST)

    def matching(self, text: str) -> DealQuerySet:
        """Deals whose name or main contact hold every word of ``text``, folded.

        A main contact counts where the viewer may see it. Where none does, those with one letter
        otherwise; see ``contacts.words``. Asks at once.
        """
        return search(self, text, self._in_name_or_contact)

    def _in_name_or_contact(self, condition: Q) -> Q:
        # Not joined: contacts are found by their own index, and then their deals.
        contacts = Contact.objects.all()
        if self.viewer is not None and not sees_all(self.viewer, Area.CONTACTS, Area.CUSTOMERS):
            contacts = contacts.visible_to(self.viewer)
        found = contacts.found_by(condition).order_by()
        return condition | Q(primary_contact__in=found.values("pk"))

    def for_list(self) -> DealQuerySet:
        return self.select_related("stage", "primary_contact", "company", "owner")

    def for_card(self) -> DealQuerySet:
        return self.select_related(
            "stage__pipeline",
            "primary_contact__company",
            "company",
            "owner",
            "source",
            "loss_reason",
            "unqualified_reason",
            "stage_changed_by",
        )

    # -- bulk writes, which send no signals

    def update(self, **values: Any) -> int:
        """As Django's, with the statuses in step afterwards.

        A stage is given as a ``Stage`` or its id; an expression for it is refused with
        ``TypeError``, since nobody could say which deals moved.
        """
        touched = _names(values)
        if "name" in values:
            return self._rename(values)
        if not RESTED_ON & touched:
            return super().update(**values)
        if "closed_at" in values and not hasattr(values["closed_at"], "resolve_expression"):
            values["closed_at"] = as_moment(values["closed_at"], timezone.now())
        with one_change() as change:
            ids = list(self.order_by().values_list("pk", flat=True))
            for pk, stored in self.model.stored_states(ids).items():
                change.deals.add(pk)
                change.groups_before.setdefault(pk, stored.group)
            if "primary_contact" in touched and "company" not in touched:
                self._follow_star(values, ids)
            if "stage" in touched and "group" not in touched:
                return self._move(values, ids)
            # By id: a deal that begins to match only now was not noted.
            return models.QuerySet.update(self._of_ids(ids), **values)

    update.alters_data = True  # type: ignore[attr-defined]

    def _rename(self, values: dict[str, Any]) -> int:
        """Write ``values``, a name among them, and the keys of these deals."""
        with one_change():
            ids = list(self.order_by().values_list("pk", flat=True))
            renamed = models.QuerySet.update(self._of_ids(ids), name=values.pop("name"))
            if values:
                self._of_ids(ids).update(**values)
            self.model._default_manager.filter(pk__in=ids).rekey()
            return renamed

    def rekey(self) -> int:
        """Recompute the keys of these deals; returns how many were wrong."""
        # A plain queryset, because this one's update() would call here again.
        rows: models.QuerySet[Deal] = models.QuerySet(self.model, using=self.db)
        wrong = 0
        for ids in batched(self.order_by("pk").values_list("pk", flat=True), REKEYED):
            differing, words = [], set()
            for row in rows.filter(pk__in=ids).order_by("pk").values("pk", "name", *KEYS):
                right = deal_keys(row["name"])
                if any(row[key] != value for key, value in right.items()):
                    differing.append(self.model(pk=row["pk"], **right))
                    words |= vocabulary_of(right["search_key"])
            rows.bulk_update(differing, KEYS)
            remember_words(words)
            wrong += len(differing)
        return wrong

    def _of_ids(self, ids: list[int]) -> DealQuerySet:
        """The rows of these ids, without this queryset's conditions, with its annotations."""
        rows = self.all()
        rows.query.clear_where()
        return rows.filter(among(ids))

    def _follow_star(self, values: dict[str, Any], ids: list[int]) -> None:
        """Give the deals that get another star its company; those that have it keep theirs."""
        star = values.get("primary_contact", values.get("primary_contact_id"))
        if hasattr(star, "resolve_expression") and not isinstance(star, models.Model):
            raise TypeError("Give deals a Contact or its id, not an expression.")
        star_id: Any = getattr(star, "pk", star)
        rows: models.QuerySet[Deal] = models.QuerySet(self.model, using=self.db).filter(among(ids))
        rows.exclude(primary_contact=star_id).update(company=companies_of({star_id}).get(star_id))

    def _move(self, values: dict[str, Any], ids: list[int]) -> int:
        stage = values.pop("stage", None) or values.pop("stage_id", None)
        if hasattr(stage, "resolve_expression") and not isinstance(stage, models.Model):
            raise TypeError("Move deals to a Stage or its id, not to an expression.")
        if not isinstance(stage, models.Model):
            stage = self.model.stage_by_id(stage)
        group = GROUP_OF[stage.category]
        now = timezone.now()
        rows: models.QuerySet[Deal] = models.QuerySet(self.model, using=self.db).filter(among(ids))
        rows.exclude(stage=stage).update(stage_changed_at=now, stage_changed_by=current_actor())
        closed_at = None if group == Group.ACTIVE else values.get("closed_at") or now
        regrouped: dict[str, Any] = {"group": group, "closed_at": closed_at}
        if group == Group.ACTIVE:
            regrouped["opened_at"] = now
        rows.exclude(group=group).update(**regrouped)
        return rows.update(stage=stage, updated_at=now, **values)

    def bulk_create(  # type: ignore[override]
        self,
        objs: Iterable[Deal],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Deal]:
        objs = list(objs)
        with one_change() as change:
            known = {deal.pk for deal in objs if deal.pk}
            before = dict(self.model.objects.filter(pk__in=known).values_list("pk", "group"))
            change.groups_before = before | change.groups_before
            self.model.prepare_inserts(objs)
            fields = set(update_fields or ())
            if RESTED_ON & _names(fields):
                fields |= {"group", "closed_at", "opened_at"}
            if "name" in fields:
                fields |= {*KEYS}
            created: list[Deal] = super().bulk_create(
                objs,  # type: ignore[arg-type]
                batch_size=batch_size,
                ignore_conflicts=ignore_conflicts,
                update_conflicts=update_conflicts,
                update_fields=fields or None,
                unique_fields=unique_fields,
            )  # type: ignore[assignment]
            remember_words(vocabulary_of(*(deal.search_key for deal in objs)))
            ids = {deal.pk for deal in created if deal.pk}
            change.deals |= ids
            change.new_deals |= ids - before.keys()
            if len(ids) < len(created):
                # Told to ignore conflicts, the database does not say which rows it made.
                stars = {deal.primary_contact_id for deal in objs if not deal.pk}
                theirs = self.model.objects.filter(primary_contact__in=stars)
                change.deals |= set(theirs.values_list("pk", flat=True))
            return created

    def bulk_update(  # type: ignore[override]
        self, objs: Iterable[Deal], fields: Sequence[str], batch_size: int | None = None
    ) -> int:
        objs = list(objs)
        names = set(fields)
        with one_change():
            if RESTED_ON & _names(names):
                stored = self.model.stored_states([deal.pk for deal in objs])
                for deal in objs:
                    names |= _names(deal.prepare_update(stored.get(deal.pk), set(fields)))
            return super().bulk_update(
                objs,  # type: ignore[arg-type]
                sorted(names),
                batch_size=batch_size,
            )

    def delete(self) -> tuple[int, dict[str, int]]:
        with one_change():
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class DealContactQuerySet(models.QuerySet["DealContact"]):
    def update(self, **values: Any) -> int:
        if not {"deal", "contact"} & _names(values):
            return super().update(**values)
        with one_change() as change:
            rows = dict(self.order_by().values_list("pk", "deal_id"))
            change.deals.update(rows.values())
            updated = super().update(**values)
            moved: models.QuerySet[DealContact] = models.QuerySet(self.model, using=self.db).filter(
                pk__in=list(rows)
            )
            change.deals.update(moved.values_list("deal_id", flat=True))
            return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kw: Any) -> list[Any]:  # type: ignore[override]
        objs = list(objs)
        with one_change() as change:
            change.deals.update(link.deal_id for link in objs)
            return super().bulk_create(objs, *args, **kw)

    def delete(self) -> tuple[int, dict[str, int]]:
        with one_change():
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class StageQuerySet(models.QuerySet["Stage"]):
    def in_order(self) -> StageQuerySet:
        return self.select_related("pipeline").order_by("pipeline__position", "position", "pk")

    def live(self) -> StageQuerySet:
        """Those that deals may be moved to: neither they nor their pipelines are archived."""
        return self.filter(archived=False, pipeline__archived=False)

    def first_open(self) -> Stage | None:
        """Where a new deal begins: the first active stage of the default pipeline."""
        active = [c for c in Category.values if GROUP_OF[c] == Group.ACTIVE]
        stages = self.live().filter(category__in=active)
        return stages.order_by("-pipeline__is_default", "pipeline__position", "position").first()

    def update(self, **values: Any) -> int:
        if "category" not in values:
            return super().update(**values)
        with one_change() as change:
            ids = list(self.order_by().values_list("pk", flat=True))
            updated = super().update(**values)
            change.deals.update(self.model.deals_out_of_step(ids))
            return updated

    update.alters_data = True  # type: ignore[attr-defined]
