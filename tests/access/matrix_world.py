"""Who stands in the access matrix, what of whom, and a second opinion on who reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from contacts.models import Contact, ContactCollaborator
from crm.accounts import invitations
from crm.accounts.levels import Role
from crm.accounts.models import Team, User
from crm.actor import acting_as
from crm.bulk.models import BulkRow, BulkRun
from crm.lists.models import SmartList
from crm.trash.models import TrashedRecord
from deals.models import (
    DealCollaborator,
    DealContact,
    DealSource,
    LossReason,
    MergeRecord,
    Pipeline,
    Stage,
)
from deals.services import merge_contacts
from emails.models import Address, Mailing, Recipient, Sender
from emails.standing import suppress
from emails.versions import make_template, save_version
from settings.categories import Category, FieldType
from settings.models import Currency, CustomField, Option, Removal, Tag
from settings.services import delete_label
from tests.access.worlds import administrator, member, team, with_set
from tests.deals.factories import company, deal, default_stages, person

# Levels, (view, edit), by area; by hand, so that nothing of the product is asked.
NONE, OWN, TEAM, ALL = range(4)
AREAS = ("contacts", "customers", "deals")
LEVELS: dict[str, dict[str, tuple[int, int]]] = {
    "nobody": dict.fromkeys(AREAS, (NONE, NONE)),
    "own": dict.fromkeys(AREAS, (OWN, OWN)),
    "team": dict.fromkeys(AREAS, (TEAM, TEAM)),
    "mate": dict.fromkeys(AREAS, (TEAM, OWN)),
    "other": dict.fromkeys(AREAS, (TEAM, TEAM)),
    "limited": {"contacts": (OWN, OWN), "customers": (ALL, OWN), "deals": (OWN, OWN)},
    "reader": dict.fromkeys(AREAS, (ALL, NONE)),
    "everything": dict.fromkeys(AREAS, (ALL, ALL)),
    "root": dict.fromkeys(AREAS, (ALL, ALL)),
}
TEAMS = {"north": ("team", "mate"), "south": ("other",)}
MEMBERS = [name for name in LEVELS if name != "root"]
# Sets of the product carry no rights but the first.
WITH_RIGHTS = frozenset(("everything", "root", "own"))
NOWHERE = 987_654_321


@dataclass(frozen=True)
class Thing:
    """A record of the matrix: what is asked about it, and whose it is."""

    what: str
    pk: int
    owner: str = ""
    collaborators: frozenset[str] = frozenset()
    # Which area it belongs to; of runs and lists their owner alone counts.
    area: str = ""
    # Further numbers and words that addresses take.
    extra: dict[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.what, self.pk))

    @property
    def gone(self) -> bool:
        return not self.area and not self.owner


def teammates(name: str) -> set[str]:
    return {name}.union(*(members for members in TEAMS.values() if name in members))


def reaches(name: str, thing: Thing, act: str) -> bool:
    """Whether a user of this name sees (``act`` 0) or edits (1) a record: the rules said a second time."""
    if thing.gone or name not in LEVELS:
        return False
    if not thing.area:
        return name in (thing.owner, "root")
    level = LEVELS[name][thing.area][0 if act == "view" else 1]
    people = {NONE: set(), OWN: {name}, TEAM: teammates(name)}.get(level)
    return people is None or bool(people & {thing.owner, *thing.collaborators})


@dataclass
class World:
    users: dict[str, User]
    clients: dict[str, Client]
    things: dict[str, list[Thing]]
    made: dict[str, Any]
    # What was asked before, so that it is not asked again.
    asked: dict[Any, Any] = field(default_factory=dict)

    def of(self, what: str) -> list[Thing]:
        return self.things[what]

    def own(self, name: str, what: str) -> Thing:
        """Something of this kind that the user may edit; a foreign one for who edits nothing."""
        found = [one for one in self.things[what] if reaches(name, one, "edit")]
        return (found or self.things[what])[0]


@contextmanager
def asked(client: Client | None = None) -> Iterator[None]:
    """Whatever is written meanwhile is taken back, and the browser's cookies with it."""
    cookies = deepcopy(client.cookies) if client else None
    letters = list(getattr(mail, "outbox", []))
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)
            mail.outbox = letters
            if client and cookies is not None:
                client.cookies = cookies


def build() -> World:
    users = _users()
    stages = default_stages()
    world = World(users, {}, {}, {"stages": stages})
    _contacts(world)
    _deals(world)
    _settings(world)
    _kept_things(world)
    _mailings(world)
    _accounts(world)
    world.clients = {name: _client(user) for name, user in users.items()}
    world.clients["anonymous"] = Client(raise_request_exception=False)
    world.clients["inactive"] = _client(users["inactive"], inactive=True)
    return world


def _users() -> dict[str, User]:
    users = {"root": administrator("root")}
    for name in MEMBERS:
        code = {"limited": "customers", "reader": "read", "everything": "everything"}.get(name)
        levels: Any = LEVELS[name]
        users[name] = (
            with_set(name, code) if code else member(name, rights=name in WITH_RIGHTS, **levels)
        )
    for name, members in TEAMS.items():
        first, *rest = members
        team(name, *(users[one] for one in rest), managers=(users[first],))
    users["inactive"] = member("inactive")
    for user in users.values():
        _with_password(user)
    return users


def _with_password(user: User) -> None:
    user.set_password("correct horse battery staple")
    user.save()


def _client(user: User, *, inactive: bool = False) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    if inactive:
        User.objects.filter(pk=user.pk).update(is_active=False)
    return client


OWNERS = ("own", "mate", "other", "limited")


def _contacts(world: World) -> None:
    people, firms = [], []
    for name in OWNERS:
        owner = world.users[name]
        one = person(f"Person of {name}", owner=owner, email=f"{name}@example.org")
        two = person(f"Second of {name}", owner=owner)
        firm = company(f"Firm of {name}", owner=owner)
        worker = person(f"Worker of {name}", owner=owner, company=firm)
        extra = {"partner": two.pk}
        people.append(Thing("contact", one.pk, name, area="contacts", extra=extra))
        extra = {"worker": worker.pk}
        firms.append(Thing("company", firm.pk, name, area="contacts", extra=extra))
    shared = person("Shared with own", owner=world.users["other"], email="shared@example.org")
    partner = person("Partner of own", owner=world.users["own"])
    ContactCollaborator.objects.create(contact=shared, user=world.users["own"])
    people.append(
        Thing(
            "contact", shared.pk, "other", frozenset(("own",)), "contacts", {"partner": partner.pk}
        )
    )
    prospect = person("Prospect of other", owner=world.users["other"], email="pro@example.org")
    deal(prospect, "incoming", name="Makes a prospect", owner=world.users["root"])
    partner = person("Partner of other", owner=world.users["other"])
    deal(partner, "incoming", name="Makes another", owner=world.users["root"])
    people.append(
        Thing("contact", prospect.pk, "other", area="customers", extra={"partner": partner.pk})
    )
    gone = person("Deleted")
    pk = gone.pk
    gone.delete()
    world.made["trashed"] = TrashedRecord.objects.get(record_id=pk, kind="contact").pk
    world.things["contact"] = [*people, Thing("contact", pk), Thing("contact", NOWHERE)]
    world.things["company"] = [*firms, Thing("company", NOWHERE)]
    world.things["pair"] = [one for one in world.things["contact"] if one.extra]


def _deals(world: World) -> None:
    found = []
    for name in OWNERS:
        owner = world.users[name]
        star = person(f"Star of {name}", owner=owner)
        also = person(f"Also of {name}", owner=owner)
        sold = deal(star, "in_progress", name=f"Deal of {name}", owner=owner, value=100)
        link = DealContact.objects.create(deal=sold, contact=also)
        extra = {"link": link.pk, "star": star.pk, "also": also.pk}
        found.append(Thing("deal", sold.pk, name, area="deals", extra=extra))
    star = person("Star of the shared one", owner=world.users["other"])
    shared = deal(star, "in_progress", name="Shared deal", owner=world.users["other"], value=7)
    link = DealContact.objects.create(
        deal=shared, contact=person("Also there", owner=world.users["own"])
    )
    DealCollaborator.objects.create(deal=shared, user=world.users["own"])
    found.append(Thing("deal", shared.pk, "other", frozenset(("own",)), "deals", {"link": link.pk}))
    gone = deal(person("Of a deleted deal"), name="Deleted deal")
    pk = gone.pk
    gone.delete()
    link_of_all = {"link": found[0].extra["link"]}
    world.things["deal"] = [
        *found,
        Thing("deal", pk, extra=link_of_all),
        Thing("deal", NOWHERE, extra=link_of_all),
    ]
    kept, movers = [], []
    for name in OWNERS:
        contact, won = _kept_win(name, world.users[name])
        kept.append(Thing("kept", won, name, area="deals", extra={"contact": contact}))
        movers.append(Thing("mover", _mover(name, world.users[name]), name, area="customers"))
    world.things["kept"] = [
        *kept,
        Thing("kept", NOWHERE, extra={"contact": kept[0].extra["contact"]}),
    ]
    world.things["mover"] = [*movers, Thing("mover", NOWHERE)]


def _kept_win(name: str, owner: User) -> tuple[int, int]:
    """A contact and the won deal that it is not on any more, and keeps."""
    firm = company(f"Buying for {name}", owner=owner)
    buyer = person(f"Buyer of {name}", owner=owner, company=firm)
    won = deal(buyer, "won", name=f"Won of {name}", owner=owner)
    keeps = person(f"Keeper of {name}", owner=owner, company=firm)
    DealContact.objects.create(deal=won, contact=keeps).delete()
    return keeps.pk, won.pk


def _mover(name: str, owner: User) -> int:
    """Somebody who works elsewhere than when the deal was opened."""
    before, after = company(f"Before {name}", owner=owner), company(f"After {name}", owner=owner)
    moved = person(f"Mover {name}", owner=owner, company=before)
    deal(moved, "incoming", name=f"Moves along {name}", owner=owner)
    moved.refresh_from_db()
    moved.company = after
    moved.save()
    return moved.pk


def _settings(world: World) -> None:
    made = world.made
    made["tag"] = Tag.objects.create(name="Fair", category=Category.CONTACTS).pk
    made["other tag"] = Tag.objects.create(name="Spring", category=Category.CONTACTS).pk
    made["deal tag"] = Tag.objects.create(name="Urgent", category=Category.DEALS).pk
    made["field"] = CustomField.objects.create(
        name="Region", type=FieldType.TEXT, category=Category.CONTACTS, position=0
    ).pk
    choice = CustomField.objects.create(
        name="Size", type=FieldType.CHOICE, category=Category.CONTACTS, position=1
    )
    made["choice"] = choice.pk
    made["option"] = Option.objects.create(field=choice, name="Small", position=0).pk
    Option.objects.create(field=choice, name="Large", position=1)
    made["currency"] = Currency.objects.create(code="EUR", position=0).pk
    Currency.objects.create(code="USD", position=1)
    gone = Tag.objects.create(name="Removed", category=Category.CONTACTS)
    delete_label(gone)
    made["removal"] = Removal.objects.latest("pk").pk
    second = Pipeline.objects.create(name="Second", position=1)
    made["pipeline"] = second.pk
    for place, category in enumerate(("incoming", "in_progress", "won", "lost", "unqualified")):
        stage = Stage.objects.create(
            pipeline=second, name=f"Second {category}", category=category, position=place
        )
        made[f"stage {category}"] = stage.pk
    spare = Stage.objects.create(pipeline=second, name="Spare", category="in_progress", position=9)
    made["stage"] = spare.pk
    full = Stage.objects.create(pipeline=second, name="Full", category="in_progress", position=8)
    deal(person("In the second"), name="In the second pipeline", stage=full)
    made["full stage"] = full.pk
    made["reason"] = LossReason.objects.create(name="Too slow", position=90).pk
    LossReason.objects.create(name="Too late", position=91)
    made["source"] = DealSource.objects.create(name="Chance", position=90).pk
    quiet = person("Quiet customer", owner=world.users["everything"])
    deal(quiet, "won", name="Long ago", closed_at=timezone.now() - timedelta(days=900))
    made["quiet"] = quiet.pk


def _kept_things(world: World) -> None:
    """Runs, saved lists and merges, of several owners each."""
    runs, lists, merges = [], [], []
    for name in ("own", "other"):
        owner = world.users[name]
        run = BulkRun.objects.create(
            action="contact.owner", record="contact", user=owner, params={"owner": None, "names": {}},
            sentence=f"all of {name}", token=f"token of {name}", state=BulkRun.State.PAUSED,
            total=1, origin="http://testserver",
        )  # fmt: skip
        BulkRow.objects.create(run=run, position=0, record_id=world.own(name, "contact").pk)
        written = BulkRun.objects.create(
            action="contact.export", record="contact", user=owner, token=f"file of {name}",
            state=BulkRun.State.DONE, sentence="all", file_name="people.csv", total=0,
            params={"names": {}, "format": "csv", "columns": ["name"], "title": "All"},
        )  # fmt: skip
        written.file.save("people.csv", ContentFile(f"name\r\nOf {name}\r\n".encode()))
        runs.append(Thing("run", run.pk, name, extra={"file": written.pk}))
        saved = SmartList.objects.create(
            record="contact", name=f"List of {name}", slug=f"list-of-{name}", owner=owner
        )
        lists.append(Thing("list", saved.pk, name, extra={"slug": saved.slug}))
        one, two = person(f"Kept of {name}", owner=owner), person(f"Merged of {name}", owner=owner)
        record = merge_contacts(Contact.objects.get(pk=one.pk), Contact.objects.get(pk=two.pk))
        merges.append(Thing("merge", record.pk, name, area="contacts"))
    assert MergeRecord.objects.count() == 2
    shared = SmartList.objects.create(
        record="contact",
        name="Everybody's",
        slug="everybodys",
        owner=world.users["other"],
        shared=True,
    )
    world.made["shared list"] = shared.slug
    world.things["run"] = [*runs, Thing("run", NOWHERE, extra={"file": NOWHERE})]
    world.things["list"] = [*lists, Thing("list", NOWHERE, extra={"slug": "no-such-list"})]
    world.things["merge"] = [*merges, Thing("merge", NOWHERE)]


def _mailings(world: World) -> None:
    """A draft, and one that was halted with a mail that may have arrived, of those who may mail."""
    sender = Sender.objects.create(name="News", address="news@example.org")
    # Of whose domain nothing is asked of the DNS.
    world.made["sender"] = Sender.objects.create(name="Mailbox", address="mailbox@gmail.com").pk
    suppress(["suppressed@example.org"], "bounced")
    world.made["suppressed"] = Address.objects.get(address="suppressed@example.org").pk
    found = []
    for name in ("own", "everything"):
        contact = world.own(name, "contact").pk
        posted = [["list", ""], ["state", ""], ["scope", "rows"], ["row", str(contact)]]
        given = {"author": world.users[name], "sender": sender, "selection": posted, "total": 1,
                 "subject": f"Of {name}", "html": "<p>News</p>", "origin": "http://testserver"}  # fmt: skip
        draft = Mailing.objects.create(**given, waiting=1)
        halted = Mailing.objects.create(**given, state=Mailing.State.PAUSED, uncertain=1)
        for mailing, state in ((draft, "waiting"), (halted, "uncertain")):
            Recipient.objects.create(
                mailing=mailing, position=1, contact_id=contact, name=f"To {name}",
                address=f"{name}@example.org", state=state,
            )  # fmt: skip
        found.append(Thing("mailing", draft.pk, name, extra={"halted": halted.pk}))
    world.things["mailing"] = [*found, Thing("mailing", NOWHERE, extra={"halted": NOWHERE})]
    _templates(world)


def _templates(world: World) -> None:
    """One of somebody's own and one of everybody's, with two versions each."""
    found = []
    for name, scope in (("own", "mine"), ("everything", "all")):
        author = world.users[name]
        template = make_template(user=author, name=f"Template of {name}", scope=scope)
        save_version(template, user=author, subject="Second", html="<p>News</p>", text="")
        extra = {"shared": scope == "all"}
        found.append(Thing("template", template.pk, name, extra=extra))
        world.made["template"] = template.pk
    world.things["template"] = [*found, Thing("template", NOWHERE)]


def _accounts(world: World) -> None:
    """What the pages of people and of one's own account are about."""
    made, users = world.made, world.users
    made |= {name: users[name].pk for name in ("mate", "root")}
    made["somebody"] = member("somebody").pk
    made["person"] = Contact.objects.get(last_name="Second of own").pk
    made["deactivated"] = users["inactive"].pk
    with acting_as(users["root"]):
        invited, _token = invitations.invite(
            email="invited@example.org", first_name="", last_name="Invited", role=Role.MEMBER
        )
    made["invited"] = invited.pk
    made["team"] = Team.objects.get(name="south").pk
    sessions, passkeys = [], []
    for name in ("own", "other"):
        elsewhere = Client()
        elsewhere.force_login(users[name])
        one = UserSession.objects.create(
            user=users[name], ip="192.0.2.1", session_key=elsewhere.session.session_key
        )
        sessions.append(Thing("session", one.pk, name))
    for name in ("mate", "inactive"):
        key = Authenticator.objects.create(
            user=users[name], type=Authenticator.Type.WEBAUTHN, data={"name": f"Key of {name}"}
        )
        passkeys.append(Thing("passkey", key.pk, name))
    world.things["session"] = [*sessions, Thing("session", NOWHERE)]
    world.things["passkey"] = [*passkeys, Thing("passkey", NOWHERE)]
