"""What the DNS says of a sender's domain: read as receivers read it, and never trusted. Nobody is asked for real."""

from __future__ import annotations

from base64 import b64encode

import dns.resolver
import pytest

from emails import domain_lookup
from emails.domain_advice import SENTENCES, TITLES, in_words
from emails.domain_check import Asked, check, findings, worst
from emails.domain_keys import key_of
from emails.domain_lookup import Lookup, Unreachable, ask_dns, readable


def der(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = b"\x82" + length.to_bytes(2) if length > 127 else bytes([length])
    return bytes([tag]) + size + content


def rsa(bits: int, *, bare: bool = False) -> str:
    modulus = b"\0" + (1 << bits - 1 | 1).to_bytes(bits // 8)
    key = der(0x30, der(0x02, modulus) + der(0x02, b"\1\0\1"))
    kind = bytes.fromhex("300d06092a864886f70d0101010500")
    return b64encode(key if bare else der(0x30, kind + der(0x03, b"\0" + key))).decode()


class World(dict[tuple[str, str], list[bytes]]):
    """The DNS as a table; what is not in it does not exist, and None gives no answer."""

    def __init__(self, **texts: str) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.put("example.org", "MX", "10 mail.example.org.")
        self.put("example.org", "TXT", "v=spf1 include:_spf.example.net ~all")
        self.put("_spf.example.net", "TXT", "v=spf1 ip4:192.0.2.0/24 -all")
        self.put("_dmarc.example.org", "TXT", "v=DMARC1; p=reject; rua=mailto:dmarc@example.org")
        self.put("s1._domainkey.example.org", "TXT", f"v=DKIM1; k=rsa; p={rsa(2048)}")

    def put(self, name: str, kind: str, *records: str | bytes) -> World:
        self[name, kind] = [one.encode() if isinstance(one, str) else one for one in records]
        return self

    def __call__(self, name: str, kind: str, seconds: float) -> list[bytes]:
        self.asked.append(name)
        answer = self.get((name, kind), [])
        if answer == [b"?"]:
            raise Unreachable(name)
        return answer


ASKED = Asked("example.org", "example.org", "s1", "smtp.example.net")


def codes(world: World, asked: Asked = ASKED) -> dict[str, tuple[str, str]]:
    return {one.about: (one.state, one.code) for one in findings(asked, Lookup(world))}


def test_a_domain_that_is_well_passes_everything() -> None:
    results = check(ASKED, Lookup(World()))
    assert {one["about"]: one["code"] for one in results["findings"]} == {
        "spf": "spf_good",
        "dkim": "dkim_good",
        "dmarc": "dmarc_good",
        "alignment": "aligned",
        "mx": "mx_good",
    }
    assert worst(results) == "pass"
    spf = in_words(results)[0]
    assert "(1 of 10 lookups)" in spf.sentence
    assert spf.found == "v=spf1 include:_spf.example.net ~all"


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ("v=spf1 mx a:mail.example.org -all", ("pass", "spf_good")),
        ("V=SPF1 IP4:192.0.2.1 ~ALL", ("pass", "spf_good")),
        ("v=spf1 redirect=_spf.example.net", ("pass", "spf_good")),
        ("v=spf1 include:%{i}.example.net -all", ("pass", "spf_good")),
        ("v=spf1 +all", ("warn", "spf_open")),
        ("v=spf1 all", ("warn", "spf_open")),
        ("v=spf1 ip4:192.0.2.1", ("warn", "spf_says_nothing")),
        ("v=spf1 ip4:192.0.2.1 ?all", ("warn", "spf_says_nothing")),
        ("v=spf1 inklude:_spf.example.net -all", ("fail", "spf_not_understood")),
        ("v=spf1 include:gone.example.net -all", ("fail", "spf_leads_nowhere")),
        ("v=spf1 include:example.org -all", ("fail", "spf_too_many")),
        ("v=spf1 redirect=example.org", ("fail", "spf_too_many")),
        ("v=spf1 " + " ".join(f"a:h{n}.example.org" for n in range(10)) + " -all", ("pass", "spf_good")),
        ("v=spf1 " + " ".join(f"a:h{n}.example.org" for n in range(11)) + " -all", ("fail", "spf_too_many")),
        ("v=spf10 -all", ("fail", "spf_missing")),
        ("some other text", ("fail", "spf_missing")),
    ],
)  # fmt: skip
def test_spf_is_read_as_receivers_read_it(record: str, found: tuple[str, str]) -> None:
    assert codes(World().put("example.org", "TXT", record))["spf"] == found


def test_two_records_of_spf_count_as_none() -> None:
    world = World().put("example.org", "TXT", "v=spf1 -all", "v=spf1 mx -all")
    assert codes(world)["spf"] == ("fail", "spf_several")


def test_an_include_that_lets_everybody_in_lets_everybody_in() -> None:
    world = World().put("_spf.example.net", "TXT", "v=spf1 +all")
    assert codes(world)["spf"] == ("warn", "spf_open")


def test_without_spf_the_record_to_publish_names_the_mail_server() -> None:
    def published(host: str) -> str:
        world = World().put("example.org", "TXT")
        return findings(ASKED._replace(host=host), Lookup(world))[0].publish

    assert published("mail.example.org") == "v=spf1 a:mail.example.org ~all"
    assert published("smtp.gmail.com") == "v=spf1 include:_spf.google.com ~all"
    assert published("localhost") == "v=spf1 mx ~all"


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (f"p={rsa(2048, bare=True)}", ("pass", "dkim_good")),
        (f"v=DKIM1; k=ed25519; p={b64encode(b'k' * 32).decode()}", ("pass", "dkim_good")),
        (f"v=DKIM1; p={rsa(1024)}", ("warn", "dkim_short")),
        (f"v=DKIM1; p={rsa(512)}", ("fail", "dkim_weak")),
        (f"v=DKIM1; t=s:y; p={rsa(2048)}", ("warn", "dkim_testing")),
        ("v=DKIM1; p=", ("fail", "dkim_revoked")),
        ("v=DKIM1; p=!!!", ("fail", "dkim_unreadable")),
        ("v=DKIM1; p=MIIB", ("fail", "dkim_unreadable")),
        ("v=DKIM1; k=ed25519; p=AAAA", ("fail", "dkim_unreadable")),
        ("no key at all", ("fail", "dkim_missing")),
    ],
)
def test_the_key_of_dkim_is_measured(record: str, found: tuple[str, str]) -> None:
    assert codes(World().put("s1._domainkey.example.org", "TXT", record))["dkim"] == found


def test_without_a_selector_no_key_is_guessed() -> None:
    world = World()
    assert codes(world, ASKED._replace(selector=""))["dkim"] == ("warn", "dkim_no_selector")
    assert not [name for name in world.asked if "_domainkey" in name]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ("v=DMARC1; p=quarantine; rua=mailto:a@example.org", ("pass", "dmarc_good")),
        ("v=DMARC1; p=none; rua=mailto:a@example.org", ("pass", "dmarc_none")),
        ("v=DMARC1; p=reject", ("warn", "dmarc_no_reports")),
        ("v=DMARC1; rua=mailto:a@example.org", ("fail", "dmarc_no_policy")),
        ("v=DMARC1; p=perhaps", ("fail", "dmarc_no_policy")),
        ("p=reject", ("fail", "dmarc_missing")),
    ],
)
def test_dmarc_is_read(record: str, found: tuple[str, str]) -> None:
    assert codes(World().put("_dmarc.example.org", "TXT", record))["dmarc"] == found


def test_without_dmarc_the_record_to_publish_is_shown_under_its_name() -> None:
    found = findings(ASKED, Lookup(World().put("_dmarc.example.org", "TXT")))[2]
    assert (found.code, found.at) == ("dmarc_missing", "_dmarc.example.org")
    assert found.publish == "v=DMARC1; p=none; rua=mailto:dmarc@example.org"


def test_a_part_of_a_domain_has_the_policy_of_the_whole() -> None:
    world = World().put("news.example.org", "MX", "10 mail.example.org.")
    asked = Asked("news.example.org", "bounces.example.org", "s1")
    found = codes(world, asked)
    assert found["dmarc"] == ("pass", "dmarc_good")
    # Relaxed: names under one home count as one, and its key too.
    assert found["alignment"] == ("pass", "aligned")
    assert found["dkim"] == ("pass", "dkim_good")


def test_bounces_elsewhere_need_a_signature() -> None:
    asked = ASKED._replace(bounces="bounces.example.net")
    assert codes(World(), asked)["alignment"] == ("warn", "aligned_by_key")
    assert codes(World(), asked._replace(selector="gone"))["alignment"] == ("fail", "not_aligned")


def test_strict_alignment_takes_no_part_of_the_domain() -> None:
    world = World().put(
        "_dmarc.example.org", "TXT", "v=DMARC1; p=reject; aspf=s; rua=mailto:a@example.org"
    )
    asked = ASKED._replace(bounces="bounces.example.org")
    assert codes(world, asked)["alignment"] == ("warn", "aligned_by_key")


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (["0 ."], ("fail", "mx_none_wanted")),
        ([], ("fail", "mx_nothing")),
        (["10 a.example.org.", "nonsense"], ("pass", "mx_good")),
    ],
)
def test_answers_must_find_their_way(records: list[str], found: tuple[str, str]) -> None:
    assert codes(World().put("example.org", "MX", *records))["mx"] == found


def test_a_domain_with_an_address_alone_is_warned_of() -> None:
    world = World().put("example.org", "MX").put("example.org", "A", "192.0.2.1")
    assert codes(world)["mx"] == ("warn", "mx_missing")


def test_a_mailbox_for_everybody_is_warned_of_and_nothing_is_asked() -> None:
    world = World()
    assert codes(world, Asked("gmail.com", "gmail.com")) == {"free": ("warn", "free_mail")}
    assert world.asked == []


def test_a_dns_that_does_not_answer_accuses_nobody() -> None:
    world = World()
    for name in ("example.org", "_dmarc.example.org", "s1._domainkey.example.org"):
        world.put(name, "TXT", "?").put(name, "MX", "?")
    found = codes(world)
    assert set(found.values()) == {("warn", "unreachable")}
    # Each was asked once: the button is not to be waited for twice.
    assert (
        len(world.asked) == len(set(world.asked)) + 1
    )  # example.org: texts, and who takes its mail


# -- hostile records


def test_fifty_includes_are_not_followed() -> None:
    world = World()
    world.put(
        "example.org", "TXT", "v=spf1 " + " ".join(f"include:i{n}.example.net" for n in range(50))
    )
    for number in range(50):
        world.put(f"i{number}.example.net", "TXT", "v=spf1 -all")
    assert codes(world)["spf"] == ("fail", "spf_too_many")
    assert len([name for name in world.asked if name.startswith("i")]) <= 10


def test_a_chain_without_end_ends() -> None:
    class Endless(World):
        def __call__(self, name: str, kind: str, seconds: float) -> list[bytes]:
            if name.endswith("endless.example"):
                self.asked.append(name)
                return [f"v=spf1 include:x.{name} -all".encode()]
            return super().__call__(name, kind, seconds)

    world = Endless().put("example.org", "TXT", "v=spf1 include:endless.example -all")
    assert codes(world)["spf"] == ("fail", "spf_too_many")
    assert len(world.asked) < 30


@pytest.mark.parametrize(
    "record",
    [
        b"v=spf1 " + b"ip4:192.0.2.1 " * 20_000 + b"-all",
        b"v=spf1 \x00\xff\xfe\x1b[31m<script>alert(1)</script> -all",
        b"v=spf1 include:" + b"a" * 5_000 + b" -all",
        b"v=spf1 include:.. include:a..b include:\xc3\xa4.example -all",
        b"v=spf1 include:http://example.net/ -all",
        "v=spf1 \u202egro.elpmaxe -all".encode(),
        b"\x00" * 65_535,
        b"=" * 65_535,
        b";" * 65_535,
        b"v=DMARC1;" * 7_000,
        b"p=" + b"A" * 65_000,
        b"v=DKIM1; p=MIL/////////w==",
    ],
)
def test_hostile_records_neither_break_the_check_nor_what_stores_it(record: bytes) -> None:
    world = World()
    for name in ("example.org", "_dmarc.example.org", "s1._domainkey.example.org"):
        world.put(name, "TXT", record)
        world.put(name, "MX", record)
    results = check(ASKED, Lookup(world))
    for one in in_words(results):
        told = f"{one.sentence}{one.found}{one.remedy}{one.publish}"
        assert told.isprintable()
        assert len(told) < 2_000
    assert "\\u0000" not in repr(results)


def test_hundreds_of_records_are_cut() -> None:
    world = World().put("example.org", "TXT", *[f"text {number}" for number in range(5_000)])
    assert len(Lookup(world).texts("example.org")) == 50


def test_time_for_all_questions_together_is_limited() -> None:
    world = World()
    found = {one.about: one.code for one in findings(ASKED, Lookup(world, seconds=0))}
    assert set(found.values()) == {"unreachable"}
    assert world.asked == []


def test_what_is_no_name_is_not_asked_for() -> None:
    world = World()
    for name in ("", "..", "a b.example", "ä.example", "x" * 64 + ".example", "a." * 200 + "b"):
        assert Lookup(world).texts(name) == []
    assert world.asked == []


def test_texts_in_several_strings_are_joined_and_failures_are_no_answers(monkeypatch) -> None:
    class Record:
        strings = (b"v=spf1 ", b"-all")

    def resolve(name, kind, **options):
        assert options["lifetime"] == 2.0
        if name == "gone.example":
            raise dns.resolver.NXDOMAIN
        if name == "slow.example":
            raise dns.resolver.LifetimeTimeout(timeout=2.0, errors=[])
        return [Record()]

    monkeypatch.setattr(domain_lookup.dns.resolver, "resolve", resolve)
    assert ask_dns("example.org", "TXT", 2.0) == [b"v=spf1 -all"]
    assert ask_dns("gone.example", "TXT", 2.0) == []
    with pytest.raises(Unreachable):
        ask_dns("slow.example", "TXT", 2.0)


def test_what_is_no_character_is_shown_as_none() -> None:
    assert readable(b"a\x00\x1b\xffb\n") == "a\ufffd\ufffd\ufffdb\ufffd"


@pytest.mark.parametrize("text", ["", "AA", "MA==", "MIL/", "MIIBIjAN", "A" * 4_000, "é"])
def test_what_is_no_key_has_no_length(text: str) -> None:
    assert key_of("rsa", text).bits == 0


def test_every_sentence_is_filled_with_what_its_finding_tells() -> None:
    values = dict.fromkeys(
        ("domain", "name", "lookups", "most", "number", "term", "bits", "selector", "policy", "bounces"), "x"
    )  # fmt: skip
    for code in SENTENCES:
        stored = {"about": next(iter(TITLES)), "state": "warn", "code": code, "values": values}
        one = in_words({"findings": [stored]})[0]
        assert "%(" not in one.sentence + one.remedy
    assert in_words({"findings": [{"code": "of another version"}]}) == []
