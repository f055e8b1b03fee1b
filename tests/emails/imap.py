"""A small IMAP server on loopback: the few commands of RFC 3501 that reading a mailbox takes, over TLS if asked to."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

_LITERAL = re.compile(rb"BODY\.PEEK\[\]<(\d+)\.(\d+)>")


@dataclass
class Box:
    """What the server holds, and how it misbehaves."""

    messages: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    user: str = "bounces"
    password: str = "secret word"
    folder: str = "INBOX"
    # The connection is cut before the answer to the n-th FETCH, once.
    cut_at: int = 0
    always_cut: bool = False
    # Messages that are not there any more when they are asked for.
    gone: set[int] = field(default_factory=set)
    fetched: list[int] = field(default_factory=list)
    logins: int = 0

    def add(self, *messages: bytes) -> None:
        for one in messages:
            self.messages[len(self.messages) + 1] = one

    @property
    def unseen(self) -> list[int]:
        return [uid for uid in sorted(self.messages) if uid not in self.seen]


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.say(b"* OK ready")
        for line in self.rfile:
            tag, _space, rest = line.strip().partition(b" ")
            command, _space, words = rest.partition(b" ")
            if command.upper() == b"UID":
                command, _space, words = words.partition(b" ")
            answer = getattr(self, f"do_{command.decode().lower()}", None)
            if answer is None:
                self.say(tag + b" BAD unknown")
            elif not answer(tag, words):
                return

    def say(self, line: bytes) -> bool:
        self.wfile.write(line + b"\r\n")
        return True

    def do_capability(self, tag: bytes, words: bytes) -> bool:
        self.say(b"* CAPABILITY IMAP4rev1")
        return self.say(tag + b" OK done")

    def do_login(self, tag: bytes, words: bytes) -> bool:
        box = self.server.box
        given = words.replace(b'"', b"").decode()
        if given != f"{box.user} {box.password}":
            return self.say(tag + b" NO wrong name or password")
        box.logins += 1
        return self.say(tag + b" OK welcome")

    def do_select(self, tag: bytes, words: bytes) -> bool:
        if words.strip(b'"').decode() != self.server.box.folder:
            return self.say(tag + b" NO no such folder")
        self.say(b"* %d EXISTS" % len(self.server.box.messages))
        return self.say(tag + b" OK [READ-WRITE] selected")

    def do_search(self, tag: bytes, words: bytes) -> bool:
        self.say(b"* SEARCH" + b"".join(b" %d" % uid for uid in self.server.box.unseen))
        return self.say(tag + b" OK done")

    def do_fetch(self, tag: bytes, words: bytes) -> bool:
        box = self.server.box
        uid = int(words.partition(b" ")[0])
        box.fetched.append(uid)
        if box.always_cut or len(box.fetched) == box.cut_at:
            return False
        found: Any = _LITERAL.search(words)
        if uid not in box.gone:
            raw = box.messages[uid][int(found[1]) :][: int(found[2])]
            self.wfile.write(b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n" % (uid, len(raw)) + raw)
            self.say(b")")
        return self.say(tag + b" OK done")

    def do_store(self, tag: bytes, words: bytes) -> bool:
        uid, _space, what = words.partition(b" ")
        if what != rb"+FLAGS.SILENT (\Seen)":
            return self.say(tag + b" BAD nothing else is stored here")
        self.server.box.seen.add(int(uid))
        return self.say(tag + b" OK done")

    def do_logout(self, tag: bytes, words: bytes) -> bool:
        self.say(b"* BYE")
        self.say(tag + b" OK good-bye")
        return False


class Server(socketserver.ThreadingTCPServer):
    """``with Server(Box()) as server: …``; ``server.port`` is where it listens."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, box: Box, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.box = box
        self.port: int = self.server_address[1]
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def __enter__(self) -> Server:
        # Asked twenty times a second whether it is to end: tests wait for nothing else.
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *of: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or trusts us not, is part of the tests."""
