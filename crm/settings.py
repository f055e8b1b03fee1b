"""All settings. Every value that differs between installations comes from the environment or from `.env`.

A bad value ends the start with a sentence that names the variable: a product that guesses what was meant runs for
weeks in a way nobody chose. `.env.example` lists the variables.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError

from crm.mail_servers import BadAddress, mailer_of, webhook_settings
from crm.returned_mail import mailbox_of, webhook_of

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = Env(expand_vars=False)
env.read_env(os.environ.get("STANDING_DOTENV", str(BASE_DIR / ".env")), recurse=False)


def refuse(variable: str, problem: str, remedy: str) -> NoReturn:
    message = (
        f"{variable} {problem}. {remedy} (Set in the environment or in .env; see .env.example.)"
    )
    # A traceback would hide the one line that helps, and manage.py swallows the exception for some commands.
    if sys.argv[0].endswith(("manage.py", "gunicorn")) or "gunicorn" in sys.modules:
        sys.stderr.write(f"Standing cannot start: {message}\n")
        raise SystemExit(78)
    raise ImproperlyConfigured(message)


def read(kind: str, variable: str, default: Any, remedy: str) -> Any:
    """The variable as `kind` (a reader of environs); an empty one counts as not set."""
    if not os.environ.get(variable, "").strip():
        return default
    try:
        return getattr(env, kind)(variable)
    except (EnvError, ValueError) as error:
        detail = str(error).replace(f'Environment variable "{variable}" ', "")
        refuse(variable, f"cannot be read: {detail.rstrip('.')}", remedy)


def read_between(variable: str, default: int, low: int, high: int) -> int:
    remedy = f"Give a whole number from {low} to {high}."
    number: int = read("int", variable, default, remedy)
    if not low <= number <= high:
        refuse(variable, f"is {number}", remedy)
    return number


# Where and how it runs

ENVIRONMENT = read("str", "STANDING_ENV", "local", "")
if ENVIRONMENT not in ("local", "production"):
    refuse(
        "STANDING_ENV",
        f"is “{ENVIRONMENT}”",
        "Give local (on your own machine, the default) or production (reached by others).",
    )
PRODUCTION = ENVIRONMENT == "production"

DEBUG = read("bool", "DEBUG", False, "Give 1 or 0.")
if DEBUG and PRODUCTION:
    refuse(
        "DEBUG",
        "is on in production",
        "It shows settings and source to strangers: remove it, or set it to 0.",
    )

KEY_REMEDY = (
    "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(50))' and keep it: changing it signs "
    "everybody out."
)


def local_secret_key() -> str:
    """A key of this machine's own, made at the first start, so that nothing secret ships with the source."""
    path = VAR_DIR / "secret_key"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f"secret_key.{os.getpid()}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(get_random_secret_key())
        try:
            # link, not rename: of two processes starting at once the second must take the key of the first.
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text().strip()


SECRET_KEY = read("str", "SECRET_KEY", "", "")
if PRODUCTION and not SECRET_KEY:
    refuse("SECRET_KEY", "is not set", KEY_REMEDY)
if SECRET_KEY and (
    len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or SECRET_KEY.startswith("django-insecure-")
):
    refuse(
        "SECRET_KEY",
        "is too weak (at least 50 characters, not one of Django's examples)",
        KEY_REMEDY,
    )
SECRET_KEY = SECRET_KEY or local_secret_key()
SECRET_KEY_FALLBACKS = read(
    "list", "SECRET_KEY_FALLBACKS", [], "Give former keys, separated by commas."
)

ALLOWED_HOSTS = read("list", "ALLOWED_HOSTS", [], "Give host names, separated by commas.")
if PRODUCTION and not ALLOWED_HOSTS:
    refuse(
        "ALLOWED_HOSTS",
        "is not set",
        "Give the host names people reach it under, as in crm.example.org.",
    )
if "*" in ALLOWED_HOSTS:
    refuse(
        "ALLOWED_HOSTS", "allows every host", "Name the hosts: with * links in mails can be forged."
    )
if bad := [host for host in ALLOWED_HOSTS if "/" in host or not host.strip()]:
    refuse("ALLOWED_HOSTS", f"holds “{bad[0]}”", "Give names only, without https:// and path.")
ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]

CSRF_TRUSTED_ORIGINS = read(
    "list", "CSRF_TRUSTED_ORIGINS", [], "Give origins such as https://crm.example.org."
)
if bad := [
    origin for origin in CSRF_TRUSTED_ORIGINS if not origin.startswith(("https://", "http://"))
]:
    refuse("CSRF_TRUSTED_ORIGINS", f"holds “{bad[0]}”", "Begin each with https://.")

ADMIN_PATH = read("str", "ADMIN_PATH", "admin/", "").strip("/") + "/"
if ADMIN_PATH == "/" or not all(
    part.replace("-", "").replace("_", "").isalnum() for part in ADMIN_PATH[:-1].split("/")
):
    refuse("ADMIN_PATH", f"is “{ADMIN_PATH}”", "Give letters, digits, - and _, as in back-office/.")

# What it is made of

INSTALLED_APPS = [
    "crm.apps.CrmConfig",
    "crm.accounts.apps.AccountsConfig",
    "crm.audit.apps.AuditConfig",
    "crm.trash",
    "crm.lists.apps.ListsConfig",
    "crm.bulk.apps.BulkConfig",
    "crm.suppression.apps.SuppressionConfig",
    "crm.traces.apps.TracesConfig",
    "crm.privacy.apps.PrivacyConfig",
    "settings.apps.SettingsConfig",
    "contacts",
    "deals",
    "emails.apps.EmailsConfig",
    "imports",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "django_tasks_db",
    "crm.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.forms",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "crm.middleware.RequestIdMiddleware",
    "crm.actor.TraceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "crm.middleware.SecurityHeadersMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "crm.accounts.middleware.SessionAgeMiddleware",
    "crm.accounts.preview.PreviewMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "crm.accounts.middleware.PreferencesMiddleware",
    "crm.accounts.middleware.SecondFactorMiddleware",
    "crm.actor.ActorMiddleware",
    "crm.audit.denied.DeniedMiddleware",
    "settings.catalogue.CatalogueMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crm.accounts.welcome.WelcomeMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"
ASGI_APPLICATION = "crm.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.accounts.context.appearance",
            ],
            "builtins": ["crm.templatetags.icons"],
        },
    },
]

FORM_RENDERER = "crm.forms.FormRenderer"

# Database

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def database() -> dict[str, Any]:
    remedy = "Give postgres://user:password@host:5432/name, or sqlite:////path/to/file."
    config: dict[str, Any] = read("dj_db_url", "DATABASE_URL", {}, remedy)
    if not config:
        VAR_DIR.mkdir(exist_ok=True)
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "standing.sqlite3")}
    config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        # Together these let eight processes write without one “database is locked”; WAL without IMMEDIATE makes it
        # worse. The timeout has to be longer than the longest transaction that writes.
        config["OPTIONS"] |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
                "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32000;"
            ),
        }
    elif config["ENGINE"] == "django.db.backends.postgresql":
        # A page that waits longer than this has lost its reader, and holds up others. Commands and the worker may
        # take their time over a query, but not over a lock.
        limits = (
            {
                "lock_timeout": "3s",
                "statement_timeout": "30s",
                "idle_in_transaction_session_timeout": "60s",
            }
            if os.environ.get("STANDING_PROCESS") == "web"
            else {"lock_timeout": "30s"}
        )
        # Compiling the statement of a list takes longer than running it.
        limits["jit"] = "off"
        given = config["OPTIONS"].get("options", "")
        config["OPTIONS"]["options"] = " ".join(
            [*(f"-c {name}={value}" for name, value in limits.items()), given]
        ).strip()
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
    else:
        refuse("DATABASE_URL", f"asks for {config['ENGINE']}", remedy)
    return config


DATABASES = {"default": database()}

# People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["crm.accounts.backends.UsernameOrEmailBackend"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
# A session ends when nobody used it for so long, and after so long in any case.
SESSION_IDLE_AGE = 8 * 3600
SESSION_COOKIE_AGE = 7 * 24 * 3600
PASSWORD_RESET_TIMEOUT = 3600

# The counters of guesses, which all processes must share.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "sign_in_counter",
        # Expired ones go first when there are more. Fewer would let a flood push out those that still count.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# How people sign in: django-allauth, of which only what crm/accounts/sign_in_urls.py names is reached.
ACCOUNT_ADAPTER = "crm.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_FORMS = {
    "login": "crm.accounts.forms.SignInForm",
    "reauthenticate": "crm.accounts.forms.ConfirmForm",
    "change_password": "crm.accounts.forms.PasswordForm",
    "reset_password": "crm.accounts.forms.ResetForm",
    "user_token": "crm.accounts.forms.ResetTokenForm",
    "reset_password_from_key": "crm.accounts.forms.NewPasswordForm",
}
# Times an hour or minute, by address (ip), account (user), or what crm.accounts.throttle counts by (key).
ACCOUNT_RATE_LIMITS = {
    # Who signs in is not counted, only who guesses.
    "login": "",
    "sign_in_address": "30/m/ip,300/h/ip",
    "sign_in_name": "20/h/key",
    "sign_in_account": "20/h/key",
    "sign_in_device": "20/h/key",
    # Codes and keys of the second factor, by account; asked for after the password only.
    "login_failed": "20/h/key",
    "reauthenticate": "20/h/user",
    "change_password": "20/h/user",
    "reset_password": "20/m/ip,5/h/key",
    "reset_password_from_key": "20/m/ip",
    # Links of mails that were made up; true ones are never counted.
    "forged": "60/m/ip",
}
MFA_ADAPTER = "crm.accounts.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Standing"
MFA_FORMS = {
    "authenticate": "crm.accounts.factor_forms.CodeForm",
    "reauthenticate": "crm.accounts.factor_forms.ConfirmCodeForm",
    "activate_totp": "crm.accounts.factor_forms.ActivateForm",
    "add_webauthn": "crm.accounts.factor_forms.AddPasskeyForm",
    "login_webauthn": "crm.accounts.factor_forms.PasskeyAloneForm",
    "authenticate_webauthn": "crm.accounts.factor_forms.PasskeyForm",
    "reauthenticate_webauthn": "crm.accounts.factor_forms.ConfirmPasskeyForm",
}

# A company's own identity provider

SOCIALACCOUNT_ADAPTER = "crm.accounts.adapters.CompanyAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# A form would be stopped on its way to the provider by form-action of the Content-Security-Policy.
SOCIALACCOUNT_LOGIN_ON_GET = True
OIDC_ID = "company"


def identity_provider() -> dict[str, Any]:
    names = ["OIDC_SERVER_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"]
    given = {name: read("str", name, "", "").strip() for name in names}
    if not any(given.values()):
        return {}
    for name, value in given.items():
        if not value:
            others = " and ".join(one for one in names if given[one])
            refuse(name, "is not set", f"{others} alone signs nobody in: give all three or none.")
    url = urlsplit(given["OIDC_SERVER_URL"])
    if (
        not url.hostname
        or url.scheme not in ("https", "http")
        or (PRODUCTION and url.scheme != "https")
    ):
        refuse(
            "OIDC_SERVER_URL",
            f"is “{given['OIDC_SERVER_URL']}”",
            "Give the issuer’s address, as in https://login.example.org/realms/company.",
        )
    app = {
        "provider_id": OIDC_ID,
        "name": read("str", "OIDC_NAME", "OpenID Connect", ""),
        "client_id": given["OIDC_CLIENT_ID"],
        "secret": given["OIDC_CLIENT_SECRET"],
        "settings": {"server_url": given["OIDC_SERVER_URL"]},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}


SOCIALACCOUNT_PROVIDERS = identity_provider()

# Languages and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "crm.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = read("str", "TIME_ZONE", "UTC", "")
if TIME_ZONE not in available_timezones():
    refuse("TIME_ZONE", f"is “{TIME_ZONE}”", "Give a name such as Europe/Berlin.")

# Background work

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
# The hour, in TIME_ZONE, from which on the nightly work (status check, emptying the trash) may start.
NIGHTLY_HOUR = read_between("NIGHTLY_HOUR", 3, 0, 23)
# Where the night's backup goes, and how many of them are kept; without a folder there is none.
BACKUP_DIR = read("str", "BACKUP_DIR", "", "")
if BACKUP_DIR and not Path(BACKUP_DIR).is_absolute():
    refuse("BACKUP_DIR", f"is “{BACKUP_DIR}”", "Give the whole path, beginning with /.")
BACKUP_KEEP = read_between("BACKUP_KEEP", 14, 1, 10_000)

# Mail


def mail_urls() -> dict[str, str]:
    """The addresses of mail servers by name: EMAIL_URL is the default one, EMAIL_URL_BULK one called bulk."""
    found = {}
    for variable, url in sorted(os.environ.items()):
        if not url.strip() or not (variable == "EMAIL_URL" or variable.startswith("EMAIL_URL_")):
            continue
        name = variable.removeprefix("EMAIL_URL").removeprefix("_").lower()
        if (not name.replace("_", "x").isalnum() and variable != "EMAIL_URL") or len(name) > 40:
            refuse(
                variable,
                "has a name that is none",
                "Use letters, digits and _, as in EMAIL_URL_BULK.",
            )
        if name in ("default", "files"):
            refuse(
                variable, "has a name that is taken", "Choose another; EMAIL_URL is the default."
            )
        found[name or "default"] = url
    return found


def mailers(urls: dict[str, str]) -> dict[str, Any]:
    # Sent from one's own machine a mail would reach real people: there a single one is only shown, and a mailing, which
    # would flood the screen, written to files.
    found: dict[str, Any] = {"default": {"OPTIONS": {"host": "localhost"}}}
    if not PRODUCTION:
        found = {
            "default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"},
            "files": {
                "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
                "OPTIONS": {"file_path": str(VAR_DIR / "mail")},
            },
        }
    for name, url in urls.items():
        try:
            found[name] = mailer_of(url)
        except BadAddress as bad:
            # Without the address: it may hold a password, and this message ends in logs.
            variable = "EMAIL_URL" if name == "default" else f"EMAIL_URL_{name.upper()}"
            refuse(variable, bad.problem, bad.remedy)
    return found


_urls = mail_urls()
MAILERS = mailers(_urls)
# Keys by which reports of providers prove to be theirs.
ANYMAIL = webhook_settings(list(_urls.values()))
if any(one.get("BACKEND", "").startswith("anymail.") for one in MAILERS.values()):
    INSTALLED_APPS += ["anymail"]
DEFAULT_FROM_EMAIL = read("str", "DEFAULT_FROM_EMAIL", "standing@localhost", "")
SERVER_EMAIL = DEFAULT_FROM_EMAIL


def returned[T](variable: str, reader: Callable[[str], dict[str, T]]) -> dict[str, T]:
    """Where reports about mails come back to; empty where the variable says nothing."""
    given = read("str", variable, "", "")
    try:
        return reader(given) if given else {}
    except BadAddress as bad:
        refuse(variable, bad.problem, bad.remedy)


BOUNCES_IMAP = returned("BOUNCES_IMAP_URL", lambda url: mailbox_of(url, tls_only=PRODUCTION))
MAIL_WEBHOOK = returned("MAIL_WEBHOOK", webhook_of)

# Files

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if PRODUCTION
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
MEDIA_ROOT = VAR_DIR / "media"
# Exports are there, with everybody's data in them.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
# On one's own machine the files are served from where they are written, without collectstatic.
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# Safety in the browser

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
DEVICE_COOKIE_NAME = "device"
THEME_COOKIE_NAME = "theme"
MESSAGE_COOKIE_NAME = "messages"
MESSAGE_STORAGE = "crm.message_cookie.MessageStorage"

if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    # Asked from inside, over http, by whatever watches the service.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = read_between("HSTS_SECONDS", 365 * 24 * 3600, 3600, 2 * 365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True
    # The prefix makes browsers refuse the cookie from a subdomain or over http.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-language"
    DEVICE_COOKIE_NAME = "__Host-device"
    THEME_COOKIE_NAME = "__Host-theme"
    MESSAGE_COOKIE_NAME = "__Host-messages"
    if read(
        "bool",
        "BEHIND_PROXY",
        False,
        "Give 1 when a proxy of yours sets X-Forwarded-Proto, else 0.",
    ):
        # Only on request: without such a proxy anybody could claim to have come over https.
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Logs

LOG_LEVEL = read("str", "LOG_LEVEL", "INFO", "").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    refuse("LOG_LEVEL", f"is “{LOG_LEVEL}”", "Give DEBUG, INFO, WARNING or ERROR.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "crm.logs.RequestIdFilter"}},
    "formatters": {
        "json": {"()": "crm.logs.JsonFormatter"},
        "plain": {"format": "{asctime} {levelname} {name} [{request_id}] {message}", "style": "{"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": "json" if PRODUCTION else "plain",
        },
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL if PRODUCTION else "WARNING"},
    "loggers": {
        "django": {
            "handlers": [],
            "level": LOG_LEVEL if PRODUCTION else "WARNING",
            "propagate": True,
        },
        # Its default handler, which mails ADMINS, would put request data into mails.
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}

SITE_NAME = _("Standing")
