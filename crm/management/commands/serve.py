from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command, get_commands
from django.db import OperationalError, connection

from crm.accounts import access_words, welcome
from crm.accounts.models import User
from crm.demo import people

START_SECONDS = 60
STOP_SECONDS = 40


class Command(BaseCommand):
    help = "Serves the product: database, web server and background worker, started and ended together."
    # The checks run in the children again; here they would only delay the first line on the screen.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000")
        parser.add_argument("--threads", default=os.environ.get("WEB_THREADS") or "8")
        parser.add_argument(
            "--no-demo",
            action="store_true",
            default=os.environ.get("DEMO", "1").lower() in ("0", "no", "false", "off"),
            help="Start empty: the first page asks for the first administrator (also DEMO=0).",
        )

    def handle(self, *, host: str, port: str, threads: str, no_demo: bool, **options: Any) -> None:
        self.asked_to_stop = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.stop)
        if not threads.isdigit() or not 1 <= int(threads) <= 64:
            raise CommandError(f"WEB_THREADS is “{threads}”: give a whole number from 1 to 64.")
        self.refuse_busy_port(host, port)
        self.prepare(demo=not no_demo and not settings.PRODUCTION)
        if self.asked_to_stop:
            return
        children = self.start(host, port, threads)
        try:
            died = self.watch(children, host, int(port))
        finally:
            self.end(children)
        if died:
            raise CommandError(
                f"The {died} ended by itself, so everything was ended. Its last lines above say why."
            )

    def stop(self, *_: Any) -> None:
        self.asked_to_stop = True

    def refuse_busy_port(self, host: str, port: str) -> None:
        if not port.isdigit() or not 1 <= int(port) <= 65535:
            raise CommandError(
                f"PORT is “{port}”: give a number from 1 to 65535, as in: make PORT=8001"
            )
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            # As the server does: a connection still closing from the last run is no reason to refuse.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.strip("[]"), int(port)))
            except OSError as error:
                raise CommandError(
                    f"Cannot listen on {host}:{port} ({error.strerror}). Choose another port: make PORT={int(port) + 1}"
                ) from error

    def prepare(self, *, demo: bool) -> None:
        call_command("compile_catalogues", verbosity=0)
        if settings.PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=0)
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached (DATABASE_URL): {error}") from error
        if User.objects.exists():
            return
        if demo and "seed_demo" in get_commands():
            administrator = self.create_administrator(people.ADMINISTRATOR)
            self.stdout.write("First start: making demo data …")
            self.stdout.flush()
            call_command("seed_demo", verbosity=0)
            people.let_in_like(administrator)
        # The children must not inherit a connection.
        connection.close()

    def create_administrator(self, name: str) -> User:
        """Makes the demo's; the password goes into a file of this machine, to be shown at later starts."""
        password = secrets.token_urlsafe(12)
        user = User.objects.create_superuser(name, password=password)
        path = self.demo_password_file()
        path.parent.mkdir(exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password)
        return user

    def demo_password_file(self) -> Path:
        return settings.VAR_DIR / "demo_password"

    def tell_sign_ins(self) -> None:
        """The demo's users and their password, as long as nobody has changed the administrator's."""
        user = User.objects.filter(username=people.ADMINISTRATOR).first()
        try:
            password = self.demo_password_file().read_text()
        except OSError:
            return
        if user is None or not user.check_password(password):
            return
        self.stdout.write(f"  Sign in as:           {user.username}, with the password {password}")
        # Whose hash is the same one has the same password; hashing it for each would take a second each.
        others = User.objects.filter(is_active=True, password=user.password).exclude(pk=user.pk)
        for other in others.order_by("pk"):
            teams = ", ".join(other.managed_teams.values_list("name", flat=True))
            manages = f"Manager of {teams}. " if teams else ""
            self.stdout.write(
                f"  or, likewise, as:     {other.username:<14}{manages}{access_words.summary(other)}"
            )

    def start(self, host: str, port: str, threads: str) -> dict[str, subprocess.Popen[bytes]]:
        address = (
            f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"
        )
        web = [
            sys.executable,
            "-m",
            "gunicorn",
            "crm.wsgi",
            "--bind",
            address,
            "--worker-class",
            "gthread",
        ]
        # One process: SQLite has one writer anyway, and threads share the caches.
        web += [
            "--workers",
            "1",
            "--threads",
            threads,
            "--timeout",
            "60",
            # A list's filters are its address; a long one is put under eight letters when it arrives.
            "--limit-request-line",
            "8190",
            "--graceful-timeout",
            "20",
        ]
        web += ["--no-control-socket", "--log-level", "warning"]
        if settings.PRODUCTION:
            # Without what follows the question mark: names that are searched for, and links that let somebody in.
            log = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s "%(a)s"'
            web += ["--access-logfile", "-", "--access-logformat", log]
        work = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker", "--queue-name", "*"]
        work += ["--end-with", str(os.getpid()), "--verbosity", "1" if settings.PRODUCTION else "0"]
        return {"web server": self.spawn(web), "worker": self.spawn(work)}

    def spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        # Its own session: Ctrl-C in a terminal goes to the whole group, and each child would stop twice.
        return subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "crm.settings"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )

    def watch(
        self, children: dict[str, subprocess.Popen[bytes]], host: str, port: int
    ) -> str | None:
        """Waits until asked to stop (None) or until a child ends by itself (its name)."""
        announced = False
        deadline = time.monotonic() + START_SECONDS
        while not self.asked_to_stop:
            for name, child in children.items():
                if child.poll() is not None:
                    return name
            if not announced and _answers(host, port):
                self.announce(host, port)
                announced = True
            if not announced and time.monotonic() > deadline:
                return "web server, which did not answer in time,"
            time.sleep(0.2)
        return None

    def announce(self, host: str, port: int) -> None:
        shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host
        self.stdout.write(f"\nStanding is at http://{shown}:{port}/")
        if welcome.is_first_start():
            self.stdout.write("  First start:          that page asks for the first administrator")
            if welcome.asks_for_key():
                self.stdout.write(f"  It asks for this key: {welcome.setup_key()}")
        self.tell_sign_ins()
        self.stdout.write(
            "  Change a password:    in the user menu, or .venv/bin/python manage.py changepassword NAME"
        )
        self.stdout.write("  End it:               Ctrl-C\n")
        self.stdout.flush()
        connection.close()

    def end(self, children: dict[str, subprocess.Popen[bytes]]) -> None:
        for child in children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _end_with_parent() -> None:
    # PR_SET_PDEATHSIG: even a parent that was killed outright leaves no server behind that holds the port.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _answers(host: str, port: int) -> bool:
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((target.strip("[]"), port), timeout=1):
            return True
    except OSError:
        return False
