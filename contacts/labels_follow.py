"""What becomes of tags and custom fields when two contacts become one, and two again.

The survivor has the tags of both, seen or not, and of each custom field its own value, or the merged contact's where
it has none. Undoing gives the merged contact all that it had; the survivor loses what came with it, unless somebody
edited it since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model
from django.dispatch import receiver
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contacts.events import contact_merged, contact_unmerged
from contacts.models import Contact
from contacts.models.labels import (
    HOLDER,
    PROSPECT_OR_CUSTOMER,
    ContactChange,
    ContactTag,
    ContactValue,
)
from settings.categories import FieldType
from settings.holders import holder_of, holders
from settings.models import CustomField, Option
from settings.services.returning import Row, as_if_there, kept_row, made_of, move_up

OURS, THEIRS, BOTH = "ours", "theirs", "both"
_COMPARED = ("text", "number", "date", "moment", "yes", "user_id", "record_id")


@receiver(contact_merged)
def join_labels(
    survivor_id: int,
    merged_id: int,
    remembered: dict[str, Any],
    kept: Mapping[int, str] | None = None,
    **kwargs: Any,
) -> None:
    history = ContactChange.objects.filter(contact=merged_id)
    told = {
        "at": timezone.now().isoformat(),
        "tags": _join_tags(survivor_id, merged_id),
        "values": _join_values(survivor_id, merged_id, kept or {}),
        "named": _follow(survivor_id, merged_id),
        "history": list(history.order_by("pk").values_list("pk", flat=True)),
    }
    history.update(contact=survivor_id)
    remembered["labels"] = told


def _join_tags(survivor_id: int, merged_id: int) -> dict[str, list[Row]]:
    ours = set(ContactTag.objects.filter(contact=survivor_id).values_list("tag", flat=True))
    theirs = ContactTag.objects.filter(contact=merged_id).order_by("pk")
    moved = [link for link in theirs if link.tag_id not in ours]
    left = [link for link in theirs if link.tag_id in ours]
    _move(ContactTag, moved, survivor_id)
    return {"moved": [*map(kept_row, moved)], "left": [*map(kept_row, left)], "replaced": []}


def _join_values(survivor_id: int, merged_id: int, kept: Mapping[int, str]) -> dict[str, list[Row]]:
    both = ContactValue.objects.filter(contact__in=[survivor_id, merged_id])
    by_field: dict[int, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for value in both.select_related("field").order_by("pk"):
        by_field[value.field_id][value.contact_id == merged_id].append(value)
    moved, left, replaced = [], [], []
    for field_id, (ours, theirs) in by_field.items():
        whose = kept.get(field_id) or _whose(ours, theirs)
        if whose == THEIRS:
            replaced += ours
            moved += theirs
        else:
            slots = {value.slot for value in ours}
            coming = [one for one in theirs if one.slot not in slots] if whose == BOTH else []
            moved += coming
            left += [one for one in theirs if one not in coming]
    told = {"moved": moved, "left": left, "replaced": replaced}
    rows = {name: [*map(kept_row, values)] for name, values in told.items()}
    ContactValue.objects.filter(pk__in=[value.pk for value in replaced]).delete()
    _move(ContactValue, moved, survivor_id)
    return rows


def _whose(ours: list[Any], theirs: list[Any]) -> str:
    """Nothing is lost where there is room for both."""
    if (ours or theirs)[0].field.type == FieldType.CHOICES:
        return BOTH
    return OURS if ours else THEIRS


def _move(model: Any, rows: Iterable[Model], contact_id: int) -> None:
    model.objects.filter(pk__in=[row.pk for row in rows]).update(contact=contact_id)


def _follow(survivor_id: int, merged_id: int) -> dict[str, list[int]]:
    """Let every value that names the merged contact name the survivor."""
    found = {}
    for holder in holders():
        values: Any = holder.values._default_manager
        naming = values.filter(record=merged_id)
        found[holder.record] = list(naming.order_by("pk").values_list("pk", flat=True))
        naming.update(record=survivor_id)
    return found


# -- and back


@receiver(contact_unmerged)
def part_labels(
    survivor_id: int, merged_id: int, remembered: dict[str, Any], told: list[str], **kwargs: Any
) -> None:
    # Merges of before there were tags and custom fields remember none.
    if "labels" not in remembered:
        return
    data = remembered["labels"]
    for record, ids in data["named"].items():
        values: Any = holder_of(record).values._default_manager
        values.filter(pk__in=ids, record=survivor_id).update(record=merged_id)
    edited = _Parting(ContactTag, survivor_id, merged_id, data["tags"], data["at"]).run()
    edited |= _Parting(ContactValue, survivor_id, merged_id, data["values"], data["at"]).run()
    history = ContactChange.objects.filter(pk__in=data["history"], contact=survivor_id)
    history.update(contact=merged_id)
    if edited:
        fields = CustomField.objects.live().filter(pk__in=edited).order_by("name")
        names = ", ".join(fields.values_list("name", flat=True))
        survivor = Contact.objects.get(pk=survivor_id).name
        if names:
            told.append(
                _("Edited since in %(survivor)s, and left so: %(fields)s.")
                % {"survivor": survivor, "fields": names}
            )


class _Parting:
    """Gives rows of one model back to whom they belonged to."""

    def __init__(
        self, model: Any, survivor_id: int, merged_id: int, data: dict[str, list[Row]], at: str
    ) -> None:
        self.model = model
        self.survivor_id = survivor_id
        self.merged_id = merged_id
        self.data = data
        self.at = at
        rows = model.objects.filter(contact=survivor_id)
        rows = rows.select_related("field") if model is ContactValue else rows
        self.now = {row.pk: row for row in rows}
        self.options = _keys_of_options(
            [*(kept_row(row) for row in self.now.values()), *data["moved"]]
        )

    def run(self) -> set[int]:
        """Returns the numbers of fields that were edited since, and stay."""
        back, again, edited = [], list(self.data["left"]), set()
        for row in self.data["moved"]:
            now = self.now.get(row["id"])
            if now is not None and self._is_unedited(row, kept_row(now)):
                back.append(now)
                continue
            again.append(row)
            if "field_id" in row:
                edited.add(row["field_id"])
        _move(self.model, back, self.merged_id)
        vacated = [(_label(row), getattr(row, "slot", 0)) for row in back]
        move_up(self.model, key=HOLDER.key_id, record_id=self.survivor_id, vacated=vacated)
        edited |= self._edited_of_survivor(back)
        again += [row for row in self.data["replaced"] if row["field_id"] not in edited]
        self._insert(again)
        return edited

    def _is_unedited(self, row: Row, now: Row) -> bool:
        if any(row.get(name) != now.get(name) for name in _COMPARED):
            return False
        # A removal may have led it to the option of the same name of another field.
        key, other = row.get("option_id"), now.get("option_id")
        return key == other or self.options.get(key) == self.options.get(other)

    def _edited_of_survivor(self, back: Iterable[Any]) -> set[int]:
        """Fields in whose place the survivor's own value would return, and that have one by now."""
        replaced = {row["field_id"] for row in self.data["replaced"]}
        gone = {row.pk for row in back}
        return {
            row.field_id
            for row in self.now.values()
            if row.pk not in gone and getattr(row, "field_id", None) in replaced
        }

    def _insert(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        since = parse_datetime(self.at)
        assert since is not None
        ids = {self.survivor_id, self.merged_id}
        members = Contact.objects.filter(PROSPECT_OR_CUSTOMER, pk__in=ids)
        belongs = set(members.order_by().values_list("pk", flat=True)).__contains__
        found = as_if_there(self.model, rows, key=HOLDER.key_id, since=since, belongs=belongs)
        # What was edited holds the old number still; what it named may be gone.
        taken = self.model.objects.filter(pk__in=[row["id"] for row in found])
        numbers = set(taken.values_list("pk", flat=True))
        named = {row["record_id"] for row in found if row.get("record_id")}
        there = set(Contact.objects.filter(pk__in=named).values_list("pk", flat=True))
        made = [
            {name: value for name, value in row.items() if name != "id" or value not in numbers}
            for row in found
            if not row.get("record_id") or row["record_id"] in there
        ]
        self.model.objects.bulk_create(made_of(self.model, made), ignore_conflicts=True)


def _label(row: Any) -> int:
    found: int = row.tag_id if isinstance(row, ContactTag) else row.field_id
    return found


def _keys_of_options(rows: Iterable[Row]) -> dict[Any, str]:
    ids = {row["option_id"] for row in rows if row.get("option_id")}
    found: dict[Any, str] = dict(Option.objects.filter(pk__in=ids).values_list("pk", "key"))
    return found
