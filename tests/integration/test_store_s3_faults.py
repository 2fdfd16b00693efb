"""The S3 store against a server that misbehaves by script: 5xx, silence, cuts, crossed and ignored conditions."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.errors import ObjectNotFound, StoreRefused, StoreUnavailable
from ledger.objects import ObjectStore, S3Options, open_store

SILENCE = b""
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Internal\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nonly this"


def answer(status: str, code: str = "", body: bytes = b"") -> bytes:
    """An HTTP answer, with S3's XML body when a code is given."""
    if code:
        body = f"<Error><Code>{code}</Code><Message>in\nother words</Message></Error>".encode()
    head = ["HTTP/1.1 " + status, f"Content-Length: {len(body)}", "Content-Type: application/xml", "Connection: close"]
    return "\r\n".join([*head, "", ""]).encode() + body


OK = answer("200 OK")


@dataclass
class Script:
    """A server that gives these answers in order, one a connection, and remembers the requests."""

    answers: list[bytes]
    requests: list[bytes] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        """Answer until the answers run out; then, and for SILENCE, hold the line without a word."""
        with contextlib.ExitStack() as held:
            while True:
                try:
                    connection = held.enter_context(listener.accept()[0])
                except OSError:
                    return
                self.requests.append(_read_request(connection))
                reply = self.answers.pop(0) if self.answers else SILENCE
                if reply:
                    connection.sendall(reply)
                    connection.close()


def _read_request(connection: socket.socket) -> bytes:
    """Read a head and its body, telling the client to continue where it asks."""
    told = b""
    while b"\r\n\r\n" not in told:
        told += connection.recv(65536)
    head, _, body = told.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    if b"expect" in fields and len(body) < length:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


Scripted = Callable[..., tuple[ObjectStore, Script]]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Open a store whose server gives these answers: `scripted(BUSY, OK)`."""
    with contextlib.ExitStack() as running:

        def begin(*answers: bytes, max_attempts: int = 2, read_timeout_s: float = 0.3) -> tuple[ObjectStore, Script]:
            listener = socket.create_server(("127.0.0.1", 0))
            script = Script(list(answers))
            thread = threading.Thread(target=script.serve, args=(listener,))
            thread.start()
            running.callback(thread.join)
            running.callback(listener.close)
            running.callback(listener.shutdown, socket.SHUT_RDWR)
            options = S3Options(
                endpoint_url=f"http://someone:pass-word@127.0.0.1:{listener.getsockname()[1]}",
                region="us-east-1",
                access_key="access",
                secret_key="sesame",
                read_timeout_s=read_timeout_s,
                max_attempts=max_attempts,
            )
            return open_store("s3://bucket/p", s3=options), script

        yield begin


@pytest.mark.parametrize("trouble", [BUSY, BROKEN, SILENCE], ids=["503", "500", "silence"])
def test_trouble_that_passes_is_not_noticed(scripted: Scripted, trouble: bytes) -> None:
    """A 5xx or a timeout, then an answer: the put succeeds at the second try with the same bytes."""
    store, script = scripted(trouble, OK)
    assert store.put("a", b"payload")
    assert [request.endswith(b"payload") for request in script.requests] == [True, True]


@pytest.mark.parametrize("trouble", [BUSY, BROKEN, SILENCE], ids=["503", "500", "silence"])
def test_trouble_that_stays_is_unavailable(scripted: Scripted, trouble: bytes) -> None:
    """After the agreed tries it is StoreUnavailable, which names store and object and tells no secret."""
    store, script = scripted(trouble, trouble)
    with pytest.raises(StoreUnavailable, match=r"could not write 'a' in s3://bucket/p") as caught:
        store.put("a", b"payload")
    assert len(script.requests) == 2
    assert "tries again" in str(caught.value)
    assert "pass-word" not in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_cut_answer_is_unavailable(scripted: Scripted) -> None:
    """Half an object is never taken for the object."""
    store, _ = scripted(CUT)
    with pytest.raises(StoreUnavailable):
        store.get("a")


def test_nobody_there_is_unavailable() -> None:
    """A refused connection is StoreUnavailable that shows the endpoint without its password."""
    options = S3Options(
        endpoint_url="http://u:pass-word@127.0.0.1:9", region="r", access_key="a", secret_key="s", max_attempts=1
    )
    with pytest.raises(StoreUnavailable, match=r"http://127\.0\.0\.1:9/") as caught:
        open_store("s3://bucket", s3=options).get("a")
    assert "pass-word" not in str(caught.value)


def test_a_store_that_ignores_conditions_is_found_and_looked_at_first(scripted: Scripted) -> None:
    """Where the second conditional put is let through, `if_absent` looks with HEAD before it writes."""
    store, script = scripted(OK, OK, answer("200 OK"), answer("404 Not Found"), OK, OK)
    assert not store.put("taken", b"x", if_absent=True)
    assert store.put("free", b"x", if_absent=True)
    asked = [request.split(b" HTTP/", 1)[0] for request in script.requests]
    probe = b"PUT /bucket/p/.probe/if-none-match"
    head_free = [b"HEAD /bucket/p/free", b"HEAD /bucket", b"PUT /bucket/p/free"]
    assert asked == [probe, probe, b"HEAD /bucket/p/taken", *head_free]


@pytest.mark.parametrize(
    ("replies", "honoured"),
    [
        ([answer("412 Precondition Failed", "PreconditionFailed")], True),
        ([OK, answer("412 Precondition Failed", "PreconditionFailed")], True),
        ([OK, answer("409 Conflict", "ConditionalRequestConflict")], True),
        ([OK, OK], False),
        ([answer("501 Not Implemented", "NotImplemented")], False),
    ],
)
def test_the_probe_reads_every_dialect(scripted: Scripted, replies: list[bytes], honoured: bool) -> None:
    """Refused at the first or second time, crossed, ignored, unknown: the probe's answer is what the store does."""
    store, _ = scripted(*replies)
    assert store.probe_if_absent() is honoured


def test_crossed_writes_are_tried_again(scripted: Scripted) -> None:
    """409 means that neither write may have won: the put is repeated until one has."""
    taken = answer("412 Precondition Failed", "PreconditionFailed")
    crossed = answer("409 Conflict", "ConditionalRequestConflict")
    store, _ = scripted(taken, crossed, OK, crossed, taken)
    assert store.put("a", b"x", if_absent=True)
    assert not store.put("b", b"x", if_absent=True)
    store, _ = scripted(taken, *[crossed] * 5)
    with pytest.raises(StoreUnavailable, match="409"):
        store.put("c", b"x", if_absent=True)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (answer("403 Forbidden", "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
        (answer("403 Forbidden", "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
        (answer("403 Forbidden", "RequestTimeTooSkewed"), "clock"),
        (answer("403 Forbidden", "Whatever"), "check both halves of the key"),
        (answer("400 Bad Request", "ExpiredToken"), "renew"),
        (answer("400 Bad Request", "InvalidArgument"), "check the store's URL"),
        (answer("404 Not Found", "NoSuchBucket"), "create the bucket"),
        (answer("409 Conflict", "QuotaExceeded"), "free some space"),
    ],
)
def test_what_a_person_must_mend_is_refused_with_advice(scripted: Scripted, reply: bytes, says: str) -> None:
    """A definite no is StoreRefused at once, with the store's own words on one line and what to do."""
    store, script = scripted(reply)
    with pytest.raises(StoreRefused, match="in other words") as caught:
        store.put("a", b"")
    assert says in str(caught.value)
    assert len(script.requests) == 1


def test_not_there_is_told_from_no_bucket(scripted: Scripted) -> None:
    """HEAD answers 404 for both; the bucket is asked once, and after that believed."""
    gone = answer("404 Not Found")
    store, script = scripted(gone, OK, gone)
    assert not store.exists("a")
    assert not store.exists("b")
    assert len(script.requests) == 3
    store, _ = scripted(gone, gone)
    with pytest.raises(StoreRefused, match="create the bucket"):
        store.exists("a")
    store, _ = scripted(answer("404 Not Found", "NoSuchKey"))
    with pytest.raises(ObjectNotFound):
        store.get("a")


def test_a_large_upload_that_fails_is_taken_back(scripted: Scripted, tmp_path: Path) -> None:
    """A part that cannot be sent ends the upload with the store's error, and the parts are aborted."""
    started = answer("200 OK", body=b"<R><UploadId>u1</UploadId></R>")
    store, script = scripted(
        started, answer("403 Forbidden", "AccessDenied"), answer("204 No Content"), read_timeout_s=10
    )
    video = tmp_path / "video.mp4"
    video.write_bytes(bytes(9 * 1024 * 1024))
    with pytest.raises(StoreRefused, match="AccessDenied"):
        store.put_file("v", video, content_type="video/mp4", sha256="00")
    assert script.requests[-1].startswith(b"DELETE /bucket/p/v?uploadId=u1")


@pytest.mark.usefixtures("no_session")
def test_no_credentials_is_refused_with_advice() -> None:
    """Without a key anywhere the message names the variables to set."""
    with pytest.raises(StoreRefused, match="AWS_ACCESS_KEY_ID"):
        open_store("s3://bucket", s3=S3Options(region="us-east-1")).get("a")


def test_an_endpoint_that_is_no_url_is_refused() -> None:
    """A client that cannot be made says which settings to look at."""
    with pytest.raises(StoreRefused, match="check the endpoint"):
        open_store("s3://bucket", s3=S3Options(endpoint_url="not a url", region="us-east-1"))
