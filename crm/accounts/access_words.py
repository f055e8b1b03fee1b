"""What a user may see and do, in words."""

from __future__ import annotations

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.levels import SETS, AccessSet, Area, Level, Right
from crm.accounts.models import User

NONE, OWN, TEAM, ALL = Level.NONE, Level.OWN, Level.TEAM, Level.ALL
# By (view, edit). Nobody edits more than they see.
SENTENCES = {
    (NONE, NONE): gettext_lazy("%(area)s: sees none."),
    (OWN, NONE): gettext_lazy("%(area)s: sees their own, edits none."),
    (OWN, OWN): gettext_lazy("%(area)s: sees and edits their own."),
    (TEAM, NONE): gettext_lazy("%(area)s: sees those of the team, edits none."),
    (TEAM, OWN): gettext_lazy("%(area)s: sees those of the team, edits their own."),
    (TEAM, TEAM): gettext_lazy("%(area)s: sees and edits those of the team."),
    (ALL, NONE): gettext_lazy("%(area)s: sees all, edits none."),
    (ALL, OWN): gettext_lazy("%(area)s: sees all, edits their own."),
    (ALL, TEAM): gettext_lazy("%(area)s: sees all, edits those of the team."),
    (ALL, ALL): gettext_lazy("%(area)s: sees and edits all."),
}
RIGHTS = {
    Right.EXPORT: gettext_lazy("export"),
    Right.DELETE_MANY: gettext_lazy("delete many at once"),
    Right.MAIL: gettext_lazy("send mailings"),
}


def set_of(user: User) -> AccessSet | None:
    """The ready-made set that a member's access is, if it is one."""
    for one in SETS:
        if all(getattr(user, name) == value for name, value in one.values().items()):
            return one
    return None


def summary(user: User) -> str:
    """One line: “Everything”, the name of a ready-made set, or the levels."""
    if user.is_superuser:
        return _("Everything, and Settings")
    if found := set_of(user):
        return str(found.label)
    alike: dict[tuple[Level, Level], list[str]] = {}
    for area in Area:
        alike.setdefault(_levels(user, area), []).append(str(area.label))
    return " ".join(
        str(SENTENCES[levels]) % {"area": get_text_list(areas, _("and"))}
        for levels, areas in alike.items()
    )


def sentences(user: User) -> list[str]:
    """What a user sees and edits of each area, then their rights."""
    if user.is_superuser:
        return [_("Sees and edits everything, and enters Settings and the back office.")]
    told = [str(SENTENCES[_levels(user, area)]) % {"area": area.label} for area in Area]
    granted = [str(word) for right, word in RIGHTS.items() if getattr(user, f"may_{right}")]
    if granted:
        may = {"rights": get_text_list(granted, _("and"))}
        told.append(_("May %(rights)s.") % may)
    else:
        told.append(_("May neither export, nor delete many at once, nor send mailings."))
    return told


def _levels(user: User, area: Area) -> tuple[Level, Level]:
    return Level(getattr(user, f"view_{area}")), Level(getattr(user, f"edit_{area}"))
