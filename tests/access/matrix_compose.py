"""The access matrix, fifth part: writing mails, looking at them, and templates."""

from __future__ import annotations

from typing import Any

from tests.access.matrix import (
    ABSENT,
    LET_IN,
    REFUSED,
    Arguments,
    both,
    filled,
    get,
    nothing,
    number,
    post,
    sending,
    who_has_rights,
)
from tests.access.matrix_mail import who_mails
from tests.access.matrix_world import WITH_RIGHTS, Thing, World


def to(record: str) -> Arguments:
    return lambda world, name, thing: {"record": record}


def version(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    return {**number(world, name, thing), "number": 1}


def who_uses(world: World, name: str, thing: Thing | None) -> str:
    """Of who may mail: one's own are nobody else's, administrators included; shared ones are everybody's."""
    assert thing is not None
    if name not in WITH_RIGHTS:
        return REFUSED
    return LET_IN if thing.extra.get("shared") or name == thing.owner else ABSENT


def who_changes(world: World, name: str, thing: Thing | None) -> str:
    found = who_uses(world, name, thing)
    assert thing is not None
    return found if found != LET_IN or name in (thing.owner, "root") else REFUSED


# -- mails

for record in ("contact", "deal"):
    post("emails:new(record)", who_has_rights, data=sending(scope="all", count="9", token="a"),
         arguments=to(record), case=record)  # fmt: skip
both("emails:upload", who_has_rights, nothing, writes=False)
both("emails:compose(pk)", who_mails, filled("emails:compose", subject="Otherwise"), on="mailing",
     arguments=number)  # fmt: skip
get("emails:preview(pk)", who_mails, on="mailing", arguments=number)
get("emails:preview_mail(pk)", who_mails, on="mailing", arguments=number)
both("emails:choose_template(pk)", who_mails, sending(template="template"), on="mailing",
     arguments=number)  # fmt: skip
both("emails:keep_as_template(pk)", who_mails, sending(name="Kept", scope="mine"), on="mailing",
     arguments=number)  # fmt: skip

# -- templates

get("emails:templates", who_has_rights)
both("emails:template_new", who_has_rights, sending(name="Made", scope="mine"))
both("emails:template_edit(pk)", who_changes,
     sending(name="Otherwise", scope="mine", subject="Third", base="2"), on="template",
     arguments=number)  # fmt: skip
both("emails:template_delete(pk)", who_changes, nothing, on="template", arguments=number)
get("emails:template_versions(pk)", who_uses, on="template", arguments=number)
get("emails:template_version(number,pk)", who_uses, on="template", arguments=version)
get("emails:template_mail(number,pk)", who_uses, on="template", arguments=version)
post("emails:template_restore(number,pk)", who_changes, on="template", arguments=version)
