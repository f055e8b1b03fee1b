"""What each filter of a list means, evaluated in plain Python over all rows.

It reads the tables once, as plain values, and shares with the lists nothing but the names of fields and operators, and
`fold` and `digits`, in whose terms texts are compared. Days and periods are counted here once more, from calendar days.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache
from typing import Any

from contacts.keys import digits, fold
from contacts.models import Contact, ContactTag, ContactValue, StatusChange
from crm.lists.conditions import Chip, Conditions
from deals.models import Deal, DealParty, DealTag, DealValue, Stage
from settings.models import CustomField, Tag

fold, digits = cache(fold), cache(digits)
Row = dict[str, Any]
# Whether a row passes one value of a chip.
Test = Callable[[Row, str], bool]

GROUPS = {"incoming": "active", "in_progress": "active", "won": "won", "lost": "lost",
          "unqualified": "lost"}  # fmt: skip
MONTHS = {"month": 1, "quarter": 3, "year": 12}


# -- calendar


def months_on(day: date, months: int) -> date:
    count = day.year * 12 + (day.month - 1) + months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def units_on(day: date, number: int, unit: str) -> date:
    if unit in ("day", "week"):
        return day + timedelta(days=number * {"day": 1, "week": 7}[unit])
    return months_on(day, number * MONTHS[unit])


def span_on(day: date, span: str, direction: int) -> date:
    number, unit = span.split("-")
    return units_on(day, direction * int(number), unit.removesuffix("s"))


def calendar_unit(day: date, unit: str) -> tuple[date, date]:
    """The first and the last day of the unit around a day."""
    if unit == "week":
        monday = day - timedelta(days=day.isoweekday() - 1)
        return monday, monday + timedelta(days=6)
    length = MONTHS[unit]
    first_month = (day.month - 1) // length * length + 1
    last_month = first_month + length - 1
    last = date(day.year, last_month, calendar.monthrange(day.year, last_month)[1])
    return date(day.year, first_month, 1), last


def in_period(day: date, code: str, today: date) -> bool:
    if ".." in code:
        first, last = code.split("..")
        return (not first or day >= date.fromisoformat(first)) and (
            not last or day <= date.fromisoformat(last)
        )
    if code[0].isdigit():
        return day == date.fromisoformat(code)
    if code in ("today", "yesterday", "tomorrow"):
        return (day - today).days == {"today": 0, "yesterday": -1, "tomorrow": 1}[code]
    which, _dash, rest = code.partition("-")
    if which in ("last", "next") and rest[0].isdigit():
        edge = span_on(today, rest, -1 if which == "last" else 1)
        return edge <= day <= today if which == "last" else today <= day <= edge
    first_day, last_day = calendar_unit(today, rest)
    if which == "previous":
        first_day, last_day = calendar_unit(first_day - timedelta(days=1), rest)
    if which == "next":
        first_day, last_day = calendar_unit(last_day + timedelta(days=1), rest)
    return first_day <= day <= last_day


# -- kinds


def text_tests(
    value: Callable[[Row], str | None], fold: Callable[[str], str] = fold
) -> dict[str, Test]:
    def folded(row: Row) -> str:
        return fold(value(row) or "")

    return {
        "contains": lambda row, asked: fold(asked) in folded(row),
        "is": lambda row, asked: fold(asked) == folded(row),
        "starts": lambda row, asked: folded(row).startswith(fold(asked)),
        "empty": lambda row, asked: folded(row) == "",
    }


def code_tests(value: Callable[[Row], Any], *, nullable: bool = False) -> dict[str, Test]:
    tests: dict[str, Test] = {
        "is": lambda row, asked: value(row) is not None and str(value(row)) == asked
    }
    if nullable:
        tests["empty"] = lambda row, asked: value(row) is None
    return tests


def number_tests(value: Callable[[Row], Any], *, nullable: bool = False) -> dict[str, Test]:
    def held(row: Row) -> Any:
        return value(row)

    tests: dict[str, Test] = {
        "is": lambda row, asked: held(row) is not None and held(row) == Decimal(asked),
        "least": lambda row, asked: held(row) is not None and held(row) >= Decimal(asked),
        "most": lambda row, asked: held(row) is not None and held(row) <= Decimal(asked),
    }
    if nullable:
        tests["empty"] = lambda row, asked: held(row) is None
    return tests


def yes_no_tests(holds: Callable[[Row], bool]) -> dict[str, Test]:
    return {"is": lambda row, asked: holds(row) == (asked == "yes")}


def _several_tests(values: Callable[[Row], set[str]]) -> dict[str, Test]:
    return {
        "is": lambda row, asked: asked in values(row),
        "empty": lambda row, asked: not values(row),
    }


def rows_of(model: Any) -> list[Row]:
    return list(model.objects.order_by("pk").values())


class Oracle:
    """All rows of one record type as one reader sees them at one moment."""

    def __init__(self, record: str, user: Any, now: datetime, zone: tzinfo) -> None:
        self.user_id = str(user.pk)
        self.zone = zone
        self.today = now.astimezone(zone).date()
        self.contacts = {row["id"]: row for row in rows_of(Contact)}
        self.deals = {row["id"]: row for row in rows_of(Deal)}
        self.stages = {row["id"]: row for row in rows_of(Stage)}
        self.history: dict[tuple[int, str], list[Row]] = {}
        for change in rows_of(StatusChange):
            self.history.setdefault((change["contact_id"], change["status"]), []).append(change)
        self.counting: dict[int, list[Row]] = {pk: [] for pk in self.contacts}
        for party in rows_of(DealParty):
            self.counting[party["contact_id"]].append(self.deals[party["deal_id"]])
        self.rows = self.contacts if record == "contact" else self.deals
        # Which rows have a field at all: nothing is asked of the others, not even that it be empty.
        self.within: dict[str, Callable[[Row], bool]] = {}
        self.tests = self._contact_tests() if record == "contact" else self._deal_tests()
        self.tests |= self._label_tests(record)

    # -- verdicts

    def passes(self, pk: int, chip: Chip) -> bool:
        tests = self.tests[chip.field]
        test = tests[chip.op or next(iter(tests))]
        row = self.rows[pk]
        if not self.has(pk, chip.field):
            return False
        return any(test(row, value) for value in chip.values) != chip.negated

    def has(self, pk: int, name: str) -> bool:
        return name not in self.within or self.within[name](self.rows[pk])

    def listed(self, pk: int, conditions: Conditions) -> bool:
        groups = conditions.groups
        return not groups or any(all(self.passes(pk, chip) for chip in group) for group in groups)

    def matching(self, conditions: Conditions) -> set[int]:
        return {pk for pk in self.rows if self.listed(pk, conditions)}

    # -- tags and custom fields

    def _label_tests(self, record: str) -> dict[str, dict[str, Test]]:
        tests: dict[str, dict[str, Test]] = {}
        names = {"contacts": "tags", "customers": "customer_tags"}
        if record == "deal":
            names = {"deals": "tags"}
        links, values = (ContactTag, ContactValue) if record == "contact" else (DealTag, DealValue)
        tags = {row["id"]: row["category"] for row in rows_of(Tag)}
        carried: dict[tuple[str, int], set[str]] = {}
        for row in rows_of(links):
            key = tags[row["tag_id"]], row[f"{record}_id"]
            carried.setdefault(key, set()).add(str(row["tag_id"]))
        for category, name in names.items():
            tests[name] = _several_tests(
                lambda row, category=category: carried.get((category, row["id"]), set())
            )
            self._note_within(name, category, "")
        held: dict[int, dict[int, list[Row]]] = {}
        for row in rows_of(values):
            held.setdefault(row["field_id"], {}).setdefault(row[f"{record}_id"], []).append(row)
        for field in rows_of(CustomField):
            if field["category"] in names and field["filterable"]:
                name = f"field{field['id']}"
                tests[name] = self._value_tests(field["type"], held.get(field["id"], {}))
                self._note_within(name, field["category"], field["applies_to"])
        return tests

    def _note_within(self, name: str, category: str, applies_to: str) -> None:
        def has(row: Row) -> bool:
            statuses = row.get("prospect_status"), row.get("customer_status")
            if category == "customers" and statuses == ("none", "none"):
                return False
            return not applies_to or row["is_organization"] == (applies_to == "company")

        self.within[name] = has

    def _value_tests(self, kind: str, held: dict[int, list[Row]]) -> dict[str, Test]:
        def one(row: Row, column: str) -> Any:
            rows = held.get(row["id"])
            return rows[0][column] if rows else None

        if kind == "choices":
            return _several_tests(
                lambda row: {str(found["option_id"]) for found in held.get(row["id"], [])}
            )
        if kind in ("whole", "number", "money"):
            return number_tests(lambda row: one(row, "number"), nullable=True)
        if kind in ("date", "moment"):
            return self.moment_tests(
                lambda row: [found[kind] for found in held.get(row["id"], [])], nullable=True
            )
        if kind == "yes_no":
            tests: dict[str, Test] = {
                "is": lambda row, asked: (
                    one(row, "yes") is not None and one(row, "yes") == (asked == "yes")
                )
            }
            return tests | {"empty": lambda row, asked: one(row, "yes") is None}
        if kind == "user":
            return self.person_tests(lambda row: one(row, "user_id"))
        columns = {"choice": "option_id", "contact": "record_id"}
        if kind in columns:
            return code_tests(lambda row: one(row, columns[kind]), nullable=True)
        return text_tests(lambda row: one(row, "text"), digits if kind == "phone" else fold)

    # -- dates

    def day_of(self, moment: datetime | date | None) -> date | None:
        if isinstance(moment, datetime):
            return moment.astimezone(self.zone).date()
        return moment

    def days_since(self, moment: datetime | None) -> int | None:
        day = self.day_of(moment)
        return (self.today - day).days if day else None

    def _in(self, moments: Sequence[datetime | date | None], code: str) -> bool:
        days = [self.day_of(moment) for moment in moments if moment is not None]
        return any(in_period(day, code, self.today) for day in days if day)

    def _over(self, moments: Sequence[datetime | date | None], span: str) -> bool:
        edge = span_on(self.today, span, -1)
        days = [self.day_of(moment) for moment in moments if moment is not None]
        return any(day < edge for day in days if day)

    def moment_tests(
        self, values: Callable[[Row], Sequence[Any]], *, nullable: bool = False
    ) -> dict[str, Test]:
        tests: dict[str, Test] = {
            "in": lambda row, asked: self._in(values(row), asked),
            "over": lambda row, asked: self._over(values(row), asked),
        }
        if nullable:
            tests["empty"] = lambda row, asked: all(value is None for value in values(row))
        return tests

    def _moment(self, name: str, *, nullable: bool = False) -> dict[str, Test]:
        return self.moment_tests(lambda row: [row[name]], nullable=nullable)

    # -- people

    def person_tests(self, value: Callable[[Row], Any]) -> dict[str, Test]:
        def test(row: Row, asked: str) -> bool:
            held = value(row)
            if asked == "none":
                return held is None
            return held is not None and str(held) == (self.user_id if asked == "me" else asked)

        return {"is": test}

    # -- contacts

    def company(self, row: Row) -> Row:
        """The employer of a person or the company of a deal; empty where there is none."""
        return self.contacts.get(row["company_id"], {})

    def _contact_tests(self) -> dict[str, dict[str, Test]]:
        tests: dict[str, dict[str, Test]] = {}
        for kind in ("prospect", "customer"):
            tests |= self._status_tests(kind)
        for name in (
            "name", "first_name", "last_name", "title", "email", "website", "street",
            "postal_code", "city", "state", "country", "industry", "description",
        ):  # fmt: skip
            tests[name] = text_tests(lambda row, name=name: row[name])
        for name in ("name", "industry", "city", "country"):
            tests[f"company_{name}"] = text_tests(
                lambda row, name=name: self.company(row).get(name)
            )
        for name in ("phone", "mobile"):
            tests[name] = text_tests(lambda row, name=name: row[name], digits)
        tests["company_phone"] = text_tests(lambda row: self.company(row).get("phone"), digits)
        for name in ("prospect_status", "customer_status"):
            tests[f"company_{name}"] = code_tests(
                lambda row, name=name: self.company(row).get(name)
            )
        for name in ("active_deals", "won_deals", "lost_deals"):
            tests[name] = number_tests(lambda row, name=name: row[name])
        tests |= {
            "language": code_tests(lambda row: row["language"]),
            # Of addresses that nobody was ever mailed at; the rest is compared in tests.emails.
            "mail_standing": code_tests(
                lambda row: "mailable" if row["match_email"] else "no_address"
            ),
            "legal_basis": code_tests(lambda row: None, nullable=True),
            "kind": code_tests(lambda row: "company" if row["is_organization"] else "person"),
            "disagree": yes_no_tests(self._disagrees),
            "duplicate": yes_no_tests(self._is_duplicate),
            "company": code_tests(lambda row: row["company_id"], nullable=True),
            "parent_company": code_tests(lambda row: row["parent_company_id"], nullable=True),
            "company_owner": self.person_tests(lambda row: self.company(row).get("owner_id")),
            "owner": self.person_tests(lambda row: row["owner_id"]),
            "created": self._moment("created_at"),
            "updated": self._moment("updated_at"),
            "last_won": self._moment("last_won_at", nullable=True),
            "last_lost": self._moment("last_lost_at", nullable=True),
            "won_value": self._sum_tests("won"),
            "open_value": self._sum_tests("active"),
            "expected_close": self.moment_tests(
                lambda row: [
                    deal["estimated_close_date"]
                    for deal in self.counting[row["id"]]
                    if deal["group"] == "active"
                ],
                nullable=True,
            ),
        }
        return tests

    def _status_tests(self, kind: str) -> dict[str, dict[str, Test]]:
        def latest(row: Row) -> Row:
            changes = self.history.get((row["id"], kind), [])
            return max(changes, key=lambda one: (one["recorded_at"], one["id"]), default={})

        return {
            f"{kind}_status": code_tests(lambda row: row[f"{kind}_status"]),
            f"{kind}_since": self._moment(f"{kind}_since", nullable=True),
            f"{kind}_days": number_tests(
                lambda row: self.days_since(row[f"{kind}_since"]), nullable=True
            ),
            f"{kind}_how": code_tests(
                lambda row: "deals" if row[f"{kind}_status"] == by_deals(row)[kind] else "selected"
            ),
            f"{kind}_by": self.person_tests(lambda row: latest(row).get("actor_id")),
            f"{kind}_why": code_tests(lambda row: latest(row).get("cause")),
            f"{kind}_became": {"became": lambda row, asked: self._became(row, kind, asked)},
            f"{kind}_was": {"was": lambda row, asked: self._was(row, kind, asked)},
        }

    def _became(self, row: Row, kind: str, asked: str) -> bool:
        code, period = asked.split("@")
        changes = self.history.get((row["id"], kind), [])
        return self._in([one["effective_at"] for one in changes if one["new"] == code], period)

    def _was(self, row: Row, kind: str, asked: str) -> bool:
        code, day = asked.split("@")
        before = [
            one
            for one in self.history.get((row["id"], kind), [])
            if self.day_of(one["effective_at"]) <= date.fromisoformat(day)
        ]
        latest = max(
            before,
            key=lambda one: (one["effective_at"], one["recorded_at"], one["id"]),
            default={"new": "none"},
        )
        return bool(latest["new"] == code)

    def _disagrees(self, row: Row) -> bool:
        def statuses(one: Row) -> tuple[str, str]:
            return one["prospect_status"], one["customer_status"]

        others = [one for one in self.contacts.values() if one["company_id"] == row["id"]]
        others += [self.company(row)] if row["company_id"] else []
        return any(statuses(one) != statuses(row) for one in others)

    def _is_duplicate(self, row: Row) -> bool:
        """Another of its kind has its name, its number or its address, as the stored keys compare them."""
        keys = ("match_name", "match_phone", "match_email")
        return any(
            other["id"] != row["id"]
            and other["is_organization"] == row["is_organization"]
            and any(row[key] and row[key] == other[key] for key in keys)
            for other in self.contacts.values()
        )

    def _sum_tests(self, group: str) -> dict[str, Test]:
        def total(row: Row, currency: str) -> Decimal:
            deals = self.counting[row["id"]]
            of_group = [d for d in deals if d["group"] == group and d["currency"] == currency]
            return sum((deal["value"] or Decimal(0) for deal in of_group), Decimal(0))

        def compared(row: Row, asked: str) -> tuple[Decimal, Decimal]:
            number, currency = asked.split()
            return total(row, currency), Decimal(number)

        def least(row: Row, asked: str) -> bool:
            held, wanted = compared(row, asked)
            return held >= wanted

        def most(row: Row, asked: str) -> bool:
            held, wanted = compared(row, asked)
            return held <= wanted

        return {"least": least, "most": most}

    # -- deals

    def star(self, row: Row) -> Row:
        return self.contacts[row["primary_contact_id"]]

    def stage(self, row: Row) -> Row:
        return self.stages[row["stage_id"]]

    def _deal_tests(self) -> dict[str, dict[str, Test]]:
        tests = {
            name: code_tests(lambda row, name=name: row[f"{name}_id"], nullable=True)
            for name in ("source", "loss_reason", "unqualified_reason", "company")
        }
        return tests | {
            "name": text_tests(lambda row: row["name"]),
            "group": code_tests(lambda row: GROUPS[self.stage(row)["category"]]),
            "stage": code_tests(lambda row: row["stage_id"]),
            "category": code_tests(lambda row: self.stage(row)["category"]),
            "pipeline": code_tests(lambda row: self.stage(row)["pipeline_id"]),
            "value": number_tests(lambda row: row["value"], nullable=True),
            "currency": code_tests(lambda row: row["currency"]),
            "owner": self.person_tests(lambda row: row["owner_id"]),
            "hot": yes_no_tests(lambda row: row["hot"]),
            "contact": code_tests(lambda row: row["primary_contact_id"]),
            "contact_prospect_status": code_tests(lambda row: self.star(row)["prospect_status"]),
            "contact_customer_status": code_tests(lambda row: self.star(row)["customer_status"]),
            "contact_name": text_tests(lambda row: self.star(row)["name"]),
            "company_name": text_tests(lambda row: self.company(row).get("name")),
            "opened": self._moment("opened_at"),
            "closed": self._moment("closed_at", nullable=True),
            "expected_close": self._moment("estimated_close_date", nullable=True),
            "stage_since": self._moment("stage_changed_at"),
            "stage_days": number_tests(lambda row: self.days_since(row["stage_changed_at"])),
            "created": self._moment("created_at"),
            "updated": self._moment("updated_at"),
        }


def by_deals(row: Row) -> dict[str, str]:
    """The statuses that the counted deals alone would give."""
    if row["active_deals"]:
        prospect = "current"
    else:
        prospect = "lost" if row["lost_deals"] and not row["won_deals"] else "none"
    return {"prospect": prospect, "customer": "current" if row["won_deals"] else "none"}
