"""What can be done to the addresses of many contacts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.actions import ContactAction
from contacts.models import Contact
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
from crm.bulk.among import among
from crm.bulk.models import BulkRun
from emails.addresses import normal
from emails.reasons import Basis
from emails.standing import NO_GROUND, Ground, put_basis, read_ground, standing_of, told

SOURCE_AT_MOST, TEXT_AT_MOST = 200, 5_000


@register
class SetBasis(ContactAction):
    """Gives addresses a legal basis: ``{"basis", "source", "text", "on"}``, the last a date or empty; none with an
    empty basis. An address that several contacts share has one.
    """

    key = "contact.basis"
    label = gettext_lazy("Legal basis")

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        basis, on = params.get("basis", ""), params.get("on", "")
        if basis and basis not in Basis.values:
            raise ValidationError({"basis": _("Choose a legal basis, or “No legal basis”.")})
        if on and (day := parse_date(on)) and day > timezone.localdate():
            raise ValidationError({"on": _("This lies in the future.")})
        for name, most in (("source", SOURCE_AT_MOST), ("text", TEXT_AT_MOST)):
            if len(params.get(name, "")) > most:
                problem = _("At most %(number)d characters fit.") % {"number": most}
                raise ValidationError({name: problem})

    def ground(self, params: Mapping[str, Any]) -> Ground:
        if not params["basis"]:
            return NO_GROUND
        day = parse_date(params.get("on") or "")
        at = timezone.make_aware(datetime.combine(day, time.min)) if day else None
        return Ground(params["basis"], params.get("source", ""), params.get("text", ""), at)

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        addresses = self._addresses(ids)
        ground = self.ground(run.params)
        after = as_text(told(ground))
        stands = standing_of(addresses.values())
        news = put_basis(dict.fromkeys(stands, ground), actor=run.user, audited=False)
        outcomes = []
        for pk in ids:
            address = addresses.get(pk, "")
            if not address:
                outcomes.append(refused(pk, _("It has no valid e-mail address.")))
            elif address in news:
                # Of those who share it the first has changed it.
                news.discard(address)
                before = told(stands[address].ground) | {"of": address}
                outcomes.append(done(pk, as_text(before), after))
            else:
                outcomes.append(unchanged(pk))
        return outcomes

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        outcomes, back = [], {}
        texts = {row.record_id: json.loads(row.before) for row in rows}
        addresses = self._addresses(list(texts))
        stands = standing_of(addresses.values())
        for row in rows:
            before, after = texts[row.record_id], json.loads(row.after)
            address = before.pop("of", after.pop("of", ""))
            now = told(stands[address].ground) if address in stands else None
            if addresses.get(row.record_id) != address or now not in (before, after):
                outcomes.append(edited_since(row.record_id))
            elif now == before:
                outcomes.append(unchanged(row.record_id))
            else:
                back[address] = read_ground(before)
                was = as_text({**after, "of": address})
                outcomes.append(done(row.record_id, was, as_text(before)))
        put_basis(back, actor=run.user, audited=False)
        return outcomes

    def _addresses(self, ids: Sequence[int]) -> dict[int, str]:
        """Locked, so that nobody gets another address while its basis is written."""
        rows = Contact.objects.filter(among(ids)).order_by("pk").select_for_update(no_key=True)
        found = ((pk, normal(email)) for pk, email in rows.values_list("pk", "email"))
        return {pk: address for pk, address in found if address}

    def labelled(self, params: Mapping[str, Any]) -> str:
        if not params["basis"]:
            return _("Legal basis: none")
        values = {"basis": Basis(params["basis"]).label, "source": params.get("source", "")}
        if day := parse_date(params.get("on") or ""):
            values["source"] += f", {date_format(day, 'SHORT_DATE_FORMAT')}"
        values["source"] = values["source"].removeprefix(", ")
        if values["source"]:
            return _("Legal basis: %(basis)s (%(source)s)") % values
        return _("Legal basis: %(basis)s") % values

    def said(self, run: BulkRun) -> str:
        return _("Legal basis of %(records)s set") % {"records": self.counted(run.done)}
