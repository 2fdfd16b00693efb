"""Feeds for ad systems: their rules with the reason for each refusal, and tables that they can read."""

import csv
import io
from typing import Any

import pytest

from jobs.errors import BadInput
from producer.delivery.delivered import LISTED, Delivered
from producer.delivery.feeds import FEEDS, MB, judged, public_base

GOOGLE, META = FEEDS["google"], FEEDS["meta"]


def copy(number: int = 1, **changes: Any) -> Delivered:
    """A copy that both ad systems take."""
    name = f"lamp-{number}"
    fields = {
        "name": f"{name}.mp4", "uri": f"s3://b/{name}.mp4", "url": f"https://cdn.example.com/{name}.mp4",
        "creative_id": f"aaaaaaa{number}", "utm_content": name, "campaign": "summer", "job_id": f"job{number}",
        "product_id": "L-1", "simulated": False, "duration_s": 10.0, "width": 1280, "height": 720,
        "store_uri": "s3://s/v.mp4", "store_sha256": "0" * 64, "sha256": "1" * 64, "bytes": 8 * MB,
        "ai_disclosure": "trainedAlgorithmicMedia", "meta": None, "google": None,
    }  # fmt: skip
    return Delivered.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("changes", "google", "meta"),
    [
        ({}, "", ""),
        ({"duration_s": 6.0}, "", ""),
        ({"duration_s": 5.9}, "it lasts 5.90 s, and Google takes 6 to 240 s", ""),
        ({"duration_s": 240.5}, "it lasts 240.50 s", ""),
        ({"duration_s": None}, "how long it lasts is not known", ""),
        ({"width": 720, "height": 1280}, "", ""),
        ({"width": 960, "height": 960}, "", ""),
        ({"width": 1088, "height": 832}, "its shape is 4:3, and Google takes 16:9, 9:16, 1:1", ""),
        ({"width": 640, "height": 360}, "it has 640 x 360 pixels", ""),
        ({"width": None}, "how large its frame is is not known", ""),
        ({"bytes": 201 * MB}, "", "it has 201 MB, and Meta takes up to 200 MB"),
        ({"bytes": 501 * MB}, "it has 501 MB", "it has 501 MB"),
        ({"url": "https://cdn.example.com/" + "a" * 2000}, "its link has 2,024 characters", ""),
        ({"simulated": True}, "it is simulated", "it is simulated"),
        ({"product_id": None}, "does not say which product", "does not say which product"),
        ({"product_id": "=1+1"}, "no text that a table can hold", "no text that a table can hold"),
        ({"product_id": "a\tb"}, "no text that a table can hold", "no text that a table can hold"),
    ],
)
def test_each_refusal_has_its_reason(changes: dict[str, Any], google: str, meta: str) -> None:
    """Google's and Meta's rules at their edges."""
    for feed, reason in ((GOOGLE, google), (META, meta)):
        (judgement,) = judged([copy(**changes)], feed, asked={"lamp-1.mp4"})
        said = getattr(judgement, feed.name)
        assert said == LISTED if not reason else reason in said


def test_every_reason_is_told_at_once() -> None:
    """A copy with two faults is told both."""
    (judgement,) = judged([copy(duration_s=5.0, width=1088, height=832)], GOOGLE, asked={"lamp-1.mp4"})
    assert judgement.google is not None
    assert judgement.google.count("and Google takes") == 2


def test_google_takes_ten_videos_of_a_product() -> None:
    """The eleventh of one product is refused, that of another one is not."""
    copies = [copy(number) for number in range(1, 12)] + [copy(12, product_id="L-2")]
    said = [one.google for one in judged(copies, GOOGLE, asked={one.name for one in copies})]
    assert said[:10] == [LISTED] * 10
    assert said[10] == "Google takes 10 videos of a product, and this is one more"
    assert said[11] == LISTED


def test_what_nobody_asked_for_is_in_no_feed() -> None:
    """Copies of another campaign in the same place are judged only where their campaign asked for it."""
    said = [one.meta for one in judged([copy(1), copy(2), copy(3, meta="too large")], META, asked={"lamp-2.mp4"})]
    assert said == [None, LISTED, LISTED]


def test_google_reads_a_line_a_product() -> None:
    """Its links joined by commas, with what tells its videos apart in reports."""
    out = io.StringIO(newline="")
    GOOGLE.write([copy(1), copy(2, product_id="L-2"), copy(3)], out)
    assert out.getvalue().splitlines() == [
        "id\tvideo_link\tcreative_id\tutm_content",
        "L-1\thttps://cdn.example.com/lamp-1.mp4,https://cdn.example.com/lamp-3.mp4\taaaaaaa1;aaaaaaa3\tlamp-1;lamp-3",
        "L-2\thttps://cdn.example.com/lamp-2.mp4\taaaaaaa2\tlamp-2",
    ]


def test_meta_reads_a_column_a_video() -> None:
    """`video[0].url` and as many more as a product has videos; ids with commas and quotes survive."""
    out = io.StringIO(newline="")
    META.write([copy(1, product_id='L,"1"'), copy(2, product_id="L-2"), copy(3, product_id="L-2")], out)
    header, first, second = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert header == ["id", "video[0].url", "video[1].url", "creative_id", "utm_content"]
    assert first == ['L,"1"', "https://cdn.example.com/lamp-1.mp4", "", "aaaaaaa1", "lamp-1"]
    assert second[:3] == ["L-2", "https://cdn.example.com/lamp-2.mp4", "https://cdn.example.com/lamp-3.mp4"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("cdn.example.com/videos", "no http(s) address"),
        ("s3://bucket/videos", "no http(s) address"),
        ("https://cdn.example.com/videos?X-Amz-Signature=1", "signed links expire"),
        ("https://cdn.example.com/#videos", "a query or a fragment"),
        ("https://me:secret@cdn.example.com", "holds a user name"),
        ("http://localhost:8080/videos", "a private network"),
        ("http://192.168.1.4/videos", "a private network"),
        ("http://[::1]/videos", "a private network"),
        ("https://cdn.example.com/summer ads", "characters that stand in no link"),
        ("https://cdn.example.com/été", "characters that stand in no link"),
    ],
)
def test_links_must_work_for_everyone(url: str, said: str) -> None:
    """An address that is signed, private or not plain is refused, and no password is repeated."""
    with pytest.raises(BadInput) as refused:
        public_base(url)
    assert said in refused.value.message
    assert "secret" not in refused.value.message


def test_commas_separate_links() -> None:
    """One inside an address is written as Google asks for it; a last slash goes."""
    assert public_base("https://cdn.example.com/a,b/") == "https://cdn.example.com/a%2Cb"
