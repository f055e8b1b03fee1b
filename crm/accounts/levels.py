"""What may be granted to a user: how far they see and edit, per category, and rights of their own."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Role(models.TextChoices):
    ADMINISTRATOR = "administrator", _("Administrator")
    MEMBER = "member", pgettext_lazy("role", "Member")


class Level(models.IntegerChoices):
    """How far a user reaches in a category; each reaches whatever the ones before it reach.

    Whose a record is, its owner and its collaborators say. A team is everybody who shares one with the user, as a
    member or as a manager.
    """

    NONE = 0, pgettext_lazy("access", "None")
    OWN = 1, pgettext_lazy("access", "Own")
    TEAM = 2, pgettext_lazy("access", "Team")
    ALL = 3, pgettext_lazy("access", "All")


class Area(models.TextChoices):
    """What access is granted to. A contact with either status other than Non belongs to Prospects & Customers."""

    CONTACTS = "contacts", _("Contacts")
    CUSTOMERS = "customers", _("Prospects & Customers")
    DEALS = "deals", _("Deals")


class Right(models.TextChoices):
    """What concerns many records at once, besides seeing and editing each of them."""

    EXPORT = "export", _("Export")
    DELETE_MANY = "delete_many", _("Bulk delete")
    MAIL = "mail", _("Mailing")


@dataclass(frozen=True)
class AccessSet:
    """A ready-made choice of levels, (view, edit) per area."""

    code: str
    label: object
    help: object
    levels: dict[Area, tuple[Level, Level]]
    rights: frozenset[Right]

    def values(self) -> dict[str, int | bool]:
        """The fields of a user that it sets, by name."""
        found: dict[str, int | bool] = {}
        for area, (view, edit) in self.levels.items():
            found |= {f"view_{area}": view.value, f"edit_{area}": edit.value}
        return found | {f"may_{right}": right in self.rights for right in Right}


def _alike(view: Level, edit: Level) -> dict[Area, tuple[Level, Level]]:
    return dict.fromkeys(Area, (view, edit))


SETS = [
    AccessSet(
        "everything",
        _("Everything"),
        _("Sees and edits all contacts and deals."),
        _alike(Level.ALL, Level.ALL),
        frozenset(Right),
    ),
    AccessSet(
        "own",
        _("Own only"),
        _("Sees and edits what they own or collaborate on."),
        _alike(Level.OWN, Level.OWN),
        frozenset(),
    ),
    AccessSet(
        "customers",
        _("Sees all customers"),
        _(
            "Sees all prospects and customers, and edits their own; of other contacts and of deals sees their own."
        ),
        {
            Area.CONTACTS: (Level.OWN, Level.OWN),
            Area.CUSTOMERS: (Level.ALL, Level.OWN),
            Area.DEALS: (Level.OWN, Level.OWN),
        },
        frozenset(),
    ),
    AccessSet(
        "read",
        _("Read only"),
        _("Sees all contacts and deals, and changes nothing."),
        _alike(Level.ALL, Level.NONE),
        frozenset(),
    ),
]
