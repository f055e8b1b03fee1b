"""Searching as one types: every beginning of names, addresses, numbers and companies.

The limit is given in seconds. Beside it stands the best SQL for the same answer, written by hand:
it is given for nothing which of its plans is the fastest for each text, and, where a letter is
wrong, which words were meant.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import median, quantiles
from typing import Any

from django.test import Client

from benchmarks import data
from benchmarks.measure import Result
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Raw, Store
from contacts.models import Contact
from contacts.words import alternatives_to, pieces_of, vocabulary_of
from crm.accounts.models import User

SECONDS = {"postgresql": 0.1, "sqlite": 0.25}
TEXTS = 240
ROUNDS = 3
PAGE = 50
# Of a thousand people, how many are called so: some names are common, and stand together in the
# order of the list, at its end too.
COMMON = {"Zhang": 70, "Nguyen": 40, "Jensen": 30, "Young": 10, "Schmidt": 7, "Weber": 3, "Ames": 2}


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    contacts = sizes.recount
    data.fill(store, "search", contacts)
    raw = store.raw("search")
    _give_common_names(raw)
    data.settle(raw)
    size = f"{shown(contacts)} contacts"
    texts = _typed(raw)
    by_hand = ByHand(raw)
    limit = SECONDS[store.vendor]
    searches: list[float] = []
    best: list[float] = []
    for text in texts:
        found = _first_page(text)
        statement = by_hand.fastest(text, found)
        times = [
            (_seconds(_first_page, text), _seconds(raw.rows, *statement)) for _ in range(ROUNDS)
        ]
        searches.append(median(product for product, _limit in times))
        best.append(median(limit for _product, limit in times))
    what = f"search as one types ({len(texts)} texts)"
    yield Result(f"{what}, 95th percentile", store.vendor, size, _p95(searches), limit, 1)
    yield Result(f"{what}, together", store.vendor, size, sum(searches), sum(best), 10)
    client = Client()
    client.force_login(User.objects.get(pk=1))

    def options(text: str) -> None:
        assert client.get("/contacts/options/", {"q": text}).status_code == 200

    options("a")
    choices = [median(_seconds(options, text) for _ in range(ROUNDS)) for text in texts]
    yield Result("choosing a contact, 95th percentile", store.vendor, size, _p95(choices), limit, 1)
    raw.close()
    store.drop("search")


def _seconds(step: Callable[..., object], *given: Any) -> float:
    # Thousands of short steps: tidying up before each would take most of the time.
    began = time.perf_counter()
    step(*given)
    return time.perf_counter() - began


def _p95(times: Sequence[float]) -> float:
    return quantiles(times, n=20)[-1]


def _first_page(text: str) -> list[int]:
    """The ids of the first page, as a list picks them."""
    found = Contact.objects.visible_to(User(is_active=True)).matching(text)
    return list(found.order_by("sort_key", "pk").values_list("pk", flat=True)[:PAGE])


def _give_common_names(raw: Raw) -> None:
    """In front of the last names that people have; only what search and order go by follows."""
    first = 0
    with raw.transaction():
        for name, share in COMMON.items():
            key = name.lower()
            raw.run(
                f"""UPDATE contacts_contact SET last_name = '{name} ' || last_name,
                    sort_key = '{key} ' || sort_key, search_key = ' ' || lower(first_name)
                    || ' {key}' || substr(search_key, length(first_name) + 2)
                WHERE NOT is_organization AND id % 1000 >= {first} AND id % 1000 < {first + share}"""
            )
            first += share
        words = [(name.lower(), name.lower()[::-1]) for name in COMMON]
        raw.run_many("INSERT INTO contacts_searchword (word, reversed) VALUES (?, ?)", words)


def _typed(raw: Raw) -> list[str]:
    """Every beginning of what is typed to find some contacts, and to find nobody."""
    rng = Random(data.SEED)
    (last,) = raw.rows("SELECT MAX(id) FROM contacts_contact")[0]
    texts = []
    for number in range(48):
        pk = rng.randint(last // 5 + 1, last)
        ((first_name, last_name, email, phone, employer),) = raw.rows(
            """SELECT c.first_name, c.last_name, c.email, c.phone, COALESCE(e.name, 'Nobody')
            FROM contacts_contact c LEFT JOIN contacts_contact e ON e.id = c.company_id
            WHERE c.id = ?""",
            [pk],
        )
        texts.append(
            (
                f"{first_name} {last_name}",
                f"{last_name} {first_name}",
                last_name,
                _mistyped(rng, last_name),
                email,
                phone,
                f"{employer} {first_name}",
                rng.choice(("xq", "qqqq", "Vladivostok", "o'x", "99 99 99 99")),
            )[number % 8]
        )
    texts += COMMON
    texts += [_mistyped(rng, name) for name in COMMON]
    beginnings = {text[: end + 1] for text in texts for end in range(len(text))}
    found = sorted(text for text in beginnings if pieces_of(text))
    return sorted(rng.sample(found, TEXTS))


def _mistyped(rng: Random, text: str) -> str:
    at = rng.randrange(1, len(text) - 1)
    return rng.choice(
        (
            text[:at] + "x" + text[at + 1 :],
            text[:at] + text[at + 1 :],
            text[:at] + "e" + text[at:],
            text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :],
        )
    )


class ByHand:
    """The statements that somebody would write who knows the answer's size beforehand."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def fastest(self, text: str, found: list[int]) -> tuple[str, list[str]]:
        """Of the ways to write it, all of which must give ``found``, the fastest here."""
        ways = [*self._ways(text)]
        for statement, parameters in ways:
            rows = [pk for (pk,) in self.raw.rows(statement, parameters)]
            assert rows == found, (text, statement, parameters, rows, found)
        return min(ways, key=lambda way: _seconds(self.raw.rows, *way))

    def _ways(self, text: str) -> Iterator[tuple[str, list[str]]]:
        condition, parameters = self._exact(text)
        if not self._rows(condition, parameters):
            condition, parameters = self._nearly(text)
        chosen = f"SELECT id FROM contacts_contact WHERE {condition}"
        # Along the order of the list; or all that match, and then their order.
        for statement in (
            f"{chosen} ORDER BY sort_key, id",
            f"{chosen} ORDER BY sort_key || '', id",
            f"SELECT id FROM contacts_contact WHERE id IN ({chosen}) ORDER BY sort_key, id",
        ):
            yield f"{statement} LIMIT {PAGE}", parameters

    def _rows(self, condition: str, parameters: list[str]) -> bool:
        statement = f"SELECT 1 FROM contacts_contact WHERE {condition} LIMIT 1"
        return bool(self.raw.rows(statement, parameters))

    def _exact(self, text: str) -> tuple[str, list[str]]:
        conditions, parameters = ["1 = 1"], []
        for piece in pieces_of(text):
            short = len(piece.words) < 3 and piece.words.isalpha()
            needles = [f" {piece.words}" if short else piece.words]
            if piece.number and piece.number != piece.words:
                needles.append(piece.number)
            conditions.append(f"({' OR '.join(['search_key LIKE ?'] * len(needles))})")
            parameters += [f"%{needle}%" for needle in needles]
        return " AND ".join(conditions), parameters

    def _nearly(self, text: str) -> tuple[str, list[str]]:
        conditions, parameters = ["1 = 1"], []
        for piece in pieces_of(text):
            for word in piece.words.split():
                short = len(word) < 3 and word.isalpha()
                needles = [f" {word}" if short else word]
                meant = alternatives_to([word])[word] if word in vocabulary_of(word) else []
                if self.raw.vendor == "postgresql" and meant:
                    conditions.append("(search_key LIKE ? OR search_key ~ ?)")
                    parameters += [f"%{needles[0]}%", f" ({'|'.join(meant)}) "]
                    continue
                needles += [f" {one} " for one in meant]
                conditions.append(f"({' OR '.join(['search_key LIKE ?'] * len(needles))})")
                parameters += [f"%{needle}%" for needle in needles]
        return " AND ".join(conditions), parameters
