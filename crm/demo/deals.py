"""Invented deals: with whom, since when, how they ended, and who was on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from crm.demo.contacts import YEARS, Cast, Casting, Row
from deals.keys import deal_keys
from deals.models import Deal, Stage
from deals.stages import Group

GROUPS = tuple(Group.values)
deal_row = Row.of(Deal)


@dataclass(eq=False, slots=True)
class Sale:
    """One deal of the demo. ``links`` are its associated contacts with their roles."""

    row: Row
    star: Cast
    company: Cast | None
    # The stage it began in, and the one it has reached.
    first_stage: Stage
    stage: Stage
    links: list[tuple[Cast, str]] = field(default_factory=list)
    # Who was a party once, and until when; of a won deal they keep the win.
    leavers: list[tuple[Cast, datetime]] = field(default_factory=list)


@dataclass
class Lists:
    """Ids of what deals choose from."""

    owners: Sequence[int]
    sources: Sequence[int]
    loss_reasons: Sequence[int]
    unqualified_reasons: Sequence[int]
    # By pipeline, in their order.
    stages: dict[str, list[Stage]]


class Selling:
    """Two years of sales to most of the companies, and to some people without one."""

    def __init__(self, rng: Random, cast: Casting, lists: Lists) -> None:
        self.rng = rng
        self.today = cast.today
        self.lists = lists
        self.sales: list[Sale] = []
        self.everybody = cast.everybody
        for company in cast.companies:
            if rng.random() < 0.72:
                for _number in range(rng.choices((1, 2, 3, 4, 6), (30, 30, 20, 14, 6))[0]):
                    self._sell(company)
        for person in cast.people:
            if person.employer is None and rng.random() < 0.4:
                self._sell(person)

    def _sell(self, buyer: Cast) -> None:
        rng = self.rng
        # More of them lately: business grows.
        age = rng.random() ** 1.4 * (YEARS.days - 2)
        opened_at = self.today - timedelta(days=age + 1, minutes=rng.randint(0, 600))
        pipeline = "Renewals" if rng.random() < 0.12 else "Sales"
        stages = self.lists.stages[pipeline]
        star = self._star(buyer, opened_at)
        name = self._name(buyer, opened_at)
        row = deal_row(
            name=name,
            **deal_keys(name),
            opened_at=opened_at,
            created_at=opened_at,
            value=Decimal(round(rng.lognormvariate(9, 1.1) / 50) * 50),
            currency=buyer.region.currency,
            owner_id=rng.choice(self.lists.owners),
            source_id=rng.choice(self.lists.sources) if rng.random() < 0.8 else None,
        )
        company = buyer if buyer.row.is_organization else None
        sale = Sale(row, star, company, stages[0], stages[0])
        self._progress(sale, stages)
        self._staff(sale)
        self.sales.append(sale)

    def _name(self, buyer: Cast, opened_at: datetime) -> str:
        product = self.rng.choice(buyer.region.deals)
        more = self.rng.choice((str(opened_at.year), buyer.row.city, "II", "III"))
        return f"{product} {more}"

    def _star(self, buyer: Cast, opened_at: datetime) -> Cast:
        staff = _staff_at(buyer, opened_at)
        return self.rng.choice(staff) if staff and self.rng.random() < 0.75 else buyer

    def _progress(self, sale: Sale, stages: list[Stage]) -> None:
        rng, row = self.rng, sale.row
        closes_at = row.opened_at + timedelta(days=rng.randint(8, 210), minutes=rng.randint(0, 500))
        groups = {name: [s for s in stages if s.group == name] for name in GROUPS}
        if closes_at >= self.today:
            # In turn, so that a small demo has a deal in every stage too.
            sale.stage = groups[Group.ACTIVE][len(self.sales) % len(groups[Group.ACTIVE])]
            since = (self.today - row.opened_at) * (0 if sale.stage is stages[0] else rng.random())
            row.stage_changed_at = row.opened_at + since
            row.estimated_close_date = (closes_at + timedelta(days=rng.randint(-5, 40))).date()
            row.hot = rng.random() < 0.15
        else:
            ends = groups[Group.WON if rng.random() < 0.5 else Group.LOST]
            sale.stage = ends[0] if rng.random() < 0.7 else rng.choice(ends)
            row.closed_at = row.stage_changed_at = closes_at
            if sale.stage.category == "lost":
                row.loss_reason_id = rng.choice(self.lists.loss_reasons)
            elif sale.stage.category == "unqualified":
                row.unqualified_reason_id = rng.choice(self.lists.unqualified_reasons)
        row.stage_id, row.group = sale.stage.pk, sale.stage.group
        row.stage_changed_by_id = row.owner_id
        row.updated_at = row.stage_changed_at

    def _staff(self, sale: Sale) -> None:
        """Put co-workers on the deal, now and then somebody of another company."""
        rng = self.rng
        if sale.company:
            staff = [c for c in _staff_at(sale.company, sale.row.opened_at) if c is not sale.star]
            for cast in rng.sample(
                staff, min(len(staff), rng.choices((0, 1, 2, 3), (45, 30, 15, 10))[0])
            ):
                self._put_on(sale, cast)
        if rng.random() < 0.1:
            other = rng.choice(self.everybody)
            is_strange = other.employer is not sale.company and other is not sale.company
            on_it = [cast for cast, _role in sale.links] + [cast for cast, _at in sale.leavers]
            if is_strange and other is not sale.star and other not in on_it:
                sale.links.append((other, rng.choice(("Consultant", "Adviser", "Reference", ""))))

    def _put_on(self, sale: Sale, cast: Cast) -> None:
        rng, row = self.rng, sale.row
        removable = row.group == Group.WON and row.closed_at and row.closed_at < self.today
        if cast.employer is sale.company and removable and rng.random() < 0.04:
            # Taken off again after the deal was won.
            sale.leavers.append((cast, row.closed_at + (self.today - row.closed_at) * rng.random()))
            return
        sale.links.append((cast, rng.choice(("Decision maker", "Purchasing", "Technology", ""))))
        if cast.employer is not sale.company and cast.left_at:
            sale.leavers.append((cast, cast.left_at))


def _staff_at(company: Cast, moment: datetime) -> list[Cast]:
    """Who works for ``company`` now, or worked there at ``moment`` and left later."""
    return [
        cast
        for cast in company.team
        if (cast.employer is company and (cast.left_at is None or cast.left_at < moment))
        or (cast.former is company and cast.left_at is not None and cast.left_at > moment)
    ]
