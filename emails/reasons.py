"""Why somebody is not mailed, in the order in which it is said when several are true."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class LeftOut(models.TextChoices):
    """Why a contact of the audience has no mail to wait for."""

    GONE = "gone", _("Not there any more")
    NOT_YOURS = "not_yours", _("Not yours to mail")
    NO_ADDRESS = "no_address", _("No e-mail address")
    INVALID = "invalid", _("Not a valid e-mail address")
    ERASED = "erased", _("Erased: must not be contacted again")
    COMPLAINED = "complained", _("Reported a mail as unwanted")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    BOUNCED = "bounced", _("The address does not exist or refused mail")
    BLOCKED = "blocked", _("Not to be mailed, by hand")
    NO_BASIS = "no_basis", _("No legal basis")
    SAME_ADDRESS = "same_address", _("Same address as another")
    MOVED = "moved", _("The address changed meanwhile")
    CANCELLED = "cancelled", _("The mailing was cancelled")


class Suppressed(models.TextChoices):
    """Why an address is mailed to no contact that has it."""

    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    BOUNCED = "bounced", _("Bounced")
    COMPLAINED = "complained", _("Complained")
    BLOCKED = "blocked", _("By hand")
    ERASED = "erased", _("Erased")


class Basis(models.TextChoices):
    """On what ground of article 6 of the GDPR an address is mailed."""

    CONSENT = "consent", _("Consent")
    CUSTOMER = "customer", _("Customer, who may object")
    CONTRACT = "contract", _("Contract")
    INTEREST = "interest", _("Legitimate interest")


class Failure(models.TextChoices):
    """What became of a mail that was not sent, or not known to be."""

    REFUSED = "refused", _("The address was refused")
    REJECTED = "rejected", _("The mail was refused")
    GAVE_UP = "gave_up", _("The server kept putting it off")
    LACKING = "lacking", _("A merge field had no value")
    CUT_OFF = "cut_off", _("The connection was cut before the answer")
    STOPPED = "stopped", _("The worker was stopped in the middle")
