"""Templates of mails: whose they are, their versions, and mails that begin with one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import User
from emails.models import Template
from emails.versions import make_template, save_version
from tests.access.worlds import administrator, member, team
from tests.deals.factories import person
from tests.emails.writers import drafted, form_of, signed_in, write_url
from tests.forms import send

pytestmark = pytest.mark.django_db
LIST = "/mailings/templates/"


@pytest.fixture
def ann() -> User:
    return member("ann")


@pytest.fixture
def ben() -> User:
    return member("ben")


@pytest.fixture
def web(ann: User) -> Client:
    return signed_in(ann)


def text_of(answer: Any) -> str:
    return answer.content.decode()


def page_of(template: Template, *more: str) -> str:
    return f"{LIST}{template.pk}/" + "".join(f"{part}/" for part in more)


def test_each_sees_their_own_their_teams_and_everybodys(ann: User, ben: User, web: Client) -> None:
    north = team("north", ann, ben)
    make_template(user=ann, name="Just Ann")
    make_template(user=ben, name="Just Ben")
    make_template(user=ben, name="For north", scope="team", team=north)
    make_template(user=ben, name="For all", scope="all")
    names = ["Just Ann", "Just Ben", "For north", "For all"]
    shown = {
        who: [one for one in names if one in text_of(signed_in(user).get(LIST))]
        for who, user in (("ann", ann), ("carl", member("carl")), ("root", administrator()))
    }
    assert shown == {
        "ann": ["Just Ann", "For north", "For all"],
        "carl": ["For all"],
        "root": ["For north", "For all"],
    }


def test_a_template_is_written_and_changed_by_its_owner(web: Client, ann: User) -> None:
    north = team("north", ann)
    made = send(
        web, f"{LIST}new/", having="html", name="Spring", scope="team", team=north.pk,
        subject="Hi", html="<h2>News</h2><script>x</script>",
    )  # fmt: skip
    template = Template.objects.get()
    assert made.headers["Location"] == page_of(template)
    assert (template.owner, template.team) == (ann, north)
    assert template.versions.get().html == "<h2>News</h2>"
    changed = send(web, page_of(template), having="html", subject="Hello", scope="mine")
    assert changed.status_code == 302
    assert list(template.versions.values_list("number", "subject")) == [(2, "Hello"), (1, "Hi")]
    template.refresh_from_db()
    assert (template.scope, template.team) == ("mine", None)


def test_a_template_without_name_or_for_a_team_that_one_is_not_in_is_refused(
    web: Client, ann: User, ben: User
) -> None:
    team("north", ann)
    south = team("south", ben)
    refused: list[dict[str, Any]] = [
        {"name": ""},
        {"scope": "team"},
        {"scope": "team", "team": south.pk},
    ]
    for changes in refused:
        answer = send(web, f"{LIST}new/", having="html", **{"name": "Spring", **changes})
        assert answer.status_code == 422
        assert "field-invalid" in text_of(answer)
    assert not Template.objects.exists()


def test_whoever_saves_later_is_told_and_both_versions_stay(web: Client, ann: User) -> None:
    template = make_template(user=ann, name="Spring", subject="One")
    old = {"name": "Spring", "scope": "mine", "subject": "Mine", "html": "", "base": "1"}
    save_version(template, user=ann, subject="Theirs", html="", text="")
    refused = web.post(page_of(template), old)
    assert refused.status_code == 409
    assert "Version 2 was saved meanwhile" in text_of(refused)
    assert 'name="base" value="2"' in text_of(refused)
    assert web.post(page_of(template), {**old, "base": "2"}).status_code == 302
    subjects = template.versions.values_list("subject", flat=True)
    assert list(subjects) == ["Mine", "Theirs", "One"]


def test_versions_say_who_and_when_and_are_restored_as_new_ones(web: Client, ann: User) -> None:
    template = make_template(user=ann, name="Spring", subject="One", html="<p>Dear {{ name }}</p>")
    save_version(template, user=ann, subject="Two", html="<p>Bye</p>", text="")
    page = text_of(web.get(page_of(template, "versions")))
    assert page.count("Ann") >= 2
    assert page.index("Version 2") < page.index("Version 1")
    looked = web.get(page_of(template, "versions", "1"))
    assert "<iframe" in text_of(looked)
    alone = web.get(page_of(template, "versions", "1", "mail"))
    assert "Dear [Name]" in text_of(alone)
    assert "sandbox" in alone.headers["Content-Security-Policy"]
    assert web.post(page_of(template, "versions", "1", "restore")).status_code == 302
    assert template.versions.first().subject == "One"
    assert template.versions.count() == 3
    assert web.get(page_of(template, "versions", "9")).status_code == 404
    assert web.post(page_of(template, "versions", "9", "restore")).status_code == 404


def test_what_one_only_may_use_one_cannot_change(web: Client, ann: User, ben: User) -> None:
    shared = make_template(user=ben, name="For all", scope="all", html="<p>x</p>")
    own = make_template(user=ben, name="Just Ben")
    changing: list[list[str]] = [[], ["delete"]]
    for path in changing:
        assert web.get(page_of(shared, *path)).status_code == 403
        assert web.post(page_of(shared, *path), {"name": "Mine"}).status_code == 403
        assert web.get(page_of(own, *path)).status_code == 404
        assert web.post(page_of(own, *path), {"name": "Mine"}).status_code == 404
    assert web.post(page_of(shared, "versions", "1", "restore")).status_code == 403
    for looks in (("versions",), ("versions", "1"), ("versions", "1", "mail")):
        assert web.get(page_of(shared, *looks)).status_code == 200
        assert web.get(page_of(own, *looks)).status_code == 404
    assert "Restore version" not in text_of(web.get(page_of(shared, "versions")))
    unable = signed_in(member("carl", rights=False))
    assert unable.get(LIST).status_code == 403
    assert unable.get(page_of(shared, "versions", "1")).status_code == 403


def test_a_template_is_deleted_after_asking_and_mails_stay(web: Client, ann: User) -> None:
    person(email="a@example.org")
    template = make_template(user=ann, name="Spring", subject="One")
    mailing = drafted(web)
    web.post(f"/mailings/{mailing.pk}/template/", {"template": template.pk})
    assert "All its versions go with it" in text_of(web.get(page_of(template, "delete")))
    assert Template.objects.exists()
    assert web.post(page_of(template, "delete")).headers["Location"] == LIST
    mailing.refresh_from_db()
    assert (mailing.subject, mailing.template) == ("One", None)


def test_a_mail_begins_with_a_template_and_tells_which(web: Client, ann: User) -> None:
    person(email="a@example.org")
    template = make_template(user=ann, name="Spring", subject="One", html="<p>x</p>", text="own")
    mailing = drafted(web)
    web.post(write_url(mailing), form_of(web, mailing).data(subject="Begun"))
    asked = text_of(web.get(f"/mailings/{mailing.pk}/template/"))
    assert "What is written now is replaced" in asked
    web.post(f"/mailings/{mailing.pk}/template/", {"template": template.pk})
    mailing.refresh_from_db()
    assert (mailing.subject, mailing.html, mailing.text) == ("One", "<p>x</p>", "own")
    assert "Begun from “Spring”, version 1" in text_of(web.get(write_url(mailing)))


def test_a_template_of_somebody_else_cannot_be_used(web: Client, ann: User, ben: User) -> None:
    person(email="a@example.org")
    hidden = make_template(user=ben, name="Just Ben", subject="Secret")
    mailing = drafted(web)
    for chosen in (hidden.pk, "x", "", "9" * 30):
        answer = web.post(f"/mailings/{mailing.pk}/template/", {"template": chosen})
        assert answer.status_code == 404
    mailing.refresh_from_db()
    assert mailing.subject == ""


def test_a_page_that_is_open_while_a_template_is_used_is_told(web: Client, ann: User) -> None:
    person(email="a@example.org")
    template = make_template(user=ann, name="Spring", subject="One")
    mailing = drafted(web)
    form = form_of(web, mailing)
    web.post(f"/mailings/{mailing.pk}/template/", {"template": template.pk})
    answer = web.post(write_url(mailing), form.data(subject="Mine"))
    assert answer.status_code == 409


def test_a_mail_becomes_a_template(web: Client, ann: User) -> None:
    person(email="a@example.org")
    mailing = drafted(web)
    said = {"subject": 'To {{ name | "you" }} now', "html": "<p>x</p>"}
    web.post(write_url(mailing), form_of(web, mailing).data(**said))
    page = f"/mailings/{mailing.pk}/keep/"
    assert 'value="To now"' in text_of(web.get(page))
    assert send(web, page, having="name", name="").status_code == 422
    kept = send(web, page, having="name", name="Spring", scope="all")
    assert kept.headers["Location"] == write_url(mailing)
    template = Template.objects.get()
    assert (template.name, template.scope, template.owner) == ("Spring", "all", ann)
    assert template.versions.get().html == "<p>x</p>"


def test_the_list_asks_as_much_for_many_templates_as_for_few(web: Client, ann: User) -> None:
    make_template(user=ann, name="One")
    with CaptureQueriesContext(connection) as few:
        web.get(LIST)
    for number in range(8):
        make_template(user=ann, name=f"T{number}")
    with CaptureQueriesContext(connection) as many:
        web.get(LIST)
    assert len(many) == len(few)
