"""Putting tags on many records and taking them off, and setting and clearing their custom fields.

``contacts.label_actions`` and ``deals.label_actions`` register them for their records. A record that does not belong
to a category is refused everything of it, also taking off and clearing: what it carries there is kept unseen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import User
from crm.bulk.actions import (
    BulkAction,
    Left,
    Outcome,
    as_text,
    done,
    edited_since,
    refused,
    unchanged,
)
from crm.bulk.among import among
from crm.bulk.models import BulkRun
from crm.changes import one_change
from crm.names import name_key, validate_name
from settings.catalogue import catalogue, known_once
from settings.categories import Category, FieldType
from settings.holders import Holder, holder_of
from settings.models import CustomField, Removal, Tag
from settings.services import names_for, refusals, set_values, tags_of, values_of
from settings.services.assigning import exchange_tags, refusals_each
from settings.services.making import make_tags, may_make_tags
from settings.types import Value, type_of

Label = Tag | CustomField


class LabelAction(BulkAction):
    """What both have in common. ``record`` and ``model`` come from the action of the record type."""

    @property
    def holder(self) -> Holder:
        return holder_of(self.record)

    def _locked(self, ids: Collection[int]) -> set[int]:
        """Which of these are there; their statuses stay as they are until the chunk is done."""
        rows = self.model._default_manager.filter(among(ids)).order_by("pk")
        return set(rows.select_for_update(no_key=True).values_list("pk", flat=True))

    def _outcomes(
        self,
        ids: Iterable[int],
        locked: set[int],
        kept_out: Mapping[int, str],
        of: Callable[[int], Outcome],
    ) -> list[Outcome]:
        gone = _("It is not there any more.")
        return [
            refused(pk, kept_out.get(pk, gone)) if pk in kept_out or pk not in locked else of(pk)
            for pk in ids
        ]


def called(label: Label, others: Iterable[Label]) -> str:
    """Its name, with the category where another category has one of this name."""
    if all(one.key != label.key or one.category == label.category for one in others):
        return label.name
    category = Category(label.category).label
    return _("%(field)s (%(category)s)") % {"field": label.name, "category": category}


def why_gone(kind: str, ids: Collection[int]) -> dict[int, str]:
    """For tags or fields that are not there any more a sentence each; one statement, if there are any."""
    if not ids:
        return {}
    removed, merged = (
        _("“%(name)s” was removed since."),
        _("“%(name)s” went into “%(into)s” since."),
    )
    found = dict.fromkeys(ids, _("What it had before does not exist any more."))
    rows = Removal.objects.filter(kind=kind, label_id__in=ids, undone_at=None).order_by("pk")
    for one in rows:
        went = one.how in (Removal.How.MERGED, Removal.How.MOVED) and one.into_name
        names = {"name": one.name, "into": one.into_name}
        found[one.label_id] = (merged if went else removed) % names
    return found


# -- tags


class ChangeTags(LabelAction):
    """``{"on": [ids], "off": [ids], "new": {category: [names]}}``; new ones are made by the first chunk, and put on."""

    label = gettext_lazy("Tags")

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        tags = self._tags([*params.get("on", ()), *params.get("off", ())])
        new = params.get("new", {})
        if not tags and not any(new.values()):
            raise ValidationError(_("Choose a tag to add or to take off."))
        for pk in set(params.get("on", ())) & set(params.get("off", ())):
            problem = _("“%(name)s” is to be added and taken off. Choose one of both.")
            raise ValidationError(problem % {"name": tags[pk].name})
        for category, names in new.items():
            if Category(category).record != self.record:
                raise ValidationError(_("This tag is gone."))
            missing = self._missing(Category(category), names)
            for name in missing:
                validate_name(name)
            self._check_maker(missing, user)

    def _check_maker(self, names: Sequence[str], user: Any) -> None:
        if names and not may_make_tags(user):
            problem = _("There is no tag “%(name)s”. Administrators make tags, in the settings.")
            raise ValidationError(problem % {"name": names[0]})

    def _missing(self, category: Category, names: Iterable[str]) -> list[str]:
        known = {tag.key for tag in catalogue().tags(category)}
        return [name for name in names if name_key(name) not in known]

    def _tags(self, ids: Iterable[int]) -> dict[int, Tag]:
        known = catalogue().tags_by_id
        found = {pk: known[pk] for pk in ids if pk in known and known[pk].record == self.record}
        if found.keys() != set(ids):
            raise ValidationError(_("This tag is gone."))
        return found

    def _new(self, run: BulkRun) -> set[int]:
        """The tags that were named. Only the first chunk makes them: who removes one since wants it gone."""
        found: set[int] = set()
        for code, names in run.params.get("new", {}).items():
            category = Category(code)
            missing = self._missing(category, names)
            if missing and run.at:
                raise ValidationError(_("This tag is gone."))
            self._check_maker(missing, run.user)
            make_tags(category, missing, run.user)
            keys = {name_key(name) for name in names}
            found |= {tag.pk for tag in catalogue().tags(category) if tag.key in keys}
        return found

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        with known_once(), one_change():
            on, off = set(run.params.get("on", ())) | self._new(run), set(run.params.get("off", ()))
            tags = self._tags(on | off)
            locked = self._locked(ids)
            kept_out = refusals(self.record, locked, tags.values())
            ready = dict.fromkeys(sorted(locked - kept_out.keys()), (on, off))
            changed = exchange_tags(self.record, ready) if ready else {}
        return self._outcomes(
            ids,
            locked,
            kept_out,
            lambda pk: (
                done(pk, _ids(changed[pk][1]), _ids(changed[pk][0]))
                if pk in changed
                else unchanged(pk)
            ),
        )

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        was = {one.record_id: set(json.loads(one.before)) for one in rows}
        left = {one.record_id: set(json.loads(one.after)) for one in rows}
        with known_once(), one_change():
            known = catalogue().tags_by_id
            concerned = {pk: was[pk] | left[pk] for pk in was}
            every = set().union(*concerned.values())
            gone = why_gone(Removal.Kind.TAG, every - known.keys())
            locked = self._locked(was)
            tags = {pk: [known[one] for one in concerned[pk] if one in known] for pk in locked}
            kept_out = refusals_each(self.record, tags)
            carried = tags_of(self.holder, locked, Category.of_record(self.record), unseen=True)
            now = {
                pk: {tag.pk for tag in carried.get(pk, ())} & concerned[pk]
                for pk in locked - kept_out.keys()
            }
            back: dict[int, tuple[set[int], set[int]]] = {}
            for pk, current in now.items():
                if lost := sorted(concerned[pk] & gone.keys()):
                    kept_out[pk] = gone[lost[0]]
                elif current == left[pk] != was[pk]:
                    back[pk] = (was[pk] - current, current - was[pk])
            if back:
                exchange_tags(self.record, back)
        return self._outcomes(
            was,
            locked,
            kept_out,
            lambda pk: (
                done(pk, _ids(left[pk]), _ids(was[pk]))
                if pk in back
                else (unchanged(pk) if now[pk] == was[pk] else edited_since(pk))
            ),
        )

    # -- in words

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        known, every = catalogue().tags_by_id, catalogue().tags(*Category.of_record(self.record))
        new = [name for names in params.get("new", {}).values() for name in names]
        on = [called(known[pk], every) for pk in params.get("on", ())] + new
        off = [called(known[pk], every) for pk in params.get("off", ())]
        return {"on": ", ".join(on), "off": ", ".join(off)}

    def labelled(self, params: Mapping[str, Any]) -> str:
        said = []
        if on := self.named(params, "on"):
            said.append(_("add %(tags)s") % {"tags": on[:160]})
        if off := self.named(params, "off"):
            said.append(_("take off %(tags)s") % {"tags": off[:160]})
        return _("Tags: %(changes)s") % {"changes": "; ".join(said)}

    def said(self, run: BulkRun) -> str:
        return _("Tags of %(records)s changed") % {"records": self.counted(run.done)}


def _ids(tags: Iterable[int]) -> str:
    return as_text(sorted(tags))


# -- custom fields


class SetCustomValues(LabelAction):
    """``{"values": {field: value, or None to clear it}}``; numbers of fields and values as ``plain`` writes them."""

    label = gettext_lazy("Custom fields")

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        wanted = self._wanted(params)
        if not wanted:
            raise ValidationError(_("Give at least one field a value, or clear one."))
        for pk, value in wanted.items():
            field = catalogue().fields_by_id[pk]
            if value is None and field.required:
                problem = _("“%(field)s” is required, and cannot be cleared.")
                raise ValidationError(problem % {"field": field.name})

    def _wanted(self, params: Mapping[str, Any]) -> dict[int, Value]:
        """What to set, by field; raises ``ValidationError`` for a field that is gone or a value it cannot have."""
        known = catalogue().fields_by_id
        found = {}
        for key, value in params["values"].items():
            field = known.get(int(key))
            if field is None or field.record != self.record:
                raise ValidationError(_("This field is gone."))
            found[field.pk] = type_of(field).clean(field, value)
        return found

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        with known_once(), one_change():
            wanted = self._wanted(run.params)
            fields = [catalogue().fields_by_id[pk] for pk in wanted]
            locked = self._locked(ids)
            kept_out = refusals(self.record, locked, fields)
            ready = dict.fromkeys(sorted(locked - kept_out.keys()), wanted)
            moved = set_values(self.record, ready) if ready else {}
        return self._outcomes(
            ids,
            locked,
            kept_out,
            lambda pk: (
                done(
                    pk,
                    as_text({field: plain(one.old) for field, one in moved[pk].items()}),
                    as_text({field: plain(one.new) for field, one in moved[pk].items()}),
                )
                if pk in moved
                else unchanged(pk)
            ),
        )

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        was, left = ({row.record_id: _values(text) for row, text in texts} for texts in (
            [(row, row.before) for row in rows], [(row, row.after) for row in rows],
        ))  # fmt: skip
        with known_once(), one_change():
            known = catalogue().fields_by_id
            every = {field for values in was.values() for field in values}
            gone = why_gone(Removal.Kind.FIELD, every - known.keys())
            fields = {pk: known[pk] for pk in every if pk in known}
            locked = self._locked(was)
            having = {pk: [fields[one] for one in was[pk] if one in fields] for pk in locked}
            kept_out = refusals_each(self.record, having)
            stored = values_of(self.holder, locked, fields.values(), unseen=True)
            now = {
                pk: {field: plain(stored.get(pk, {}).get(field)) for field in was[pk]}
                for pk in locked - kept_out.keys()
            }
            lacking = self._lacking(fields, was.values(), run.user)
            back: dict[int, dict[int, Value]] = {}
            for pk, current in now.items():
                if lost := sorted(was[pk].keys() & gone.keys()):
                    kept_out[pk] = gone[lost[0]]
                elif current == left[pk] != was[pk]:
                    if any((field, as_text(value)) in lacking for field, value in was[pk].items()):
                        kept_out[pk] = _("What it had before does not exist any more.")
                    else:
                        back[pk] = was[pk]
            if back:
                set_values(self.record, back)
        return self._outcomes(
            was,
            locked,
            kept_out,
            lambda pk: (
                done(pk, as_text(left[pk]), as_text(was[pk]))
                if pk in back
                else (unchanged(pk) if now[pk] == was[pk] else edited_since(pk))
            ),
        )

    def _lacking(
        self, fields: Mapping[int, CustomField], states: Iterable[Mapping[int, Any]], user: Any
    ) -> set[tuple[int, str]]:
        """Of these values those that their fields cannot have any more: an option, a person or a contact is gone."""
        given = {(pk, as_text(value)): value for state in states for pk, value in state.items()}
        given = {
            key: value for key, value in given.items() if value is not None and key[0] in fields
        }
        lacking = set()
        for (pk, text), value in given.items():
            try:
                type_of(fields[pk]).clean(fields[pk], value)
            except ValidationError:
                lacking.add((pk, text))
        for kind, there in (
            (
                FieldType.USER,
                lambda ids: User.objects.filter(pk__in=ids).values_list("pk", flat=True),
            ),
            (FieldType.CONTACT, lambda ids: self.holder.names(sorted(ids), user)),
        ):
            named = {key: value for key, value in given.items() if fields[key[0]].type == kind}
            present = set(there(set(named.values()))) if named else set()
            lacking |= {key for key, value in named.items() if value not in present}
        return lacking

    # -- in words

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        wanted, known = self._wanted(params), catalogue().fields_by_id
        every = catalogue().fields(*Category.of_record(self.record))
        names = names_for(self.holder, [known[pk] for pk in wanted], [wanted], None)
        found = {}
        for pk, value in wanted.items():
            field = known[pk]
            found[f"{pk}"] = called(field, every)
            found[f"{pk}.value"] = (
                "" if value is None else type_of(field).show(field, value, names)[:80]
            )
        return found

    def labelled(self, params: Mapping[str, Any]) -> str:
        return ", ".join(self._shown(key, params) for key in _in_order(params))

    def _shown(self, key: str, params: Mapping[str, Any]) -> str:
        field, value = self.named(params, key), self.named(params, f"{key}.value")
        if params["values"][key] is None:
            return _("%(field)s: empty") % {"field": field}
        return _("%(field)s: %(value)s") % {"field": field, "value": value}

    def said(self, run: BulkRun) -> str:
        fields = ", ".join(self.named(run.params, key) for key in _in_order(run.params))
        values = {"fields": fields, "records": self.counted(run.done)}
        return _("%(fields)s of %(records)s set") % values


def _in_order(params: Mapping[str, Any]) -> list[str]:
    """JSON in a database has no order of its own."""
    return sorted(params["values"], key=int)


def _values(text: str) -> dict[int, Any]:
    return {int(field): value for field, value in json.loads(text).items()}


def plain(value: Value) -> Any:
    """A value as JSON holds it: alike for what is alike, and read back by its type's ``clean``."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
