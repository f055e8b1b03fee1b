"""Holes that were found in comparable systems, each tried on this one; ``docs/holes.md`` lists them all.

A test is named for the advisory that it tries.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.tokens import default_token_generator
from django.core import mail
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.models import User
from crm.audit.models import Entry
from crm.bulk.models import BulkRun
from crm.exports.guard import guarded
from deals.models import Deal, DealContact
from tests.access import test_holes_of_mail
from tests.access.checksums import checksum, differing
from tests.access.interference import MASKS
from tests.access.worlds import administrator, member
from tests.deals.factories import company, deal, person

DOCS = Path(__file__).parents[2] / "docs" / "holes.md"
# As many as were known when the list was made: none is lost.
LISTED = 70
ADVISORY = re.compile(r"\b(?:CVE-\d{4}-\d+|GHSA(?:-[0-9a-z]{4}){3}|NOTICE-[A-Z0-9-]+)\b")
NO_DETAILS = {"details-TOTAL_FORMS": "0", "details-INITIAL_FORMS": "0"}
LEVELS = {
    f"{act}_{area}": "1" for act in ("view", "edit") for area in ("contacts", "customers", "deals")
}
HOSTILE = "<script>alert(1)</script>{{7*7}}${7*7}"


class World:
    """Ann sees her own; what is the stranger's she does not."""

    def __init__(self) -> None:
        self.root = administrator()
        self.ann = member("ann", contacts=1, customers=1, deals=1)
        self.stranger = member("stranger")
        self.web, self.anonymous = Client(), Client()
        self.web.force_login(self.ann)
        self.mine = person("Mine", owner=self.ann)
        self.firm = company("Secretfirm", owner=self.stranger, city="Secretville")
        self.hidden = person(
            "Secretus", owner=self.stranger, company=self.firm, email="s@secret.example"
        )
        self.deal = deal(self.mine, "won", name="My deal", owner=self.ann, value=1)
        self.hidden_deal = deal(
            self.hidden, "won", name="Secret deal", owner=self.stranger, value=7654
        )

    def as_root(self) -> Client:
        client = Client()
        client.force_login(self.root)
        return client

    def said(self, path: str, data: Any = None, **more: Any) -> str:
        answer: Any = self.web.get(path, data, **more)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return content.decode()


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Path) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


# -- the list


def listed() -> dict[str, str]:
    """By advisory what the list says of it; a line may name several."""
    found: dict[str, str] = {}
    for line in DOCS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and (named := ADVISORY.findall(cells[0])):
            for one in named:
                assert one not in found, f"{one} stands there twice"
                found[one] = cells[-1]
    return found


def test_every_advisory_is_tried_or_said_to_be_missing() -> None:
    names = [*globals(), *vars(test_holes_of_mail)]
    tests = {name for name in names if name.startswith("test_")}
    found = listed()
    assert len(found) == LISTED
    for advisory, said in found.items():
        named = re.findall(r"`(test_\w+)`", said)
        assert set(named) <= tests, advisory
        assert bool(named) != said.startswith("missing: "), advisory
    tried = {name for said in found.values() for name in re.findall(r"`(test_\w+)`", said)}
    unlisted = {name for name in tests if re.match(r"test_(cve|ghsa|notice)_", name)} - tried
    assert not unlisted, "tried, and not in the list"


# -- what one may not see, told by the way round


def test_cve_2026_85055_filters_tell_nothing_of_hidden_records(world: World) -> None:
    """Twenty: a hidden field read through predicates and the total."""
    for asked in ("company_city.starts=secret", "q=secret", "company_name=secret", "city=secret"):
        assert "Nothing" in world.said(f"/contacts/?{asked}") or "No " in world.said(
            f"/contacts/?{asked}"
        )
        count = world.said(
            f"/contacts/?{asked}", headers={"HX-Request": "true", "HX-Target": "count"}
        )
        assert "1" not in re.sub(r"<[^>]*>", "", count)


def test_cve_2026_92771_sums_leave_hidden_deals_out(world: World) -> None:
    """Twenty: grouping skipped the check of rows and fields."""
    also = deal(world.mine, "won", name="Secret too", owner=world.stranger, value=7654)
    page = world.said("/contacts/?columns=won_value,won_deals&won_value.least=5000 EUR")
    assert "7,65" not in page
    assert world.mine.name not in re.sub(r"(?s)<nav.*?</nav>", "", page)
    assert Deal.objects.filter(pk=also.pk).exists()


def test_cve_2026_109958_choosers_find_nothing_hidden(world: World) -> None:
    """EspoCRM: values of restricted fields through the search of the address book."""
    for page in ("contacts:options", "deals:options"):
        for text in ("secret", "s@secret", "Secretville", "7654"):
            assert world.web.get(reverse(page), {"q": text}).json()["results"] == []


def test_cve_2026_109959_no_single_note_of_history_can_be_asked_for(world: World) -> None:
    """EspoCRM: through single notes of a history by their number."""
    for page in ("contacts:card", "contacts:explanation"):
        assert world.web.get(reverse(page, args=[world.hidden.pk])).status_code == 404
    assert world.web.get(reverse("deals:card", args=[world.hidden_deal.pk])).status_code == 404
    assert world.web.get(reverse("traces:log")).status_code == 403


def test_cve_2024_36259_no_answer_is_a_yes_or_a_no(world: World) -> None:
    """Odoo: whether something is there, asked word by word. The whole script: ``test_non_interference``."""
    answers = []
    for text in ("Secretus", "Zecretus", "Secretville", "Zecretville"):
        found = [world.said(page, {"q": text}) for page in ("/contacts/", "/contacts/options/")]
        for mask, instead in MASKS:
            found = [mask.sub(instead, one) for one in found]
        answers.append([re.sub("(?i)[sz]ecret(us|ville)", "#", one) for one in found])
    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_ghsa_32w2_6gm2_7766_search_asks_who_searches(world: World) -> None:
    """NetBox: the search of everything asked for no permission, not even to be signed in."""
    assert world.anonymous.get("/contacts/?q=secret").status_code == 302
    assert world.anonymous.get(reverse("contacts:options"), {"q": "secret"}).status_code == 302
    assert "Secretus" not in world.said("/contacts/?q=secret")


def test_cve_2026_113600_ghsa_9pm8_vwc5_w2hm_numbers_open_nothing(world: World) -> None:
    """Fat Free CRM: comments and mails by counting up their numbers."""
    for one in (world.hidden, world.firm, world.hidden_deal):
        answer = world.web.get(one.get_absolute_url())
        nowhere = world.web.get(one.get_absolute_url().replace(str(one.pk), "987654321"))
        assert (answer.status_code, nowhere.status_code) == (404, 404)


def test_cve_2026_19433_19539_rows_are_not_taken_along_by_number(world: World) -> None:
    """Prospero Flow CRM: cards and tickets of others by their number."""
    sent = {"scope": "rows", "row": [world.mine.pk, world.hidden.pk], "format": "csv"}
    answer: Any = world.web.post(reverse("contacts:export"), sent, follow=True)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert b"Secretus" not in content


def test_cve_2022_50589_numbers_of_rows_are_numbers(world: World) -> None:
    """SuiteCRM: SQL in the numbers that an export takes, by anybody."""
    for text in ("1) OR (1=1", "1' OR '1'='1", "1 UNION SELECT password FROM accounts_user", "1e3"):
        sent = {"scope": "rows", "row": [text], "format": "csv"}
        assert world.anonymous.post(reverse("contacts:export"), sent).status_code == 302
        answer: Any = world.web.post(reverse("contacts:export"), sent, follow=True)
        assert b"Secretus" not in (b"" if answer.streaming else answer.content)


def test_cve_2026_53574_conditions_come_from_a_register(world: World) -> None:
    """EspoCRM: SQL in an expression of where."""
    for key in (
        "owner__password",
        "pk__in",
        "_connector",
        "name__regex",
        "1=1) OR (1",
        "company__name",
    ):
        page = world.said("/contacts/", {key: "x' OR '1'='1"})
        assert "Secretus" not in page
        assert world.web.get("/contacts/", {"sort": key}).status_code == 200


def test_notice_nautobot_2_no_address_leads_to_passwords(world: World) -> None:
    """Nautobot 2.0: a parameter of depth showed the hashes of passwords."""
    world.ann.set_password("a long pass phrase of Ann")
    world.ann.save()
    world.web.force_login(world.ann)
    for asked in ("columns=owner__password", "owner__password.starts=md5", "sort=owner__password"):
        assert world.ann.password not in world.said(f"/contacts/?{asked}")
    sent = {"scope": "all", "count": "1", "format": "json", "columns": "owner__password"}
    answer: Any = world.web.post(reverse("contacts:export"), sent, follow=True)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert world.ann.password.encode() not in content


# -- what others have


def run_of(world: World, user: User) -> BulkRun:
    run = BulkRun.objects.create(
        action="contact.export", record="contact", user=user, token="t", total=0, sentence="Secret all",
        state=BulkRun.State.DONE, file_name="secret.csv", params={"names": {}},
    )  # fmt: skip
    run.file.save("secret.csv", ContentFile(b"Secret content"))
    return run


def test_cve_2026_46691_109957_files_of_others_stay_theirs(world: World) -> None:
    """EspoCRM: the file of errors, and attachments, by their number."""
    run = run_of(world, world.stranger)
    for page in ("file", "run", "progress"):
        assert world.web.get(reverse(f"bulk:{page}", args=[run.pk])).status_code == 404


def test_cve_2023_50263_cve_2021_23203_no_file_without_its_owner(world: World) -> None:
    """Nautobot: files without signing in. Odoo: any report by its number."""
    run = run_of(world, world.stranger)
    assert world.anonymous.get(reverse("bulk:file", args=[run.pk])).status_code == 302
    for path in (f"/media/{run.file.name}", f"/files/{run.file.name}", f"/{run.file.name}"):
        for client in (world.anonymous, world.web):
            assert b"Secret content" not in getattr(client.get(path), "content", b"")


def test_cve_2026_63647_what_runs_is_told_to_whose_it_is(world: World) -> None:
    """CordysCRM: the stream of notices of another user, without signing in."""
    run_of(world, world.stranger)
    BulkRun.objects.update(state=BulkRun.State.RUNNING)
    assert world.anonymous.get(reverse("bulk:indicator")).status_code == 302
    assert "Secret" not in world.said(reverse("bulk:indicator")) + world.said(reverse("bulk:runs"))


# -- what one may not change


def refused(world: World, path: str, data: Any) -> int:
    """The status of an answer that changed nothing."""
    before = checksum()
    status = world.web.post(path, data).status_code
    assert differing(before, checksum()) == []
    return status


def test_cve_2026_41160_who_is_refused_has_written_nothing(world: World) -> None:
    """EspoCRM: written first, and then answered 403. All addresses: ``test_matrix``."""
    shown = person("Shown", owner=world.root)
    User.objects.filter(pk=world.ann.pk).update(view_contacts=3, view_customers=3)
    assert refused(world, reverse("contacts:edit", args=[shown.pk]), {"last_name": "x"}) == 403
    assert refused(world, reverse("contacts:delete", args=[shown.pk]), {}) == 403
    assert (
        refused(world, reverse("contacts:select_status", args=[shown.pk]), {"customer": "past"})
        == 403
    )


def test_cve_2026_61650_a_link_asks_for_both_ends(world: World) -> None:
    """SuiteCRM: the link was checked at one end, for seeing only, and then wrote."""
    for page in ("star", "link_add"):
        refused(world, reverse(f"deals:{page}", args=[world.deal.pk]), {"contact": world.hidden.pk})
    assert (
        refused(
            world,
            reverse("deals:link_add", args=[world.hidden_deal.pk]),
            {"contact": world.mine.pk},
        )
        == 404
    )
    edit = {"last_name": "Mine", "company": world.firm.pk, **NO_DETAILS}
    refused(world, reverse("contacts:edit", args=[world.mine.pk]), edit)


def test_cve_2026_75505_steps_on_many_take_no_hidden_record(world: World) -> None:
    """EspoCRM: an update of many that was given what belongs to others."""
    sent = {"scope": "rows", "row": world.mine.pk, "confirmed": "1", "expected": "1"}
    for action, more in (
        ("contact.company", {"company": world.firm.pk}),
        ("contact.add_to_deal", {"deal": world.hidden_deal.pk}),
    ):
        answer = world.web.post(reverse("contacts:act"), {**sent, "action": action, **more})
        assert b"Secret" not in answer.content
    world.mine.refresh_from_db()
    assert world.mine.company_id is None
    assert not DealContact.objects.filter(deal=world.hidden_deal, contact=world.mine).exists()


def test_cve_2026_44798_forms_write_what_they_show_and_no_more(world: World) -> None:
    """Nautobot: fields of its own that a request could set."""
    sent = {
        "last_name": "Mine", "prospect_status": "lost", "customer_status": "past", "won_deals": "9",
        "search_key": "x", "id": "77", "details-TOTAL_FORMS": "0", "details-INITIAL_FORMS": "0",
    }  # fmt: skip
    world.web.post(reverse("contacts:edit", args=[world.mine.pk]), sent)
    stored = Contact.objects.get(pk=world.mine.pk)
    assert (stored.customer_status, stored.won_deals) == ("current", 1)
    world.web.post(
        reverse("preferences"), {"theme": "dark", "is_superuser": "on", "view_contacts": "3"}
    )
    ann = User.objects.get(pk=world.ann.pk)
    assert (ann.is_superuser, ann.view_contacts) == (False, 1)


def test_cve_2026_4277_4292_the_back_office_edits_no_list(world: World) -> None:
    """Django before 6.0.4: forged rows through lists that are edited in place."""
    from django.contrib import admin

    assert django.VERSION >= (6, 0, 4)
    assert not [model for model, one in admin.site._registry.items() if one.list_editable]
    assert world.web.get(reverse("admin:index")).status_code in (302, 403)


# -- texts that would be markup, code or formulas


def test_cve_2024_46367_45932_46366_names_are_texts(world: World) -> None:
    """Krayin: scripts in names of users and companies, and templates that the browser computes."""
    world.ann.first_name = HOSTILE[:30]
    world.ann.save()
    world.web.force_login(world.ann)
    firm = company(HOSTILE, owner=world.ann)
    worker = person(HOSTILE, owner=world.ann, company=firm)
    sold = deal(worker, name=HOSTILE, owner=world.ann)
    paths = [one.get_absolute_url() for one in (firm, worker, sold)]
    for path in (*paths, "/contacts/?columns=company,owner", "/deals/", "/preferences/"):
        page = world.said(path)
        assert "<script>alert" not in page
        assert "49" not in re.findall(r"alert\(1\)&lt;/script&gt;(.{12})", page)


def test_cve_2025_69848_what_cannot_be_deleted_is_named_as_text(world: World) -> None:
    """NetBox: a script in “cannot be deleted, because …”."""
    star = person("Star", owner=world.ann)
    deal(star, name=HOSTILE, owner=world.ann)
    for answer in (
        world.web.get(reverse("contacts:delete", args=[star.pk])),
        world.web.post(reverse("contacts:delete", args=[star.pk]), follow=True),
    ):
        assert b"<script>alert" not in answer.content
    assert Contact.objects.filter(pk=star.pk).exists()


def test_cve_2026_53575_the_name_of_the_account_is_text(world: World) -> None:
    """EspoCRM: a script in the name of the application, which took the nonce of the policy along."""
    from settings.models import Account

    Account.objects.update(name=HOSTILE)
    for client in (world.as_root(), world.web, world.anonymous):
        answer = client.get("/settings/account/", follow=True)
        assert b"<script>alert" not in answer.content
        assert "nonce" not in answer.headers["Content-Security-Policy"]


def test_cve_2026_59994_letters_hold_names_as_texts(world: World) -> None:
    """EspoCRM: markup of strangers in letters of notice."""
    sent = {
        "last_name": f"<a href=//evil>{HOSTILE[:40]}",
        "email": "new@example.org",
        "role": "member",
    }
    answer = world.as_root().post(reverse("people:invite"), {**sent, **LEVELS}, follow=True)
    assert b"<a href=//evil>" not in answer.content
    assert mail.outbox
    for letter in mail.outbox:
        assert "\n" not in letter.subject
        assert not [body for body, kind in getattr(letter, "alternatives", ()) if "<script" in body]


@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\r", "\n", "\x00", "\u00a0", "\u200b", "'", '"']
)
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝"])
def test_cve_2026_55154_cve_2021_25960_no_cell_is_a_formula(before: str, sign: str) -> None:
    """EspoCRM and SuiteCRM: formulas in exported cells, behind blanks and control characters."""
    assert guarded(f"{before}{sign}cmd|' /C calc'!A0").startswith("'")


# -- ways in


def test_cve_2021_25961_a_reset_belongs_to_the_user_it_was_made_for(world: World) -> None:
    """SuiteCRM: the link of a deleted user worked for the next one with the same number."""
    before = User.objects.create_user("before", "before@example.org", "a long pass phrase")
    token, pk = default_token_generator.make_token(before), before.pk
    assert default_token_generator.check_token(before, token)
    before.delete()
    after = User.objects.create_user("after", "before@example.org", "a long pass phrase", pk=pk)
    assert not default_token_generator.check_token(after, token)


def test_notice_krayin_2025_a_password_changes_with_the_old_one(world: World) -> None:
    """Krayin: a password could be changed by whoever had a session, without the one before."""
    world.ann.set_password("a long pass phrase of Ann")
    world.ann.save()
    world.web.force_login(world.ann)
    new = "another long pass phrase"
    for old in ("", "not the one before"):
        sent = {"oldpassword": old, "password1": new, "password2": new}
        world.web.post(reverse("account_change_password"), sent)
        assert not User.objects.get(pk=world.ann.pk).check_password(new)


def test_cve_2026_41452_the_first_start_is_over(world: World) -> None:
    """Krayin: the installer could still be sent a form, with a header."""
    headers: list[dict[str, str]] = [
        {},
        {"X-Requested-With": "XMLHttpRequest"},
        {"HX-Request": "true"},
    ]
    for more in headers:
        for method in ("get", "post", "put", "patch", "delete", "head", "options"):
            answer = getattr(world.anonymous, method)(reverse("welcome"), headers=more)
            assert answer.status_code == 404, (method, more)
    assert User.objects.filter(is_superuser=True).count() == 1


def test_cve_2026_53761_no_key_of_an_invitation_is_logged(world: World, caplog: Any) -> None:
    """Frappe CRM: keys of invitations in the log."""
    caplog.set_level(logging.DEBUG)
    sent = {"last_name": "New", "email": "new@example.org", "role": "member", **LEVELS}
    page = world.as_root().post(reverse("people:invite"), sent, follow=True).content.decode()
    said = page + "".join(letter.body for letter in mail.outbox)
    [token] = set(re.findall(r"\?token=([\w-]+)", said))
    world.anonymous.get(reverse("invitation"), {"token": token})
    world.anonymous.get(reverse("invitation"), {"token": token + "x"})
    logged = "\n".join(
        f"{one.getMessage()} {one.__dict__}" for one in caplog.records if one.name.startswith("crm")
    )
    assert token not in logged
    assert token not in "".join(str(one) for one in Entry.objects.values())


def test_cve_2024_36412_public_addresses_take_nothing_for_code(world: World) -> None:
    """SuiteCRM: SQL in an answer to an event, which asks nobody to sign in."""
    for text in ("1'--", "1%27+OR+1=1", "%00", "x" * 3000, "{{7*7}}"):
        for path in (
            "/invitation/?token=",
            "/accounts/password/reset/1-",
            "/accounts/login/?next=",
        ):
            status = world.anonymous.get(f"{path}{text}" + "/" * path.endswith("-")).status_code
            assert status in (200, 302, 400, 404, 414), path


def test_cve_2025_59832_and_others_lead_nowhere_else(world: World) -> None:
    """Horilla: scripts in texts, addresses that ask nobody, and ``prev_url`` that leads anywhere."""
    for to in (
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "\t//evil.example",
    ):
        answer = world.web.post(f"/accounts/language/?next={to}", {"language": "en", "next": to})
        assert "evil" not in answer.headers.get("Location", ""), to
        assert "javascript" not in answer.headers.get("Location", ""), to
        page = world.anonymous.get("/accounts/login/", {"next": to}).content.decode()
        assert 'href="javascript' not in page
    note = person("Note", owner=world.ann, description=HOSTILE)
    assert "<script>alert" not in world.said(note.get_absolute_url())
    for path in ("/contacts/", "/deals/", "/runs/", "/settings/users/", note.get_absolute_url()):
        assert world.anonymous.get(path).status_code == 302


def test_cve_2026_3902_headers_of_strangers_are_not_believed(world: World) -> None:
    """Django with ASGI before 6.0.4: headers of a proxy spoofed with underscores."""
    believed: Any = django_settings.SECURE_PROXY_SSL_HEADER
    assert believed is None
    world.web.get(world.hidden.get_absolute_url(), headers={"X-Forwarded-For": "203.0.113.9"})
    assert "203.0.113.9" not in "".join(str(one) for one in Entry.objects.values())


def test_cve_2021_45111_nobody_loads_the_demo_through_the_web() -> None:
    """Odoo: anybody could load demo data, and with it people whose passwords are known."""
    from tests.access.registry import routes

    assert not [one.key for one in routes() if "demo" in one.pattern or "seed" in one.pattern]
