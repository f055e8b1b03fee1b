"""A mail server that does nothing but take letters, as fast as it goes: what sends to it is what is measured.

    python -m benchmarks.sink

It says on which port it listens; then, for each line on its input, how many letters it took since the last line and
how many bytes they had. A line that names a file has the letters written there first (see ``read``). aiosmtpd, which
the tests use, is slower than what it would measure.
"""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

ANSWERS = {
    b"EHLO": b"250 sink\r\n",
    b"HELO": b"250 sink\r\n",
    b"DATA": b"354 Go on\r\n",
    b"QUIT": b"221 Bye\r\n",
}
OK = b"250 OK\r\n"
END = b"\r\n.\r\n"


class Letter(NamedTuple):
    """A letter as it came over the wire: dots still doubled, with the one that ends it."""

    sender: str
    to: str
    wire: bytes


class Sink:
    """The other end, for who started it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port = int(self._answer())

    def taken(self, file: Path | None = None) -> tuple[int, int]:
        """How many letters it took since it was last asked, and their bytes; ``file`` is where to put them."""
        given: IO[str] = self.process.stdin  # type: ignore[assignment]
        given.write(f"{file or ''}\n")
        given.flush()
        letters, size = self._answer().split()
        return int(letters), int(size)

    def _answer(self) -> str:
        answered: IO[str] = self.process.stdout  # type: ignore[assignment]
        line = answered.readline()
        assert line, "The sink ended by itself."
        return line


def read(file: Path) -> list[Letter]:
    return [Letter(*one) for one in pickle.loads(file.read_bytes())]


@contextmanager
def sink() -> Iterator[Sink]:
    command = [sys.executable, "-m", "benchmarks.sink"]
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Sink(process)
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(30)


def _converse(connection: socket.socket, letters: list[Letter]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"220 sink\r\n")
    received = bytearray()
    sender = to = ""
    in_letter = False
    while True:
        # The dot that ends a letter may come in two parts: only what is new has to be searched, and a bit before.
        end = received.find(END if in_letter else b"\r\n")
        if end < 0:
            more = connection.recv(262_144)
            if not more:
                return
            received += more
            continue
        end += len(END) if in_letter else 2
        said = bytes(received[:end])
        del received[:end]
        if in_letter:
            letters.append(Letter(sender, to, said))
            in_letter = False
            connection.sendall(OK)
            continue
        command = said[:4].upper()
        if command == b"MAIL":
            sender = _address(said)
        elif command == b"RCPT":
            to = _address(said)
        in_letter = command == b"DATA"
        connection.sendall(ANSWERS.get(command, OK))
        if command == b"QUIT":
            connection.close()
            return


def _address(said: bytes) -> str:
    return said.partition(b"<")[2].partition(b">")[0].decode()


def _listen(listening: socket.socket, letters: list[Letter]) -> None:
    while True:
        connection, _whose = listening.accept()
        threading.Thread(target=_converse, args=[connection, letters], daemon=True).start()


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    letters: list[Letter] = []
    threading.Thread(target=_listen, args=[listening, letters], daemon=True).start()
    for line in sys.stdin:
        if file := line.strip():
            Path(file).write_bytes(pickle.dumps([tuple(one) for one in letters]))
        print(len(letters), sum(len(one.wire) for one in letters), flush=True)
        letters.clear()


if __name__ == "__main__":
    main()
