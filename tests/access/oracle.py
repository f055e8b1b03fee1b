"""The rules of docs/access.md in plain Python over plain rows; it knows nothing of the conditions that are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contacts.models import Contact, ContactCollaborator
from crm.accounts.models import Team, User
from deals.models import Deal, DealCollaborator


@dataclass(frozen=True)
class Row:
    """A contact or deal: in which area it is, whose it is, and of a person the company."""

    area: str
    owner: int | None
    company: int | None = None


@dataclass
class World:
    """Everything that access rests on, read with no condition at all."""

    contacts: dict[int, Row] = field(default_factory=dict)
    deals: dict[int, Row] = field(default_factory=dict)
    on_contacts: set[tuple[int, int]] = field(default_factory=set)
    on_deals: set[tuple[int, int]] = field(default_factory=set)
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    teams: list[set[int]] = field(default_factory=list)

    @classmethod
    def read(cls) -> World:
        world = cls()
        # Whoever is sold to or bought is surely one of them; of others people may have said so.
        sold_to = set(
            Deal.objects.filter(group__in=("active", "won")).values_list("primary_contact")
        )
        for one in Contact.objects.values():
            none = (one["prospect_status"], one["customer_status"]) == ("none", "none")
            area = "contacts" if none and (one["id"],) not in sold_to else "customers"
            world.contacts[one["id"]] = Row(area, one["owner_id"], one["company_id"])
        for pk, owner in Deal.objects.values_list("pk", "owner"):
            world.deals[pk] = Row("deals", owner)
        world.on_contacts = set(ContactCollaborator.objects.values_list("contact", "user"))
        world.on_deals = set(DealCollaborator.objects.values_list("deal", "user"))
        world.users = {one["id"]: one for one in User.objects.values()}
        for team in Team.objects.all():
            people = [*team.members.values_list("pk"), *team.managers.values_list("pk")]
            world.teams.append({pk for (pk,) in people})
        return world

    def reaches(self, user_id: int, act: str, kind: str, pk: int) -> bool:
        user = self.users[user_id]
        row = (self.contacts if kind == "contact" else self.deals)[pk]
        if not user["is_active"]:
            return False
        if user["is_superuser"]:
            return True
        level = ("none", "own", "team", "all")[user[f"{act}_{row.area}"]]
        if level in ("none", "all"):
            return level == "all"
        shared = self.on_contacts if kind == "contact" else self.on_deals
        whose = {row.owner, *(one for record, one in shared if record == pk)}
        mates = {user_id}
        if level == "team":
            mates = mates.union(*(team for team in self.teams if user_id in team))
        return bool(whose & mates)
