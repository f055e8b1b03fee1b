"""What can be done to many contacts that takes deals as well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.actions import ContactAction
from contacts.models import Contact
from contacts.statuses import WORDS, StatusKind, label_of
from crm.accounts.levels import Right
from crm.bulk.actions import (
    Left,
    Outcome,
    as_text,
    done,
    edited_since,
    refused,
    register,
    unchanged,
)
from crm.bulk.models import BulkRun
from crm.changes import one_change
from deals.models import Deal, DealContact
from deals.services import lock_deals_of
from deals.services.names import hidden_among, names_of
from deals.services.put_back import kept_wins, put_back_wins
from deals.services.select_many import select_statuses
from deals.services.take_back import EDITED, put_back_selections


@register
class SelectStatuses(ContactAction):
    """Selects a status, or two, by the law: ``{"prospect": value, "customer": value}``."""

    key = "contact.status"
    label = gettext_lazy("Status")
    chunk = 5_000

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        chosen = self._chosen(params)
        if not chosen:
            raise ValidationError(_("Choose a status."))
        for kind, value in chosen.items():
            if value not in WORDS[kind].values:
                raise ValidationError(_("“%(value)s” is no such status.") % {"value": value})

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        outcomes = []
        # What selecting leaves is the same for most: as a text it is made once.
        texts: dict[int, str] = {}
        selected = select_statuses(ids, **self._chosen(run.params))
        for one in selected:
            if one.refusals:
                outcomes.append(refused(one.contact_id, " ".join(one.refusals.values())))
            elif one.before is None:
                outcomes.append(unchanged(one.contact_id))
            else:
                after = texts.get(id(one.after))
                if after is None:
                    after = texts[id(one.after)] = as_text(one.after)
                outcomes.append(done(one.contact_id, as_text(one.before), after))
        return outcomes

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        pictures = {row.record_id: (json.loads(row.before), json.loads(row.after)) for row in rows}
        found = put_back_selections(pictures)
        outcomes = []
        for row in rows:
            now = found[row.record_id]
            if now == EDITED:
                outcomes.append(edited_since(row.record_id))
            elif not now:
                outcomes.append(unchanged(row.record_id))
            else:
                outcomes.append(done(row.record_id, as_text(now), row.before))
        return outcomes

    def _chosen(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {kind: params[kind] for kind in StatusKind.values if params.get(kind)}

    def labelled(self, params: Mapping[str, Any]) -> str:
        return _("Status: %(status)s") % {"status": self._words(params)}

    def said(self, run: BulkRun) -> str:
        values = {"records": self.counted(run.done), "status": self._words(run.params)}
        return _("%(records)s marked as %(status)s") % values

    def _words(self, params: Mapping[str, Any]) -> str:
        return ", ".join(label_of(*one) for one in self._chosen(params).items())


@register
class AddToDeal(ContactAction):
    """Puts contacts on a deal as associated ones: ``{"deal": id, "role": text}``.

    Undoing takes off again whom it put on, and nobody keeps a win through it.
    """

    key = "contact.add_to_deal"
    label = gettext_lazy("Add to a deal")
    chunk = 500

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        self._check_deal(params.get("deal") or 0, user)
        role = DealContact._meta.get_field("role")
        role.clean(params.get("role", ""), None)  # type: ignore[union-attr]

    def _check_deal(self, deal_id: int, user: Any) -> None:
        if not Deal.objects.editable_by(user).filter(pk=deal_id).exists():
            raise ValidationError(_("Choose a deal that exists and that you may change."))

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        self.check(run.params, run.user)
        deal_id, role = run.params["deal"], run.params.get("role", "")
        with one_change():
            star = Deal.stored_states([deal_id])[deal_id].primary_contact_id
            on = self._roles(deal_id, ids).keys() | {star}
            joining = [pk for pk in ids if pk not in on]
            before = self._before(deal_id, joining)
            links = [DealContact(deal_id=deal_id, contact_id=pk, role=role) for pk in joining]
            DealContact.objects.bulk_create(links)
        after = as_text({"role": role})
        return [
            done(pk, as_text(before[pk]), after) if pk in before else unchanged(pk) for pk in ids
        ]

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        deal_id = run.params["deal"]
        was = {row.record_id: json.loads(row.before) for row in rows}
        left = {row.record_id: json.loads(row.after)["role"] for row in rows}
        outcomes: list[Outcome] = []
        moving: dict[int, Any] = {}
        with one_change() as change:
            stored = Deal.stored_states([deal_id]).get(deal_id)
            if stored is None:
                raise ValidationError(_("The deal does not exist any more."))
            self._check_deal(deal_id, run.user)
            roles = self._roles(deal_id, was)
            for pk, one in was.items():
                role = roles.get(pk)
                if pk == stored.primary_contact_id or role not in (one["role"], left[pk]):
                    outcomes.append(edited_since(pk))
                elif role == one["role"]:
                    outcomes.append(unchanged(pk))
                else:
                    moving[pk] = {"role": role}
            leaving = [pk for pk in moving if was[pk]["role"] is None]
            joining = [pk for pk in moving if was[pk]["role"] is not None]
            before = self._before(deal_id, joining) | {pk: moving[pk] for pk in leaving}
            # Nobody keeps a win of a deal that it was put on by mistake.
            change.merged_parties.update((deal_id, pk) for pk in leaving)
            DealContact.objects.filter(deal=deal_id, contact__in=leaving).delete()
            DealContact.objects.bulk_create(
                DealContact(deal_id=deal_id, contact_id=pk, role=was[pk]["role"]) for pk in joining
            )
        kept = [(pk, was[pk]["kept"]) for pk in leaving if "kept" in was[pk]]
        put_back_wins((deal_id, pk, parse_datetime(at) if at else None) for pk, at in kept)
        return outcomes + [done(pk, as_text(before[pk]), as_text(was[pk])) for pk in moving]

    def _roles(self, deal_id: int, ids: Iterable[int]) -> dict[int, str]:
        links = DealContact.objects.filter(deal=deal_id, contact__in=list(ids)).order_by()
        return dict(links.values_list("contact_id", "role"))

    def _before(self, deal_id: int, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """What those who are to join are until now: not on the deal, perhaps keeping its win."""
        before: dict[int, dict[str, Any]] = {pk: {"role": None} for pk in ids}
        for _deal, contact, joined in kept_wins(deals=[deal_id], contacts=ids) if ids else ():
            before[contact]["kept"] = joined
        return before

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {"deal": Deal.objects.get(pk=params["deal"]).name}

    def labelled(self, params: Mapping[str, Any]) -> str:
        return _("Add to “%(deal)s”") % {"deal": self.named(params, "deal")}

    def said(self, run: BulkRun) -> str:
        values = {"records": self.counted(run.done), "deal": self.named(run.params, "deal")}
        return _("%(records)s added to “%(deal)s”") % values


@register
class DeleteContacts(ContactAction):
    """Into the trash, but for those who are the star of a deal."""

    key = "contact.delete"
    label = gettext_lazy("Delete")
    chunk = 200
    undoable = False
    needs = Right.DELETE_MANY

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        with one_change():
            lock_deals_of(ids)
            # Not as the others lock: nobody may become a star while it is being deleted.
            locked = Contact.objects.filter(pk__in=ids).order_by("pk").select_for_update()
            list(locked.values_list("pk", flat=True))
            deals: dict[int, list[str | None]] = {}
            starred = Deal.objects.filter(primary_contact__in=ids).order_by("-opened_at", "-pk")
            rows = list(starred.values_list("primary_contact_id", "pk", "name"))
            hidden = hidden_among((deal for _contact, deal, _name in rows), run.user)
            for contact, deal, name in rows:
                deals.setdefault(contact, []).append(None if deal in hidden else name)
            Contact.objects.filter(pk__in=[pk for pk in ids if pk not in deals]).delete()
        return [refused(pk, _starred(deals[pk])) if pk in deals else done(pk) for pk in ids]

    def said(self, run: BulkRun) -> str:
        return _("%(records)s in the trash now") % {"records": self.counted(run.done)}


def _starred(deals: Sequence[str | None]) -> str:
    return _("It is the main contact of %(deals)s.") % {"deals": names_of(deals)}
