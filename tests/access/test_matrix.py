"""Every address × method × user × record: who may, gets in; to others it answers as to nothing, and changes nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse

import tests.access.matrix_compose
import tests.access.matrix_mail
import tests.access.matrix_mail_settings  # noqa: F401 (both enter their addresses)
from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm.accounts.middleware import SecondFactorMiddleware
from settings.models import Account, Tag
from tests.access import matrix_people
from tests.access.checksums import Watch, beside_the_database, checksum, differing, tables, watched
from tests.access.known import DENIALS, MENDING
from tests.access.matrix import (
    ABSENT,
    ANSWERS,
    EITHER,
    ENTRIES,
    LET_IN,
    REFUSED,
    RUN_OF_NOTHING,
    SIGN_IN,
    UNTOUCHED,
    Entry,
    anybody,
    entries_by_key,
    nobody,
    oneself,
    public,
)
from tests.access.matrix_world import (
    LEVELS,
    NOWHERE,
    Thing,
    World,
    asked,
    build,
    reaches,
    teammates,
)
from tests.access.registry import METHODS, Route, address, routes

# Whoever is asked for; more are only owners.
ACTORS = [name for name in LEVELS if name != "mate"]
OUTSIDE = ("anonymous", "inactive")
OWN_ROUTES = [one for one in routes() if not one.group]
BACK_OFFICE = [one for one in routes() if one.group == "admin:"]
# Answered whatever the method: they read nothing, or refuse in words of their own.
ANY_METHOD = {
    "home": ("GET", *METHODS[1:]),
    "favicon": METHODS,
    "healthz": METHODS,
    "readyz": METHODS,
}
# Whose words, and methods, are those of django-allauth.
OF_PACKAGES = (anybody, oneself, nobody, matrix_people.whose_key)
MASKS = [
    (re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]+'), r"\1-"),
    (re.compile(r'(X-CSRFToken(?:&quot;|"): ?(?:&quot;|"))[^"&]+'), r"\1-"),
    (re.compile(r'(name="token" value=")[^"]+'), r"\1-"),
]
# What is reached without the second factor that one's role needs: the pages to set one up, and those of nobody's.
WITHOUT_FACTOR = SecondFactorMiddleware.ALLOWED
# Where a run of one's own is written down.
RUNS = ("bulk_bulkrun", "bulk_bulkrow")
# The length follows from the numbers that are masked.
VARYING = ("X-Request-ID", "Content-Length")


pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One world for all questions; each is asked in a savepoint that is taken back."""
    kept = override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media"))
    with django_db_blocker.unblock(), kept, asked():
        found = build()
        found.made["tables"] = tables()
        found.made["before"] = checksum(found.made["tables"])
        # Thousands of refusals: telling of each takes longer than some of them.
        logging.disable(logging.CRITICAL)
        yield found
        logging.disable(logging.NOTSET)


# -- the list is whole


def missing() -> list[str]:
    entered = entries_by_key()
    return sorted(one.key for one in OWN_ROUTES if one.key not in entered)


def test_every_address_stands_in_the_matrix() -> None:
    entered = entries_by_key()
    assert not missing() or MENDING, "say in tests/access/matrix.py who may use these"
    gone = sorted(entered.keys() - {one.key for one in OWN_ROUTES})
    assert not gone, "these are in the matrix and nowhere else"


def test_names_of_addresses_are_told_apart() -> None:
    keys = [one.key for one in OWN_ROUTES]
    assert sorted(set(keys)) == sorted(keys)


def test_every_method_that_is_answered_stands_in_the_matrix(world: World) -> None:
    entered = entries_by_key()
    found = {}
    for route in OWN_ROUTES:
        if route.key in ANY_METHOD or route.key not in entered:
            continue
        answered = _methods_of(world, route, entered[route.key])
        if answered != entered[route.key]:
            found[route.key] = sorted(answered), sorted(entered[route.key])
    assert not found, f"answered, and entered: {found}"


def _methods_of(world: World, route: Route, entered: set[str]) -> set[str]:
    """Those that are not answered with 405, as administrators find them."""
    entry = next(one for one in ENTRIES if one.key == route.key)
    name, thing = "root", _first_thing(world, entry)
    found = address(entry.name, entry.arguments(world, name, thing))
    answered = set()
    for method in METHODS:
        if method in entered:
            # Asked with everybody's eyes in a test of its own.
            answered.add(method)
            continue
        with asked(world.clients[name]), watched() as watch:
            status = world.clients[name].generic(method, found).status_code
        # Packages answer other methods as they answer GET: with a page, or by leading elsewhere.
        if status != 405 and (watch.wrote or entry.who not in OF_PACKAGES):
            answered.add(method)
    return answered


def _first_thing(world: World, entry: Entry) -> Thing | None:
    return world.of(entry.on)[0] if entry.on else None


# -- who gets where


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_each_user_gets_what_the_matrix_says(entry: Entry, world: World) -> None:
    found = _all_problems(world, entry)
    if str(entry) in DENIALS:
        assert found or MENDING, f"{entry} is mended: strike it from tests/access/known.py"
    else:
        assert not found, "\n".join(found)


def _all_problems(
    world: World, entry: Entry, names: Sequence[str] = (*ACTORS, *OUTSIDE)
) -> list[str]:
    found, written = [], False
    for name in names:
        for thing in _tried(world, entry, name):
            problems, wrote = _problems(world, entry, name, thing)
            what = f" on {thing.what} of {thing.owner or 'nobody'}" if thing else ""
            found += [f"{name}{what}: {problem}" for problem in problems]
            written |= wrote
    if entry.writes and "root" in names and not written:
        found.append("nobody changed anything, so that it shows nothing of refusals")
    return found


def _tried(world: World, entry: Entry, name: str) -> list[Thing | None]:
    """One record of each kind that there is for the user: own, a colleague's, shared, foreign, deleted, nowhere."""
    if not entry.on:
        return [None]
    things = world.of(entry.on)
    if name in OUTSIDE:
        return [things[0]]
    found: dict[Any, Thing] = {}
    ours = teammates(name)
    for thing in things:
        expected = entry.who(world, name, thing)
        kind = [expected, thing.area, thing.owner == name, name in thing.collaborators]
        if expected != LET_IN:
            kind += [thing.owner in ours, thing.gone and thing.pk]
        found.setdefault(tuple(kind), thing)
    return list(found.values())


def _problems(world: World, entry: Entry, name: str, thing: Thing | None) -> tuple[list[str], bool]:
    """What is wrong with the answer, and whether it wrote anything that counts."""
    expected = _expected(world, entry, name, thing)
    data = _data(world, entry, name, thing)
    beside = beside_the_database()
    with asked(world.clients[name]), watched() as watch:
        answer, shown = _ask(world, entry, name, thing, data)
        changed = [] if expected == LET_IN else _changed(world, watch, beside)
    if expected == RUN_OF_NOTHING:
        changed = [one for one in changed if one not in RUNS]
    wrong = _wrong_status(expected, answer)
    if changed:
        wrong.append(f"changed {', '.join(changed)} and answered {answer.status_code}")
    if not wrong and thing is not None and expected in (ABSENT, UNTOUCHED):
        absent = _answer_to_nothing(world, entry, name, thing, data)
        one, other = (_masked(text, thing) for text in (shown, absent[1] if absent else shown))
        if absent and (answer.status_code, one) != (absent[0], other):
            wrong.append(f"says more than of nothing: {_first_difference(one, other)}")
    return wrong, expected == LET_IN and watch.wrote


def _masked(text: str, thing: Thing) -> str:
    """Without the numbers that were asked for, of this record and of none, wherever they stand."""
    asked_for = [str(thing.pk), str(NOWHERE), *map(str, thing.extra.values()), "no-such-list"]
    return re.sub("|".join(rf"(?<![0-9]){re.escape(one)}(?![0-9])" for one in asked_for), "#", text)


def _changed(world: World, watch: Watch, beside: dict[str, str]) -> list[str]:
    if not watch.wrote:
        return differing(beside, beside_the_database())
    return differing(world.made["before"] | beside, checksum(world.made["tables"]))


def _data(world: World, entry: Entry, name: str, thing: Thing | None) -> Any:
    """Forms are filled once for all who send them."""
    key = "data", entry, name if thing is None or entry.case else "", thing
    if key not in world.asked:
        with asked():
            world.asked[key] = entry.data(world, name, thing)
    return world.asked[key]


def _answer_to_nothing(
    world: World, entry: Entry, name: str, thing: Thing, data: Any
) -> tuple[int, str] | None:
    """What the same is answered for a number that no record has."""
    nothing = next((one for one in world.of(entry.on) if one.pk == NOWHERE), None)
    if nothing is None or thing is nothing or reaches(name, thing, "view"):
        return None
    key = "nothing", entry, name
    if key not in world.asked:
        with asked(world.clients[name]):
            answer, shown = _ask(world, entry, name, nothing, _data(world, entry, name, nothing))
        world.asked[key] = answer.status_code, shown
    found: tuple[int, str] = world.asked[key]
    return found


def _expected(world: World, entry: Entry, name: str, thing: Thing | None) -> str:
    if name in OUTSIDE:
        found = entry.who(world, name, thing) if entry.who in (public, anybody, nobody) else SIGN_IN
        return found
    return entry.who(world, name, thing)


def _ask(world: World, entry: Entry, name: str, thing: Thing | None, data: Any) -> tuple[Any, str]:
    """The answer, and its text without what differs from one request to the next."""
    where = address(entry.name, entry.arguments(world, name, thing))
    headers: Any = {"HX-Request": "true"} if entry.htmx else {}
    client = world.clients[name]
    answer: Any = getattr(client, entry.method.lower())(where, data, headers=headers)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = content.decode("utf-8", "replace") + "\n".join(
        f"{key}: {value}" for key, value in sorted(answer.headers.items()) if key not in VARYING
    )
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return answer, text


def _wrong_status(expected: str, answer: Any) -> list[str]:
    status, to = answer.status_code, answer.headers.get("Location", "")
    # Not ready is what a server says that has no worker.
    if status >= 500 and status != 503:
        return [f"breaks with {status}"]
    signing_in = status == 302 and to.startswith("/accounts/login/")
    fine = {
        SIGN_IN: signing_in,
        ANSWERS: True,
        EITHER: status in (403, 404),
        RUN_OF_NOTHING: not signing_in,
        ABSENT: status == 404,
        REFUSED: status == 403,
        LET_IN: status not in (403, 404) and not signing_in,
        UNTOUCHED: not signing_in,
    }[expected]
    return [] if fine else [f"{expected} expected, answered {status} {to}".rstrip()]


def _first_difference(one: str, other: str) -> str:
    pairs = enumerate(zip(one.splitlines(), other.splitlines(), strict=False))
    return next(
        (f"line {n}: {a.strip()!r} / {b.strip()!r}" for n, (a, b) in pairs if a != b), "its length"
    )


# -- who looks on, and who lacks a second factor


def previewing(world: World, name: str) -> Any:
    """An administrator who sees the product as this user does."""
    client = Client(raise_request_exception=False)
    client.force_login(world.users["root"])
    started = client.post(reverse("people:preview", args=[world.users[name].pk]))
    assert started.status_code == 302
    return client


@pytest.mark.parametrize("name", ["limited", "everything"])
def test_who_previews_changes_nothing_and_sees_no_more(world: World, name: str) -> None:
    found = []
    with asked():
        own, world.clients[name] = world.clients[name], previewing(world, name)
        before = checksum(world.made["tables"])
        try:
            for entry in ENTRIES:
                if entry.name != "people:preview_stop":
                    found += _problems_of_preview(world, entry, name)
        finally:
            world.clients[name] = own
        assert differing(before, checksum(world.made["tables"])) == []
    assert not found, "\n".join(found)


def _problems_of_preview(world: World, entry: Entry, name: str) -> list[str]:
    thing = world.of(entry.on)[2 % len(world.of(entry.on))] if entry.on else None
    expected = _expected(world, entry, name, thing)
    data = _data(world, entry, name, thing)
    with asked(world.clients[name]), watched() as watch:
        status = _ask(world, entry, name, thing, data)[0].status_code
    if entry.method == "GET":
        # Whoever looks on gets to no page of anybody's account, which is said before what it is.
        absent = status == 404 or (not entry.on and status == 403)
        fine = {ABSENT: absent, REFUSED: status == 403}.get(expected, status < 500 or status == 503)
    else:
        fine = status in (403, 404) and not watch.wrote
    return [] if fine else [f"{entry}: {expected}, answered {status}, wrote {watch.wrote}"]


def test_who_lacks_a_second_factor_gets_nowhere_but_to_set_one_up(world: World) -> None:
    found = []
    with asked():
        Account.objects.update_or_create(pk=1, defaults={"factor_of_members": True})
        for entry in ENTRIES:
            thing = world.own("everything", entry.on) if entry.on else None
            data = _data(world, entry, "everything", thing)
            with asked(world.clients["everything"]), watched() as watch:
                answer = _ask(world, entry, "everything", thing, data)[0]
            to = answer.headers.get("Location", answer.headers.get("HX-Redirect", ""))
            stopped = answer.status_code in (302, 403) and to in (reverse("mfa_index"), "")
            allowed = entry.name in WITHOUT_FACTOR or answer.status_code == 404
            if (watch.wrote and (stopped or not allowed)) or not (stopped or allowed):
                found.append(f"{entry}: answered {answer.status_code} {to}, wrote {watch.wrote}")
    assert not found, "\n".join(found)


# -- the tests can fail


def entry_of(text: str) -> Entry:
    return next(one for one in ENTRIES if str(one) == text)


def test_a_door_left_open_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (
        "GET contacts:card(pk)",
        "POST contacts:edit(pk)",
        "POST deals:star(pk) [the contact]",
    ):
        assert _all_problems(world, entry_of(text), ["own"]) == []
    monkeypatch.setattr(ContactQuerySet, "_reached_by", lambda self, user, act: self.all())
    for text in (
        "GET contacts:card(pk)",
        "POST contacts:edit(pk)",
        "POST deals:star(pk) [the contact]",
    ):
        assert _all_problems(world, entry_of(text), ["own"])


def test_a_refusal_that_writes_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def writes(*_: Any) -> None:
        Tag.objects.create(name="Written", category="contacts")

    monkeypatch.setattr("crm.audit.denied._note", writes)
    found = _all_problems(world, entry_of("POST contacts:edit(pk)"), ["reader"])
    assert any("changed settings_tag" in one for one in found)


def test_a_refusal_that_says_more_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def tells(view: Any, request: Any, *args: Any) -> Any:
        there = Contact.objects.filter(pk=request.resolver_match.kwargs["pk"]).exists()
        return HttpResponse("hidden" if there else "nothing", status=404)

    monkeypatch.setattr(
        "django.core.handlers.base.BaseHandler.process_exception_by_middleware", tells
    )
    assert _all_problems(world, entry_of("GET contacts:card(pk)"), ["own"])


def test_an_address_that_nobody_entered_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [one for one in ENTRIES if one.key != "contacts:card(pk)"]
    monkeypatch.setattr("tests.access.matrix.ENTRIES", kept)
    assert "contacts:card(pk)" in missing()


# -- the back office, as one


def test_back_office_is_for_administrators(world: World) -> None:
    assert BACK_OFFICE
    found = []
    for route in BACK_OFFICE:
        where = "/" + re.sub(r"<[^>]*>|\([^)]*\)\)?|[\\^$]|\?P", "1", route.pattern)
        for name in ("limited", "everything", "anonymous", "inactive"):
            if route.name in ("admin:login", "admin:logout", "admin:jsi18n"):
                continue
            for method in ("get", "post") if name == "everything" else ("get",):
                with asked(world.clients[name]):
                    answer = getattr(world.clients[name], method)(where)
                if answer.status_code not in (302, 403, 404, 405) or (
                    answer.content.strip() and (answer.status_code == 200)
                ):
                    found.append((method, where, name, answer.status_code))
    assert not found
