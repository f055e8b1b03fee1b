import pytest

from crm.accounts.models import User
from crm.actor import address_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


@pytest.fixture
def signed_in(client, db):
    user = User.objects.create_superuser("anna", "anna@example.com", "a long password")
    client.force_login(user)
    return client


def test_every_answer_carries_the_security_headers(client):
    headers = client.get("/healthz").headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "HX-Request" in headers["Vary"]
    assert len(headers["X-Request-ID"]) == 12


def test_a_page_of_a_signed_in_user_is_never_stored(signed_in):
    answer = signed_in.get("/accounts/password/")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_forged_request_id_is_not_taken_over(client):
    answer = client.get("/healthz", headers={"X-Request-ID": "forged"})
    assert answer.headers["X-Request-ID"] != "forged"


def test_every_page_offers_to_sign_out(signed_in):
    for path in ("/contacts/", "/deals/new/", "/settings/", "/accounts/security/"):
        page = signed_in.get(path).content.decode()
        assert 'action="/accounts/logout/"' in page, path
    assert "/logout/" in signed_in.get("/admin/").content.decode()


def test_trace_is_answered_nowhere(signed_in):
    for path in ("/healthz", "/contacts/", "/accounts/login/", "/admin/", "/nowhere/"):
        assert signed_in.trace(path).status_code == 405, path
        assert signed_in.get(path).status_code in (200, 302, 404), path


def test_a_stranger_is_sent_to_sign_in(client, db):
    User.objects.create_user("anna")
    answer = client.get("/accounts/password/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    ("proxied", "forwarded", "found"),
    [
        (False, "203.0.113.7", "192.0.2.1"),
        (True, "203.0.113.7", "203.0.113.7"),
        (True, "198.51.100.9, 203.0.113.7", "203.0.113.7"),
        (True, "203.0.113.7, <script>", "192.0.2.1"),
        (True, "", "192.0.2.1"),
    ],
)
def test_only_what_our_own_proxy_saw_is_taken_for_the_address(
    rf, settings, proxied, forwarded, found
):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if proxied else None
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": forwarded})
    assert address_of(request) == found
