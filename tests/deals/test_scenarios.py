"""The status law, case by case, through the models and services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError

from contacts.models import Contact
from deals.models import Deal, DealContact
from deals.services import check_statuses, select_status, set_primary_contact
from tests.deals.factories import default_stages

SCENARIOS = yaml.safe_load((Path(__file__).parent / "status_scenarios.yaml").read_text())


class World:
    """The people, companies and deals of one scenario, by name."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.stages = default_stages()
        self.contacts = {
            name: Contact.objects.create(is_organization=True, name=name)
            for name in scenario.get("companies") or []
        }
        for name, company in (scenario.get("people") or {}).items():
            self.contacts[name] = Contact.objects.create(
                last_name=name, company=self.contacts[company] if company else None
            )

    def deal(self, name: str) -> Deal:
        return Deal.objects.get(name=name)

    def contact(self, name: str) -> Contact:
        return Contact.objects.get(pk=self.contacts[name].pk)

    def open(self, deal: str, primary: str, **more: Any) -> None:
        from deals.services import batched_status_sync

        with batched_status_sync():
            opened = Deal.objects.create(
                name=deal,
                primary_contact=self.contact(primary),
                stage=self.stages[more.get("as", "incoming")],
            )
            for name in more.get("with", []):
                DealContact.objects.create(deal=opened, contact=self.contact(name))

    def move(self, deal: str, to: str) -> None:
        moved = self.deal(deal)
        moved.stage = self.stages[to]
        moved.save()

    def associate(self, deal: str, contact: str) -> None:
        DealContact.objects.create(deal=self.deal(deal), contact=self.contact(contact))

    def dissociate(self, deal: str, contact: str) -> None:
        DealContact.objects.get(deal=self.deal(deal), contact=self.contact(contact)).delete()

    def star(self, deal: str, contact: str, keep: bool = False) -> None:
        set_primary_contact(self.deal(deal), self.contact(contact), keep_previous=keep)

    def delete(self, deal: str) -> None:
        self.deal(deal).delete()

    def employ(self, person: str, company: str | None) -> None:
        employed = self.contact(person)
        employed.company = self.contact(company) if company else None
        employed.save()

    def select(self, contact: str, **values: Any) -> None:
        select_status(self.contact(contact), **values)

    def statuses(self) -> dict[str, list[str]]:
        contacts = {name: self.contact(name) for name in self.contacts}
        return {name: [c.prospect_status, c.customer_status] for name, c in contacts.items()}


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["name"] for s in SCENARIOS])
def test_scenario_holds_through_the_models(scenario: dict[str, Any]) -> None:
    world = World(scenario)
    for number, step in enumerate(scenario["steps"], start=1):
        action = next((key for key in step if key not in ("then", "refused")), None)
        if action and step.get("refused"):
            before = world.statuses()
            with pytest.raises(ValidationError):
                getattr(world, action)(**step[action])
            assert world.statuses() == before, f"step {number} was refused and changed something"
        elif action:
            getattr(world, action)(**step[action])
        shown = world.statuses()
        for name, expected in (step.get("then") or {}).items():
            assert shown[name] == expected, f"step {number}, {name}"
    assert check_statuses().differences == []
