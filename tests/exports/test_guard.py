"""The apostrophe before texts that a spreadsheet would take for a formula."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.exports.guard import guarded, looks_like_formula, unguarded

TROUBLE = st.text(alphabet="'\"=+-@ \t\r\n;\x00\u00a0\u200b\u202e＝−aA1", max_size=9)


@given(TROUBLE | st.text())
def test_taking_the_guard_off_gives_back_what_was_written(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(TROUBLE)
def test_no_cell_begins_with_a_formula_whatever_separates_cells(text: str) -> None:
    for cell in re.split("[;\t\r\n]", guarded(text)):
        assert not re.match(r'[\s\x00"\u200b\u202e]*[=+\-@＝−]', cell)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-5", "'-5"),
        ("@home", "'@home"),
        ("  =1", "'  =1"),
        ("\u200b=1", "'\u200b=1"),
        ("＝1", "'＝1"),
        ("'=1", "''=1"),
        ("\tx", "'\tx"),
        ("\x00x", "'\x00x"),
        ("a;=1", "a;'=1"),
        ("a\n- b", "a\n'- b"),
    ],
)
def test_text_that_would_be_a_formula_gets_an_apostrophe(text: str, safe: str) -> None:
    assert guarded(text) == safe


@pytest.mark.parametrize(
    "text", ["", "Ada", "O'Brien", "'t Hart", "a-b", "1=1", "a; b", "''", "007"]
)
def test_text_that_is_no_formula_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text
    assert not looks_like_formula(text)


@pytest.mark.parametrize("text", ["O'Brien", "'t Hart", "it's; 'so'"])
def test_apostrophe_that_guards_nothing_is_not_taken_off(text: str) -> None:
    assert unguarded(text) == text
