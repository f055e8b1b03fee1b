"""Finding records by what people type, as they type it.

What is typed is parted at its blanks. Each piece must be somewhere in a record's ``search_key``,
in any order. Where that finds nothing among the rows that are searched, and only there, a word of
five letters or more may have one letter wrong: another one, one missing, one too many, or two
neighbours swapped.

Which words come near a mistyped one is asked of a vocabulary, the words of all search keys. It
may hold words that nobody has any more, and words of records that the user may not see: they are
only proposals, and what is found is found among the rows that are searched.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import batched
from typing import Any, NamedTuple

from django.db import connection, connections, models
from django.db.models import F, Q
from django.db.models.lookups import Contains, Regex

from contacts.keys import KeyField, OwnWords, digits, fold, part

LONGEST_WORD = 40
# Fewer have so many neighbours that a guess is worth nothing.
FORGIVEN_FROM = 5
# Nobody types more to find a contact, and databases do not take any number of conditions.
MOST_PIECES, LONGEST_TEXT = 50, 1_000
MOST_MISTYPED = 8
MOST_ALTERNATIVES = 50
# Up to so many rows are looked up by their ids from then on.
FEW = 500
# How many rows a list may pass until its first page is full.
PASSED, PAGE = 3_000, 50
_AFTER_ALL = "\U0010ffff"

Lift = Callable[[Q], Q]


class SearchWord(models.Model):
    """A word of a search key, and the same backwards, so that its end can be looked up too.

    Two transactions may both add a word, which does no harm; being told apart by a constraint,
    one would have to wait for the other.
    """

    word = KeyField(max_length=LONGEST_WORD)
    reversed = KeyField(max_length=LONGEST_WORD)

    class Meta:
        indexes = [
            # Words with the same beginning, and with the same end, as a mistyped one.
            models.Index(fields=["word"], name="searchword_by_word"),
            models.Index(fields=["reversed"], name="searchword_by_reversed"),
        ]

    def __str__(self) -> str:
        return self.word


def vocabulary_of(*search_keys: str) -> set[str]:
    """The words of search keys that somebody might mistype: letters alone, four or more."""
    shortest = FORGIVEN_FROM - 1
    return {
        word
        for word in set(" ".join(search_keys).split())
        if shortest <= len(word) <= LONGEST_WORD and _is_of_letters(word)
    }


def _is_of_letters(word: str) -> bool:
    # Vowel signs of some scripts are marks, which are no letters to Python.
    if word.isalpha() or word.isascii():
        return word.isalpha()
    return all(unicodedata.category(char)[0] in "LM" for char in word)


def remember_words(words: Iterable[str]) -> None:
    """Add those of these words to the vocabulary that it lacks, in one statement for few."""
    for batch in batched(sorted(set(words)), 500):
        values = ", ".join(["(%s, %s)"] * len(batch))
        with connection.cursor() as cursor:
            cursor.execute(
                f"""INSERT INTO contacts_searchword (word, reversed)
                WITH given (word, reversed) AS (VALUES {values})
                SELECT word, reversed FROM given WHERE NOT EXISTS
                    (SELECT 1 FROM contacts_searchword known WHERE known.word = given.word)
                ORDER BY word""",  # noqa: S608
                [text for word in batch for text in (word, word[::-1])],
            )


# -- what is typed


class Piece(NamedTuple):
    """What stands between two blanks: its words, and its digits if it looks like a number."""

    words: str
    number: str

    @property
    def condition(self) -> Q:
        condition = _holds(self.words)
        if self.number and self.number != self.words:
            condition |= Q(search_key__contains=self.number)
        return condition


def pieces_of(text: str) -> list[Piece]:
    """The pieces of a text, each once; those that are nothing but punctuation are left out."""
    found: dict[Piece, None] = {}
    for typed in text.split():
        folded = fold(typed)
        is_number = not any(char.isalpha() for char in folded)
        if words := part(folded):
            found[Piece(words, digits(folded) if is_number else "")] = None
    return list(found)


def _holds(words: str) -> Q:
    """Somewhere in the key; one or two letters at the beginning of a word.

    Within words these say little, and no index leads to them.
    """
    is_short = len(words) < 3 and words.isascii() and words.isalpha()
    return Q(search_key__contains=f" {words}" if is_short else words)


# -- what may have been meant


def alternatives_to(words: Iterable[str]) -> dict[str, list[str]]:
    """For each of these words, the words of the vocabulary that are one letter away from it."""
    condition = Q()
    for word in words:
        # Whichever letter is wrong, one half of the word is right; unless two were swapped.
        begin, end = _halves(word)
        backwards = end[::-1]
        condition |= Q(word__gte=begin, word__lt=begin + _AFTER_ALL)
        condition |= Q(reversed__gte=backwards, reversed__lt=backwards + _AFTER_ALL)
        condition |= Q(word__in=_swapped(word))
    if not condition:
        return {}
    known = set(SearchWord.objects.filter(condition).values_list("word", flat=True))
    return {
        word: sorted(other for other in known if is_one_letter_away(word, other))[
            :MOST_ALTERNATIVES
        ]
        for word in words
    }


def _halves(word: str) -> tuple[str, str]:
    middle = len(word) // 2
    return word[:middle], word[middle:]


def _swapped(word: str) -> set[str]:
    return {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)} - {
        word
    }


def is_one_letter_away(word: str, other: str) -> bool:
    """Whether one letter replaced, missing, too many or swapped with the next tells them apart.

    Of the two, the longer has to be long enough to be forgiven.
    """
    if len(word) < len(other):
        word, other = other, word
    if len(word) < FORGIVEN_FROM or len(word) - len(other) > 1 or word == other:
        return False
    at = next((at for at, char in enumerate(other) if char != word[at]), len(other))
    if len(word) > len(other):
        return word[at + 1 :] == other[at:]
    swapped = word[at : at + 2] == other[at : at + 2][::-1] and word[at + 2 :] == other[at + 2 :]
    return swapped or word[at + 1 :] == other[at + 1 :]


def _is_one_of(word: str, alternatives: Sequence[str]) -> Q:
    """One of the alternatives as a whole word, so that only rows that have it are found."""
    begin, end = _halves(word)
    # What they share is looked for first: few rows have to be compared with each of them.
    shared = {
        f" {begin}" if one.startswith(begin) else f"{end} " if one.endswith(end) else f" {one} "
        for one in alternatives
    }
    condition = Q()
    for text in sorted(shared):
        condition |= Q(search_key__contains=text)
    return condition & Q(search_key__regex=f" ({'|'.join(alternatives)}) ")


def in_own_words(condition: Q) -> Q:
    """The same of a search key without the words of the company; for the conditions made here."""
    found = Q(_connector=condition.connector, _negated=condition.negated)
    children: list[Any] = condition.children
    for child in children:
        made: Any
        if isinstance(child, Q):
            made = in_own_words(child)
        else:
            path, text = child
            lookup = {"search_key__contains": Contains, "search_key__regex": Regex}[path]
            made = lookup(OwnWords("search_key"), text)
        found.children.append(made)
    return found


# -- finding


def search[Rows: models.QuerySet](
    rows: Rows, text: str, lift: Lift = lambda condition: condition
) -> Rows:
    """Those of ``rows`` that ``text`` finds; all of them for a blank text.

    ``lift`` makes a condition on these rows of one on ``search_key``. Asks the database at once:
    whether anything is found decides what is looked for.
    """
    if not text.strip() or rows.query.is_empty():
        return rows
    pieces = pieces_of(text)
    if not 0 < len(pieces) <= MOST_PIECES or len(text) > LONGEST_TEXT:
        return rows.none()
    condition = Q()
    for piece in pieces:
        condition &= lift(piece.condition)
    ids = _some(rows, condition)
    guessed = None if ids else _nearly(pieces, lift)
    if guessed:
        condition = guessed
        ids = _some(rows, condition)
    if not ids:
        return rows.none()
    found = rows.filter(condition)
    if len(ids) <= FEW:
        return found.filter(pk__in=ids)
    if not guessed and _fill_a_page_soon(rows, condition):
        return found
    # Left alone, both databases would walk along the order of the list, expecting to meet
    # everybody called Young before long.
    if connections[rows.db].vendor == "postgresql":
        # Always true, and thought to be true for hardly a row.
        return found.filter(pk=F("pk") + 0).filter(pk=F("pk") - 0)
    same = rows.model._base_manager.filter(condition).order_by()
    return rows.filter(pk__in=same.values("pk"))


def _nearly(pieces: Iterable[Piece], lift: Lift) -> Q | None:
    """With one letter wrong in some words; None where no word comes near any of them."""
    words = {word: None for piece in pieces if not piece.number for word in piece.words.split()}
    mistyped = [word for word in words if word in vocabulary_of(word)]
    mistyped = sorted(mistyped, key=len, reverse=True)[:MOST_MISTYPED]
    alternatives = alternatives_to(mistyped)
    if not any(alternatives.values()):
        return None
    condition = Q()
    for word in words:
        found = _holds(word)
        if alternatives.get(word):
            found |= _is_one_of(word, alternatives[word])
        condition &= lift(found)
    for piece in pieces:
        if piece.number:
            condition &= lift(piece.condition)
        elif " " in piece.words:
            condition &= lift(_apart_if_mistyped(piece, alternatives))
    return condition


def _apart_if_mistyped(piece: Piece, alternatives: Mapping[str, Sequence[str]]) -> Q:
    """What was typed together stands apart only in a record that has one of the alternatives itself.

    Otherwise a word that only a hidden record has would let others be found.
    """
    found = piece.condition
    for word in piece.words.split():
        if alternatives.get(word):
            found |= _is_one_of(word, alternatives[word])
    return found


def _some(rows: models.QuerySet, condition: Q) -> list[Any]:
    """Ids of rows that are found, at most one more than few; in no order, which would cost."""
    return list(rows.filter(condition).order_by().values_list("pk", flat=True)[: FEW + 1])


def _fill_a_page_soon(rows: models.QuerySet, condition: Q) -> bool:
    """Whether a list, walked along, meets a page of what is found among its first rows."""
    first = rows.model._base_manager.order_by(*rows.model._meta.ordering)[:PASSED]
    met = rows.filter(condition, pk__in=first.values("pk")).order_by()
    return len(met.values_list("pk")[:PAGE]) == PAGE
