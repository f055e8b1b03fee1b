"""What is sent from the pages of mailings: where an address shall stand, and when a mailing is to go out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from emails.reasons import Basis, Suppressed

# What a person may say of an address; the rest is found out.
BY_HAND = (Suppressed.UNSUBSCRIBED, Suppressed.BLOCKED)


class BasisForm(forms.Form):
    """The legal basis of an address."""

    basis = forms.ChoiceField(choices=[("", ""), *Basis.choices], required=False)
    source = forms.CharField(max_length=200, required=False)
    given = forms.DateField(required=False)
    text = forms.CharField(max_length=2_000, required=False)

    def clean_given(self) -> datetime | None:
        given: date | None = self.cleaned_data["given"]
        if given is None:
            return None
        if given > timezone.localdate() or given.year < 1900:
            raise ValidationError(_("A legal basis is given on a day that has been."))
        return timezone.make_aware(datetime.combine(given, time()))


class SuppressForm(forms.Form):
    """Why an address is not to be mailed any more, said by hand."""

    why = forms.ChoiceField(choices=[(one.value, one.label) for one in BY_HAND])
    reason = forms.CharField(max_length=200, required=False)


class ScheduleForm(forms.Form):
    """A moment to come: day, time of day, and the time zone that they are read in."""

    day = forms.DateField(
        label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    time = forms.TimeField(
        label=gettext_lazy("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"))

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {})["zone"] = zone
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["zone"]
        choice.choices = [(name, name) for name in sorted({*available_timezones(), zone})]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not {"day", "time", "zone"} <= cleaned.keys():
            return cleaned
        zone = ZoneInfo(cleaned["zone"])
        cleaned["at"] = moment_of(datetime.combine(cleaned["day"], cleaned["time"]), zone)
        if cleaned["at"] <= timezone.now():
            now = formats.date_format(timezone.localtime(timezone=zone), "SHORT_DATETIME_FORMAT")
            raise ValidationError(
                _("That is over. Choose a time after %(now)s in %(zone)s.")
                % {"zone": cleaned["zone"], "now": now}
            )
        return cleaned


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment when clocks in ``zone`` show ``wall``; the first of two where they are put back.

    Raises ``ValidationError`` where they never do, as they are put forward over it.
    """
    try:
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall:
            return moment
    except OverflowError:
        raise ValidationError(_("Choose a nearer day.")) from None
    raise ValidationError(
        _("In %(zone)s the clocks are put forward over %(time)s on that day: choose another time.")
        % {"zone": zone.key, "time": formats.time_format(wall.time(), "TIME_FORMAT")}
    )
