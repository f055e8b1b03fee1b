"""The access matrix, second half: signing in, one's own account, and Settings › Users and Teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contacts.models import Contact
from crm.trash.models import TrashedRecord
from tests.access.matrix import (
    ABSENT,
    LET_IN,
    REFUSED,
    UNTOUCHED,
    administrators,
    anybody,
    both,
    filled,
    get,
    made,
    nobody,
    nothing,
    number,
    oneself,
    owner_of_list,
    post,
    sending,
    signed_in,
)
from tests.access.matrix_world import NOWHERE, Thing, World

# -- signing in

both("account_login", anybody, sending(login="nobody-such", password="x"), writes=False)
post("sign_in_cancel", anybody, writes=False)
both("account_reset_password", anybody, sending(email="nobody"), writes=False)
get("account_reset_password_done", anybody)
get("account_reset_password_from_key_done", anybody)
both(
    "account_reset_password_from_key(key,uidb36)",
    anybody,
    sending(password1="another pass phrase", password2="another pass phrase"),
    arguments=made(uidb36="1", key="no-such-key"),
    writes=False,
)
both("mfa_authenticate", anybody, sending(code="123456"), writes=False)
both("mfa_login_webauthn", anybody, sending(credential="{}"), writes=False)
both("invitation", nobody, nothing, writes=False)
both("welcome", nobody, nothing, writes=False)
both("openid_connect_login", nobody, nothing, writes=False)
both("openid_connect_callback", nobody, nothing, writes=False)

# -- one's own account: nobody else's can be named

both("account_reauthenticate", oneself, sending(password="x"), writes=False)
both("mfa_reauthenticate", oneself, sending(code="123456"), writes=False)
both("mfa_reauthenticate_webauthn", oneself, sending(credential="{}"), writes=False)
both("account_change_password", oneself, sending(oldpassword="x"), writes=False)
post("account_logout", oneself, writes=False)


def whose_key(world: World, name: str, thing: Thing | None) -> str:
    """Asks for the password before it says whether there is such a key."""
    return LET_IN if owner_of_list(world, name, thing) == LET_IN else UNTOUCHED


get("mfa_index", oneself)
for page in ("mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn"):
    both(page, oneself, sending(code="123456"), writes=False)
get("mfa_view_recovery_codes", oneself)
get("mfa_download_recovery_codes", oneself)
both("mfa_generate_recovery_codes", oneself, nothing, writes=False)
both("mfa_edit_webauthn(pk)", whose_key, sending(name="Key"), on="passkey", arguments=number,
     writes=False)  # fmt: skip
both("mfa_remove_webauthn(pk)", whose_key, nothing, on="passkey", arguments=number, writes=False)
post("sessions_end_others", oneself, writes=False)
post("session_end(pk)", owner_of_list, on="session", arguments=number, writes=False)


def preferred(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
    return {"language": "fr", "theme": "dark", "time_zone": "", "formats": ""}


both("preferences", signed_in, preferred)

# -- Settings › Users and Teams

SOMEBODY, INVITED, TEAM = made(pk="somebody"), made(pk="invited"), made(pk="team")
ACCESS = {f"{act}_{area}": "1" for act in ("view", "edit") for area in ("contacts", "customers", "deals")}  # fmt: skip

get("people:users", administrators)
both("people:invite", administrators,
     sending(last_name="Newcomer", email="new@example.org", role="member", **ACCESS))  # fmt: skip
get("people:access_table", administrators, data=sending(set="own"))
both("people:user(pk)", administrators,
     filled("people:user", SOMEBODY, last_name="Renamed", email="renamed@example.org"),
     arguments=SOMEBODY)  # fmt: skip
post("people:access(pk)", administrators, arguments=SOMEBODY, data=sending(**ACCESS))
post("people:new_link(pk)", administrators, arguments=INVITED)
post("people:withdraw(pk)", administrators, arguments=INVITED)
post("people:activate(pk)", administrators, arguments=made(pk="deactivated"))
both("people:deactivate(pk)", administrators, nothing, arguments=SOMEBODY)
# SOMEBODY has no password and no second factor: only the door is tried here.
post("people:password_link(pk)", administrators, arguments=SOMEBODY, writes=False)
both("people:remove_factors(pk)", administrators, nothing, arguments=SOMEBODY, writes=False)
both("people:hand_over(pk)", administrators, sending(to="root"), arguments=made(pk="mate"))
# What it starts is in the session, and in the audit log.
post("people:preview(pk)", administrators, arguments=SOMEBODY, writes=False)
post("people:preview_stop", signed_in, writes=False)
get("people:teams", administrators)
both("people:team_new", administrators, sending(name="West"))
both("people:team(pk)", administrators, sending(name="Renamed"), arguments=TEAM)
both("people:team_delete(pk)", administrators, nothing, arguments=TEAM)
get("traces:log", administrators)


def administrators_of_people(world: World, name: str, thing: Thing | None) -> str:
    """Members are refused whoever is asked for; also who lies in the trash is found."""
    assert thing is not None
    if name != "root":
        return REFUSED
    return ABSENT if thing.pk == NOWHERE else LET_IN


def typed_name(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
    assert thing is not None
    there = Contact.objects.filter(pk=thing.pk).values_list("name", flat=True).first()
    kept = TrashedRecord.objects.filter(record_id=thing.pk, kind="contact").first()
    return {"name": there or (kept.name if kept else "Nobody")}


get("privacy:person(pk)", administrators_of_people, on="contact", arguments=number)
# It is written down in the audit log.
post(
    "privacy:export(pk)",
    administrators_of_people,
    on="contact",
    arguments=number,
    writes=False,
)
both(
    "privacy:erase(pk)",
    administrators_of_people,
    typed_name,
    on="contact",
    arguments=number,
)

# These ask an administrator for the password first.
post("people:password_link(pk)", administrators, arguments=SOMEBODY, writes=False)
both("people:remove_factors(pk)", administrators, nothing, arguments=made(pk="mate"), writes=False)

# -- a person's data: administrators only, whoever is asked for

PERSON = made(pk="person")
get("privacy:person(pk)", administrators, arguments=PERSON)
post("privacy:export(pk)", administrators, arguments=PERSON, writes=False)
both("privacy:erase(pk)", administrators, sending(name="Second of own"), arguments=PERSON)
