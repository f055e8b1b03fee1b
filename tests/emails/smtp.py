"""A real mail server on loopback that keeps what it is sent, byte by byte, and misbehaves when it is told to.

    with Server() as server:
        server.expect("ada@example.org", Fault(Step.RCPT, "450 4.2.0 Try again later"))
        with override_settings(MAILERS=server.mailers()):
            ...
        assert [letter.to for letter in server.letters] == [...]

A fault concerns the n-th letter to an address, the n-th connection or the n-th MAIL, and nothing else, so that what
happens is the same however many connections there are and in whatever order they come. ``Chaos`` draws faults by lot
from a seed.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from aiosmtpd import smtp
from aiosmtpd.controller import Controller

# A server that hangs says nothing until the other side goes.
HANGS = 3600.0
HOST = "127.0.0.1"


class Step(StrEnum):
    """Where in the conversation."""

    CONNECT = "connect"
    EHLO = "ehlo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    # While the letter is under way, and when its last dot has come.
    LETTER = "letter"
    DOT = "dot"


# From here on, whoever gets no answer cannot know whether the letter was taken.
OPEN_ENDED = (Step.LETTER, Step.DOT)


@dataclass(frozen=True)
class Fault:
    """What the server does at ``step``: waits ``after`` seconds, then says ``says`` in place of the right answer, and
    closes the connection if it ``cuts``. With neither it then goes on as if nothing was.
    """

    step: Step
    says: str = ""
    after: float = 0.0
    cuts: bool = False
    # Has taken the letter all the same; only after the dot.
    takes: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether the other side never gets an answer."""
        return self.after >= HANGS or (self.cuts and not self.says)


@dataclass(frozen=True)
class Letter:
    """A letter that the server took, whether or not it could still say so."""

    sender: str
    to: str
    raw: bytes
    # The connection that it came over, from 1, and when, by time.monotonic().
    connection: int
    at: float


class Chaos:
    """Faults by lot: of ``share`` of the letters, and of a tenth as many connections and MAILs.

    Most letters are taken at the next attempt; of those that are not, the address is refused for good, at most
    ``hard`` of all.
    """

    def __init__(self, seed: int, *, share: float = 0.1, hard: float = 0.01, hangs: bool = True):
        self.seed, self.share, self.hard = seed, share, hard
        self.passing = (
            Fault(Step.RCPT, "450 4.2.0 Greylisted, try again later"),
            Fault(Step.RCPT, "421 4.7.0 Too many mails, come back later", cuts=True),
            Fault(Step.RCPT, cuts=True),
            Fault(Step.DATA, "451 4.3.0 Not now"),
            Fault(Step.DATA, cuts=True),
            Fault(Step.LETTER, cuts=True),
            Fault(Step.DOT, "451 4.7.1 Try again later"),
            Fault(Step.DOT, cuts=True),
            Fault(Step.DOT, cuts=True, takes=True),
            Fault(Step.DOT, after=0.05),
            *((Fault(Step.RCPT, after=HANGS), Fault(Step.DOT, after=HANGS)) if hangs else ()),
        )
        self.lasting = (
            Fault(Step.RCPT, "550 5.1.1 No such user"),
            Fault(Step.RCPT, "553 5.1.2 No such domain"),
            Fault(Step.DOT, "554 5.7.1 Not wanted here"),
        )
        self.of_connections = (
            Fault(Step.CONNECT, "421 4.3.2 No more connections", cuts=True),
            Fault(Step.CONNECT, "Hello, who is there?", cuts=True),
            Fault(Step.CONNECT, cuts=True),
            Fault(Step.EHLO, cuts=True),
        )
        self.of_mails = (
            Fault(Step.MAIL, "452 4.3.1 No room"),
            Fault(Step.MAIL, "421 4.7.0 Closing", cuts=True),
            Fault(Step.MAIL, cuts=True),
        )

    def of(self, step: Step, key: str, turn: int) -> Fault | None:
        """The fault of the ``turn``-th letter to the address ``key``, or of the ``turn``-th connection or MAIL."""
        if step in (Step.CONNECT, Step.MAIL):
            drawn = random.Random(f"{self.seed} {step} {turn}")
            faults = self.of_connections if step is Step.CONNECT else self.of_mails
            return drawn.choice(faults) if drawn.random() < self.share / 10 else None
        drawn = random.Random(f"{self.seed} {key}")
        chance = drawn.random()
        if chance < self.hard:
            return drawn.choice(self.lasting)
        if chance > self.share:
            return None
        # Once, twice or three times in a row, each time another.
        return (
            drawn.sample(self.passing, 3)[turn - 1]
            if turn <= drawn.choice((1, 1, 1, 2, 3))
            else None
        )


class Server(Controller):
    """Listens while it is entered. What it took and met is in its attributes, which its thread alone writes."""

    def __init__(
        self,
        *,
        chaos: Chaos | None = None,
        per_connection: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        super().__init__(handler=self, hostname=HOST, port=port)
        self.chaos = chaos
        # After so many letters it closes a connection with 421, as many providers do.
        self.per_connection = per_connection
        self.tls = tls
        self.letters: list[Letter] = []
        # How often each step was met, and how many connections were cut or left hanging with a letter under way.
        self.met: Counter[Step] = Counter()
        self.open_ends = 0
        # When a letter to an address was begun, by time.monotonic(); in their order.
        self.begun: defaultdict[str, list[float]] = defaultdict(list)
        self._expected: dict[str, list[Fault | None]] = {}
        self._nth: dict[tuple[Step, int], Fault] = {}
        self._always: dict[Step, Fault] = {}
        self._domains: dict[str, Fault] = {}
        self._lines: list[Any] = []

    def factory(self) -> smtp.SMTP:
        return _Conversation(self)

    def _trigger_server(self) -> None:
        # The controller would try the port with a connection of its own, which nobody is to count.
        self._factory_invoked.set()
        self.smtpd = self.smtpd or _Conversation(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.loop.call_soon_threadsafe(self._hang_up)
        self.stop()

    def _hang_up(self) -> None:
        """The server waits for its connections to end, and one that hangs never does."""
        for line in self._lines:
            line.abort()

    def mailers(self, *, timeout: float = 5.0, **options: Any) -> dict[str, Any]:
        """What the setting MAILERS has to be for mails to arrive here."""
        given = {"host": HOST, "port": self.port, "timeout": timeout, **options}
        return {
            "default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": given}
        }

    def expect(self, address: str, *faults: Fault | None) -> None:
        """One fault for each letter to ``address``, in turn; afterwards its letters are taken."""
        self._expected[address] = list(faults)

    def expect_of_domain(self, domain: str, fault: Fault | None) -> None:
        """The fault of every letter to this domain from now on; None: they are taken again."""
        if fault:
            self._domains[domain] = fault
        else:
            self._domains.pop(domain, None)

    def expect_nth(self, number: int, fault: Fault) -> None:
        """The fault of the n-th connection or the n-th MAIL, counted from the beginning."""
        self._nth[fault.step, number] = fault

    def expect_always(self, fault: Fault) -> None:
        """From now on, whoever comes."""
        self._always[fault.step] = fault

    def behave(self) -> None:
        """No fault any more."""
        self._expected, self._nth, self._always, self._domains = {}, {}, {}, {}
        self.chaos = None

    def fault_at(self, step: Step, address: str) -> Fault | None:
        """The fault of this step, if there is one; ``address`` is empty before RCPT."""
        if step in self._always:
            return self._always[step]
        if not address:
            turn = self.met[step]
            fault = self._nth.get((step, turn)) or (self.chaos and self.chaos.of(step, "", turn))
        else:
            turn = len(self.begun[address])
            fault = self._of_letter(step, address, turn)
        return fault if fault and fault.step is step else None

    def _of_letter(self, step: Step, address: str, turn: int) -> Fault | None:
        if address in self._expected:
            faults = self._expected[address]
            return faults[turn - 1] if turn <= len(faults) else None
        domain = address.rpartition("@")[2]
        if domain in self._domains:
            return self._domains[domain]
        return self.chaos.of(step, address, turn) if self.chaos else None

    def to(self) -> Counter[str]:
        """How many letters each address got."""
        return Counter(letter.to for letter in self.letters)


class _Conversation(smtp.SMTP):
    """One connection. aiosmtpd speaks SMTP; here it is asked before each answer whether to give it."""

    def __init__(self, server: Server) -> None:
        super().__init__(
            self, hostname="mail.example.org", data_size_limit=None, tls_context=server.tls,
            loop=server.loop,
        )  # fmt: skip
        self.server = server
        # Which connection this is, and how many letters it has taken.
        self.number = self.taken = 0

    def connection_made(self, transport: Any) -> None:
        self.server._lines.append(transport)
        super().connection_made(transport)

    async def _handle_client(self) -> None:
        try:
            self.number = self.server.met[Step.CONNECT] + 1
            if not await self._misbehaved(Step.CONNECT):
                await super()._handle_client()
        except (ConnectionError, asyncio.IncompleteReadError):
            # A worker that was killed says no good-bye.
            self._writer.close()

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self._misbehaved(Step.EHLO):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:
        limit = self.server.per_connection
        if limit is not None and self.taken >= limit:
            await self._answer(
                Fault(Step.MAIL, "421 4.7.0 Too many mails on one connection", cuts=True)
            )
        elif not await self._misbehaved(Step.MAIL):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        address = (arg or "").partition("<")[2].partition(">")[0]
        self.server.begun[address].append(time.monotonic())
        if not await self._misbehaved(Step.RCPT, address):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if not self.envelope.rcpt_tos:
            await super().smtp_DATA(arg)
            return
        address = self.envelope.rcpt_tos[0]
        if await self._misbehaved(Step.DATA, address):
            return
        if self.server.fault_at(Step.LETTER, address):
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._reader.readuntil(b"\r\n")
            await self._misbehaved(Step.LETTER, address)
            # Whatever else has come already is no command.
            raise ConnectionResetError
        await super().smtp_DATA(arg)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: smtp.Envelope) -> Any:
        [address] = envelope.rcpt_tos
        fault = self.server.fault_at(Step.DOT, address)
        if fault is None or fault.takes or not (fault.says or fault.is_silent):
            self.taken += 1
            self.server.letters.append(
                Letter(
                    envelope.mail_from or "", address, bytes(envelope.original_content or b""),
                    self.number, time.monotonic(),
                )
            )  # fmt: skip
        if await self._misbehaved(Step.DOT, address):
            # What was to be said is said; aiosmtpd is stopped from saying more.
            raise _Said
        return smtp.MISSING

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, _Said):
            self._set_post_data_state()
            return ""
        return f"500 Error: {error!r}"

    async def push(self, status: Any) -> None:
        if status:
            await super().push(status)

    async def _misbehaved(self, step: Step, address: str = "") -> bool:
        """Do what is to be done wrong here; whether the right answer is not to be given any more."""
        self.server.met[step] += 1
        fault = self.server.fault_at(step, address)
        return await self._answer(fault) if fault else False

    async def _answer(self, fault: Fault) -> bool:
        if fault.is_silent and fault.step in OPEN_ENDED:
            self.server.open_ends += 1
        if fault.after:
            await asyncio.sleep(fault.after)
        if fault.says:
            await self.push(fault.says)
        if fault.cuts and self.transport:
            self.transport.close()
        return bool(fault.says or fault.cuts)


class _Said(Exception):
    pass
