"""The table of OWASP ASVS requirements: whole, and pointing to tests that are there."""

from __future__ import annotations

import ast
import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

ROOT = Path(settings.BASE_DIR)
with (ROOT / "docs" / "asvs.csv").open(newline="") as file:
    ROWS = list(csv.DictReader(file))
# How many of level 1 and of level 2 each chapter of version 5.0.0 has.
CHAPTERS = {
    "V1": (8, 19), "V2": (4, 7), "V3": (8, 11), "V4": (2, 8), "V5": (4, 5), "V6": (13, 22),
    "V7": (6, 12), "V8": (4, 3), "V9": (4, 3), "V10": (5, 24), "V11": (3, 11), "V12": (3, 6),
    "V13": (1, 12), "V14": (2, 7), "V15": (3, 10), "V16": (0, 16), "V17": (0, 7),
}  # fmt: skip


@cache
def functions_of(name: str) -> frozenset[str]:
    path = ROOT / name
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_each_requirement_of_levels_1_and_2_stands_there_once() -> None:
    ids = [row["requirement"] for row in ROWS]
    assert len(ids) == len(set(ids)) == 253
    assert Counter(row["level"] for row in ROWS) == {"1": 70, "2": 183}
    for chapter, (first, second) in CHAPTERS.items():
        levels = [row["level"] for row in ROWS if row["requirement"].split(".")[0] == chapter]
        assert (levels.count("1"), levels.count("2")) == (first, second), chapter


def test_requirements_stand_in_their_order() -> None:
    numbers = [tuple(map(int, re.findall(r"\d+", row["requirement"]))) for row in ROWS]
    assert all(len(number) == 3 for number in numbers)
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("row", ROWS, ids=[row["requirement"] for row in ROWS])
def test_a_requirement_is_shown_by_tests_that_are_there_or_says_why_not(
    row: dict[str, str],
) -> None:
    assert row["gist"]
    assert row["status"] in ("met", "not applicable", "not met")
    tests = row["tests"].split()
    for one in tests:
        path, _, name = one.partition("::")
        assert name in functions_of(path), f"{one} is not there"
    if row["status"] == "met":
        assert tests or "docs/" in row["note"] or ".md" in row["note"]
    else:
        assert row["note"]


@pytest.mark.parametrize("row", ROWS, ids=[row["requirement"] for row in ROWS])
def test_documents_and_tests_that_a_note_names_are_there(row: dict[str, str]) -> None:
    for path, heading in re.findall(r"((?:docs/)?[\w-]+\.md)(?:, ([A-Z][\w ]+))?", row["note"]):
        assert (ROOT / path).is_file(), path
        if heading:
            headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), flags=re.MULTILINE)
            assert heading in headings, f"{path} has no “{heading}”"
    for path, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", row["note"]):
        assert (ROOT / path).is_file(), path
        assert not name or name in functions_of(path), name


def test_the_page_about_the_table_counts_right() -> None:
    page = (ROOT / "docs" / "asvs.md").read_text()
    for status, number in Counter(row["status"] for row in ROWS).items():
        assert f"| {status} | {number} |" in page
    unmet = {row["requirement"] for row in ROWS if row["status"] == "not met"}
    assert set(re.findall(r"^\| (V[\d.]+) \|", page, flags=re.MULTILINE)) == unmet
