"""The pages: asking before it is done, the outcome, runs, undo; and whose they are."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from crm.bulk import pages, services
from crm.bulk.models import BulkRow, BulkRun
from deals.models import Deal, LossReason
from tests.bulk.runs import owners, start, start_later, user
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return user("ann")


@pytest.fixture
def bob():
    return user("bob")


@pytest.fixture
def web(ann) -> Client:
    client = Client()
    client.force_login(ann)
    return client


class Acting:
    """Somebody who ticks rows in a list, chooses an action, fills in its form and sends it."""

    def __init__(self, client: Client, record: str, action: str, **chosen: Any) -> None:
        self.client = client
        self.url = reverse(f"{record}s:act")
        self.chosen = {"action": action, "list": "", "state": "", "count": "0"} | chosen

    def ask(self) -> Any:
        return self.client.post(self.url, self.chosen)

    def confirm(self, answer: Any = None, **filled: Any) -> Any:
        answer = answer or self.ask()
        assert answer.status_code in (200, 409, 422)
        data: dict[str, Any] = {}
        for name, value in re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.content.decode()
        ):
            data.setdefault(name, []).append(value)
        return self.client.post(self.url, data | {"confirmed": "1"} | filled)


def ticked(client: Client, action: str, *contacts: Contact, **chosen: Any) -> Acting:
    ids = [str(one.pk) for one in contacts]
    return Acting(client, "contact", action, scope="rows", row=ids, **chosen)


def everything(client: Client, action: str, record: str = "contact", **chosen: Any) -> Acting:
    return Acting(client, record, action, scope="all", **chosen)


def shown(answer: Any) -> str:
    return answer.content.decode()


# -- asking


def test_it_asks_first_and_says_what_is_selected(web, bob) -> None:
    one, _two = person("One"), person("Two")
    answer = ticked(web, "contact.owner", one).ask()
    page = shown(answer)
    assert "Set the owner of 1 contact" in page
    assert "Selected: chosen by hand" in page
    assert not BulkRun.objects.exists()
    assert owners() == ["", ""]


def test_the_filters_are_told_when_all_that_match_are_selected(web) -> None:
    person(city="Köln")
    person(city="Bonn")
    answer = everything(web, "contact.owner", state="city.is=K%C3%B6ln", count="1").ask()
    assert "Set the owner of 1 contact" in shown(answer)
    assert "Köln" in re.search(r'page-subtitle">(.*?)<', shown(answer)).group(1)


def test_confirmed_it_is_done_and_told_with_an_undo(web, bob) -> None:
    one, two, other = person(), person(), person()
    acting = ticked(web, "contact.owner", one, two, state="sort=-name")
    answer = acting.confirm(owner=str(bob.pk))
    assert answer.status_code == 302
    assert answer.url == "/contacts/?sort=-name"
    assert owners() == ["bob", "bob", ""]
    page = shown(web.get(answer.url))
    assert "Owner of 2 contacts set" in page
    run = BulkRun.objects.get()
    undo = reverse("bulk:turn", args=[run.pk, "undo"])
    assert f'action="{undo}"' in page
    answer = web.post(undo, {"next": "/contacts/?sort=-name"})
    assert answer.url == "/contacts/?sort=-name"
    assert owners() == ["", "", ""]
    assert "2 contacts put back as before" in shown(web.get(answer.url))
    assert other.pk


def test_nothing_hidden_by_a_filter_is_touched(web, bob) -> None:
    seen, hidden = person(city="Köln"), person(city="Bonn")
    state = "city.is=K%C3%B6ln"
    answer = ticked(web, "contact.owner", seen, hidden, state=state).ask()
    assert "1 of the rows you ticked is not in the list any more" in shown(answer)
    ticked(web, "contact.owner", seen, hidden, state=state).confirm(owner=str(bob.pk))
    assert owners() == ["bob", ""]


@pytest.mark.parametrize(
    "state",
    ["nonsense=1", "city.is=a%00b", "city.is=" + "x" * 10_000, "sort=nonsense", "%"],
)
def test_a_list_that_is_not_understood_is_acted_on_by_nothing(web, bob, state) -> None:
    person()
    answer = everything(web, "contact.owner", state=state, count="1").ask()
    assert answer.status_code in (200, 302)
    everything(web, "contact.owner", state=state, count="1", confirmed="1", expected="1",
               owner=str(bob.pk)).ask()  # fmt: skip
    if state != "%":
        assert owners() == [""]
        assert not BulkRun.objects.exists()


@pytest.mark.parametrize("city", ['"', "%", "a&b", "💥", "O'Brien", "a_b", "{{7*7}}", "<b>"])
def test_odd_values_of_filters_act_on_exactly_the_listed_rows(web, bob, city) -> None:
    person(city="plain")
    person(city=city)
    query = QueryDict(mutable=True)
    query["city.is"] = city
    answer = everything(web, "contact.owner", state=query.urlencode(), count="1").ask()
    assert "Set the owner of 1 contact" in shown(answer)
    assert "<b></" not in shown(answer)
    fields = dict(answer.context["fields"])
    data = fields | {"action": "contact.owner", "count": "1", "expected": "1", "token": "t",
                     "confirmed": "1", "owner": str(bob.pk)}  # fmt: skip
    assert web.post(reverse("contacts:act"), data).status_code == 302
    assert owners() == ["", "bob"]


def test_a_count_that_moved_asks_again_with_both_numbers(web, bob) -> None:
    person()
    person()
    acting = everything(web, "contact.owner", count="2")
    asked = acting.ask()
    person()
    answer = acting.confirm(asked, owner=str(bob.pk))
    assert answer.status_code == 409
    assert "You confirmed 2; by now they are 3." in shown(answer)
    assert owners() == ["", "", ""]
    assert acting.confirm(answer, owner=str(bob.pk)).status_code == 302
    assert owners() == ["bob", "bob", "bob"]


def test_a_double_click_makes_one_run(web, bob) -> None:
    one = person()
    acting = ticked(web, "contact.owner", one)
    asked = acting.ask()
    for _ in range(2):
        assert acting.confirm(asked, owner=str(bob.pk)).status_code == 302
    assert BulkRun.objects.count() == 1


def test_a_form_that_is_not_filled_in_is_shown_again(web) -> None:
    one = person()
    for action in ("contact.owner", "contact.status", "contact.set", "contact.company",
                   "contact.add_to_deal"):  # fmt: skip
        answer = ticked(web, action, one).confirm()
        assert answer.status_code == 422, action
        assert "notice-error" in shown(answer)
    assert not BulkRun.objects.exists()


def test_an_unknown_action_and_one_of_other_records_are_not_there(web) -> None:
    one = person()
    for action in ("", "contact.nonsense", "deal.owner"):
        assert ticked(web, action, one).ask().status_code == 404
    assert web.get(reverse("contacts:act")).status_code == 405


def test_nothing_ticked_says_so(web) -> None:
    answer = web.post(reverse("contacts:act"), {"action": "contact.owner", "scope": "rows"})
    assert answer.url == "/contacts/"
    assert "Tick some rows first" in shown(web.get("/contacts/"))


def test_an_address_smuggled_into_the_state_leads_nowhere_else(web, bob) -> None:
    one = person()
    data = {"action": "contact.owner", "scope": "rows", "row": str(one.pk), "count": "1",
            "list": "//evil.example", "state": "x\r\nLocation: //evil.example"}  # fmt: skip
    answer = web.post(reverse("contacts:act"), data)
    assert answer.status_code == 302
    assert answer.url.startswith("/contacts/")
    assert "\n" not in answer.url


def test_deleting_many_takes_typing_their_number(web, monkeypatch) -> None:
    monkeypatch.setattr(pages, "TYPED_ABOVE", 1)
    monkeypatch.setattr("crm.bulk.views.TYPED_ABOVE", 1)
    person()
    person()
    acting = everything(web, "contact.delete", count="2")
    asked = acting.ask()
    assert "Type 2 to confirm" in shown(asked)
    for typed in ("", "3", "two"):
        answer = acting.confirm(asked, typed=typed)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in shown(answer)
    assert Contact.objects.count() == 2
    assert acting.confirm(asked, typed=" 2 ").status_code == 302
    assert not Contact.objects.exists()
    assert "in the trash now" in shown(web.get("/contacts/"))


def test_what_will_be_left_out_is_counted_beforehand(web) -> None:
    star, _firm = person(), company()
    deal(star)
    assert "1 is the main contact of a deal, and stays." in shown(
        everything(web, "contact.delete", count="2").ask()
    )
    assert "1 is a company" in shown(everything(web, "contact.company", count="2").ask())
    assert "1 has an active deal" in shown(everything(web, "contact.status", count="2").ask())


# -- each form


def test_statuses_are_selected_from_the_page_and_refusals_are_told(web) -> None:
    idle, sold_to = company("Idle"), company("Sold to")
    deal(sold_to, name="Audit")
    answer = everything(web, "contact.status", count="2").confirm(prospect="lost")
    page = shown(web.get(answer.url))
    assert "1 contact marked as Lost Prospect · 1 refused" in page
    run = BulkRun.objects.get()
    page = shown(web.get(run.get_absolute_url()))
    assert "Sold to is being sold to: “Audit”." in page
    assert f'href="{sold_to.get_absolute_url()}"' in page
    idle.refresh_from_db()
    assert idle.prospect_status == "lost"


def test_fields_are_set_and_cleared_from_the_page(web) -> None:
    one = person(city="Bonn", title="CEO")
    ticked(web, "contact.set", one).confirm(city="Köln", clear_title="on")
    one.refresh_from_db()
    assert (one.city, one.title) == ("Köln", "")
    answer = ticked(web, "contact.set", one).confirm(city="Bonn", clear_city="on")
    assert "Give it a value or clear it, not both." in shown(answer)
    answer = ticked(web, "contact.set", one).confirm(website="nonsense")
    assert answer.status_code == 422


def test_a_company_is_chosen_or_none(web) -> None:
    firm, one = company("Firm"), person()
    ticked(web, "contact.company", one).confirm(company=str(firm.pk))
    assert Contact.objects.get(pk=one.pk).company == firm
    ticked(web, "contact.company", one).confirm(none="on")
    assert Contact.objects.get(pk=one.pk).company is None
    answer = ticked(web, "contact.company", one).confirm(company=str(firm.pk), none="on")
    assert answer.status_code == 422


def test_a_deal_is_chosen_by_number_or_by_name(web) -> None:
    sold, other = deal(company(), name="Audit 2026"), deal(company(), name="Audit 2027")
    one = person()
    answer = ticked(web, "contact.add_to_deal", one).confirm(deal_text="audit")
    assert answer.status_code == 422
    assert f'<option value="{other.pk}">Audit 2027</option>' in shown(answer)
    for nonsense in ({"deal_text": "nothing"}, {"deal": "999"}, {"deal": "x"}):
        assert ticked(web, "contact.add_to_deal", one).confirm(**nonsense).status_code == 422
    ticked(web, "contact.add_to_deal", one).confirm(deal_text="audit 2026", role="Guest")
    assert list(sold.links.values_list("contact", "role")) == [(one.pk, "Guest")]
    found = web.get(reverse("deals:options"), {"q": "2027"}).json()["results"]
    assert [row["id"] for row in found] == [other.pk]


def test_deals_are_moved_from_the_page(web) -> None:
    stages = default_stages()
    firm = company()
    sold = deal(firm)
    reason = LossReason.objects.create(name="Too dear")
    acting = everything(web, "deal.stage", "deal", count="1")
    answer = acting.confirm(stage=str(stages["won"].pk), loss_reason=str(reason.pk))
    assert answer.status_code == 422
    assert "Only for the category “Lost”." in shown(answer)
    answer = acting.confirm(stage=str(stages["lost"].pk), loss_reason=str(reason.pk))
    assert answer.url.startswith("/deals/")
    sold.refresh_from_db()
    assert (sold.group, sold.loss_reason) == ("lost", reason)


def test_fields_of_deals_are_set_from_the_page(web) -> None:
    sold = deal(company(), estimated_close_date="2030-01-01")
    answer = everything(web, "deal.set", "deal", count="1").confirm(
        hot="1", currency="chf", clear_estimated_close_date="on"
    )
    assert answer.status_code == 302
    sold.refresh_from_db()
    assert (sold.hot, sold.currency, sold.estimated_close_date) == (True, "CHF", None)
    everything(web, "deal.delete", "deal", count="1").confirm()
    assert not Deal.objects.exists()


@pytest.mark.parametrize("record", ["contact", "deal"])
def test_every_action_has_a_page_with_a_title_and_a_button(web, record) -> None:
    deal(person())
    found = pages.pages_of(record)
    assert [page.place for page in found] == sorted(page.place for page in found)
    for page in found:
        answer = everything(web, page.key, record, count="1").ask()
        assert answer.status_code == 200
        assert 'name="confirmed"' in shown(answer)


# -- many


def test_many_go_to_a_page_of_their_own(web, bob, monkeypatch) -> None:
    people = [person() for _ in range(3)]
    monkeypatch.setattr(
        services.start, "__kwdefaults__", services.start.__kwdefaults__ | {"at_once": 2}
    )
    with mock.patch.object(services.work_off_run.__class__, "enqueue"):
        answer = ticked(web, "contact.owner", *people).confirm(owner=str(bob.pk))
    run = BulkRun.objects.get()
    assert answer.url == run.get_absolute_url()
    page = shown(web.get(answer.url))
    assert '<progress class="run-progress" value="0" max="3"' in page
    assert "Set the owner" not in page
    assert "Owner: bob" in page
    assert 'hx-trigger="load delay:1s"' in page
    assert reverse("bulk:turn", args=[run.pk, "pause"]) in page
    # And the frame of any page shows it, until it has ended.
    assert f'hx-get="{reverse("bulk:indicator")}"' in shown(web.get("/contacts/"))
    assert "0 %" in shown(web.get(reverse("bulk:indicator")))
    services.cancel(run)
    assert "hx-get" not in shown(web.get(reverse("bulk:indicator")))
    assert reverse("bulk:indicator") not in shown(web.get("/contacts/"))


def test_a_page_asks_for_no_runs_where_there_are_none(web) -> None:
    assert reverse("bulk:indicator") not in shown(web.get("/contacts/"))


def test_progress_is_looked_at_ever_more_rarely_and_stops_at_the_end(web, ann, bob) -> None:
    person()
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    url = reverse("bulk:progress", args=[run.pk])
    headers = {"HX-Request": "true"}
    waits = []
    for looked in range(12):
        page = shown(web.get(url, {"n": looked}, headers=headers))
        waits.append(int(re.search(r"delay:(\d)s", page).group(1)))
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, 5)
    assert "<html" not in page
    services.cancel(run)
    page = shown(web.get(url, {"n": 3}, headers=headers))
    assert "hx-trigger" not in page
    assert 'hx-swap-oob="innerHTML:#live"' in page
    assert web.get(url).url == run.get_absolute_url()


def test_rate_and_time_left_are_told_after_five_seconds(web, ann, bob) -> None:
    person()
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    BulkRun.objects.update(total=1000, at=100, done=100, seconds=4, state="running")
    assert "a second" not in shown(web.get(run.get_absolute_url()))
    BulkRun.objects.update(seconds=10)
    page = shown(web.get(run.get_absolute_url()))
    assert "10 a second" in page
    assert "about 2 minutes left" in page
    assert "100 of 1,000, 10 %" in page


@pytest.mark.parametrize(("step", "expected"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_run_is_halted_from_its_page_and_goes_on(web, ann, bob, step, expected) -> None:
    person()
    run = start_later("contact.owner", ann, {"owner": bob.pk})
    assert web.get(reverse("bulk:turn", args=[run.pk, step])).status_code == 405
    web.post(reverse("bulk:turn", args=[run.pk, step]))
    run.refresh_from_db()
    assert run.state == expected
    web.post(reverse("bulk:turn", args=[run.pk, "resume"]))
    run.refresh_from_db()
    assert run.state == ("done" if step == "pause" else "cancelled")
    assert "too late" in shown(web.get(run.get_absolute_url())) or step == "pause"
    assert web.post(reverse("bulk:turn", args=[run.pk, "explode"])).status_code == 404


def test_a_failure_is_told_and_may_be_resumed(web, ann, bob, monkeypatch) -> None:
    one = person()
    with monkeypatch.context() as broken:
        broken.setattr("contacts.querysets.ContactQuerySet.update", lambda *a, **k: 1 / 0)
        answer = ticked(web, "contact.owner", one).confirm(owner=str(bob.pk))
    assert "ZeroDivisionError" in shown(web.get(answer.url))
    run = BulkRun.objects.get()
    page = shown(web.get(run.get_absolute_url()))
    assert reverse("bulk:turn", args=[run.pk, "resume"]) in page
    web.post(reverse("bulk:turn", args=[run.pk, "resume"]))
    assert owners() == ["bob"]


def test_rows_are_shown_by_outcome_and_by_pages(web, ann, monkeypatch) -> None:
    monkeypatch.setattr("crm.bulk.results.PAGE", 2)
    for number in range(5):
        company(f"Firm {number}")
    one = person("One")
    gone = person("Gone")
    run = start_later("contact.set", ann, {"values": {"title": "CEO"}})
    pk = gone.pk
    gone.delete()
    services.resume(run)
    services.work_off(run.pk)
    page = shown(web.get(run.get_absolute_url()))
    assert "Refused (6)" in page
    assert "Done (1)" in page
    assert "Page 1 of 3" in page
    assert "A company has no job title." in page
    page = shown(web.get(run.get_absolute_url(), {"show": "done"}))
    assert f'href="{one.get_absolute_url()}">{one.name}<' in page
    page = shown(web.get(run.get_absolute_url(), {"show": "refused", "page": "3"}))
    assert f"Number {pk}" in page
    assert web.get(run.get_absolute_url(), {"show": "x", "page": "x"}).status_code == 200


def test_undo_names_what_was_edited_since(web, ann, bob) -> None:
    cat = person("Cat")
    person("Dog")
    run = start("contact.owner", ann, {"owner": bob.pk})
    cat.refresh_from_db()
    cat.owner = ann
    cat.save()
    answer = web.post(reverse("bulk:turn", args=[run.pk, "undo"]), {"next": "https://evil.example"})
    undo = BulkRun.objects.get(undo_of=run)
    assert answer.url == undo.get_absolute_url()
    page = shown(web.get(answer.url))
    assert "Undo: Owner: bob" in page
    assert "Cat" in page
    assert "edited since" in page
    answer = web.post(reverse("bulk:turn", args=[run.pk, "undo"]))
    assert "undone already" in shown(web.get(answer.url))


def test_recent_changes_are_listed_with_their_undo_in_few_queries(web, ann, bob) -> None:
    def cost(number: int) -> int:
        for _ in range(number):
            Contact.objects.update(owner=None)
            start("contact.owner", ann, {"owner": bob.pk})
        with CaptureQueriesContext(connection) as captured:
            answer = web.get(reverse("bulk:runs"))
        assert shown(answer).count("Undo</button>") == BulkRun.objects.count()
        return len(captured)

    person()
    assert cost(2) == cost(10)
    assert cost(1) <= 8


# -- whose


@pytest.mark.parametrize("name", ["run", "progress", "file"])
def test_a_run_of_somebody_else_is_not_there(web, ann, bob, name) -> None:
    person()
    run = start("contact.owner", bob, {"owner": bob.pk})
    assert web.get(reverse(f"bulk:{name}", args=[run.pk])).status_code == 404
    assert str(run.pk) not in re.findall(r"/runs/(\d+)/", shown(web.get(reverse("bulk:runs"))))


@pytest.mark.parametrize("step", ["pause", "cancel", "resume", "undo"])
def test_a_run_of_somebody_else_is_not_turned(web, bob, step) -> None:
    person()
    run = start("contact.owner", bob, {"owner": bob.pk})
    before = BulkRun.objects.values().get()
    assert web.post(reverse("bulk:turn", args=[run.pk, step])).status_code == 404
    assert BulkRun.objects.values().get() == before
    assert owners() == ["bob"]


def test_an_administrator_sees_everybodys_runs(bob) -> None:
    person("Somebody")
    run = start("contact.owner", bob, {"owner": bob.pk})
    client = Client()
    client.force_login(user("root", is_superuser=True))
    assert client.get(run.get_absolute_url()).status_code == 200
    assert run.get_absolute_url() not in shown(client.get(reverse("bulk:runs")))
    assert run.get_absolute_url() in shown(client.get(reverse("bulk:runs"), {"everybody": ""}))


def test_strangers_are_asked_to_sign_in(bob) -> None:
    person()
    run = start("contact.owner", bob, {"owner": bob.pk})
    for url in (reverse("bulk:runs"), run.get_absolute_url(), reverse("bulk:indicator")):
        assert "/accounts/login/" in Client().get(url)["Location"]
    assert "/accounts/login/" in Client().post(reverse("contacts:act"))["Location"]


def test_a_file_is_saved_and_never_shown(web, ann, bob, settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path
    person()
    run = start("contact.owner", ann, {"owner": bob.pk})
    assert web.get(reverse("bulk:file", args=[run.pk])).status_code == 404
    run.file.save("x.csv", ContentFile(b"a,b"))
    run.file_name = "Köln.csv"
    run.save()
    answer = web.get(reverse("bulk:file", args=[run.pk]))
    assert b"".join(answer.streaming_content) == b"a,b"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Download" in shown(web.get(run.get_absolute_url()))
    BulkRun.objects.update(finished_at=timezone.now() - timedelta(days=31))
    assert services.purge_expired() == 1
    assert not list(tmp_path.rglob("*.csv"))
    assert not BulkRow.objects.exists()
    assert "Download" not in shown(web.get(run.get_absolute_url()))


def test_the_name_of_a_record_is_shown_as_text(web, ann) -> None:
    company("<script>alert(1)</script>")
    run = start("contact.set", ann, {"values": {"title": "<i>x</i>"}})
    page = shown(web.get(run.get_absolute_url()))
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<i>x" not in page
