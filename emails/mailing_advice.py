"""What is said before a mailing goes out: how long it will take, and what large providers ask of who mails many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from emails.domain_advice import FREE_MAIL, TITLES
from emails.domain_check import FAIL
from emails.identities import note_on
from emails.mailing_results import span
from emails.models import Mailing, Recipient, Sender
from emails.sending.limits import used_since

# From so many mails a day to mailboxes that people have for themselves, their providers ask for SPF, DKIM and DMARC,
# and one that was found wanting stays so (Gmail and Yahoo since February 2024, Microsoft since May 2025).
MANY_A_DAY = 5_000
LIMITS = (("per_minute", 60), ("per_hour", 3_600), ("per_day", 86_400))


@dataclass(frozen=True)
class Pace:
    """What a sender may send in a while, and about how long ``number`` mails take it; 0 without limits."""

    sender: Sender
    number: int

    @property
    def limits(self) -> str:
        words = {
            "per_minute": _("%(number)s a minute"),
            "per_hour": _("%(number)s an hour"),
            "per_day": _("%(number)s a day"),
        }
        found = [
            words[name] % {"number": intcomma(limit)}
            for name, _seconds in LIMITS
            if (limit := getattr(self.sender, name))
        ]
        return ", ".join(found)

    @property
    def seconds(self) -> float:
        """From what is left of each limit now: what was taken on lately counts against it."""
        longest, now = 0.0, timezone.now()
        for name, seconds in LIMITS:
            limit = getattr(self.sender, name)
            if limit:
                used = used_since(self.sender, now - timedelta(seconds=seconds))
                # The last one waits for all full whiles before it.
                longest = max(longest, (self.number + min(used, limit) - 1) // limit * seconds)
        return longest

    @property
    def told(self) -> str:
        if not self.limits:
            return _("No limits: as fast as the mail server takes them.")
        if not self.seconds:
            return _("At most %(limits)s: less than a minute.") % {"limits": self.limits}
        told = {"limits": self.limits, "span": span(self.seconds)}
        return _("At most %(limits)s: %(span)s in all.") % told


def warnings_of(mailing: Mailing) -> list[str]:
    """Sentences about what may keep the mails from arriving; two statements, where there are very many."""
    found = []
    if mailing.sender is not None and (told := note_on(mailing.sender)):
        # Nobody asks the DNS about what is written to a file.
        found.append(told)
    elif mailing.sender is not None and (told := _of_domain(mailing.sender)):
        found.append(told)
    if mailing.waiting > MANY_A_DAY and (number := personal_of(mailing)) > MANY_A_DAY:
        found.append(
            _(
                "%(number)s of these addresses are personal mailboxes, as of Gmail, Yahoo or Outlook. From about "
                "5,000 a day on, their providers ask for SPF, DKIM and DMARC and few complaints; whoever was found "
                "wanting stays so. A limit a day for the sender spreads the mailing."
            )
            % {"number": intcomma(number)}
        )
    return found


def personal_of(mailing: Mailing) -> int:
    """How many of those that wait are personal mailboxes."""
    domains = reduce(or_, (Q(address__endswith=f"@{one}") for one in sorted(FREE_MAIL)))
    rows = Recipient.objects.filter(domains, mailing=mailing.pk, state=Recipient.State.WAITING)
    return rows.count()


def _of_domain(sender: Sender) -> str:
    """What the last check of the sender's domain found wanting; nothing where it found all well."""
    told = {"domain": sender.address.rpartition("@")[2]}
    if not sender.checked_at:
        return (
            _("%(domain)s was never checked. An administrator does that in Settings › Senders.")
            % told
        )
    findings = sender.check_results.get("findings", [])
    failed = [one["about"] for one in findings if one["state"] == FAIL]
    if not failed:
        return ""
    titles = (str(TITLES[one]) if one in TITLES else one for one in dict.fromkeys(failed))
    told["lacking"] = "; ".join(titles)
    return (
        _(
            "The check of %(domain)s found something wanting: %(lacking)s. Mails may land among the unwanted "
            "ones, or be refused. An administrator finds what to do in Settings › Senders."
        )
        % told
    )
