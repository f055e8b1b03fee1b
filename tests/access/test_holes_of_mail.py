"""Holes of comparable systems that concern mail, each tried on this one; ``docs/holes.md`` lists them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts.models import Contact
from emails.models import Address, Image, Mailing, Sender
from tests.access.signing import PASSWORD, root, signed_in
from tests.access.worlds import member
from tests.deals.factories import person
from tests.emails.writers import drafted, form_of, write_url

pytestmark = pytest.mark.django_db
SECRET = "Sesame-open-7"
# The smallest picture there is, with a program behind it.
PROGRAM = b"<?php system($_GET['c']); ?>"
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


@pytest.fixture
def ann() -> Any:
    return member("ann", contacts=1, customers=1, deals=1)


@pytest.fixture
def web(ann: Any) -> Client:
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def hidden() -> Contact:
    return person("Secretus", owner=member("stranger"), email="s@secret.example")


@pytest.fixture
def admin() -> Client:
    client = signed_in(root())
    client.post("/accounts/confirm/", {"password": PASSWORD})
    return client


def text_of(answer: Any) -> str:
    return answer.content.decode()


def uploaded(web: Client, name: str, content: bytes, kind: str) -> Any:
    file = SimpleUploadedFile(name, content, content_type=kind)
    return web.post("/mailings/pictures/", {"file": file, "words": "A picture"})


def test_cve_2026_105763_passwords_of_mail_servers_are_shown_nowhere(
    settings: Any, admin: Client
) -> None:
    """Twenty: any member read the SMTP and IMAP passwords of others."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    options = {"host": "smtp.example.org", "username": "crm", "password": SECRET}
    settings.MAILERS = {**settings.MAILERS, "bulk": {"BACKEND": backend, "OPTIONS": options}}
    one = Sender.objects.create(name="Example", address="crm@example.org", mailer="bulk")
    pages = ["", "new/", f"{one.pk}/", f"{one.pk}/edit/"]
    paths = [f"/settings/mail/senders/{page}" for page in pages]
    for path in [*paths, f"/admin/emails/sender/{one.pk}/change/", "/settings/audit/"]:
        answer = admin.get(path)
        assert answer.status_code == 200, path
        assert SECRET not in text_of(answer), path


def test_cve_2026_69137_no_mail_server_is_taken_from_a_form(admin: Client) -> None:
    """SuiteCRM: “test connection” reached into the network, wherever the form said."""
    sent = {"name": "Example", "address": "crm@example.org", "connections": 1}
    for server in ("smtp://127.0.0.1:25", "127.0.0.1", "http://169.254.169.254/", "nobody"):
        answer = admin.post("/settings/mail/senders/new/", {**sent, "mailer": server})
        assert "aria-invalid" in text_of(answer), server
    assert not Sender.objects.exists()


def test_cve_2026_41141_a_preview_shows_nobody_whom_one_may_not_see(
    web: Client, hidden: Contact
) -> None:
    """EspoCRM: the preparation of a mail template resolved any record by its address."""
    mine = person(
        "Mine", owner=hidden.owner.__class__.objects.get(username="ann"), email="m@example.org"
    )
    mailing = drafted(web, scope="rows", row=[str(mine.pk), str(hidden.pk)])
    form = form_of(web, mailing).data(
        subject="{{ last_name }} {{ email }}", html="<p>{{ name }}</p>"
    )
    web.post(write_url(mailing), form)
    for asked in ("", "?n=1", "?n=2", f"?contact={hidden.pk}", f"?to={hidden.email}"):
        for part in ("preview/", "preview/mail/"):
            assert "ecret" not in text_of(web.get(f"/mailings/{mailing.pk}/{part}{asked}"))
    assert web.get("/mailings/987654321/preview/?n=1").status_code == 404


def test_cve_2026_46708_nobody_is_opted_out_by_who_does_not_see_them(
    web: Client, hidden: Contact
) -> None:
    """EspoCRM: opting out acted on lists and records without access."""
    sent = {"step": "suppress", "why": "unsubscribed", "reason": "because"}
    nobody = web.post("/contacts/987654321/mail/standing/", sent)
    assert web.post(f"/contacts/{hidden.pk}/mail/standing/", sent).status_code == 404
    assert nobody.status_code == 404
    sent = {"step": "basis", "basis": "consent"}
    assert web.post(f"/contacts/{hidden.pk}/mail/standing/", sent).status_code == 404
    assert not Address.objects.exists()


def test_ghsa_x7hp_f23m_66mj_cve_2026_38526_pictures_hold_no_programs(
    web: Client, settings: Any, tmp_path: Path
) -> None:
    """Twenty: script in an uploaded SVG. Krayin: the upload of the editor took PHP."""
    settings.MEDIA_ROOT = tmp_path
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for name, content in (("a.svg", svg), ("a.png", svg), ("a.php", PROGRAM), ("a.gif", PROGRAM)):
        assert uploaded(web, name, content, "image/png").status_code == 422
    assert not Image.objects.exists()
    uploaded(web, "../../a.php", GIF + PROGRAM, "application/x-php")
    (picture,) = Image.objects.all()
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.suffix in (".gif", ".png", ".jpg") for path in stored] == [True]
    assert b"php" not in stored[0].read_bytes()
    answer = Client().get(f"/i/{picture.key}{stored[0].suffix}")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"].startswith("image/")


@pytest.mark.parametrize(
    "text",
    [
        "{{ settings.SECRET_KEY }}",
        "{{ 7*7 }}",
        "{{ constructor }}",
        "{{ request.user.password }}",
        "{{ name.__class__ }}",
        '{{ name | "" | upper }}',
    ],
)
def test_cve_2026_33656_33733_29514_2025_49142_mails_evaluate_nothing(
    text: str, web: Client, ann: Any, settings: Any
) -> None:
    """EspoCRM, NetBox, Nautobot: templates of users reached files, code and secrets."""
    person("Mine", owner=ann, email="m@example.org")
    mailing = drafted(web)
    form = form_of(web, mailing).data(subject="Hello", html=f"<p>{text} {{% debug %}} ${{7*7}}</p>")
    page = text_of(web.post(write_url(mailing), form, follow=True))
    shown = text_of(web.get(f"/mailings/{mailing.pk}/preview/mail/"))
    assert settings.SECRET_KEY not in page + shown
    assert not re.search(r"\b49\b", re.sub(r"<[^>]*>", "", shown))
    sent = {"token": "once", "expected": "1"}
    web.post(f"/mailings/{mailing.pk}/review/", sent)
    assert Mailing.objects.get(pk=mailing.pk).state == "draft"


def test_cve_2024_36408_36409_36410_36411_public_addresses_take_tokens_and_nothing_else() -> None:
    """SuiteCRM: SQL in pages of mail, one of them without signing in."""
    root()
    anybody = Client()
    texts = [
        "1' OR '1'='1",
        "1;DROP TABLE emails_mailing",
        "0 UNION SELECT 1",
        "%00",
        "..%2f",
        "A" * 400,
    ]
    for text in texts:
        for path in (f"/u/{text}", f"/c/{text}", f"/i/{text}.png", f"/mail/events/{text}/"):
            assert anybody.get(path).status_code in (404, 405), path
            assert anybody.post(path, {"List-Unsubscribe": "One-Click"}).status_code in (
                404,
                405,
                429,
            )
