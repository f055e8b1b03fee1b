"""Where addresses stand: not mailed and why, on what legal basis, and how that came to be.

An address has one standing, however many contacts share it. Of several reasons not to mail it the strongest counts:
complained, unsubscribed, bounced, by hand, in this order; a weaker one is written down and changes nothing. Only an
administrator with a reason lifts any of them; a person takes back their own unsubscribing, and what was true besides
it is true again. Erased people are remembered by ``crm.suppression``, which nothing lifts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.audit import services as audit
from crm.audit.models import Action
from crm.bulk.sql import write_values
from crm.suppression.services import suppressed as erased_among
from emails.addresses import normal
from emails.models import Address, AddressEvent
from emails.reasons import Basis, Suppressed

Kind = AddressEvent.Kind
# The strongest first.
STRENGTH = (
    Suppressed.COMPLAINED, Suppressed.UNSUBSCRIBED, Suppressed.BOUNCED, Suppressed.BLOCKED,
)  # fmt: skip
_KINDS = {
    Suppressed.COMPLAINED: Kind.COMPLAINED,
    Suppressed.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
    Suppressed.BOUNCED: Kind.BOUNCED,
    Suppressed.BLOCKED: Kind.BLOCKED,
}
# A mailbox that is full or asks for patience this many times in a row, without a mail arriving, counts as dead.
PUT_OFF_AT_MOST = 5


class Ground(NamedTuple):
    """On what ground an address is mailed: a ``Basis`` or nothing, where it is from, what was agreed to, and when."""

    basis: str = ""
    source: str = ""
    text: str = ""
    at: datetime | None = None


NO_GROUND = Ground()


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Of one address, as it is now. ``suppressed`` is a ``Suppressed`` or empty, ``ground`` has the legal basis."""

    address: str
    suppressed: str = ""
    suppressed_at: datetime | None = None
    ground: Ground = NO_GROUND

    @property
    def suppressed_label(self) -> str:
        return str(Suppressed(self.suppressed).label) if self.suppressed else ""

    @property
    def basis_label(self) -> str:
        return str(Basis(self.ground.basis).label) if self.ground.basis else ""


def standing_of(addresses: Iterable[str]) -> dict[str, Standing]:
    """The standing of each address, by ``normal`` address; of what is none, nothing. Three statements at most."""
    keys = _normal(addresses)
    found = {key: Standing(address=key) for key in keys}
    for row in Address.objects.filter(address__in=keys) if keys else ():
        found[row.address] = Standing(
            address=row.address,
            suppressed=row.suppressed,
            suppressed_at=row.suppressed_at,
            ground=_ground(row),
        )
    for key in erased_among(keys):
        found[key] = Standing(address=key, suppressed=Suppressed.ERASED, ground=found[key].ground)
    return found


def suppress(
    addresses: Iterable[str],
    why: str,
    *,
    actor: Any = None,
    mailing_id: int | None = None,
    position: int | None = None,
    at: datetime | None = None,
    details: Mapping[str, Any] | None = None,
    audited: bool = True,
) -> set[str]:
    """Let nobody mail these addresses, for this reason; returns those of them that could be mailed until now.

    Told the same about the same mail again it does nothing. ``audited=False`` is for those who write one entry for all
    of it.
    """
    reason = Suppressed(why)
    if reason not in _KINDS:
        raise ValueError("Erased people are remembered by crm.suppression.")
    keys, at = _normal(addresses), at or timezone.now()
    if not keys:
        return set()
    with transaction.atomic():
        rows = _locked(keys)
        news = _news(rows, reason, mailing_id, position)
        weaker = [one for one in news if _weaker(one.suppressed, reason)]
        Address.objects.filter(pk__in=[one.pk for one in weaker]).update(
            suppressed=reason, suppressed_at=at
        )
        _tell(
            _KINDS[reason], news, at=at, actor=actor, mailing_id=mailing_id, position=position,
            details=dict(details or {}),
        )  # fmt: skip
        if actor is not None and audited:
            changes = [(one, one.suppressed, reason.value) for one in weaker]
            _audit("suppressed", changes, actor, details)
        return {one.address for one in weaker if not one.suppressed}


def _news(
    rows: Collection[Address], reason: Suppressed, mailing_id: int | None, position: int | None
) -> list[Address]:
    """Those of whom this was not told before: that they stand so already, by this mail."""
    told: set[str] = set()
    same = [one.address for one in rows if not _weaker(one.suppressed, reason)]
    if same:
        events = AddressEvent.objects.filter(
            address__in=same, kind=_KINDS[reason], mailing_id=mailing_id, position=position
        )
        told = set(events.values_list("address", flat=True))
    return [one for one in rows if one.address not in told]


def _weaker(stored: str, reason: Suppressed) -> bool:
    order = [str(one) for one in STRENGTH]
    return not stored or order.index(stored) > order.index(reason)


def lift(address: str, *, actor: Any, reason: str) -> None:
    """Let an address be mailed again. Raises ``PermissionDenied`` for all but administrators, and ``ValidationError``
    without a reason, or where there is nothing to lift.
    """
    if not (actor is not None and actor.is_active and actor.is_superuser):
        raise PermissionDenied
    reason = " ".join(reason.split())
    if not reason:
        raise ValidationError(
            _("Say why this address may be mailed again: it is kept in the audit log.")
        )
    key = normal(address)
    with transaction.atomic():
        row = Address.objects.select_for_update().filter(address=key).first() if key else None
        if row is None or not row.suppressed:
            raise ValidationError(_("Nothing keeps this address from being mailed."))
        before = row.suppressed
        _stands(row, "", None)
        details = {"reason": reason, "was": before}
        _tell(Kind.LIFTED, [row], at=timezone.now(), actor=actor, details=details)
        _audit("suppressed", [(row, before, "")], actor, {"reason": reason})


def take_back(address: str, *, mailing_id: int | None = None, position: int | None = None) -> bool:
    """The person undoes their unsubscribing; returns whether that changed anything.

    What else kept the address from being mailed does so again.
    """
    key = normal(address)
    with transaction.atomic():
        row = Address.objects.select_for_update().filter(address=key).first() if key else None
        if row is None or row.suppressed != Suppressed.UNSUBSCRIBED:
            return False
        _stands(row, *_besides(row))
        _tell(
            Kind.RETURNED, [row], at=timezone.now(), actor=None, mailing_id=mailing_id,
            position=position,
        )  # fmt: skip
    return True


def _besides(row: Address) -> tuple[str, datetime | None]:
    """The strongest reason besides the unsubscribing, of those told since everything was lifted last."""
    events = AddressEvent.objects.filter(address=row.address)
    lifted = events.filter(kind=Kind.LIFTED).order_by("-pk").values_list("pk", flat=True).first()
    since = dict(events.filter(pk__gt=lifted or 0).order_by("-pk").values_list("kind", "at"))
    for reason in STRENGTH:
        if reason != Suppressed.UNSUBSCRIBED and _KINDS[reason] in since:
            return reason.value, since[_KINDS[reason]]
    return "", None


def put_off(
    address: str,
    *,
    mailing_id: int | None = None,
    position: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """A mail to this address came back for now. Several in a row and it counts as bounced."""
    key = normal(address)
    if not key:
        return
    with transaction.atomic():
        (row,) = _locked({key})
        row.soft_bounces += 1
        row.save(update_fields=["soft_bounces"])
        _tell(
            Kind.PUT_OFF, [row], at=timezone.now(), actor=None, mailing_id=mailing_id,
            position=position, details=dict(details or {}),
        )  # fmt: skip
        if row.soft_bounces >= PUT_OFF_AT_MOST:
            suppress([key], Suppressed.BOUNCED, mailing_id=mailing_id, position=position,
                     details=details)  # fmt: skip


def arrived(addresses: Iterable[str]) -> None:
    """Mails to these addresses were taken: what put them off before is over."""
    rows = Address.objects.filter(address__in=_normal(addresses), soft_bounces__gt=0)
    rows.update(soft_bounces=0)


# -- the legal basis


def set_basis(
    addresses: Iterable[str],
    basis: str,
    *,
    source: str = "",
    text: str = "",
    at: datetime | None = None,
    actor: Any = None,
    audited: bool = True,
) -> set[str]:
    """Give addresses a legal basis, or none with an empty one; returns those for which that is new.

    ``audited=False`` is for those who write one entry for all of it, as runs and loads do. As many statements for one
    as for thousands.
    """
    ground = (
        Ground(Basis(basis).value, source.strip()[:200], text.strip(), at) if basis else NO_GROUND
    )
    return put_basis(dict.fromkeys(_normal(addresses), ground), actor=actor, audited=audited)


def put_basis(
    grounds: Mapping[str, Ground], *, actor: Any = None, audited: bool = True
) -> set[str]:
    """Give each ``normal`` address its own ground; returns those for which it is new."""
    if not grounds:
        return set()
    with transaction.atomic():
        changing = [one for one in _locked(set(grounds)) if _ground(one) != grounds[one.address]]
        if changing:
            write_values(
                Address,
                ["basis", "basis_source", "basis_text", "basis_at"],
                [[one.pk, *grounds[one.address]] for one in changing],
            )
        now = timezone.now()
        AddressEvent.objects.bulk_create(
            [
                AddressEvent(
                    address=one.address, kind=Kind.BASIS, at=now, actor=actor,
                    details={"before": told(_ground(one)), "after": told(grounds[one.address])},
                )
                for one in changing
            ],
            batch_size=1_000,
        )  # fmt: skip
        if actor is not None and audited:
            changes = [(one, one.basis, grounds[one.address].basis) for one in changing]
            _audit("basis", changes, actor, None)
        return {one.address for one in changing}


def told(ground: Ground) -> dict[str, str]:
    """A ground as JSON holds it."""
    return {
        "basis": ground.basis,
        "source": ground.source,
        "text": ground.text,
        "at": ground.at.astimezone(UTC).isoformat() if ground.at else "",
    }


def read_ground(stored: Mapping[str, str]) -> Ground:
    """What ``told`` wrote."""
    at = datetime.fromisoformat(stored["at"]) if stored.get("at") else None
    return Ground(stored["basis"], stored["source"], stored["text"], at)


# -- what all of them do


def _normal(addresses: Iterable[str]) -> set[str]:
    return {key for one in addresses if (key := normal(one))}


def _ground(row: Address) -> Ground:
    return Ground(row.basis, row.basis_source, row.basis_text, row.basis_at)


def _locked(keys: Collection[str]) -> list[Address]:
    """A row for each address, locked in the order of their numbers."""
    Address.objects.bulk_create(
        [Address(address=key) for key in sorted(keys)], ignore_conflicts=True, batch_size=1_000
    )
    rows = Address.objects.filter(address__in=keys).order_by("pk")
    return list(rows.select_for_update(no_key=True))


def _stands(row: Address, suppressed: str, at: datetime | None) -> None:
    row.suppressed, row.suppressed_at, row.soft_bounces = suppressed, at, 0
    row.save(update_fields=["suppressed", "suppressed_at", "soft_bounces"])


def _tell(kind: str, rows: Iterable[Address], **values: Any) -> None:
    events = [AddressEvent(address=one.address, kind=kind, **values) for one in rows]
    AddressEvent.objects.bulk_create(events, batch_size=1_000)


def _audit(
    what: str,
    changes: Iterable[tuple[Address, str, str]],
    actor: Any,
    details: Mapping[str, Any] | None,
) -> None:
    audit.record_many(
        audit.entry(
            Action.CHANGED, row, before={what: before}, after={what: after}, actor=actor,
            **dict(details or {}),
        )
        for row, before, after in changes
    )  # fmt: skip
