"""The access matrix: for every address and method who may, how its arguments are made, and what is sent.

An address that is not here fails the tests, so that nobody adds one without saying who may use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from tests.access.matrix_world import LEVELS, NONE, WITH_RIGHTS, Thing, World, reaches
from tests.forms import forms_of

# What an answer must be: as good as nothing there, refused, asked to sign in, or let in. “untouched” is an answer of
# any kind that changes nothing and says no more than for a number that does not exist.
ABSENT, REFUSED, SIGN_IN, LET_IN, UNTOUCHED = "404", "403", "sign in", "let in", "untouched"
# Of two records one sees one and may not change it, and does not see the other; which is asked for first says nothing.
EITHER = "403 or 404"
# A page of its own kind, whose words are the subject of other tests: it answers, and nothing is changed.
ANSWERS = "an answer that changes nothing"
# What a run of one's own comes to is written into it; the records are not touched.
RUN_OF_NOTHING = "a run that touches nothing"
Who = Callable[[World, str, Thing | None], str]
Arguments = Callable[[World, str, Thing | None], dict[str, Any]]
Data = Callable[[World, str, Thing | None], Mapping[str, Any]]


# -- who may


def public(world: World, name: str, thing: Thing | None) -> str:
    return LET_IN


def signed_in(world: World, name: str, thing: Thing | None) -> str:
    return LET_IN


def anybody(world: World, name: str, thing: Thing | None) -> str:
    return ANSWERS


def oneself(world: World, name: str, thing: Thing | None) -> str:
    """Pages of one's own account."""
    return ANSWERS


def nobody(world: World, name: str, thing: Thing | None) -> str:
    return ABSENT


def administrators(world: World, name: str, thing: Thing | None) -> str:
    return LET_IN if name == "root" else REFUSED


def who_sees(world: World, name: str, thing: Thing | None) -> str:
    assert thing is not None
    return LET_IN if reaches(name, thing, "view") else ABSENT


def who_edits(world: World, name: str, thing: Thing | None) -> str:
    assert thing is not None
    if not reaches(name, thing, "view"):
        return ABSENT
    return LET_IN if reaches(name, thing, "edit") else REFUSED


def who_sees_nothing_changed(world: World, name: str, thing: Thing | None) -> str:
    """The other end of a step: what may not be chosen is refused as if there were no such thing."""
    return LET_IN if who_edits(world, name, thing) == LET_IN else UNTOUCHED


def who_edits_or_sees_nothing(world: World, name: str, thing: Thing | None) -> str:
    return LET_IN if who_edits(world, name, thing) == LET_IN else ABSENT


def who_acts(world: World, name: str, thing: Thing | None) -> str:
    """With the row chosen: what one may not see is not there, what one may not change is left as it is."""
    found = who_edits(world, name, thing)
    return {ABSENT: UNTOUCHED, REFUSED: RUN_OF_NOTHING}.get(found, found)


def who_may_create(area: str) -> Who:
    def who(world: World, name: str, thing: Thing | None) -> str:
        return REFUSED if LEVELS[name][area][1] == NONE else LET_IN

    return who


def who_has_rights(world: World, name: str, thing: Thing | None) -> str:
    return LET_IN if name in WITH_RIGHTS else REFUSED


# -- entries


def nothing(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    return {}


def number(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"pk": thing.pk}


def made(**named: str) -> Arguments:
    """Arguments that stand for something of the settings, by its name in ``World.made``."""
    return lambda world, name, thing: {
        key: world.made[value] if key == "pk" else value for key, value in named.items()
    }


@dataclass(frozen=True)
class Entry:
    """One address with one method."""

    key: str
    method: str
    who: Who
    # Which records it is tried with.
    on: str = ""
    arguments: Arguments = nothing
    data: Data = nothing
    # Whether what is sent changes something for who may: only then a refusal proves that nothing was written.
    writes: bool = False
    # Part of the page, as htmx asks for it.
    htmx: bool = False
    # Further tries of the same address: what differs, for its name in a failure.
    case: str = ""
    needs_thing: bool = field(init=False, default=False)

    @property
    def name(self) -> str:
        return self.key.partition("(")[0]

    def __str__(self) -> str:
        return f"{self.method} {self.key}" + (f" [{self.case}]" if self.case else "")


ENTRIES: list[Entry] = []


def get(key: str, who: Who, **more: Any) -> None:
    ENTRIES.append(Entry(key, "GET", who, **more))


def post(key: str, who: Who, *, writes: bool = True, **more: Any) -> None:
    ENTRIES.append(Entry(key, "POST", who, writes=writes, **more))


def both(key: str, who: Who, data: Data, *, writes: bool = True, **more: Any) -> None:
    get(key, who, **more)
    post(key, who, data=data, writes=writes, **more)


def sending(**values: Any) -> Data:
    """The same for everybody; what is the name of something in ``World.made`` stands for its number."""
    return lambda world, name, thing: {
        key: world.made.get(value, value) if isinstance(value, str) else value
        for key, value in values.items()
    }


def filled(key: str, arguments: Arguments = number, **changes: Any) -> Data:
    """What the form of this page sends, as an administrator is shown it, with changes."""

    def data(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
        page = reverse(key, kwargs=arguments(world, name, thing))
        answer = world.clients["root"].get(page)
        if answer.status_code != 200:
            return {one: str(value) for one, value in changes.items()}
        shown = [one for one in forms_of(answer) if one.method == "post"]
        to_itself = [one for one in shown if one.action in ("", page)]
        fitting = [one for one in to_itself if all(name in one.names for name in changes)]
        assert fitting, f"{page} has no form with {sorted(changes)}"
        return fitting[0].data(**changes)

    return data


# -- everybody's pages

get("home", signed_in)
get("favicon", public)
get("healthz", public)
get("readyz", anybody)
# Known by its address or not at all; tests/emails/test_pictures.py has one that is there.
get("emails:picture(extension,key)", nobody, arguments=made(key="a" * 22, extension="png"))
# Signed; tests/emails/test_way_out.py and test_clicks.py have those that are true.
both("emails:way_out(token)", nobody, sending(step="leave"), arguments=made(token="a" * 22),
     writes=False)  # fmt: skip
get("emails:click(token)", nobody, arguments=made(token="a" * 22))
post("emails:provider_events(token)", nobody, arguments=made(token="a" * 40), writes=False)
post("set_language", public, data=sending(language="fr"), writes=False)
post("set_theme", public, data=sending(theme="dark"), writes=False)
both("shortcuts", signed_in, sending(shortcuts="off"))

# -- lists


def of_contacts(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    return {"record": "contact"}


def saved_list(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"record": "contact", "slug": thing.extra["slug"]}


def slug(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"slug": thing.extra["slug"]}


def owner_of_list(world: World, name: str, thing: Thing | None) -> str:
    # A private list is nobody else's, administrators included.
    assert thing is not None
    return LET_IN if name == thing.owner else ABSENT


get("contacts:list", signed_in)
get("deals:list", signed_in)
get("contacts:list(slug)", owner_of_list, on="list", arguments=slug)
get("deals:list(slug)", signed_in, arguments=lambda world, name, thing: {"slug": "won"})
both("lists:columns(record)", signed_in, sending(reset="1"), arguments=of_contacts, writes=False)
both("lists:tabs(record)", signed_in, sending(pin="customers"), arguments=of_contacts, writes=False)
get("lists:counts(record)", signed_in, arguments=of_contacts)
get("lists:menu(record)", signed_in, arguments=of_contacts)
both("lists:new(record)", signed_in, sending(name="Mine", state=""), arguments=of_contacts)
post("lists:save(record,slug)", owner_of_list, on="list", arguments=saved_list, writes=False)
both("lists:rename(record,slug)", owner_of_list, sending(name="Otherwise"), on="list",
     arguments=saved_list)  # fmt: skip
both("lists:delete(record,slug)", owner_of_list, nothing, on="list", arguments=saved_list)

# -- acting on many, and taking along


def rows(action: str, **more: Any) -> Data:
    def data(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
        assert thing is not None
        sent = {"action": action, "scope": "rows", "row": thing.pk, "state": "", "confirmed": "1",
                "expected": "1", "token": f"matrix of {name}"}  # fmt: skip
        return {**sent, **{key: world.made.get(value, value) for key, value in more.items()}}

    return data


post("contacts:act", who_acts, on="contact", data=rows("contact.set", city="Ulm"))
post(
    "contacts:act",
    who_has_rights,
    on="contact",
    data=rows("contact.delete"),
    case="delete",
    writes=False,
)
post("deals:act", who_acts, on="deal", data=rows("deal.set", hot="True", value="5"), writes=False)
post("deals:act", who_has_rights, on="deal", data=rows("deal.delete"), case="delete", writes=False)
for record in ("contacts", "deals"):
    post(
        f"{record}:export",
        who_has_rights,
        data=sending(scope="all", count="9", format="csv"),
        writes=False,
    )
post("contacts:addresses", who_has_rights, data=sending(scope="all", count="9"), writes=False)


def own_run(key: str) -> Arguments:
    def arguments(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
        assert thing is not None
        return {"pk": thing.extra["file"] if key == "file" else thing.pk}

    return arguments


get("bulk:runs", signed_in)
get("bulk:indicator", signed_in)
get("bulk:run(pk)", who_sees, on="run", arguments=number)
get("bulk:progress(pk)", who_sees, on="run", arguments=number)


def who_takes_along(world: World, name: str, thing: Thing | None) -> str:
    found = who_sees(world, name, thing)
    return REFUSED if found == LET_IN and name not in WITH_RIGHTS else found


get("bulk:file(pk)", who_takes_along, on="run", arguments=own_run("file"))
post("bulk:turn(pk,step)", who_edits, on="run",
     arguments=lambda world, name, thing: {**number(world, name, thing), "step": "cancel"})  # fmt: skip

# -- contacts

NO_DETAILS = {"details-TOTAL_FORMS": "0", "details-INITIAL_FORMS": "0"}
creates = who_may_create("contacts")

get("contacts:options", signed_in, data=sending(q="of"))
both("contacts:new_person", creates, sending(last_name="Newcomer", **NO_DETAILS))
both("contacts:new_company", creates, sending(name="New company", **NO_DETAILS))
post("contacts:duplicate_hints(kind)", creates, data=sending(last_name="Person of own"),
     arguments=lambda world, name, thing: {"kind": "person"}, writes=False)  # fmt: skip
get("contacts:card(pk)", who_sees, on="contact", arguments=number)
get("contacts:explanation(pk)", who_sees, on="contact", arguments=number, htmx=True)


def cell(of: str) -> Arguments:
    return lambda world, name, thing: {**number(world, name, thing), "name": of}


get("contacts:cell(name,pk)", who_edits, on="contact", arguments=cell("city"), htmx=True)
post("contacts:cell(name,pk)", who_edits, on="contact", arguments=cell("city"),
     data=sending(city="Ulm", was=""), htmx=True)  # fmt: skip
post("contacts:tags(pk)", who_edits, on="contact", arguments=number,
     data=sending(category="contacts", name="Fair"))  # fmt: skip
both("contacts:edit(pk)", who_edits, filled("contacts:edit", last_name="Renamed"), on="contact",
     arguments=number)  # fmt: skip
both("contacts:delete(pk)", who_edits, nothing, on="contact", arguments=number)
post(
    "contacts:collaborators(pk)", who_edits, on="contact", arguments=number, data=sending(on="mate")
)
post("contacts:select_status(pk)", who_edits, on="contact", arguments=number,
     data=sending(customer="past"))  # fmt: skip


def marking(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    return {**number(world, name, thing), "kind": "customer", "value": "past"}


def the_worker(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"employee": thing.extra.get("worker", 0)}


both("contacts:mark_employees(kind,pk,value)", who_edits, the_worker, on="company",
     arguments=marking)  # fmt: skip

# Merging: two whom the user may edit, and then each end foreign.


def with_partner(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"pk": thing.pk, "other": thing.extra.get("partner", world.of("contact")[0].pk)}


def as_other(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    mine = world.own(name, "pair")
    if mine.pk == thing.pk:
        return {"pk": mine.extra["partner"], "other": thing.pk}
    return {"pk": mine.pk, "other": thing.pk}


def both_ends(world: World, name: str, thing: Thing | None) -> str:
    """Of a merge: what is hidden at either end is as absent."""
    mine = world.own(name, "pair")
    ends = {who_edits(world, name, mine), who_edits(world, name, thing)}
    return EITHER if len(ends - {LET_IN}) == 2 else min(ends, key=[ABSENT, REFUSED, LET_IN].index)


get("contacts:merge(pk)", who_edits, on="contact", arguments=number)
get("contacts:merge_two", both_ends, on="contact", case="two ends",
    data=lambda world, name, thing: {"ids": "{pk},{other}".format(**as_other(world, name, thing))})  # fmt: skip
both("contacts:merge_pair(other,pk)", who_edits, filled("contacts:merge_pair", with_partner),
     on="contact", arguments=with_partner)  # fmt: skip
both("contacts:merge_pair(other,pk)", both_ends, filled("contacts:merge_pair", as_other),
     on="contact", arguments=as_other, case="foreign other")  # fmt: skip
post("contacts:undo_merge(pk)", who_edits_or_sees_nothing, on="merge", arguments=number)

# -- deals

creates_deals = who_may_create("deals")


def new_deal(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
    star = thing or world.own(name, "contact")
    return {
        "name": "New deal", "stage": world.made["stages"]["incoming"].pk, "currency": "EUR",
        "star": "0", "rows-TOTAL_FORMS": "1", "rows-INITIAL_FORMS": "0",
        "rows-0-contact": star.pk, "rows-0-role": "",
    }  # fmt: skip


def who_may_star(world: World, name: str, thing: Thing | None) -> str:
    """A deal for a contact needs the right to edit it."""
    if LEVELS[name]["deals"][1] == NONE:
        return REFUSED
    return who_sees_nothing_changed(world, name, thing)


get("deals:options", signed_in, data=sending(q="Deal"))
get("deals:new", creates_deals)
post("deals:new", who_may_star, on="contact", data=new_deal)
post("deals:preview", who_may_star, on="contact", data=new_deal, writes=False)
post("deals:preview(pk)", who_edits, on="deal", arguments=number, data=filled("deals:edit", name="X"),
     writes=False)  # fmt: skip
get("deals:card(pk)", who_sees, on="deal", arguments=number)
get("deals:cell(name,pk)", who_edits, on="deal", arguments=cell("value"), htmx=True)
post("deals:cell(name,pk)", who_edits, on="deal", arguments=cell("value"),
     data=sending(value="77", was="100.00"), htmx=True)  # fmt: skip
post("deals:tags(pk)", who_edits, on="deal", arguments=number,
     data=sending(category="deals", name="Urgent"))  # fmt: skip
post("deals:collaborators(pk)", who_edits, on="deal", arguments=number, data=sending(on="mate"))
both("deals:edit(pk)", who_edits, filled("deals:edit", name="Renamed"), on="deal", arguments=number)


def to_won(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
    return {"stage": world.made["stages"]["won"].pk}


get("deals:move(pk)", who_edits, on="deal", arguments=number, data=to_won)
post("deals:move(pk)", who_edits, on="deal", arguments=number, data=to_won)


def own_contact(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
    return {"contact": world.own(name, "contact").pk, "previous": "keep"}


def this_contact(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
    assert thing is not None
    return {"contact": thing.pk, "previous": "keep"}


def on_own_deal(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    return {"pk": world.own(name, "deal").pk}


def other_end(world: World, name: str, thing: Thing | None) -> str:
    """A contact on a deal of one's own: only one that one may edit."""
    found = who_edits(world, name, world.own(name, "deal"))
    return who_sees_nothing_changed(world, name, thing) if found == LET_IN else found


both("deals:star(pk)", who_edits, own_contact, on="deal", arguments=number)
post("deals:star(pk)", other_end, on="contact", arguments=on_own_deal, data=this_contact,
     case="the contact")  # fmt: skip
both("deals:link_add(pk)", who_edits, own_contact, on="deal", arguments=number)
post("deals:link_add(pk)", other_end, on="contact", arguments=on_own_deal, data=this_contact,
     case="the contact")  # fmt: skip


def its_link(world: World, name: str, thing: Thing | None) -> dict[str, Any]:
    assert thing is not None
    return {"pk": thing.pk, "link": thing.extra["link"]}


post("deals:link_remove(link,pk)", who_edits, on="deal", arguments=its_link)


def the_keeper(world: World, name: str, thing: Thing | None) -> Mapping[str, Any]:
    assert thing is not None
    return {"contact": thing.extra["contact"]}


post("deals:forget_win(pk)", who_edits, on="kept", arguments=number, data=the_keeper)
post("deals:move_along", who_edits, on="mover",
     data=lambda world, name, thing: {"person": thing.pk if thing else 0})  # fmt: skip
both("deals:delete(pk)", who_edits, nothing, on="deal", arguments=number)

# -- for administrators

get("deals:trash", administrators)
post("deals:restore(pk)", administrators, arguments=made(pk="trashed"))
for page in ("settings:overview", "settings:compare", "settings:removed", "deals:pipelines",
             "deals:reasons", "deals:sources"):  # fmt: skip
    get(page, administrators)
CONTACTS = made(category="contacts")
both("settings:account", administrators, filled("settings:account", nothing, name="Renamed"))
both("settings:currencies", administrators, sending(code="CHF"))
post(
    "settings:currency_turn(pk)",
    administrators,
    arguments=made(pk="currency"),
    data=sending(do="down"),
)
post("settings:undo", administrators, data=sending(removal="removal"))
get("settings:category(category)", administrators, arguments=CONTACTS)
post(
    "settings:tag_new(category)",
    administrators,
    arguments=CONTACTS,
    data=sending(name="New", color="gray"),
)
post(
    "settings:tag_makers(category)",
    administrators,
    arguments=CONTACTS,
    data=sending(makers="admins"),
)
post("settings:order(category,kind)", administrators, arguments=made(category="contacts", kind="tag"),
     data=sending(earlier="other tag"))  # fmt: skip
both("settings:field_new(category)", administrators, sending(type="text", name="New", applies_to=""),
     arguments=CONTACTS)  # fmt: skip
both("settings:field_edit(pk)", administrators, filled("settings:field_edit", made(pk="field"), name="Renamed"),
     arguments=made(pk="field"))  # fmt: skip
both(
    "settings:field_type(pk)",
    administrators,
    sending(type="long_text", lost="0"),
    arguments=made(pk="field"),
)
post(
    "settings:options(pk)",
    administrators,
    arguments=made(pk="choice"),
    data=sending(later="option"),
)
post("settings:option_new(pk)", administrators, arguments=made(pk="choice"),
     data=sending(**{"option-name": "New", "option-color": "gray"}))  # fmt: skip
both(
    "settings:option_edit(pk)",
    administrators,
    sending(name="Tiny", color="gray"),
    arguments=made(pk="option"),
)
both(
    "settings:tag_edit(pk)",
    administrators,
    sending(name="Renamed", color="gray"),
    arguments=made(pk="tag"),
)
A_TAG = made(kind="tag", pk="tag")
both(
    "settings:delete(kind,pk)",
    administrators,
    sending(where="here", category="contacts"),
    arguments=A_TAG,
)
both("settings:merge(kind,pk)", administrators, sending(other="other tag", survivor="other tag", category="contacts"),
     arguments=A_TAG)  # fmt: skip
both("settings:move(kind,pk)", administrators, sending(category="contacts"), arguments=A_TAG)
both("deals:pipeline_new", administrators, sending(name="Third"))
PIPELINE, STAGE = made(pk="pipeline"), made(pk="stage")
both("deals:pipeline(pk)", administrators, sending(name="Renamed"), arguments=PIPELINE)
post("deals:pipeline_turn(pk)", administrators, arguments=PIPELINE, data=sending(do="up"))
both("deals:pipeline_archive(pk)", administrators, nothing, arguments=PIPELINE)
both("deals:stage_new(pk)", administrators, sending(name="New", likelihood="5", category="incoming"),
     arguments=PIPELINE)  # fmt: skip
both("deals:stage(pk)", administrators, sending(name="Renamed", likelihood="7"), arguments=STAGE)
post("deals:stage_turn(pk)", administrators, arguments=STAGE, data=sending(do="up"))
both("deals:stage_category(pk)", administrators, sending(category="incoming", to="incoming", seen="0"),
     arguments=STAGE)  # fmt: skip
both(
    "deals:stage_move_deals(pk)",
    administrators,
    sending(to="stage", seen="1"),
    arguments=made(pk="full stage"),
)
both("deals:stage_end(how,pk)", administrators, nothing, arguments=made(pk="stage", how="delete"))
post("deals:reason_switches", administrators, data=sending(asks_unqualified_reason="on"))
post(
    "deals:reason_new(kind)",
    administrators,
    arguments=made(kind="loss_reason"),
    data=sending(name="New"),
)
both(
    "deals:reason(kind,pk)",
    administrators,
    sending(name="Renamed"),
    arguments=made(kind="loss_reason", pk="reason"),
)
post("deals:reason_turn(kind,pk)", administrators, arguments=made(kind="loss_reason", pk="reason"),
     data=sending(do="delete"))  # fmt: skip
both("deals:quiet", signed_in, nothing, writes=False)
post("deals:quiet_settings", administrators, data=sending(quiet_months="5"))
post("deals:quiet_again(pk)", who_edits, on="contact", arguments=number, writes=False)


def entries_by_key() -> dict[str, set[str]]:
    """The methods that are entered, by address."""
    found: dict[str, set[str]] = {}
    for one in ENTRIES:
        found.setdefault(one.key, set()).add(one.method)
    return found
