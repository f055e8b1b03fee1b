"""What the findings of a domain check mean, and what to do about them, for people who seldom see the DNS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Mailboxes for everybody: their owners say how mail from them is sent, and we are not they.
FREE_MAIL = frozenset((
    "aol.com", "bluewin.ch", "free.fr", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de",
    "gmx.net", "googlemail.com", "hotmail.com", "hotmail.de", "hotmail.fr", "icloud.com", "laposte.net",
    "live.com", "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "orange.fr", "outlook.com",
    "outlook.de", "outlook.fr", "proton.me", "protonmail.com", "sfr.fr", "t-online.de", "wanadoo.fr",
    "web.de", "yahoo.com", "yahoo.de", "yahoo.fr", "yandex.com", "ymail.com", "zoho.com",
))  # fmt: skip
# What providers ask to be named by, by the end of their servers' names.
_INCLUDES = {
    "google.com": "include:_spf.google.com",
    "gmail.com": "include:_spf.google.com",
    "office365.com": "include:spf.protection.outlook.com",
    "outlook.com": "include:spf.protection.outlook.com",
    "mailgun.org": "include:mailgun.org",
    "mailgun.net": "include:mailgun.org",
    "sendgrid.net": "include:sendgrid.net",
    "brevo.com": "include:spf.brevo.com",
    "amazonaws.com": "include:amazonses.com",
    "mailjet.com": "include:spf.mailjet.com",
    "postmarkapp.com": "include:spf.mtasv.net",
    "sparkpostmail.com": "include:sparkpostmail.com",
    "ionos.de": "include:_spf-eu.ionos.com",
    "kundenserver.de": "include:_spf-eu.ionos.com",
    "ovh.net": "include:mx.ovh.com",
}

TITLES: Mapping[str, str | Promise] = {
    "spf": gettext_lazy("SPF: which servers may send for the domain"),
    "dkim": gettext_lazy("DKIM: the signature of the mails"),
    "dmarc": gettext_lazy("DMARC: what becomes of forged mails"),
    "alignment": gettext_lazy("The address people read is the one that is proven"),
    "mx": gettext_lazy("Answers and bounces find their way"),
    "free": gettext_lazy("A domain of your own"),
}

# By code: what is, and what to do about it; the latter empty where there is nothing to do.
SENTENCES: Mapping[str, tuple[str | Promise, str | Promise]] = {
    "unreachable": (
        gettext_lazy("The DNS did not answer in time for %(name)s."),
        gettext_lazy("This says nothing about the domain. Check again in some minutes."),
    ),
    "spf_good": (
        gettext_lazy("%(domain)s says which servers may send for it (%(lookups)s of %(most)s lookups)."),
        "",
    ),
    "spf_missing": (
        gettext_lazy("%(domain)s does not say which servers may send for it."),
        gettext_lazy(
            "Without it Gmail, Yahoo and Outlook refuse mailings or put them into spam. Publish this record, after "
            "asking whoever runs the mail server what to name it by; other servers that send for you belong in it too."
        ),
    ),
    "spf_several": (
        gettext_lazy("%(name)s has %(number)s SPF records; receivers then take it to have none."),
        gettext_lazy("Join them to one: one “v=spf1”, then what each of them names, then one “all” at the end."),
    ),
    "spf_leads_nowhere": (
        gettext_lazy("The record names %(name)s, which has no SPF record; receivers then take all of it for broken."),
        gettext_lazy("Remove this “include” or “redirect”, or correct its name."),
    ),
    "spf_too_many": (
        gettext_lazy("The record leads to more than %(most)s lookups; receivers stop there and take it for broken."),
        gettext_lazy("Remove what does not send for you any more: each include, a, mx, ptr and exists counts."),
    ),
    "spf_not_understood": (
        gettext_lazy("Receivers do not understand “%(term)s” in the record and take all of it for broken."),
        gettext_lazy("Correct or remove this part."),
    ),
    "spf_open": (
        gettext_lazy("The record lets everybody in the world send for %(domain)s (“+all”)."),
        gettext_lazy("It proves nothing then, and lets others forge mails of yours. Let it end with “~all”."),
    ),
    "spf_says_nothing": (
        gettext_lazy("The record names servers but says nothing of all others."),
        gettext_lazy("Let it end with “~all”: mails from other servers are then looked at closely."),
    ),
    "dkim_good": (
        gettext_lazy("A key of %(bits)s bits is published under “%(selector)s”."),
        gettext_lazy("A test mail shows whether mails are signed with it: look for “dkim=pass” in its source."),
    ),
    "dkim_no_selector": (
        gettext_lazy("No DKIM selector is given, so that the key cannot be looked up."),
        gettext_lazy(
            "Whoever runs the mail server tells it. It also stands behind “s=” in the line DKIM-Signature of the "
            "source of any mail that was sent through it. Large providers demand signed mails."
        ),
    ),
    "dkim_missing": (
        gettext_lazy("There is no key under %(name)s."),
        gettext_lazy(
            "Gmail, Yahoo and Outlook demand signed mails from whoever sends many. Turn signing on at the mail server "
            "and publish the record that it shows, or correct the selector."
        ),
    ),
    "dkim_several": (
        gettext_lazy("There are %(number)s keys under %(name)s; receivers may take the wrong one."),
        gettext_lazy("Leave the one that the mail server signs with."),
    ),
    "dkim_revoked": (
        gettext_lazy("The key under “%(selector)s” was withdrawn: it is empty."),
        gettext_lazy("Give the selector that the mail server signs with now. Signatures with this one count for none."),
    ),
    "dkim_unreadable": (
        gettext_lazy("What is published under “%(selector)s” is no key."),
        gettext_lazy("Copy the record anew, whole and without blanks or quotation marks in between."),
    ),
    "dkim_weak": (
        gettext_lazy("The key has %(bits)s bits; receivers ignore signatures of fewer than 1024."),
        gettext_lazy("Make a new one of 2048 bits at the mail server and publish it under a new selector."),
    ),
    "dkim_short": (
        gettext_lazy("The key has %(bits)s bits. It counts, but 2048 are usual."),
        gettext_lazy("Make a new one of 2048 bits when there is time, under a new selector."),
    ),
    "dkim_testing": (
        gettext_lazy("The key says that it is only being tried (“t=y”)."),
        gettext_lazy("Receivers may treat signed mails as unsigned. Remove “t=y” when all is set up."),
    ),
    "dmarc_good": (
        gettext_lazy("%(domain)s asks receivers to act on forged mails (“%(policy)s”)."),
        "",
    ),
    "dmarc_none": (
        gettext_lazy("%(domain)s has a policy and gets reports; forged mails are let through (“none”)."),
        gettext_lazy(
            "That is enough to be accepted. When the reports show that all your own mails pass, go on to “quarantine”."
        ),
    ),
    "dmarc_missing": (
        gettext_lazy("%(domain)s has no DMARC policy."),
        gettext_lazy(
            "Gmail, Yahoo and Outlook demand one from whoever sends more than about 5,000 mails a day, and it makes "
            "others less able to forge yours. Publish this record; it changes nothing yet, and reports go to the "
            "address in it."
        ),
    ),
    "dmarc_several": (
        gettext_lazy("%(name)s has %(number)s policies; receivers then take it to have none."),
        gettext_lazy("Leave one of them."),
    ),
    "dmarc_no_policy": (
        gettext_lazy("The record does not say what to do with forged mails (“p=”)."),
        gettext_lazy("Receivers take it for none. Publish it with p=none, p=quarantine or p=reject."),
    ),
    "dmarc_no_reports": (
        gettext_lazy("%(domain)s has a policy (“%(policy)s”), but gets no reports about who sends for it."),
        gettext_lazy("Add “rua=mailto:” and an address that reads them: they show which mails of yours fail."),
    ),
    "aligned": (
        gettext_lazy("Mails return to %(bounces)s, which counts as one with %(domain)s."),
        "",
    ),
    "aligned_by_key": (
        gettext_lazy("Mails return to %(bounces)s, so that SPF proves nothing of %(domain)s; only the signature does."),
        gettext_lazy(
            "This is usual with providers. Make sure that mails are signed for your own domain (“d=” in the signature)."
        ),
    ),
    "not_aligned": (
        gettext_lazy("Neither SPF, because mails return to %(bounces)s, nor a signature proves that mails are from "
                     "%(domain)s."),
        gettext_lazy("Let bounces go to an address of %(domain)s, or sign mails for it."),
    ),
    "mx_good": (gettext_lazy("%(domain)s takes mail."), ""),
    "mx_missing": (
        gettext_lazy("%(domain)s does not name a mail server; mails to it go to its web server."),
        gettext_lazy("Publish an MX record if answers and bounces shall arrive."),
    ),
    "mx_none_wanted": (
        gettext_lazy("%(domain)s says that it takes no mail at all."),
        gettext_lazy("Many servers refuse mails from such a domain, and no answer and no bounce comes back. Choose "
                     "another address, or publish a mail server."),
    ),
    "mx_nothing": (
        gettext_lazy("%(domain)s does not exist, or takes no mail."),
        gettext_lazy("Mails from it are refused. Correct the address, or publish an MX record."),
    ),
    "free_mail": (
        gettext_lazy("%(domain)s belongs to a provider of mailboxes, who alone may send for it."),
        gettext_lazy(
            "Mails that others send under it are refused or end in spam, and bulk mail through such a mailbox gets it "
            "closed. Use an address of a domain of your own."
        ),
    ),
}  # fmt: skip
STATES: Mapping[str, str | Promise] = {
    "pass": gettext_lazy("good"),
    "warn": gettext_lazy("could be better"),
    "fail": gettext_lazy("must be mended"),
}


@dataclass(frozen=True)
class Advice:
    """A finding in the reader's language."""

    state: str
    state_label: str
    title: str
    sentence: str
    remedy: str
    found: str
    at: str
    publish: str


def include_for(host: str) -> str:
    """What names a mail server in an SPF record: as its provider asks, else the server itself."""
    for end, named in _INCLUDES.items():
        if host == end or host.endswith(f".{end}"):
            return named
    return f"a:{host}" if "." in host else "mx"


def in_words(results: dict[str, Any]) -> list[Advice]:
    """What was stored of a check, to be read; what an older version stored and nobody knows any more is left out."""
    return [_advice(one) for one in results.get("findings", []) if one.get("code") in SENTENCES]


def _advice(one: dict[str, Any]) -> Advice:
    sentence, remedy = (str(text) for text in SENTENCES[one["code"]])
    values = one.get("values", {})
    if one["code"] == "spf_missing" and one.get("publish", "").startswith("v=spf1 mx"):
        remedy = f"{remedy} {_('“mx” stands for the servers that take your mail.')}"
    return Advice(
        state=one["state"],
        state_label=str(STATES[one["state"]]),
        title=str(TITLES[one["about"]]),
        sentence=sentence % values,
        remedy=remedy % values if "%(" in remedy else remedy,
        found=one.get("found", ""),
        at=one.get("at", ""),
        publish=one.get("publish", ""),
    )
