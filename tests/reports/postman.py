"""A mail server on a real socket, as far as a sender can tell: RFC 5321 with AUTH PLAIN."""

import base64
import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.mail import Smtp

USER, PASSWORD = "report@example.com", "tangerine-88"


class Postman(socketserver.ThreadingTCPServer):
    """Keeps what came; answers DATA or a recipient with `data` and `rcpt`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        self.letters, self.data, self.rcpt = [], b"250 kept", b"250 fine"
        super().__init__(("127.0.0.1", 0), _Talk)

    def account(self, **given) -> Smtp:
        known = {"user": USER, "password": PASSWORD, "sender": f"云集好物 <{USER}>"}
        return Smtp("127.0.0.1", self.server_address[1], "none", **{**known, **given})


class _Talk(socketserver.StreamRequestHandler):
    def handle(self):
        self._say(b"220 postman")
        while line := self.rfile.readline().strip():
            word = line.split(b" ")[0].upper()
            if word == b"EHLO":
                self._say(b"250-postman", b"250 AUTH PLAIN")
            elif word == b"AUTH":
                known = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
                self._say(b"235 come in" if line.endswith(known) else b"535 who are you, report@")
            elif word == b"RCPT":
                self._say(self.server.rcpt)
            elif word == b"DATA":
                self._say(b"354 go on")
                self._data()
            else:
                self._say(b"221 bye" if word == b"QUIT" else b"250 fine")
                if word == b"QUIT":
                    return

    def _data(self):
        raw = b""
        while (line := self.rfile.readline()) != b".\r\n":
            raw += line.removeprefix(b".") if line.startswith(b"..") else line
        if self.server.data.startswith(b"2"):
            self.server.letters.append(email.message_from_bytes(raw, policy=email.policy.default))
        self._say(self.server.data)

    def _say(self, *lines):
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))


@contextmanager
def serving() -> Iterator[Postman]:
    with Postman() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
