"""Where messages arrive in tests: a web server and a mail server on loopback, each real, each in a thread."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from tests.services import free_ports


@dataclass
class Web:
    """What was posted to it: path, headers by their small names, and body."""

    url: str
    answers: int
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def web(answers: int = 204) -> Iterator[Web]:
    """A web server that answers every POST so."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            """Keep it, and answer."""
            body = self.rfile.read(int(self.headers["content-length"]))
            here.got.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(here.answers)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Web(f"http://127.0.0.1:{server.server_port}", answers)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mailbox:
    """A mail server's address, the letters that came, and who had to say a password for them."""

    host: str
    letters: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 - the server's own name for it
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        """Take a letter in."""
        assert isinstance(envelope.content, bytes)
        self.letters.append(BytesParser(policy=default).parsebytes(envelope.content))
        return "250 taken"


@contextlib.contextmanager
def mailbox(certificate: Path | None = None) -> Iterator[Mailbox]:
    """A mail server; with a certificate it offers STARTTLS, and wants a login after it."""
    (port,) = free_ports(1)
    here = Mailbox(f"127.0.0.1:{port}")
    options: dict[str, Any] = {}
    if certificate is not None:
        tls = SSLContext(PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)

        def login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
            here.logins.append((given.login.decode(), given.password.decode()))
            return AuthResult(success=True)

        options = {"tls_context": tls, "require_starttls": True, "authenticator": login, "auth_required": True}
    server = Controller(here, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield here
    finally:
        server.stop()
