import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

GOOD = {
    "STANDING_ENV": "production",
    "SECRET_KEY": "0123456789" * 6,
    "ALLOWED_HOSTS": "crm.example.org",
}


def manage(*words, **variables):
    """The product's settings, read in a process of their own, with these variables alone."""
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR,
        env={**own, "STANDING_DOTENV": os.devnull, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def show(expression, **variables):
    code = f"from django.conf import settings; print({expression})"
    return manage("shell", "--no-imports", "-c", code, **variables).stdout.strip()


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("STANDING_ENV", "staging", "production"),
        ("DEBUG", "perhaps", "1 or 0"),
        ("DEBUG", "1", "strangers"),
        ("SECRET_KEY", "", "secrets.token_urlsafe"),
        ("SECRET_KEY", "short", "50 characters"),
        ("SECRET_KEY", "django-insecure-" + "0123456789" * 6, "examples"),
        ("ALLOWED_HOSTS", "", "crm.example.org"),
        ("ALLOWED_HOSTS", "*", "Name the hosts"),
        ("ALLOWED_HOSTS", "https://crm.example.org/", "without https://"),
        ("CSRF_TRUSTED_ORIGINS", "crm.example.org", "https://"),
        ("DATABASE_URL", "oracle://somewhere", "postgres://"),
        ("DATABASE_URL", "mysql://somewhere/else", "postgres://"),
        ("DATABASE_URL", "nonsense", "postgres://"),
        ("TIME_ZONE", "Berlin", "Europe/Berlin"),
        ("NIGHTLY_HOUR", "24", "0 to 23"),
        ("NIGHTLY_HOUR", "three", "0 to 23"),
        ("EMAIL_URL", "pigeon://roof", "smtp://"),
        ("EMAIL_URL", "smtp://", "smtp://"),
        ("HSTS_SECONDS", "1", "3600"),
        ("BEHIND_PROXY", "maybe", "X-Forwarded-Proto"),
        ("ADMIN_PATH", "../x", "back-office"),
        ("LOG_LEVEL", "LOUD", "WARNING"),
    ],
)
def test_a_bad_value_ends_the_start_with_its_name_and_a_remedy(variable, value, remedy):
    ended = manage("check", **{**GOOD, variable: value})
    assert ended.returncode == 78
    assert f"Standing cannot start: {variable} " in ended.stderr
    assert remedy in ended.stderr
    assert "Traceback" not in ended.stderr


def test_production_settings_pass_the_deployment_check():
    ended = manage("check", "--deploy", "--fail-level", "WARNING", **GOOD)
    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout


def test_production_sends_cookies_over_https_and_to_this_host_only():
    names = (
        "settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_SECURE"
    )
    assert show(names, **GOOD) == "__Host-sessionid __Host-csrftoken True"


def test_a_proxy_is_trusted_only_when_asked():
    assert show("settings.SECURE_PROXY_SSL_HEADER", **GOOD) == "None"
    assert "X_FORWARDED_PROTO" in show("settings.SECURE_PROXY_SSL_HEADER", **GOOD, BEHIND_PROXY="1")


def test_locally_nothing_has_to_be_set():
    assert show(
        "settings.DEBUG, len(settings.SECRET_KEY) >= 50, settings.ALLOWED_HOSTS"
    ).startswith("False True")


def test_only_pages_give_up_early_on_a_slow_query():
    url = "postgres://u:p@localhost/n"
    options = "settings.DATABASES['default']['OPTIONS']['options']"
    assert "statement_timeout=30s" in show(options, DATABASE_URL=url, STANDING_PROCESS="web")
    assert "statement_timeout" not in show(options, DATABASE_URL=url)


def test_a_mail_server_is_read_from_its_url():
    mailer = show(
        "settings.MAILERS['default']", EMAIL_URL="smtp://anna:secret@mail.example.org:587/?tls=True"
    )
    for part in (
        "'host': 'mail.example.org'",
        "'port': 587",
        "'username': 'anna'",
        "'use_tls': True",
    ):
        assert part in mailer
