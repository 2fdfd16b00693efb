"""The result host: signed links, ranges, and files that are not what they should be."""

from collections.abc import Callable

import httpx
import pytest

from tests.simulator.conftest import Street

DAY_S = 86_400


def finished(one: Street) -> str:
    """The link to a finished video of Segmind."""
    task = one.buy_segmind().json()["request_id"]
    one.real_s += 200
    url: str = one.segmind("GET", f"/v2/requests/{task}").json()["output"]
    return url


def test_a_link_leads_to_a_video(street: Callable[..., Street]) -> None:
    """The whole file comes with its type, its length and the offer of ranges."""
    one = street()
    answer = one.call("GET", finished(one))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.content[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=10-99999999", 10, None)],
)
def test_ranges_are_honoured(street: Callable[..., Street], asked: str, first: int, last: int | None) -> None:
    """One range is answered with 206, exactly those bytes, and where they lie."""
    one = street()
    url = finished(one)
    whole = one.call("GET", url).content
    part = one.call("GET", url, headers={"range": asked})
    assert part.status_code == 206
    assert part.content == whole[first:last]
    start = first % len(whole)
    assert part.headers["content-range"] == f"bytes {start}-{start + len(part.content) - 1}/{len(whole)}"


def test_a_range_beyond_the_end_is_refused(street: Callable[..., Street]) -> None:
    """416 tells the length; a range that cannot be read is ignored."""
    one = street()
    url = finished(one)
    length = len(one.call("GET", url).content)
    beyond = one.call("GET", url, headers={"range": f"bytes={length}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{length}")
    assert one.call("GET", url, headers={"range": "bytes=-"}).status_code == 200


def test_links_die_on_time(street: Callable[..., Street]) -> None:
    """Segmind keeps a file for seven days, DashScope a link for one; then the store answers 403 in XML."""
    one = street()
    segmind, task = finished(one), one.buy_dashscope().json()["output"]["task_id"]
    one.real_s += 101
    dashscope = one.dashscope("GET", f"/api/v1/tasks/{task}").json()["output"]["video_url"]
    one.real_s += DAY_S - 1
    assert one.call("GET", dashscope).status_code == 200
    one.real_s += 1
    answer = one.call("GET", dashscope)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/xml")
    assert "<Message>Request has expired.</Message>" in answer.text
    one.real_s += 5 * DAY_S
    assert one.call("GET", segmind).status_code == 200
    one.real_s += DAY_S
    assert one.call("GET", segmind).status_code == 403


@pytest.mark.parametrize("part", ["Expires", "Signature"])
def test_a_forged_link_is_refused(street: Callable[..., Street], part: str) -> None:
    """A link whose expiry or signature was changed opens nothing."""
    one = street()
    url = httpx.URL(finished(one))
    assert one.call("GET", str(url.copy_set_param(part, "9999999999"))).status_code == 403
    assert one.call("GET", str(url.copy_remove_param(part))).status_code == 403


def test_only_finished_videos_are_there(street: Callable[..., Street]) -> None:
    """An unknown name is a 404 in XML."""
    answer = street().call("GET", "/clips/nobody.mp4?Expires=1&Signature=x")
    assert (answer.status_code, "NoSuchKey" in answer.text) == (404, True)


def test_a_result_can_hold_a_dead_link(street: Callable[..., Street]) -> None:
    """Both the weather and a script hand out links that have expired; a later look gives a good one."""
    one = street()
    task = one.buy_segmind().json()["request_id"]
    one.real_s += 200
    one.script("result", "expired")
    dead, good = (one.segmind("GET", f"/v2/requests/{task}").json()["output"] for _ in range(2))
    assert [one.call("GET", url).status_code for url in (dead, good)] == [403, 200]
    gloomy = street(p_expired_link=1)
    assert gloomy.call("GET", finished(gloomy)).status_code == 403


def test_files_can_be_broken(street: Callable[..., Street]) -> None:
    """A truncated file is short and stays short; an HTML page comes as HTML; a script breaks one download only."""
    good, short, page = street(), street(p_truncated=1), street(p_html=1)
    whole, url = good.call("GET", finished(good)).content, finished(short)
    cut = [short.call("GET", url).content for _ in range(2)]
    assert cut[0] == cut[1]
    assert len(cut[0]) == int(len(whole) * 0.6)
    assert page.call("GET", finished(page)).headers["content-type"].startswith("text/html")
    url = finished(good)
    for then, wrong in (("truncated", 200), ("html", 200), ("garbage", 200), ("expired", 403), ("503", 503)):
        good.script("clip", then)
        first, second = good.call("GET", url), good.call("GET", url)
        assert first.status_code == wrong
        assert first.content != second.content
        assert second.content[4:8] == b"ftyp"
