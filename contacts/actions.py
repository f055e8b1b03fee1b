"""What can be done to many contacts that takes nothing but contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.models import Contact
from crm.accounts.models import User
from crm.bulk.actions import BulkAction, register
from crm.bulk.models import BulkRun
from crm.bulk.values import SetValues

# The fields of one kind are no use to the other; their forms do not have them either.
OF_PEOPLE = frozenset(("title",))
OF_COMPANIES = frozenset(("industry",))
SETTABLE = ("title", "industry", "website", "language", "street", "postal_code", "city", "state",
            "country", "description")  # fmt: skip


class ContactAction(BulkAction):
    record = "contact"
    model = Contact

    def counted(self, number: int) -> str:
        text = ngettext("%(number)s contact", "%(number)s contacts", number)
        return text % {"number": intcomma(number)}


class SetOwner(SetValues):
    """Gives records an owner, or none: ``{"owner": id or None}``. For any record with an owner."""

    label = gettext_lazy("Owner")

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"owner_id": params["owner"]}

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        owner = params.get("owner")
        if owner is not None and not User.objects.filter(pk=owner, is_active=True).exists():
            raise ValidationError(_("Choose an owner who may sign in."))

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Any]:
        self.check(run.params, run.user)
        return super().act(ids, run)

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        owner = User.objects.filter(pk=params["owner"] or 0).first()
        return {"owner": str(owner)} if owner else {}

    def labelled(self, params: Mapping[str, Any]) -> str:
        return _("Owner: %(owner)s") % {"owner": self.named(params, "owner") or _("Nobody")}

    def said(self, run: BulkRun) -> str:
        return _("Owner of %(records)s set") % {"records": self.counted(run.done)}


class SetFields(SetValues):
    """Sets or clears fields: ``{"values": {name: value}}``, of the ``settable`` ones."""

    label = gettext_lazy("Field values")
    settable: ClassVar[Sequence[str]]

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {self._field(name).attname: value for name, value in params["values"].items()}

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        values = params.get("values")
        if not values:
            raise ValidationError(_("Give at least one field a value, or clear one."))
        for name, value in values.items():
            if name not in self.settable:
                raise ValidationError(_("“%(name)s” cannot be set here.") % {"name": name})
            field = self._field(name)
            if value not in ("", None):
                field.clean(field.to_python(value), None)
            elif not field.blank or (value is None) != field.null:
                raise ValidationError({name: _("This cannot be empty.")})

    def _field(self, name: str) -> Any:
        return self.model._meta.get_field(name)

    def labelled(self, params: Mapping[str, Any]) -> str:
        return ", ".join(self._shown(name, params) for name in self._settled(params))

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for name, value in params["values"].items():
            field = self._field(name)
            if isinstance(field, models.ForeignKey) and value is not None:
                found[name] = str(field.related_model._default_manager.get(pk=value))  # type: ignore[union-attr]
        return found

    def _settled(self, params: Mapping[str, Any]) -> list[str]:
        """The fields that are set, in their own order: JSON in a database may have none."""
        return [name for name in self.settable if name in params["values"]]

    def _shown(self, name: str, params: Mapping[str, Any]) -> str:
        label = capfirst(str(self._field(name).verbose_name))
        value = self.named(params, name) or params["values"][name]
        if value in ("", None):
            return _("%(field)s: empty") % {"field": label}
        if isinstance(value, bool):
            value = _("yes") if value else _("no")
        return _("%(field)s: %(value)s") % {"field": label, "value": str(value)[:80]}

    def said(self, run: BulkRun) -> str:
        names = [str(self._field(name).verbose_name) for name in self._settled(run.params)]
        values = {"fields": capfirst(", ".join(names)), "records": self.counted(run.done)}
        return _("%(fields)s of %(records)s set") % values


@register
class SetContactOwner(SetOwner, ContactAction):
    key = "contact.owner"


@register
class SetContactFields(SetFields, ContactAction):
    """Fields of one kind alone are refused to the other, with everything that was set with them."""

    key = "contact.set"
    settable = SETTABLE
    looks_at = ("is_organization",)

    def refusal(self, record: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        wrong = OF_PEOPLE if record["is_organization"] else OF_COMPANIES
        for name in wrong & values.keys():
            field = {"field": self._field(name).verbose_name}
            if record["is_organization"]:
                return _("A company has no %(field)s.") % field
            return _("A person has no %(field)s; the company has.") % field
        return ""
