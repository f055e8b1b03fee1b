"""Bugs planted on purpose, one at a time: the walk has to find each of them.

    make mutants        (python -m tests.proof.mutants [PART OF A NAME])

prints at which operation each was found, and fails if one survives. A walk that finds no planted
bug proves nothing by finding none of its own.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest import mock

OPERATIONS = 400
SEEDS = range(1, 8)

Plant = Callable[[], AbstractContextManager[Any]]


def rewritten(module: str, name: str, old: str, new: str) -> Plant:
    """``name`` (a function, or ``Class.method``) of ``module`` with ``old`` put as ``new``."""

    @contextmanager
    def plant() -> Iterator[None]:
        home = importlib.import_module(module)
        *path, attribute = name.split(".")
        owner: Any = home
        for part in path:
            owner = getattr(owner, part)
        source = textwrap.dedent(inspect.getsource(getattr(owner, attribute)))
        if source.count(old) != 1:
            raise LookupError(f"{module}.{name} has {source.count(old)} times: {old}")
        scope: dict[str, Any] = {}
        exec(compile(source.replace(old, new), f"<mutant {name}>", "exec"), vars(home), scope)
        with mock.patch.object(owner, attribute, scope[attribute]):
            yield

    return plant


def replaced(target: str, value: Callable[[Any], Any]) -> Plant:
    """What ``target`` names, replaced by ``value(original)``."""

    @contextmanager
    def plant() -> Iterator[None]:
        module, _dot, path = target.partition(":")
        *owners, attribute = path.split(".")
        owner: Any = importlib.import_module(module)
        for part in owners:
            owner = getattr(owner, part)
        with mock.patch.object(owner, attribute, value(getattr(owner, attribute))):
            yield

    return plant


def unhooked(signal: str, receiver: str, sender: str | None = None) -> Plant:
    """A signal that its receiver in ``deals.signals`` does not hear."""

    @contextmanager
    def plant() -> Iterator[None]:
        from django.db.models import signals as model_signals

        import deals.models
        from contacts.events import company_changing
        from deals import signals

        sent = company_changing if signal == "company_changing" else getattr(model_signals, signal)
        heard = getattr(signals, receiver)
        model = getattr(deals.models, sender) if sender else None
        assert sent.disconnect(heard, sender=model)
        try:
            yield
        finally:
            sent.connect(heard, sender=model)

    return plant


def together(*plants: Plant) -> Plant:
    @contextmanager
    def plant() -> Iterator[None]:
        with ExitStack() as stack:
            for one in plants:
                stack.enter_context(one())
            yield

    return plant


@contextmanager
def unqualified_left_out() -> Iterator[None]:
    from deals.stages import GROUP_OF

    with mock.patch.dict(GROUP_OF, {"unqualified": "active"}):
        yield


@contextmanager
def star_unprotected() -> Iterator[None]:
    from django.db.models import CASCADE

    from deals.models import Deal

    star = Deal._meta.get_field("primary_contact")
    with mock.patch.object(star.remote_field, "on_delete", CASCADE):
        yield


def lost_beats_won(original: Callable[..., Any]) -> Callable[..., Any]:
    def count_deals(contact_ids: Any) -> Any:
        counts = original(contact_ids)
        for count in counts.values():
            if count.lost:
                count.won, count.last_won_at = 0, None
        return counts

    return count_deals


def plain(method: str) -> Callable[[Any], Any]:
    """Django's own queryset method instead of the product's."""

    def value(_original: Any) -> Any:
        from django.db.models import QuerySet

        return getattr(QuerySet, method)

    return value


def remembered(original: Callable[..., Any]) -> Callable[..., Any]:
    @cache
    def company_of(pk: int) -> Any:
        return original({pk}).get(pk)

    return lambda ids: {pk: company_of(pk) for pk in ids}


SYNC, MODELS = "deals.services.sync", "deals.models.deal"

# The first twelve are those of the design; the others are bugs this code could have had.
MUTANTS: dict[str, Plant] = {
    "old parties are not looked at when the star moves": rewritten(
        SYNC, "_Sync._write_parties",
        "elif not self._keeps(deal, contact_id, was_kept):\n"
        "                removed.append((deal_id, contact_id))",
        "elif not self._keeps(deal, contact_id, was_kept):\n                pass"),
    "a co-worker is ignored when added": rewritten(
        SYNC, "_Sync._wanted", "contact.company_id == deal.company_id", "False"),
    "a co-worker is ignored when removed": unhooked("post_delete", "link_deleted", "DealContact"),
    "a change of jobs is ignored": unhooked("company_changing", "contacts_moving"),
    "the company of a contact comes from a stale cache": together(
        replaced("deals.models.deal:companies_of", remembered),
        replaced("deals.querysets:companies_of", remembered),
        replaced("deals.services.stars:companies_of", remembered)),
    "lost beats won": replaced("deals.services.sql:count_deals", lost_beats_won),
    "reopening does not take the win back": rewritten(
        SYNC, "_Sync._keeps", "deal.group == deal.group_before == Group.WON",
        "deal.group_before == Group.WON"),
    "deleting a deal is ignored": rewritten(
        "deals.services.trash", "note", "change.deals.add(instance.pk)", "pass"),
    "an old win outranks Past Customer": rewritten(
        MODELS, "Deal.prepare_inserts", "deal.closed_at = as_moment(deal.closed_at, now)",
        "deal.closed_at = None"),
    "unqualified deals are not counted as lost": lambda: unqualified_left_out(),
    "the star of a deal may be deleted": lambda: star_unprotected(),
    "queryset.update goes past the service": replaced(
        "deals.querysets:DealQuerySet.update", plain("update")),
    "queryset.update of contacts goes past the service": replaced(
        "contacts.querysets:ContactQuerySet.update", plain("update")),
    "bulk_create of deals goes past the service": replaced(
        "deals.querysets:DealQuerySet.bulk_create", plain("bulk_create")),
    "bulk_create of associated contacts goes past the service": replaced(
        "deals.querysets:DealContactQuerySet.bulk_create", plain("bulk_create")),
    "update of a stage's category goes past the service": replaced(
        "deals.querysets:StageQuerySet.update", plain("update")),
    "a saved stage does not tell its deals": unhooked("post_save", "stage_saved", "Stage"),
    "an added contact is not heard of": unhooked("post_save", "link_saved", "DealContact"),
    "wins are not kept": rewritten(
        SYNC, "_Sync._keeps", "return self.change.keep_wins", "return False"),
    "a win is kept by who joined after it only": rewritten(
        SYNC, "_Sync._keeps", "if was_kept:\n        return True", "if was_kept:\n        return False"),
    "a merge makes kept wins": rewritten(
        SYNC, "_Sync._keeps", "(deal.id, contact_id) not in self.change.merged_parties", "True"),
    "a merge keeps the older mark": rewritten(
        "deals.services.merge", "_later_marks", "other > mine", "other < mine"),
    "marks outlive the deals": rewritten(
        SYNC, "_Sync._write_standings", "contact_id in self.bereft", "False"),
    "marks from before the deals go too": rewritten(
        "deals.services.states", "ContactState.drop_marks_of_deals",
        'if mark["mark"] and mark["mark_had_deal"]:', 'if mark["mark"]:'),
    "marks go though another deal is left": rewritten(
        SYNC, "_Sync._write_standings", "and not contact.after.has_deal", ""),
    "an active deal stays without its star's company": rewritten(
        SYNC, "_Sync._align_deals", "deal.company_id is None and star", "False"),
    "a new star does not bring its company": rewritten(
        MODELS, "Deal.prepare_update", "new_star and self.company_id == stored.company_id", "False"),
    "the star stays listed": rewritten(SYNC, "_Sync._drop_links_of_stars", "if doubled:", "if False:"),
    "saving a stale deal takes changes back": rewritten(
        MODELS, "Deal.prepare_update", "if not self._is_set(name, names):", "if False:"),
    "a closing keeps the date of the one before": rewritten(
        MODELS, "Deal.prepare_update", "elif self.closed_at in (None, stored.closed_at):",
        "elif self.closed_at is None:"),
    "the deals of a deleted company are not looked at": rewritten(
        "deals.services.trash", "note", "change.deleted_contacts.add(instance.pk)", "pass"),
    "Non Customer is allowed to who bought": rewritten(
        "deals.services.select", "refusal", "if not bought:", "if True:"),
    "Non Customer does not forget kept wins": rewritten(
        "deals.services.select", "apply_selection", "value == CustomerStatus.NONE", "False"),
    "a restored deal brings no marks back": replaced(
        "deals.services.trash:_return_marks", lambda _original: lambda *args: None),
}  # fmt: skip


def hunt(plant: Plant, seeds: range = SEEDS) -> tuple[int, str] | None:
    """The operation at which the walk finds what ``plant`` plants, and how; None if it never does."""
    from tests.proof.walk import walk

    operations = 0
    for seed in seeds:
        with plant():
            failure = walk(seed, OPERATIONS)
        if failure is not None:
            return operations + failure.operation, failure.reason
        operations += OPERATIONS
    return None


def main(chosen: str = "") -> int:
    survivors = 0
    print(f"{'planted bug':<62} {'found at operation':>18} {'seconds':>8}")  # noqa: T201
    for name, plant in MUTANTS.items():
        if chosen not in name:
            continue
        began = time.monotonic()
        found = hunt(plant)
        seconds = time.monotonic() - began
        survivors += found is None
        print(f"{name:<62} {found[0] if found else 'SURVIVED':>18} {seconds:>8.1f}", flush=True)  # noqa: T201
    print(f"{survivors} of {len(MUTANTS)} survived" if survivors else "All were found.")  # noqa: T201
    return 1 if survivors else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.db import connection

    connection.creation.create_test_db(verbosity=0)
    try:
        code = main(*sys.argv[1:])
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
    sys.exit(code)
