"""What deleting, merging or moving a tag or custom field will mean and has meant, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.lists.conditions import Chip
from crm.lists.frames import address_of
from crm.lists.models import SmartList
from crm.lists.registry import registry_of
from settings.categories import CHOOSING, Category
from settings.listing import TAGS
from settings.models import CustomField, Removal, Tag
from settings.services import Toll, counterpart, toll_of
from settings.services.usage import outside

Label = Tag | CustomField


@dataclass(frozen=True)
class Line:
    """One thing that will happen; ``icon`` is what it is marked with."""

    icon: str
    text: str


@dataclass(frozen=True)
class Naming:
    """Saved lists that name a tag or field: those that filter or sort by it, which the user may see, and how many that
    others keep for themselves; and how many have it as a column alone.
    """

    lists: Sequence[tuple[SmartList, str]] = ()
    private: int = 0
    columns: int = 0

    def __bool__(self) -> bool:
        return bool(self.lists or self.private or self.columns)


@dataclass(frozen=True)
class Outcome:
    """What one choice would mean. ``refusal`` says why it cannot be, and is empty where it can."""

    lines: Sequence[Line] = ()
    refusal: str = ""
    toll: Toll = field(default_factory=Toll)


def many(number: int, sentence: str) -> str:
    """A sentence of ``ngettext`` with its number as people write it."""
    return sentence % {"number": intcomma(number)}


# -- deleting


def of_deleting(label: Label) -> Outcome:
    """What deleting it in its own category means."""
    toll = toll_of(label)
    if label.category == Category.CONTACTS:
        return Outcome([*_staying(label, toll), *_leaving_contacts(toll)], toll=toll)
    return Outcome([*_lost(label, toll), *_stays_there(label)], toll=toll)


def of_deleting_everywhere(label: Label) -> Outcome:
    """What deleting it means together with the one of its name in the other category of contacts."""
    other = counterpart(label)
    lines = _everywhere(label)
    if other is not None:
        lines += _everywhere(other)
    return Outcome(lines, toll=toll_of(label, everywhere=True))


def _staying(label: Label, toll: Toll) -> list[Line]:
    there = counterpart(label)
    name = {"name": toll.name}
    if there is not None and isinstance(label, Tag):
        where = _("It goes into the tag “%(name)s” of Prospects & Customers.") % name
    elif there is not None:
        where = _("It goes into the custom field “%(name)s” of Prospects & Customers.") % name
    else:
        where = _("It stays in Prospects & Customers as “%(name)s”.") % name
    lines = [Line("target", where), _kept(toll.kept)]
    if toll.both:
        lines.append(_both(label, toll.both, str(toll.name)))
    return lines


def _kept(number: int) -> Line:
    return Line("check", many(number, ngettext(
        "%(number)s prospect or customer keeps it.",
        "%(number)s prospects and customers keep it.", number,
    )))  # fmt: skip


def _both(label: Label, number: int, into: str) -> Line:
    if isinstance(label, Tag):
        sentence = ngettext(
            "%(number)s of them has both tags, and keeps one.",
            "%(number)s of them have both tags, and keep one.", number,
        )  # fmt: skip
        return Line("copy", many(number, sentence))
    sentence = ngettext(
        "%(number)s of them has a value in both fields: that of “%(into)s” stays.",
        "%(number)s of them have a value in both fields: that of “%(into)s” stays.", number,
    )  # fmt: skip
    return Line("copy", sentence % {"number": intcomma(number), "into": into})


def _leaving_contacts(toll: Toll) -> list[Line]:
    return [Line("x", many(toll.lost, ngettext(
        "%(number)s contact outside of Prospects & Customers loses it.",
        "%(number)s contacts outside of Prospects & Customers lose it.", toll.lost,
    )))]  # fmt: skip


def _lost(label: Label, toll: Toll) -> list[Line]:
    if label.category == Category.DEALS:
        sentence = ngettext(
            "%(number)s deal loses it.", "%(number)s deals lose it.", toll.lost
        )  # fmt: skip
        return [Line("x", many(toll.lost, sentence))]
    seen = toll.lost - toll.unseen
    lines = [Line("x", many(seen, ngettext(
        "%(number)s prospect or customer loses it.",
        "%(number)s prospects and customers lose it.", seen,
    )))]  # fmt: skip
    if toll.unseen:
        lines.append(Line("eye", many(toll.unseen, ngettext(
            "%(number)s contact that left the category keeps it unseen, and loses it too.",
            "%(number)s contacts that left the category keep it unseen, and lose it too.",
            toll.unseen,
        ))))  # fmt: skip
    return lines


def _stays_there(label: Label) -> list[Line]:
    if counterpart(label) is None:
        return []
    stays = _("“%(name)s” of Contacts is another one and stays as it is.")
    return [Line("check", stays % {"name": label.name})]


def _everywhere(label: Label) -> list[Line]:
    toll = toll_of(label, everywhere=True)
    if label.category == Category.CUSTOMERS:
        sentence = ngettext(
            "%(number)s contact loses that of Prospects & Customers.",
            "%(number)s contacts lose that of Prospects & Customers.", toll.lost,
        )  # fmt: skip
    else:
        sentence = ngettext(
            "%(number)s contact loses that of Contacts, prospects and customers included.",
            "%(number)s contacts lose that of Contacts, prospects and customers included.",
            toll.lost,
        )  # fmt: skip
    return [Line("x", many(toll.lost, sentence))]


# -- merging and moving


def of_merging(label: Label, into: Label) -> Outcome:
    """What it means that whoever has ``label`` has ``into`` instead."""
    toll = toll_of(label, into=into)
    if label.category == Category.DEALS:
        sentence = ngettext(
            "%(number)s deal has “%(into)s” instead of “%(name)s”.",
            "%(number)s deals have “%(into)s” instead of “%(name)s”.", toll.kept,
        )  # fmt: skip
    else:
        sentence = ngettext(
            "%(number)s contact has “%(into)s” instead of “%(name)s”.",
            "%(number)s contacts have “%(into)s” instead of “%(name)s”.", toll.kept,
        )  # fmt: skip
    named = {"number": intcomma(toll.kept), "into": into.name, "name": label.name}
    lines = [Line("check", sentence % named)]
    if toll.both:
        lines.append(_both(label, toll.both, into.name))
    lines += _crossing(label, into.category)
    if isinstance(label, CustomField) and label.type in CHOOSING:
        options = _("Options that “%(into)s” does not have yet are added to it.")
        lines.append(Line("list", options % named))
    return Outcome(lines, toll=toll)


def of_moving(label: Label) -> Outcome:
    """What moving it to the other category of contacts means."""
    category = other_category(label)
    into = counterpart(label)
    if into is not None:
        first = _("%(category)s has “%(name)s” already: it goes into that one.")
        merging = of_merging(label, into)
        named = {"category": category.label, "name": into.name}
        return Outcome([Line("target", first % named), *merging.lines], toll=merging.toll)
    if type(label).objects.live().filter(category=category, key=label.key).exists():
        refusal = _("%(category)s has another “%(name)s” already. Rename one of them first.")
        return Outcome(refusal=refusal % {"category": category.label, "name": label.name})
    # Into itself: everybody keeps what they have.
    all_of_them = toll_of(label, everywhere=True).lost
    sentence = ngettext(
        "%(number)s contact keeps it.", "%(number)s contacts keep it.", all_of_them
    )  # fmt: skip
    lines = [Line("check", many(all_of_them, sentence)), *_crossing(label, category)]
    return Outcome(lines, toll=Toll(kept=all_of_them, name=label.name))


def other_category(label: Label) -> Category:
    return Category.CONTACTS if label.category == Category.CUSTOMERS else Category.CUSTOMERS


def _crossing(label: Label, category: str) -> list[Line]:
    """What is seen no more, or again, when it comes to another category."""
    if category == label.category or not (number := outside(label)):
        return []
    if category == Category.CUSTOMERS:
        return [Line("eye", many(number, ngettext(
            "%(number)s of them is neither prospect nor customer: it keeps it unseen until it becomes one.",
            "%(number)s of them are neither prospects nor customers: they keep it unseen until they become such.",
            number,
        )))]  # fmt: skip
    return [Line("eye", many(number, ngettext(
        "%(number)s of them left Prospects & Customers and kept it unseen: it shows it again.",
        "%(number)s of them left Prospects & Customers and kept it unseen: they show it again.",
        number,
    )))]  # fmt: skip


# -- saved lists


def lists_naming(labels: Sequence[Label], user: Any) -> Naming:
    """The saved lists that name one of these; two statements at most."""
    record = labels[0].record
    asking, columns = [], 0
    for saved in SmartList.objects.filter(record=record).select_related("owner"):
        if any(_asks(saved, label) for label in labels):
            asking.append(saved)
        elif any(isinstance(one, CustomField) and one.form_name in saved.columns for one in labels):
            columns += 1
    seen = SmartList.objects.visible_to(user).filter(pk__in=[one.pk for one in asking])
    shown = set(seen.values_list("pk", flat=True)) if asking else set()
    visible = [one for one in asking if one.pk in shown]
    registry = registry_of(record)
    addresses = [(one, address_of(registry, one)) for one in visible]
    return Naming(addresses, len(asking) - len(visible), columns)


def _asks(saved: SmartList, label: Label) -> bool:
    """Whether the list filters or sorts by it: without it, it shows nobody."""
    if isinstance(label, Tag):
        name, number = TAGS[Category(label.category)], str(label.pk)
        return any(chip.field == name and number in chip.values for chip in _chips(saved))
    name = label.form_name
    sorted_by = [one.strip().removeprefix("-") for one in saved.sort.split(",")]
    return name in sorted_by or any(chip.field == name for chip in _chips(saved))


def _chips(saved: SmartList) -> Sequence[Chip]:
    try:
        return saved.asked.chips
    except ValueError:
        # What nobody can read asks for nothing.
        return ()


# -- what was done


def told(removal: Removal) -> str:
    """What became of a tag or field, in a sentence or three, for whoever did it and whoever asks later."""
    return " ".join([_headline(removal), *_fates(removal)])


def _headline(removal: Removal) -> str:
    How = Removal.How
    named = {
        "name": removal.name,
        "category": Category(removal.category).label,
        "into": removal.into_name,
        "into_category": Category(removal.into_category).label if removal.into_category else "",
    }
    if removal.how == How.MERGED and removal.category == removal.into_category:
        return _("“%(name)s” was merged into “%(into)s”.") % named
    if removal.how == How.MERGED:
        return _("“%(name)s” was merged into “%(into)s” of %(into_category)s.") % named
    if removal.how == How.MOVED:
        return _("“%(name)s” was moved from %(category)s to %(into_category)s.") % named
    if removal.how == How.CONVERTED:
        return _("“%(name)s” was given another type.") % named
    return _("“%(name)s” was deleted in %(category)s.") % named


def _converted(removal: Removal) -> list[str]:
    fates = []
    if removal.kept:
        kept = ngettext(
            "%(shown)s value is converted.", "%(shown)s values are converted.", removal.kept
        )
        fates.append(kept % {"shown": intcomma(removal.kept)})
    if removal.lost:
        lost = ngettext(
            "%(shown)s value cannot be converted and is lost. It can be brought back for 30 days.",
            "%(shown)s values cannot be converted and are lost. They can be brought back for 30 "
            "days.",
            removal.lost,
        )
        fates.append(lost % {"shown": intcomma(removal.lost)})
    return fates


def _fates(removal: Removal) -> list[str]:
    if removal.how == Removal.How.CONVERTED:
        return _converted(removal)
    fates = []
    deals = removal.category == Category.DEALS
    if removal.into_category and removal.how == Removal.How.DELETED:
        kept = ngettext(
            "%(number)s prospect or customer keeps it as “%(into)s”.",
            "%(number)s prospects and customers keep it as “%(into)s”.", removal.kept,
        )  # fmt: skip
        fates.append(kept % {"number": intcomma(removal.kept), "into": removal.into_name})
    elif removal.kept and deals:
        kept = ngettext("%(number)s deal keeps it.", "%(number)s deals keep it.", removal.kept)
        fates.append(many(removal.kept, kept))
    elif removal.kept:
        kept = ngettext(
            "%(number)s contact keeps it.", "%(number)s contacts keep it.", removal.kept
        )
        fates.append(many(removal.kept, kept))
    if removal.lost and deals:
        lost = ngettext("%(number)s deal loses it.", "%(number)s deals lose it.", removal.lost)
        fates.append(many(removal.lost, lost))
    elif removal.lost:
        lost = ngettext(
            "%(number)s contact loses it.", "%(number)s contacts lose it.", removal.lost
        )
        fates.append(many(removal.lost, lost))
    return fates
