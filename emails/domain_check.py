"""Whether the domain of a sender lets its mails be trusted: SPF, DKIM, DMARC, and whether answers find their way.

After RFC 7208 (SPF), 6376 (DKIM), 7489 (DMARC), 5321 and 7505 (MX). Only says what the DNS says; whether the mail
server signs with the key that is published is seen in a mail that arrived. What each finding means, and what to do
about it, stands in ``emails.domain_advice``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from emails.domain_advice import FREE_MAIL, include_for
from emails.domain_keys import Key, key_of
from emails.domain_lookup import Lookup, Unreachable

PASS, WARN, FAIL = "pass", "warn", "fail"
SPF, DKIM, DMARC, ALIGNMENT, MX, FREE = "spf", "dkim", "dmarc", "alignment", "mx", "free"
# RFC 7208, 4.6.4: more questions than that, and receivers give up.
LOOKUPS_AT_MOST = 10
_ASKING = {"include", "a", "mx", "ptr", "exists"}
_MECHANISMS = {*_ASKING, "all", "ip4", "ip6"}
SHOWN_AT_MOST = 500


@dataclass(frozen=True)
class Finding:
    """One thing found: ``code`` names its sentence, filled with ``values``; ``found`` is the record as it stands and
    ``publish`` the one to publish, under the name ``at``."""

    about: str
    state: str
    code: str
    values: dict[str, Any] = field(default_factory=dict)
    found: str = ""
    at: str = ""
    publish: str = ""


class Asked(NamedTuple):
    """``domain`` of the From address, ``bounces`` of where mails return to, both in ASCII; ``host`` of the mail
    server, for the record to publish."""

    domain: str
    bounces: str
    selector: str = ""
    host: str = ""


def check(asked: Asked, lookup: Lookup | None = None) -> dict[str, Any]:
    """What was found, as JSON keeps it. Asks the DNS for up to ten seconds; raises nothing."""
    return {"domain": asked.domain, "findings": [asdict(one) for one in findings(asked, lookup)]}


def findings(asked: Asked, lookup: Lookup | None = None) -> list[Finding]:
    if asked.domain in FREE_MAIL:
        # Of a domain that is not one's own, nothing can be mended.
        return [Finding(FREE, WARN, "free_mail", {"domain": asked.domain})]
    lookup = lookup or Lookup()
    policy, found = _dmarc(asked, lookup)
    key = _dkim(asked, policy, lookup)
    parts = [_spf(asked, lookup), key, found]
    if policy is not None:
        parts.append(_alignment(asked, policy, key))
    domains = dict.fromkeys([asked.domain, asked.bounces])
    return [*parts, *(_mx(one, lookup) for one in domains)]


def worst(results: dict[str, Any]) -> str:
    """The worst state of what was found; empty where nothing was checked."""
    states = {one.get("state") for one in results.get("findings", [])}
    return next((one for one in (FAIL, WARN, PASS) if one in states), "")


def _unreachable(about: str, name: str) -> Finding:
    return Finding(about, WARN, "unreachable", {"name": name})


# -- SPF


class _Permanent(Exception):
    """A record that receivers take for none."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code, self.values = code, values


class _Spf:
    """Follows a record to where it ends, counting as receivers do."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.lookups = 0
        # Whether somewhere in it everybody is let in.
        self.is_open = False

    def follow(self, domain: str, *, top: bool = True) -> tuple[str, str]:
        """The record of a domain, and what it says of everybody else: + - ~ ? or, where it says nothing, nothing."""
        record = self._record(domain, top)
        redirect = ""
        for qualifier, name, value in self._terms(record):
            if name == "all":
                self.is_open = self.is_open or qualifier == "+"
                return record, qualifier
            if name == "redirect":
                redirect = value
            elif name in _ASKING:
                self._count()
                # Macros stand for the mail's own values: what they lead to is not known beforehand.
                if name == "include" and "%" not in value:
                    self.follow(value, top=False)
        if not redirect or "%" in redirect:
            return record, ""
        self._count()
        return record, self.follow(redirect, top=False)[1]

    def _record(self, domain: str, top: bool) -> str:
        texts = [one for one in self.lookup.texts(domain) if _is_spf(one)]
        if not texts:
            raise _Permanent("spf_missing" if top else "spf_leads_nowhere", name=domain[:100])
        if len(texts) > 1:
            raise _Permanent("spf_several", name=domain, number=len(texts))
        return texts[0]

    def _terms(self, record: str) -> Iterator[tuple[str, str, str]]:
        for term in record.split()[1:]:
            name, equals, value = term.partition("=")
            if equals and ":" not in name and "/" not in name:
                yield "", name.lower(), value
                continue
            qualifier, rest = (term[0], term[1:]) if term[0] in "+-~?" else ("+", term)
            name = rest.partition(":")[0].partition("/")[0].lower()
            if name not in _MECHANISMS:
                raise _Permanent("spf_not_understood", term=term[:60])
            yield qualifier, name, rest.partition(":")[2]

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > LOOKUPS_AT_MOST:
            raise _Permanent("spf_too_many", most=LOOKUPS_AT_MOST)


def _is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def _spf(asked: Asked, lookup: Lookup) -> Finding:
    """Of the domain that mails return to: it is the one that receivers look at."""
    domain = asked.bounces
    spf = _Spf(lookup)
    at = {"at": domain, "publish": f"v=spf1 {include_for(asked.host)} ~all"}
    try:
        record, ending = spf.follow(domain)
    except Unreachable:
        return _unreachable(SPF, domain)
    except _Permanent as wrong:
        publish = at if wrong.code == "spf_missing" else {}
        return Finding(SPF, FAIL, wrong.code, {"domain": domain, **wrong.values}, **publish)
    values = {"domain": domain, "lookups": spf.lookups, "most": LOOKUPS_AT_MOST}
    shown = record[:SHOWN_AT_MOST]
    if spf.is_open:
        return Finding(SPF, WARN, "spf_open", values, shown)
    if ending in ("", "?"):
        return Finding(SPF, WARN, "spf_says_nothing", values, shown)
    return Finding(SPF, PASS, "spf_good", values, shown)


# -- DMARC


class Policy(NamedTuple):
    """``home`` is the domain whose names all count as one; strict: only the very same name does."""

    home: str
    spf_strict: bool
    dkim_strict: bool


def _above(domain: str) -> list[str]:
    """The domain and those it is part of, down to two labels, nearest first."""
    labels = domain.split(".")[-8:]
    return [".".join(labels[at:]) for at in range(max(1, len(labels) - 1))]


def _tags(record: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in record.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}


def _dmarc(asked: Asked, lookup: Lookup) -> tuple[Policy | None, Finding]:
    domain = asked.domain
    found: list[tuple[str, str]] = []
    try:
        for name in _above(domain):
            records = [
                one for one in lookup.texts(f"_dmarc.{name}") if _tags(one).get("v") == "DMARC1"
            ]
            if len(records) > 1:
                values = {"name": f"_dmarc.{name}", "number": len(records)}
                return None, Finding(DMARC, FAIL, "dmarc_several", values)
            found += [(name, one) for one in records]
    except Unreachable:
        return None, _unreachable(DMARC, f"_dmarc.{domain}")
    at = f"_dmarc.{domain}"
    wanted = f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}"
    if not found:
        return None, Finding(
            DMARC, FAIL, "dmarc_missing", {"domain": domain}, at=at, publish=wanted
        )
    nearest, record = found[0]
    tags = _tags(record)
    said = tags.get("p", "") if nearest == domain else tags.get("sp") or tags.get("p", "")
    # Those of public suffixes (psd=y, as of .bank) speak for no single domain.
    own = [name for name, one in found if _tags(one).get("psd") != "y"] or [nearest]
    policy = Policy(own[-1], tags.get("aspf") == "s", tags.get("adkim") == "s")
    values = {"domain": nearest, "policy": said[:20].lower()}
    shown = record[:SHOWN_AT_MOST]
    if values["policy"] not in ("none", "quarantine", "reject"):
        return None, Finding(DMARC, FAIL, "dmarc_no_policy", values, shown, at, wanted)
    if not tags.get("rua"):
        return policy, Finding(DMARC, WARN, "dmarc_no_reports", values, shown)
    code = "dmarc_none" if values["policy"] == "none" else "dmarc_good"
    return policy, Finding(DMARC, PASS, code, values, shown)


def _is_aligned(domain: str, other: str, home: str, strict: bool) -> bool:
    if domain == other or strict:
        return domain == other
    return other == home or other.endswith(f".{home}")


def _alignment(asked: Asked, policy: Policy, key: Finding) -> Finding:
    """Whether SPF or DKIM speaks for the address that people read; without either, DMARC fails."""
    values = {"domain": asked.domain, "bounces": asked.bounces}
    if _is_aligned(asked.domain, asked.bounces, policy.home, policy.spf_strict):
        return Finding(ALIGNMENT, PASS, "aligned", values)
    if key.state == PASS:
        return Finding(ALIGNMENT, WARN, "aligned_by_key", values)
    return Finding(ALIGNMENT, FAIL, "not_aligned", values)


# -- DKIM


def _dkim(asked: Asked, policy: Policy | None, lookup: Lookup) -> Finding:
    values: dict[str, Any] = {"domain": asked.domain, "selector": asked.selector}
    if not asked.selector:
        return Finding(DKIM, WARN, "dkim_no_selector", values)
    strict = policy is None or policy.dkim_strict
    domains = [asked.domain] if strict or policy is None else [asked.domain, policy.home]
    try:
        for domain in dict.fromkeys(domains):
            name = f"{asked.selector}._domainkey.{domain}"
            texts = [one for one in lookup.texts(name) if "p" in _tags(one)]
            if texts:
                return _of_key({**values, "name": name}, texts)
    except Unreachable:
        return _unreachable(DKIM, f"{asked.selector}._domainkey.{asked.domain}")
    name = f"{asked.selector}._domainkey.{asked.domain}"
    return Finding(DKIM, FAIL, "dkim_missing", {**values, "name": name})


def _of_key(values: dict[str, Any], texts: list[str]) -> Finding:
    shown = texts[0][:SHOWN_AT_MOST]
    if len(texts) > 1:
        return Finding(DKIM, FAIL, "dkim_several", {**values, "number": len(texts)}, shown)
    tags = _tags(texts[0])
    if not tags["p"]:
        return Finding(DKIM, FAIL, "dkim_revoked", values, shown)
    key = key_of(tags.get("k", "rsa").lower(), tags["p"])
    values["bits"] = key.bits
    if key == Key.unreadable():
        return Finding(DKIM, FAIL, "dkim_unreadable", values, shown)
    if key.is_rsa and key.bits < 1024:
        return Finding(DKIM, FAIL, "dkim_weak", values, shown)
    if "y" in [one.strip() for one in tags.get("t", "").split(":")]:
        return Finding(DKIM, WARN, "dkim_testing", values, shown)
    if key.is_rsa and key.bits < 2048:
        return Finding(DKIM, WARN, "dkim_short", values, shown)
    return Finding(DKIM, PASS, "dkim_good", values, shown)


# -- MX


def _mx(domain: str, lookup: Lookup) -> Finding:
    values: dict[str, Any] = {"domain": domain}
    try:
        hosts = lookup.exchangers(domain)
        if "." in hosts:
            return Finding(MX, FAIL, "mx_none_wanted", values, "0 .")
        if hosts:
            return Finding(MX, PASS, "mx_good", values, ", ".join(hosts[:5])[:SHOWN_AT_MOST])
        if lookup.has_address(domain):
            return Finding(MX, WARN, "mx_missing", values)
    except Unreachable:
        return _unreachable(MX, domain)
    return Finding(MX, FAIL, "mx_nothing", values)
