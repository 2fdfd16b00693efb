"""Uploads: what comes in goes out unchanged, and room is made for what is new."""

import base64
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from simulator.shelf import Shelf, Upload, form_file, picture_type, unpacked
from tests.simulator.conftest import Street


def test_the_oldest_make_room() -> None:
    """Memory is bounded by bytes; the newest file is always there."""
    shelf = Shelf(room_bytes=10)
    names = [shelf.put(Upload(bytes(4), "image/png", 1e9)) for _ in range(3)]
    assert [shelf.get(name, 0) is None for name in names] == [True, False, False]
    big = shelf.put(Upload(bytes(99), "image/png", 1e9))
    assert shelf.get(big, 0) is not None
    assert shelf.get(names[2], 0) is None


def test_a_form_keeps_every_byte() -> None:
    """Line ends, boundaries' look-alikes and high bytes inside a file come through."""
    data = random.Random(1).randbytes(50_000) + b"\r\n--x\r\n\r\r\n\n" + bytes(range(256))
    request = httpx.Request("POST", "http://x", files={"file": ("ä.png", data)}, data={"a": "b"})
    found = form_file(request.headers["content-type"], request.read(), "file")
    assert found is not None
    assert found[1] == data


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=\u00e4",
    ],
)
def test_what_is_no_form_holds_no_file(content_type: str) -> None:
    """Another type, a form without a boundary or without parts is None, never an error."""
    assert form_file(content_type, b"\x00--x\r\n\xff", "file") is None


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("data:image/png;base64,QUJD", ("image/png", b"ABC")),
        ("data:audio/wav;rate=8;base64,QUJD", ("audio/wav", b"ABC")),
        ("data:image/png;base64,*", None),
        ("data:image/png;base64,", None),
        ("data:image/png,ABC", None),
        ("https://x/y.png", None),
        (5, None),
    ],
)
def test_data_uris(uri: Any, found: tuple[str, bytes] | None) -> None:
    """Media type and bytes, or None where it is no base64 data URI."""
    assert unpacked(uri) == found


def test_pictures_are_known_by_their_bytes() -> None:
    """JPEG, PNG, GIF and WebP, whatever they are called."""
    heads = [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBP", b"BM", b""]
    assert [picture_type(head) for head in heads] == ["image/jpeg", "image/png", "image/gif", "image/webp", None, None]


def test_segmind_takes_data_uris_and_serves_them(street: Callable[..., Street]) -> None:
    """One link for each, in order, that an order then takes for a picture."""
    one = street()
    uris = [f"data:image/png;base64,{base64.b64encode(data).decode()}" for data in (b"one", b"two")]
    answer = one.segmind("POST", "/workflows/upload-asset", json={"data_urls": uris})
    links = answer.json()["file_urls"]
    assert answer.json()["message"]
    assert [one.call("GET", link).content for link in links] == [b"one", b"two"]
    assert one.call("GET", links[0]).headers["content-type"] == "image/png"
    order = {"prompt": "x", "image": links[0], "resolution": "720p"}
    assert one.segmind("POST", "/v2/wan-2.6-i2v", json=order).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"data_urls": []}, {"data_urls": ["x"]}, {"data_urls": "data:image/png;base64,QQ=="}]
)
def test_segmind_refuses_what_is_no_data_uri(street: Callable[..., Street], body: dict[str, Any]) -> None:
    """A 400, and nothing is kept; without a key it is a 401."""
    one = street()
    assert one.segmind("POST", "/workflows/upload-asset", json=body).status_code == 400
    assert one.call("POST", "/segmind/workflows/upload-asset", json=body).status_code == 401


def test_dashscope_takes_a_picture_as_it_is(street: Callable[..., Street]) -> None:
    """img_url may be a data URI of a picture, and nothing that is neither that nor a URL."""
    one = street()

    def buy(picture: str) -> int:
        return one.buy_dashscope(model="wan2.6-i2v", inputs={"img_url": picture}).status_code

    assert [buy("data:image/png;base64,QUJD"), buy("https://x/y.png")] == [200, 200]
    assert [buy("data:text/html;base64,QUJD"), buy("y.png")] == [400, 400]
