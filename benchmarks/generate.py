"""Generates files to load: companies.csv, people.csv, deals.csv, deal_contacts.csv, mapping.toml.

    python benchmarks/generate.py FOLDER [--contacts 100000] [--deals 50000] [--links 25000] [--seed 1]

One contact in five is a company, one in twenty-five of those has a parent; one person in ten has
no company. Two deals in five have a company as their main contact. The same seed gives the same
files, byte by byte, on any machine. Imports nothing but the standard library.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

FIRST = (
    "Anna", "Björn", "Chloé", "Dmitri", "Élodie", "Farid", "Greta", "Håkon", "Ines", "Jürgen",
    "Katja", "Luca", "Mireille", "Nils", "Oya", "Paul", "Quentin", "Rosa", "Søren", "Tariq",
    "Ursula", "Vera", "Wim", "Xenia", "Yusuf", "Zoë",
)  # fmt: skip
LAST = (
    "Abel", "Bauer", "Castro", "Dupont", "Eriksen", "Fischer", "García", "Huber", "Ivanov",
    "Jansen", "Keller", "Lefèvre", "Müller", "Novák", "Olsen", "Petit", "Quist", "Rossi",
    "Schäfer", "Toussaint", "Ulrich", "Vogel", "Weiß", "Xu", "Yılmaz", "Zeller",
)  # fmt: skip
WORDS = (
    "Alpen", "Blau", "Cobalt", "Delta", "Eisen", "Flux", "Granit", "Helio", "Isar", "Jura",
    "Kronos", "Lumen", "Mosel", "Nova", "Orbis", "Pinta", "Quarz", "Rhein", "Silva", "Terra",
    "Umbra", "Vento", "Wald", "Xylo", "Ypsilon", "Zenit",
)  # fmt: skip
FORMS = ("GmbH", "AG", "SARL", "Ltd", "& Söhne", "KG", "SA", "OHG")
INDUSTRIES = ("Software", "Retail", "Medical", "Finance", "Energy", "Transport", "Education")
CITIES = ("Köln", "Genève", "Wien", "Lyon", "Zürich", "Hamburg", "Bruxelles", "Leipzig")
# Word, category, how many of a hundred deals.
STAGES = (
    ("New", "incoming", 8),
    ("Qualified", "in_progress", 12),
    ("Quoted", "in_progress", 15),
    ("Closed Won", "won", 40),
    ("Closed Lost", "lost", 20),
    ("No Fit", "unqualified", 5),
)
ROLES = ("Decision maker", "Buyer", "User", "Adviser", "")
FIRST_DAY, LAST_DAY = date(2015, 1, 5), date(2025, 12, 19)

MAPPING = """\
source = "generated-{seed}"

[pipeline]
name = "Generated"

[pipeline.stages]
{stages}

[companies]
file = "companies.csv"
key = "id"

[companies.fields]
name = "name"
parent_company = {{ column = "parent_id", by = "id" }}
industry = "industry"
email = "email"
phone = "phone"
website = "website"
street = "street"
postal_code = "postcode"
city = "city"
created_at = "created"

[people]
file = "people.csv"
key = "id"

[people.fields]
first_name = "first name"
last_name = "last name"
title = "title"
company = {{ column = "company_id", by = "id" }}
email = "email"
phone = "phone"
mobile = "mobile"
city = "city"
created_at = "created"

[deals]
file = "deals.csv"
key = "id"

[deals.fields]
name = "name"
primary_contact = {{ column = "contact_id", by = "id" }}
stage = "stage"
opened_at = "opened"
closed_at = "closed"
value = "value"
currency = "currency"
hot = "hot"

[deal_contacts]
file = "deal_contacts.csv"

[deal_contacts.fields]
deal = {{ column = "deal_id", by = "id" }}
contact = {{ column = "contact_id", by = "id" }}
role = "role"
"""


def generate(
    folder: Path,
    *,
    contacts: int = 100_000,
    deals: int = 50_000,
    links: int = 25_000,
    seed: int = 1,
) -> Path:
    """Write the four files and their mapping; returns the path of the mapping."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    companies = max(contacts // 5, 1)
    employers = _write_people_and_companies(folder, rng, companies, contacts - companies)
    _write_deals(folder, rng, companies, employers, deals, links)
    mapping = folder / "mapping.toml"
    words = "\n".join(f'"{word}" = "{category}"' for word, category, _share in STAGES)
    mapping.write_text(MAPPING.format(seed=seed, stages=words), encoding="utf-8")
    return mapping


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _day(rng: random.Random, first: date = FIRST_DAY, last: date = LAST_DAY) -> date:
    return first + timedelta(days=rng.randint(0, (last - first).days))


def _phone(rng: random.Random) -> str:
    return f"+49 {rng.randint(30, 999)} {rng.randint(100000, 9999999)}"


def _write_people_and_companies(
    folder: Path, rng: random.Random, companies: int, people: int
) -> list[int]:
    """Returns the number of each person's company, 0 for none."""
    rows: list[Sequence[object]] = []
    for number in range(1, companies + 1):
        name = f"{rng.choice(WORDS)}{rng.choice(WORDS).lower()} {number} {rng.choice(FORMS)}"
        parent = f"C{rng.randint(1, number - 1)}" if number > 1 and rng.random() < 0.04 else ""
        site = f"company{number}.example"
        rows.append(
            (f"C{number}", name, parent, rng.choice(INDUSTRIES), f"office@{site}", _phone(rng),
             f"https://www.{site}", f"{rng.choice(WORDS)}straße {rng.randint(1, 200)}",
             rng.randint(10000, 99999), rng.choice(CITIES), _day(rng, last=date(2015, 12, 31)))
        )  # fmt: skip
    header: tuple[str, ...]
    header = ("id", "name", "parent_id", "industry", "email", "phone", "website", "street",
              "postcode", "city", "created")  # fmt: skip
    _write(folder / "companies.csv", header, rows)
    rows, employers = [], []
    for number in range(1, people + 1):
        company = rng.randint(1, companies) if rng.random() < 0.9 else 0
        employers.append(company)
        site = f"company{company}.example" if company else "people.example"
        rows.append(
            (f"P{number}", rng.choice(FIRST), rng.choice(LAST), rng.choice(ROLES),
             f"C{company}" if company else "", f"p{number}@{site}", _phone(rng), _phone(rng),
             rng.choice(CITIES), _day(rng, last=date(2015, 12, 31)))
        )  # fmt: skip
    header = ("id", "first name", "last name", "title", "company_id", "email", "phone", "mobile",
              "city", "created")  # fmt: skip
    _write(folder / "people.csv", header, rows)
    return employers


def _write_deals(
    folder: Path,
    rng: random.Random,
    companies: int,
    employers: Sequence[int],
    deals: int,
    links: int,
) -> None:
    staff: dict[int, list[int]] = {}
    for person, company in enumerate(employers, start=1):
        staff.setdefault(company, []).append(person)
    words, weights = [word for word, *_rest in STAGES], [share for *_rest, share in STAGES]
    closed_words = {word for word, category, _share in STAGES if category in _CLOSED}
    rows: list[Sequence[object]] = []
    stars: list[tuple[str, int]] = []
    for number in range(1, deals + 1):
        if not employers or rng.random() < 0.4:
            company = rng.randint(1, companies)
            star = f"C{company}"
        else:
            person = rng.randint(1, len(employers))
            company, star = employers[person - 1], f"P{person}"
        stars.append((star, company))
        stage = rng.choices(words, weights)[0]
        opened = _day(rng, first=date(2016, 1, 4))
        closed = _day(rng, first=opened) if stage in closed_words else ""
        rows.append(
            (f"D{number}", f"{rng.choice(WORDS)} {rng.choice(INDUSTRIES)} {number}", star, stage,
             opened, closed, f"{rng.randint(200, 90000)}.{rng.randint(0, 99):02}",
             rng.choice(("EUR", "EUR", "CHF", "USD")), int(rng.random() < 0.05))
        )  # fmt: skip
    header = ("id", "name", "contact_id", "stage", "opened", "closed", "value", "currency", "hot")
    _write(folder / "deals.csv", header, rows)
    people = len(employers)
    taken: set[tuple[int, str]] = set()
    most = min(links, deals * max(people - 1, 0))
    while len(taken) < most:
        number = rng.randint(1, deals)
        star, company = stars[number - 1]
        # Mostly co-workers, for whom the deal counts; sometimes somebody from elsewhere.
        colleagues = staff.get(company, []) if company and rng.random() < 0.8 else []
        person = rng.choice(colleagues) if colleagues else rng.randint(1, people)
        if f"P{person}" != star:
            taken.add((number, f"P{person}"))
    order = sorted(taken)
    _write(
        folder / "deal_contacts.csv",
        ("deal_id", "contact_id", "role"),
        [(f"D{number}", person, rng.choice(ROLES)) for number, person in order],
    )


_CLOSED = ("won", "lost", "unqualified")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--deals", type=int, default=50_000)
    parser.add_argument("--links", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    mapping = generate(
        options.folder,
        contacts=options.contacts,
        deals=options.deals,
        links=options.links,
        seed=options.seed,
    )
    print(mapping)


if __name__ == "__main__":
    main()
