"""Reading a mapping. ``docs/load.md`` describes the file.

Whatever is wrong with one is said when it is read, before any file is opened: where, what, and
what would be right.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts.statuses import WORDS
from deals.stages import Category
from imports.fields import COMPANY_ONLY, FIELDS, REQUIRED, Cell, Entity
from imports.label_names import CATEGORIES, LabelMap, label_named
from imports.mapping import KINDS, FieldMap, Mapping, Section, StageWord
from imports.reading import DELIMITERS, check_encoding, quoted
from settings.categories import Category as Labels
from settings.categories import FieldType
from settings.models.labels import NAME_LENGTH

BY = ("id", "name", "email")


def read_mapping(path: Path, *, encoding: str = "", delimiter: str = "") -> Mapping:
    """The mapping in this TOML file.

    ``encoding`` and ``delimiter`` are for files of which the mapping does not say them. Raises
    ``ValidationError`` naming the key and what would be right.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValidationError(
            _("The mapping %(file)s cannot be read: %(error)s.")
            % {"file": path, "error": error.strerror}
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValidationError(
            _("The mapping %(file)s is no TOML: %(error)s.") % {"file": path, "error": error}
        ) from error
    return parse_mapping(data, name=path.name, encoding=encoding, delimiter=delimiter)


def parse_mapping(
    data: dict[str, Any], *, name: str = "mapping", encoding: str = "", delimiter: str = ""
) -> Mapping:
    """As ``read_mapping``, of what the TOML file would hold."""
    return _Parser(name, {"encoding": encoding, "delimiter": delimiter}).mapping(data)


_SECTION_KEYS = ("file", "key", "fields", "repeated", "invalid_email", "skip", "exported", "only",
                 "custom_fields", "make_options")  # fmt: skip
_FILE_DEFAULTS = ("encoding", "delimiter", "decimal", "thousands", "date_format")


class _Parser:
    def __init__(self, name: str, options: dict[str, str]) -> None:
        self.name = name
        self.options = options

    def refuse(self, place: str, problem: str) -> NoReturn:
        raise ValidationError(
            _("%(file)s, %(place)s: %(problem)s")
            % {"file": self.name, "place": place, "problem": problem}
        )

    def known(self, data: dict[str, Any], known: Collection[str], place: str) -> None:
        for key in data:
            if key not in known:
                self.refuse(
                    place,
                    _("“%(key)s” is not known. Known are: %(known)s.")
                    % {"key": key, "known": ", ".join(known)},
                )

    def take(self, data: dict[str, Any], key: str, kind: type, place: str, default: Any) -> Any:
        value = data.get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            words = {str: _("a text"), bool: _("true or false"), int: _("a whole number"),
                     dict: _("a table")}  # fmt: skip
            self.refuse(
                place,
                _("“%(key)s” is to be %(kind)s.") % {"key": key, "kind": words.get(kind, kind)},
            )
        return value

    # -- the whole

    def mapping(self, data: dict[str, Any]) -> Mapping:
        self.known(data, ("source", *_FILE_DEFAULTS, "pipeline", *Entity), _("at the top"))
        source = self.take(data, "source", str, _("at the top"), "").strip()
        if not source or len(source) > 60:
            self.refuse(
                _("at the top"),
                _(
                    "“source” is to name where the files come from, in at most 60 characters: "
                    "records are known again under it."
                ),
            )
        sections = []
        for entity in Entity:
            given = data.get(entity, [])
            for number, table in enumerate(given if isinstance(given, list) else [given], start=1):
                place = f"[{entity}]" if number == 1 else f"[{entity}] {number}"
                if not isinstance(table, dict):
                    self.refuse(place, _("This is to be a table."))
                sections.append(self.section(entity, table, data, place))
        if not sections:
            self.refuse(
                _("at the top"),
                _("Nothing is mapped. Add one of: %(known)s.")
                % {"known": ", ".join(f"[{entity}]" for entity in Entity)},
            )
        pipeline = self.take(data, "pipeline", dict, _("at the top"), {})
        mapping = Mapping(source, tuple(sections), *self.pipeline(pipeline))
        if mapping.of(Entity.DEALS) and not mapping.stages:
            self.refuse(
                "[pipeline.stages]",
                _('Say what the stage words of the deals mean, as in Won = "won".'),
            )
        return mapping

    def pipeline(self, data: dict[str, Any]) -> tuple[str, tuple[StageWord, ...]]:
        self.known(data, ("name", "stages"), "[pipeline]")
        words = self.take(data, "stages", dict, "[pipeline]", {})
        stages = tuple(self.stage(word, given) for word, given in words.items())
        return self.take(data, "name", str, "[pipeline]", "").strip(), stages

    def stage(self, word: str, given: Any) -> StageWord:
        place = f"[pipeline.stages] {word}"
        data = given if isinstance(given, dict) else {"category": given}
        self.known(data, ("category", "name", "likelihood"), place)
        category = data.get("category")
        if category not in Category.values:
            self.refuse(
                place,
                _("“%(category)s” is no category. Categories are: %(known)s.")
                % {"category": category, "known": ", ".join(Category.values)},
            )
        name = self.take(data, "name", str, place, word).strip()
        won = 100 if category == Category.WON else 0
        likelihood = self.take(data, "likelihood", int, place, won)
        if not 0 <= likelihood <= 100 or not 0 < len(name) <= 120:
            self.refuse(
                place, _("A likelihood lies between 0 and 100, a name has 1 to 120 characters.")
            )
        return StageWord(word.strip(), category, name, likelihood)

    # -- a file

    def section(
        self, entity: Entity, table: dict[str, Any], top: dict[str, Any], place: str
    ) -> Section:
        self.known(table, (*_SECTION_KEYS, *_FILE_DEFAULTS), place)
        file = self.take(table, "file", str, place, "")
        if not file or Path(file).name != file:
            self.refuse(place, _("“file” is to be the name of a file in the folder."))
        key = table.get("key", [])
        key = (key,) if isinstance(key, str) else tuple(key)
        if not key and entity != Entity.DEAL_CONTACTS:
            self.refuse(
                place,
                _("“key” is to name the column, or columns, by which a row is known again."),
            )
        given = self.take(table, "fields", dict, place, {})
        make_options = self.take(table, "make_options", bool, place, False)
        labels = {name for name in given if label_named(entity, name)}
        self.known(
            {name: value for name, value in given.items() if name not in labels},
            (*FIELDS[entity], *self.label_examples(entity)),
            f"{place} fields",
        )
        fields = {
            name: self.field(FIELDS[entity][name], name, value, f"{place} fields, {name}")
            for name, value in given.items()
            if name not in labels
        }
        for names in REQUIRED[entity]:
            if not any(name in fields for name in names):
                self.refuse(
                    f"{place} fields",
                    _("%(names)s is missing.") % {"names": " / ".join(map(quoted, names))},
                )
        invalid_email = self.take(table, "invalid_email", str, place, "reject")
        if invalid_email not in ("reject", "drop"):
            self.refuse(place, _("“invalid_email” is to be reject or drop."))
        return Section(
            entity, file, key, fields,
            skip=self.take(table, "skip", int, place, 0),
            repeated=self.take(table, "repeated", bool, place, False),
            drop_invalid_email=invalid_email == "drop",
            exported=self.exported(entity, table, place),
            only=self.only(table, place),
            labels=self.labels(entity, {name: given[name] for name in given if name in labels},
                               place, make_options=make_options),
            custom_fields=self.take(table, "custom_fields", bool, place, False),
            make_options=make_options,
            **self.file_defaults(table, top, place),
        )  # fmt: skip

    @staticmethod
    def label_examples(entity: Entity) -> tuple[str, ...]:
        """How tags and custom fields are written, among what is known."""
        categories = CATEGORIES[entity]
        short = ("tags", "customer_tags")[: len(categories)]
        return (*short, *(f"{category.value}:…" for category in categories))

    def labels(
        self, entity: Entity, given: dict[str, Any], place: str, *, make_options: bool
    ) -> tuple[LabelMap, ...]:
        found: dict[tuple[str, str], LabelMap] = {}
        for text, value in given.items():
            named = label_named(entity, text)
            assert named is not None
            where = f"{place} fields, {text}"
            one = self.label(text, *named, value, where, make_options=make_options)
            if one.identity in found:
                self.refuse(where, _("It is mapped twice."))
            found[one.identity] = one
        return tuple(found.values())

    def label(
        self, text: str, category: Labels, name: str, value: Any, place: str, *, make_options: bool
    ) -> LabelMap:
        data = {"column": value} if isinstance(value, str) else value
        if not isinstance(data, dict):
            self.refuse(place, _("This is to be the name of a column, or a table."))
        data = dict(data)
        keys = ["column", "columns", "join", "value", "default", "words"]
        keys += ["format", "by", "kind", "type", "make_options"] if name else []
        self.known(data, keys, place)
        if name and len(name) > NAME_LENGTH:
            self.refuse(
                place, _("A name has at most %(number)d characters.") % {"number": NAME_LENGTH}
            )
        type = self.one_of(data, "type", FieldType.values, "", place) if "type" in data else ""
        make = self.take(data, "make_options", bool, place, make_options)
        for key in ("type", "make_options"):
            data.pop(key, None)
        by = self.one_of(data, "by", BY, "", place) if "by" in data else ""
        if not {"column", "columns", "value"} & data.keys():
            data["column"] = text
        form = data.pop("format", None)
        mapped = self.field(Cell.CONTACT, "", {**data, "by": by or "id"}, place)
        mapped = replace(mapped, by=by, form=form)
        return LabelMap(category, name, mapped, type, make)

    def exported(self, entity: Entity, table: dict[str, Any], place: str) -> bool:
        exported: bool = self.take(table, "exported", bool, place, False)
        if exported and entity == Entity.DEAL_CONTACTS:
            self.refuse(place, _("There are no exports of who is on a deal."))
        return exported

    def only(self, table: dict[str, Any], place: str) -> tuple[str, str] | None:
        if "only" not in table:
            return None
        only = self.take(table, "only", dict, place, {})
        self.known(only, ("column", "is"), f"{place} only")
        values = [self.take(only, key, str, f"{place} only", "") for key in ("column", "is")]
        if not all(values):
            self.refuse(f"{place} only", _("Name a “column” and what “is” to stand in it."))
        return values[0], values[1]

    def file_defaults(
        self, table: dict[str, Any], top: dict[str, Any], place: str
    ) -> dict[str, str]:
        values = {}
        for name in _FILE_DEFAULTS:
            default = self.take(top, name, str, _("at the top"), self.options.get(name, ""))
            values[name] = self.take(table, name, str, place, default)
        values["decimal"] = values["decimal"] or "."
        if values["delimiter"] and values["delimiter"] not in DELIMITERS:
            self.refuse(
                place,
                _("“delimiter” is to be a comma, a semicolon, a tab or a bar (|)."),
            )
        if values["decimal"] not in ".," or values["thousands"] == values["decimal"]:
            self.refuse(place, _("“decimal” is to be a point or a comma, “thousands” another."))
        if values["encoding"]:
            check_encoding(values["encoding"])
        return values

    # -- a field

    def field(self, cell: Cell, name: str, value: Any, place: str) -> FieldMap:
        if isinstance(value, str):
            value = {"column": value}
        if isinstance(value, list) and value and cell == Cell.CONTACT:
            first = self.field(cell, name, value[0], place)
            rest = self.field(cell, name, value[1:], place) if value[1:] else None
            return replace(first, otherwise=rest)
        if not isinstance(value, dict):
            self.refuse(place, _("This is to be the name of a column, or a table."))
        keys = ["column", "columns", "join", "value", "default", "words"]
        keys += {"day": ["format"], "beginning": ["format"], "ending": ["format"]}.get(cell, [])
        keys += ["by", "kind"] if cell == Cell.CONTACT else []
        keys += ["by"] if cell == Cell.DEAL else []
        keys += ["date", "date_column", "format"] if cell == Cell.STATUS else []
        self.known(value, keys, place)
        columns = value.get("columns", [value["column"]] if "column" in value else [])
        if not columns and "value" not in value:
            self.refuse(place, _("Name its column."))
        default = str(value.get("value", value.get("default", ""))).strip()
        return FieldMap(
            columns=tuple(columns),
            join=self.take(value, "join", str, place, " "),
            default=default,
            words=self.words(cell, name, value, place),
            form=value.get("format"),
            by=self.one_of(value, "by", BY if cell != Cell.DEAL else BY[:2], "id", place),
            kinds=self.kinds(name, value, place),
            date_column=self.take(value, "date_column", str, place, ""),
            date=self.date(value, place),
        )

    def one_of(
        self, data: dict[str, Any], key: str, known: Collection[str], default: str, place: str
    ) -> str:
        value: str = data.get(key, default)
        if value not in known:
            self.refuse(
                place,
                _("“%(key)s” is to be one of: %(known)s.")
                % {"key": key, "known": ", ".join(known)},
            )
        return value

    def kinds(self, name: str, data: dict[str, Any], place: str) -> tuple[str, ...]:
        allowed = ("company",) if name in COMPANY_ONLY else KINDS
        return (self.one_of(data, "kind", allowed, "", place),) if "kind" in data else allowed

    def words(self, cell: Cell, name: str, data: dict[str, Any], place: str) -> dict[str, str]:
        words = self.take(data, "words", dict, place, {})
        words = {str(word): str(meaning) for word, meaning in words.items()}
        if cell == Cell.STATUS:
            values = WORDS[name.removesuffix("_status")].values
            for word, meaning in words.items():
                if meaning and meaning not in values:
                    self.refuse(
                        place,
                        _('“%(word)s” is to mean one of %(values)s, or "" for nothing.')
                        % {"word": word, "values": ", ".join(values)},
                    )
        return words

    def date(self, data: dict[str, Any], place: str) -> date | None:
        value = data.get("date")
        if value is not None and not isinstance(value, date | datetime):
            self.refuse(place, _("“date” is to be a date without quotation marks."))
        return value
