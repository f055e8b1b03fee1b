"""Writing a mail: from the selection of a list to a draft, saved, looked at, checked and tried."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape
from PIL import Image as Pictures

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from emails.models import Image, Mailing
from tests.access.worlds import administrator, member, reloaded
from tests.deals.factories import deal, person
from tests.emails.smtp import Server
from tests.emails.writers import drafted, form_of, posted, sender, signed_in, write_url

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def ann() -> User:
    user = member("ann")
    User.objects.filter(pk=user.pk).update(email="ann@example.org")
    return reloaded(user)


@pytest.fixture
def web(ann: User) -> Client:
    return signed_in(ann)


@pytest.fixture
def ada() -> Contact:
    return person("Lovelace", first_name="Ada", email="ada@example.org")


def text_of(answer: Any) -> str:
    return answer.content.decode()


# -- from a list


def test_all_that_match_become_a_draft_with_its_ledger(
    web: Client, ann: User, ada: Contact
) -> None:
    own = sender(name="Ann", address="ann@example.org", user=ann)
    sender()
    person("Carl"), person("Dorn", email="nonsense")
    mailing = drafted(web, state="?q=lovelace")
    assert (mailing.author, mailing.state, mailing.record) == (ann, "draft", "contact")
    assert (mailing.total, mailing.waiting, mailing.sender) == (1, 1, own)
    everybody = drafted(web)
    assert (everybody.total, everybody.waiting, everybody.left_out) == (3, 1, 2)
    page = text_of(web.get(write_url(everybody)))
    assert "No e-mail address" in page
    assert "Not a valid e-mail address" in page


def test_ticked_rows_and_a_page_become_drafts_to_those(web: Client, ada: Contact) -> None:
    other = person("Byron", email="b@example.org")
    ticked = drafted(web, scope="rows", row=[str(ada.pk)])
    assert list(ticked.recipients.values_list("contact_id", flat=True)) == [ada.pk]
    page = drafted(web, scope="page", page=f"{ada.pk},{other.pk}")
    assert page.waiting == 2


def test_a_list_of_deals_mails_their_main_contacts_once(web: Client, ada: Contact) -> None:
    deal(ada), deal(ada)
    mailing = drafted(web, record="deal", count="2")
    assert (mailing.record, mailing.total) == ("deal", 1)


def test_a_form_sent_twice_makes_one_draft_and_other_rows_another(
    web: Client, ada: Contact
) -> None:
    first = drafted(web)
    assert drafted(web) == first
    assert drafted(web, scope="rows", row=[str(ada.pk)]) != first
    assert drafted(web, token="page-two") != first
    Mailing.objects.filter(pk=first.pk).update(state=Mailing.State.DONE)
    assert drafted(web) != first


def test_a_token_of_somebody_else_does_not_lead_to_their_draft(web: Client, ada: Contact) -> None:
    first = drafted(web)
    assert drafted(signed_in(member("ben"))) != first


def test_what_cannot_be_chosen_is_told_in_the_list_and_makes_no_draft(web: Client) -> None:
    answer = web.post("/mailings/new/contact/", posted(scope="rows"), follow=True)
    assert answer.redirect_chain[-1][0].startswith("/contacts/")
    assert "Nothing is chosen" in text_of(answer)
    assert not Mailing.objects.exists()
    assert web.post("/mailings/new/company/", posted()).status_code == 404
    assert web.get("/mailings/new/contact/").status_code == 405


def test_who_may_not_mail_has_no_button_and_is_refused(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    unable = signed_in(member("ben", rights=False))
    address = "/mailings/new/contact/"
    assert f'formaction="{address}"' in text_of(web.get("/contacts/"))
    assert address not in text_of(unable.get("/contacts/"))
    assert unable.post(address, posted()).status_code == 403
    for path in ("write/", "preview/", "preview/mail/", "template/", "keep/"):
        assert unable.get(f"/mailings/{mailing.pk}/{path}").status_code == 403
    assert Mailing.objects.count() == 1


def test_a_mailing_of_somebody_else_is_as_good_as_none(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    stranger = signed_in(member("ben"))
    for path in ("write/", "preview/", "preview/mail/", "preview/?n=1", "template/", "keep/"):
        theirs = stranger.get(f"/mailings/{mailing.pk}/{path}")
        nobodys = stranger.get(f"/mailings/999999/{path}")
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        without = [
            re.sub(r'(value|data-[a-z-]+)="[^"]*"', "", text_of(one)) for one in (theirs, nobodys)
        ]
        assert without[0] == without[1]
    assert stranger.post(write_url(mailing), {"subject": "x"}).status_code == 404
    assert signed_in(administrator()).get(write_url(mailing)).status_code == 200


# -- saving


def test_what_is_written_is_saved_made_safe_and_shown_again(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    form = form_of(web, mailing)
    html = '<p onclick="x()">Hi <script>alert(1)</script><b>you</b></p><img src="https://spy.example/a.png">'
    answer = web.post(
        write_url(mailing), form.data(subject="A\nB", html=html, then="save"), follow=True
    )
    assert "Saved." in text_of(answer)
    mailing.refresh_from_db()
    assert (mailing.subject, mailing.html, mailing.text) == ("A B", "<p>Hi <b>you</b></p>", "")
    shown = dict(form_of(web, mailing).values)
    # The plain text is shown as it would be sent, and is still made from the other.
    assert (shown["html"], shown["text"]) == ("<p>Hi <b>you</b></p>", "Hi you")
    assert "own_text" not in shown


def test_plain_text_of_ones_own_is_kept_and_let_go_of(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    web.post(write_url(mailing), form_of(web, mailing).data(own_text="on", text="Mine\r\n- a"))
    mailing.refresh_from_db()
    assert mailing.text == "Mine\n- a"
    web.post(write_url(mailing), form_of(web, mailing).data(own_text=None))
    mailing.refresh_from_db()
    assert mailing.text == ""


def test_a_draft_saves_itself_and_two_saves_of_one_page_may_cross(
    web: Client, ada: Contact
) -> None:
    mailing = drafted(web)
    form = form_of(web, mailing)
    first = web.post(write_url(mailing), form.data(subject="One"), headers=HTMX)
    assert first.status_code == 200
    assert "Saved at" in text_of(first)
    assert "<html" not in text_of(first)
    # The same page, which has not read the answer yet.
    assert web.post(write_url(mailing), form.data(subject="Two")).status_code == 302
    mailing.refresh_from_db()
    assert mailing.subject == "Two"


def test_of_two_tabs_the_later_is_told_and_nothing_is_lost(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    here, there = form_of(web, mailing), form_of(web, mailing)
    web.post(write_url(mailing), there.data(subject="Theirs"))
    refused = web.post(write_url(mailing), here.data(subject="Mine", html="<p>x</p>"), headers=HTMX)
    assert refused.status_code == 409
    assert "changed elsewhere" in text_of(refused)
    mailing.refresh_from_db()
    assert mailing.subject == "Theirs"
    compared = web.post(write_url(mailing), here.data(subject="Mine", html="<p>x</p>"))
    assert compared.status_code == 409
    page = text_of(compared)
    assert "Theirs" in page
    assert 'value="Mine"' in page
    again = dict(pair for pair in re.findall(r'name="(version|tab)" value="([^"]*)"', page))
    saved = web.post(write_url(mailing), here.data(subject="Mine", html="<p>x</p>", **again))
    assert saved.status_code == 302
    mailing.refresh_from_db()
    assert mailing.subject == "Mine"


def test_what_is_refused_keeps_what_was_written(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    form = form_of(web, mailing)
    answer = web.post(write_url(mailing), form.data(subject="x" * 201, html="<p>kept</p>"))
    assert answer.status_code == 422
    assert 'href="#id_subject"' in text_of(answer)
    assert "kept" in text_of(answer)
    assert (
        web.post(write_url(mailing), form.data(subject="x" * 201), headers=HTMX).status_code == 422
    )


def test_a_sender_of_somebody_else_cannot_be_chosen(web: Client, ada: Contact) -> None:
    theirs = sender(user=member("ben"), address="ben@example.org")
    off = sender(address="off@example.org", is_active=False)
    ours = sender()
    mailing = drafted(web)
    form = form_of(web, mailing)
    page = text_of(web.get(write_url(mailing)))
    assert "ben@example.org" not in page
    assert "off@example.org" not in page
    for one in (theirs, off):
        assert web.post(write_url(mailing), form.data(sender=one.pk)).status_code == 422
    assert web.post(write_url(mailing), form.data(sender=ours.pk)).status_code == 302


def test_a_mailing_that_has_started_cannot_be_written_any_more(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    form = form_of(web, mailing)
    Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.SENDING)
    assert web.get(write_url(mailing)).headers["Location"] == f"/mailings/{mailing.pk}/"
    assert web.post(write_url(mailing), form.data(subject="Late")).status_code == 302
    refused = web.post(write_url(mailing), form.data(subject="Late"), headers=HTMX)
    assert refused.status_code == 409
    assert "started meanwhile" in text_of(refused)
    mailing.refresh_from_db()
    assert mailing.subject == ""


def test_counting_again_finds_who_is_new(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    person("Byron", email="b@example.org")
    web.post(write_url(mailing), form_of(web, mailing).data(then="count"))
    mailing.refresh_from_db()
    assert mailing.waiting == 2


def test_counting_again_tells_that_the_list_is_gone(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    gone = [[name, "no-such" if name == "list" else value] for name, value in mailing.selection]
    Mailing.objects.filter(pk=mailing.pk).update(selection=gone)
    form = form_of(web, mailing)
    answer = web.post(write_url(mailing), form.data(subject="Kept", then="count"), follow=True)
    assert "The list that you chose from is gone." in text_of(answer)
    mailing.refresh_from_db()
    assert (mailing.subject, mailing.waiting) == ("Kept", 1)


# -- the check and the test


def test_the_check_names_what_is_wrong_where_and_for_whom(web: Client, ada: Contact) -> None:
    person("Byron", first_name="George", email="b@example.org")
    Contact.objects.filter(last_name="Byron").update(city="London")
    mailing = drafted(web)
    body = "<p>In {{ city }} and {{ nothing }}</p>"
    answer = web.post(
        write_url(mailing), form_of(web, mailing).data(html=body, then="check"), follow=True
    )
    page = text_of(answer)
    assert answer.redirect_chain[-1][0].endswith("?check=1#check")
    for anchor in ("id_subject", "id_html", "id_sender"):
        assert f'href="#{anchor}"' in page
    assert "There is no merge field “nothing”" in page
    web.post(write_url(mailing), form_of(web, mailing).data(html="<p>In {{ city }}</p>"))
    page = text_of(web.get(f"{write_url(mailing)}?check=1"))
    assert "1 recipient has no “City”" in page
    assert f'href="/contacts/{ada.pk}/"' in page


def test_a_test_goes_to_oneself_with_what_was_just_written(
    web: Client, ada: Contact, settings: Any
) -> None:
    sender()
    mailing = drafted(web)
    written = form_of(web, mailing).data(
        subject='Hi {{ first_name | "you" }}', html="<p>News</p>", then="test"
    )
    with Server() as server:
        settings.MAILERS = server.mailers()
        answer = web.post(write_url(mailing), written, follow=True)
        assert "A test was sent to ann@example.org." in text_of(answer)
        letter = server.letters[0]
    assert letter.to == "ann@example.org"
    assert "Hi Ada" in message_from_bytes(letter.raw, policy=policy.default)["Subject"]


def test_whoever_has_no_address_is_told_why_no_test_goes_out(web: Client, ann: User) -> None:
    User.objects.update(email="")
    mailing = drafted(web)
    answer = web.post(write_url(mailing), form_of(web, mailing).data(then="test"), follow=True)
    assert "You have no e-mail address" in text_of(answer)


def test_the_composer_asks_as_much_for_many_recipients_as_for_few(
    web: Client, ada: Contact
) -> None:
    mailing = drafted(web)
    with CaptureQueriesContext(connection) as few:
        web.get(write_url(mailing))
    Contact.objects.bulk_create(
        [Contact(last_name=f"P{n}", email=f"p{n}@example.org") for n in range(30)]
    )
    many = drafted(web, token="page-two")
    with CaptureQueriesContext(connection) as more:
        web.get(write_url(many))
    assert len(more) <= len(few) + 1


# -- pictures


def picture(kind: str = "PNG") -> BytesIO:
    file = BytesIO()
    Pictures.new("RGB", (1000, 500), "#4353c4").save(file, kind)
    file.seek(0)
    file.name = f"sky.{kind.lower()}"
    return file


def test_a_picture_is_taken_in_and_fits_the_mail(web: Client, tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    answer = web.post("/mailings/pictures/", {"file": picture()}, headers=JSON)
    assert answer.status_code == 201
    assert answer.json() == {"src": Image.objects.get().path, "width": 536, "height": 268}


def test_without_scripts_a_picture_gives_what_is_written_for_it(
    web: Client, tmp_path: Any, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    assert 'enctype="multipart/form-data"' in text_of(web.get("/mailings/pictures/"))
    sent = {"file": picture(), "words": '"><b>Sky'}
    page = text_of(web.post("/mailings/pictures/", sent))
    tag = f'<img src="{Image.objects.get().path}" alt="&quot;&gt;&lt;b&gt;Sky" width="536" height="268">'
    assert escape(tag) in page
    assert "<b>Sky" not in page


def test_what_is_no_picture_is_refused_with_the_reason(web: Client) -> None:
    file = BytesIO(b"<svg onload=alert(1)>")
    file.name = "a.png"
    answer = web.post("/mailings/pictures/", {"file": file}, headers=JSON)
    assert answer.status_code == 422
    assert "no picture" in answer.json()["problems"][0]
    assert web.post("/mailings/pictures/").status_code == 422
    assert signed_in(member("ben", rights=False)).post("/mailings/pictures/").status_code == 403


# -- the preview


def shown_to(web: Client, mailing: Mailing, number: int = 1, **asked: Any) -> str:
    return text_of(web.get(f"/mailings/{mailing.pk}/preview/", asked | {"n": number}))


def alone(web: Client, mailing: Mailing, number: int = 1, **asked: Any) -> Any:
    return web.get(f"/mailings/{mailing.pk}/preview/mail/", asked | {"n": number})


def written(web: Client, mailing: Mailing, **more: str) -> None:
    said = {"subject": 'To {{ first_name | "you" }}', "html": "<p>Dear {{ name }}</p>", **more}
    assert web.post(write_url(mailing), form_of(web, mailing).data(**said)).status_code == 302


def test_the_preview_is_as_recipient_n_of_n(web: Client, ada: Contact) -> None:
    person("Zuse", first_name="{{ email }}", email="z@example.org"), person("Without")
    mailing = drafted(web)
    written(web, mailing)
    first, second = shown_to(web, mailing), shown_to(web, mailing, 2)
    assert "To Ada" in first
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    # What a value says is never read again.
    assert "To {{ email }}" in second
    assert 'rel="next"' not in second
    assert "Dear Ada Lovelace" in text_of(alone(web, mailing))
    assert "Dear Ada Lovelace" in shown_to(web, mailing, part="text")
    for number in ("3", "0", "-1", "x", "99999999999"):
        assert web.get(f"/mailings/{mailing.pk}/preview/?n={number}").status_code == 404
        assert web.get(f"/mailings/{mailing.pk}/preview/mail/?n={number}").status_code == 404


def test_a_recipient_who_moved_out_of_sight_shows_nothing(web: Client, ann: User) -> None:
    mine = person("Mine", email="m@example.org", owner=ann)
    hers = person("Hidden", email="hidden@example.org", owner=member("ben"))
    mailing = drafted(web)
    written(web, mailing)
    User.objects.filter(pk=ann.pk).update(
        **{
            f"{act}_{area}": Level.OWN
            for act in ("view", "edit")
            for area in ("contacts", "customers")
        }
    )
    pages = [shown_to(web, mailing, n) + text_of(alone(web, mailing, n)) for n in (1, 2)]
    assert sum(str(mine) in page for page in pages) == 1
    assert not [page for page in pages if str(hers) in page or "hidden@" in page]
    assert "Not yours to mail" in "".join(pages)


def test_the_mail_stands_in_a_frame_that_runs_nothing(web: Client, ada: Contact) -> None:
    mailing = drafted(web)
    written(web, mailing)
    around, inside = web.get(f"/mailings/{mailing.pk}/preview/"), alone(web, mailing)
    assert "frame-src 'self'" in around.headers["Content-Security-Policy"]
    assert around.headers["X-Frame-Options"] == "DENY"
    assert 'sandbox loading="lazy"' in text_of(around)
    policy = inside.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert inside.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_light_and_dark_are_shown_whatever_the_computer_is_set_to(
    web: Client, ada: Contact
) -> None:
    mailing = drafted(web)
    written(web, mailing)
    light, dark = (text_of(alone(web, mailing, look=look)) for look in ("light", "dark"))
    assert "prefers-color-scheme" not in light + dark
    assert "@media all" in dark
    assert "@media not all" in light
    assert "preview-narrow preview-dark" in shown_to(web, mailing, look="dark", width="narrow")


def test_who_lacks_a_value_and_what_is_wrong_is_told_beside_the_preview(
    web: Client, ada: Contact
) -> None:
    mailing = drafted(web)
    written(web, mailing, html="<p>In {{ city }}</p>")
    assert "nothing for: City" in shown_to(web, mailing)
    assert "In [City]" in text_of(alone(web, mailing))
    written(web, mailing, html="<p>{{ no_such }}</p>")
    page = shown_to(web, mailing)
    assert "There is no merge field “no_such”" in page
    assert "<iframe" not in page


def test_without_recipients_the_preview_names_the_fields(web: Client) -> None:
    person("Without")
    mailing = drafted(web)
    written(web, mailing)
    assert "Nobody will be mailed" in shown_to(web, mailing)
    assert "Dear [Name]" in text_of(alone(web, mailing))
