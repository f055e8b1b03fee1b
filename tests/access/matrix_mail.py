"""The access matrix, third part: mailings, and mail on the cards of contacts."""

from __future__ import annotations

from typing import Any

from tests.access.matrix import (
    ABSENT,
    LET_IN,
    REFUSED,
    both,
    get,
    number,
    post,
    sending,
    signed_in,
    who_edits,
    who_has_rights,
    who_sees,
)
from tests.access.matrix_world import WITH_RIGHTS, Thing, World


def who_mails(world: World, name: str, thing: Thing | None) -> str:
    """Of who may mail, the author and administrators; to others it is not there."""
    assert thing is not None
    if name not in WITH_RIGHTS:
        return REFUSED
    return LET_IN if name in (thing.owner, "root") else ABSENT


def who_mails_them(world: World, name: str, thing: Thing | None) -> str:
    return who_sees(world, name, thing) if name in WITH_RIGHTS else REFUSED


def halted(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"pk": thing.extra["halted"]}


# -- mailings

get("emails:mailings", who_has_rights)
get("emails:indicator", signed_in)
get("emails:mailing(pk)", who_mails, on="mailing", arguments=halted)
get("emails:progress(pk)", who_mails, on="mailing", arguments=halted, htmx=True)
both("emails:review(pk)", who_mails, sending(step="count"), on="mailing", arguments=number)
both("emails:resend(pk)", who_mails, sending(), on="mailing", arguments=halted)
post("emails:delete(pk)", who_mails, on="mailing", arguments=number)
post("emails:again(pk)", who_mails, data=sending(token="a"), on="mailing", arguments=number)
post("emails:log(pk)", who_mails, on="mailing", arguments=halted, writes=False)
post("emails:turn(pk,step)", who_mails, on="mailing",
     arguments=lambda world, name, thing: {**halted(world, name, thing), "step": "cancel"})  # fmt: skip

# -- on cards

post("emails:single(pk)", who_mails_them, data=sending(token="a"), on="contact", arguments=number)
post("emails:standing(pk)", who_edits, data=sending(step="suppress", why="blocked"), on="contact",
     arguments=number)  # fmt: skip
