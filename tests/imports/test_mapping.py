"""Mappings: what is wrong with one is said before a file is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from imports.fields import Entity
from imports.parsing import parse_mapping, read_mapping
from tests.imports.files import COMPANIES, DEALS, LINKS, MAPPINGS, PEOPLE, STAGES, with_fields

GOOD: dict[str, Any] = {
    "source": "test",
    "pipeline": {"stages": STAGES},
    "companies": COMPANIES,
    "people": PEOPLE,
    "deals": DEALS,
}


def test_good_mapping_is_read() -> None:
    mapping = parse_mapping(GOOD, delimiter=";")
    assert [section.entity for section in mapping.sections] == ["companies", "people", "deals"]
    assert mapping.of(Entity.PEOPLE)[0].columns() == ["id", "first", "last", "email", "company"]
    assert mapping.sections[0].delimiter == ";"
    assert not mapping.refers_by("name")


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_mappings_are_good(path: Path) -> None:
    assert read_mapping(path).sections


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": ""}, "at the top: “source”"),
        ({"contacts": {}}, "at the top: “contacts” is not known"),
        ({"companies": 3}, r"\[companies\]: This is to be a table"),
        ({"companies": COMPANIES | {"file": "../x.csv"}}, r"\[companies\]: “file”"),
        ({"companies": COMPANIES | {"key": []}}, r"\[companies\]: “key”"),
        ({"companies": COMPANIES | {"colour": "red"}}, r"\[companies\]: “colour” is not known"),
        ({"companies": COMPANIES | {"fields": {}}}, r"\[companies\] fields: “name” is missing"),
        ({"companies": COMPANIES | {"encoding": "klingon"}}, "no encoding"),
        ({"companies": COMPANIES | {"delimiter": "x"}}, "“delimiter”"),
        ({"companies": COMPANIES | {"decimal": ",", "thousands": ","}}, "“decimal”"),
        ({"companies": with_fields(COMPANIES, nmae="x")}, "fields: “nmae” is not known.*name,"),
        ({"companies": with_fields(COMPANIES, name={})}, "fields, name: Name its column"),
        ({"companies": with_fields(COMPANIES, name=["a", "b"])}, "fields, name: This is to be"),
        (
            {"people": with_fields(PEOPLE, company={"column": "c", "by": "phone"})},
            "fields, company: “by” is to be one of: id, name, email",
        ),
        (
            {"people": with_fields(PEOPLE, company={"column": "c", "kind": "person"})},
            "fields, company: “kind” is to be one of: company",
        ),
        (
            {"people": with_fields(PEOPLE, customer_status={"column": "c", "words": {"x": "y"}})},
            "fields, customer_status: “x” is to mean one of none, current, past",
        ),
        ({"people": PEOPLE | {"invalid_email": "keep"}}, "“invalid_email”"),
        ({"people": PEOPLE | {"exported": "yes"}}, "“exported” is to be true or false"),
        ({"deal_contacts": LINKS | {"exported": True}}, "no exports of who is on a deal"),
        ({"people": PEOPLE | {"only": "kind"}}, "“only” is to be a table"),
        ({"people": PEOPLE | {"only": {"column": "kind"}}}, "what “is” to stand in it"),
        ({"people": PEOPLE | {"only": {"colum": "kind"}}}, "only: “colum” is not known"),
        ({"pipeline": {}}, r"\[pipeline.stages\]"),
        ({"pipeline": {"stages": {"Won": "sold"}}}, "stages. Won: “sold” is no category"),
        (
            {"pipeline": {"stages": {"Won": {"category": "won", "likelihood": 101}}}},
            "between 0 and 100",
        ),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        parse_mapping(GOOD | change)


def test_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    with pytest.raises(ValidationError, match="cannot be read"):
        read_mapping(path)
    path.write_text("source = ")
    with pytest.raises(ValidationError, match="is no TOML"):
        read_mapping(path)
