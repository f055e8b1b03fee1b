import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.mail import mailers

from crm.mail_servers import PROVIDERS, BadAddress, mailer_of

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
        ("EMAIL_URL_BULK", "pigeon://roof", "smtp://"),
        ("EMAIL_URL_FILES", "smtp://mail.example.org", "default"),
        ("EMAIL_URL_", "smtp://mail.example.org", "EMAIL_URL_BULK"),
        ("EMAIL_URL_BULK", "anymail+mailgun://?sender_domain=example.org", "api_key="),
        ("BOUNCES_IMAP_URL", "imap://bounces:secret@mail.example.org", "imaps://"),
        ("MAIL_WEBHOOK", "mailgun:short", "32 letters"),
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


def test_further_mail_servers_are_named_by_their_variables():
    names = "sorted(settings.MAILERS), settings.MAILERS['bulk']['OPTIONS']['port']"
    bulk = {"EMAIL_URL": "smtp://localhost", "EMAIL_URL_BULK": "smtps://mail.example.org"}
    assert show(names, **GOOD, **bulk) == "['bulk', 'default'] 465"


def test_a_provider_is_installed_only_where_it_is_used():
    asked = "'anymail' in settings.INSTALLED_APPS, settings.ANYMAIL"
    url = "anymail+mailgun://?api_key=k1&webhook_signing_key=k2"
    assert show(asked, **GOOD) == "False {}"
    assert show(asked, **GOOD, EMAIL_URL_BULK=url) == (
        "True {'MAILGUN_API_KEY': 'k1', 'MAILGUN_WEBHOOK_SIGNING_KEY': 'k2'}"
    )


def test_on_ones_own_machine_mails_go_nowhere():
    backends = "[one.get('BACKEND', 'smtp.x').split('.')[-2] for one in settings.MAILERS.values()]"
    assert show(backends) == "['console', 'filebased']"
    assert show(backends, **GOOD) == "['smtp']"


class TestAddressesOfMailServers:
    """Without a process of their own."""

    @pytest.mark.parametrize(
        ("url", "options"),
        [
            ("smtp://mail.example.org", {"port": 25, "use_tls": False, "use_ssl": False}),
            ("smtp://mail.example.org:587/?tls=True", {"port": 587, "use_tls": True}),
            ("smtps://mail.example.org", {"port": 465, "use_tls": False, "use_ssl": True}),
            ("smtp://mail.example.org:465?ssl=1", {"port": 465, "use_ssl": True}),
            ("smtp://a%40example.org:p%3A%2Fs@mail.example.org", {"username": "a@example.org", "password": "p:/s"}),
            ("smtp://mail.example.org?timeout=5", {"timeout": 5}),
            ("anymail+postmark://?server_token=a+b%20c", {"server_token": "a+b c"}),
        ],
    )  # fmt: skip
    def test_are_read(self, url, options):
        found = mailer_of(url)["OPTIONS"]
        assert {name: found[name] for name in options} == options

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "secret",
            "smtp://",
            "smtp://u:secret@h:port",
            "smtp://u:secret@[h",
            "https://u:secret@mail.example.org",
            "smtp://u:secret@mail.example.org?timeout=0",
            "smtp://u:secret@mail.example.org?backend=os.system",
            "anymail+pigeon://?api_key=secret",
            "anymail+mailgun://secret",
            "anymail+mailgun://?api_key=secret&debug_api_requests=1",
            "anymail+mailjet://?api_key=secret",
        ],
    )
    def test_are_refused_without_being_shown(self, url):
        with pytest.raises(BadAddress) as refused:
            mailer_of(url)
        assert "secret" not in f"{refused.value.problem} {refused.value.remedy}".replace(
            "secret_key", ""
        )

    @pytest.mark.parametrize("name", PROVIDERS)
    def test_of_every_provider_open_its_own_mailer(self, name, settings):
        needs = "&".join(f"{one}=https://x.example/" for one in PROVIDERS[name].needs)
        settings.MAILERS = {"bulk": mailer_of(f"anymail+{name}://?{needs}")}
        assert type(mailers["bulk"]).__module__ == f"anymail.backends.{name.replace('-', '_')}"
