"""Media in a plan: looked at once, told by line and column, remembered, and not needed where no provider is named."""

import hashlib
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInput
from jobs.media import MediaFacts
from ledger.objects import open_store
from ledger.shelf import Shelf
from producer import fetch, remembered, webfiles
from producer.fetch import Web
from producer.media import Asked, Media
from producer.plan import Plan, iter_plan
from producer.remembered import Remembered
from producer.sources import Sources
from tests.mediaserver import MediaServer
from tests.producer.plans import plan_of, problem_of
from tests.samples import film, mp3, picture, wav

SPOOL = Path("spool")


pytestmark = pytest.mark.usefixtures("own_folder")


def media(*, public_only: bool = False) -> Media:
    """A look that fetches, and remembers in a store in the test's folder."""
    shelf = Shelf(open_store(Path("store").absolute().as_uri()), simulated=True)
    return Media(Web(public_only=public_only), Sources(Path.cwd()), SPOOL, Remembered(shelf))


def planned(*rows: dict[str, Any], dialect: str = "dashscope", looks: Media | None = None, **options: Any) -> Plan:
    """A plan of those rows."""
    return plan_of(*rows, source=Path("matrix.jsonl"), dialect=dialect, media=looks or media(), **options)


def told(*rows: dict[str, Any], **options: Any) -> str:
    """The one problem of those rows, as a person reads it."""
    return problem_of(lambda: planned(*rows, **options))


def test_good_media_pass(server: MediaServer) -> None:
    """A whole image, sound and video of the right size raise no word, and their addresses stay as they were written."""
    image, sound = server.hold("/a", picture()), server.hold("/s", mp3(5))
    reference = server.hold("/v", film(5))
    plan = planned({"image_url": image, "audio_url": sound, "duration": 5}, {"reference_urls": f"{reference};{image}"})
    assert [line.job.render.image for line in iter_plan(plan.path)] == [image, None]
    assert (plan.variants, plan.looked, plan.warnings_count, plan.unlooked) == (2, 3, 0, 0)


CASES: list[tuple[str, bytes, dict[str, Any], str]] = [
    ("a missing file", b"", {"status": 404}, "its server answers 404; give the address of a file that is there"),
    ("a private one", b"", {"status": 403}, "its server answers 403; make it public, or sign a link"),
    ("a server in trouble", b"", {"status": 503}, "its server answers 503 just now; this may pass"),
    ("a page", b"<html><body>Sign in</body></html>", {"content_type": "image/jpeg"}, "the file is a page of HTML"),
    ("a cut-out", picture("PNG", mode="RGBA"), {}, "the image has an alpha channel (see-through parts), which"),
    ("a GIF", b"GIF89a" + bytes(99), {"content_type": "image/png"}, "the file is a GIF"),
    ("a thumbnail", picture(size=(200, 400)), {}, "the image has 200 x 400 pixels, and Alibaba"),
    ("a poster", picture(size=(8001, 300)), {}, "the image has 8001 x 300 pixels, and Alibaba"),
    ("half an image", picture("PNG", noise=True)[:9000], {}, "the PNG image is damaged or cut off"),
    ("a huge file", picture() + bytes(20_000_000), {}, "MB, and Alibaba Cloud Model Studio (DashScope) takes 20 MB"),
    ("a sound", wav(5), {}, "the file is WAV, which is no image; give an image"),
    ("an endless chain", b"", {"to": "/image"}, "from one address to the next without end"),
    ("nothing", b"", {}, "the file is empty"),
]


@pytest.mark.parametrize(("name", "data", "manners", "said"), CASES, ids=[case[0] for case in CASES])
def test_what_is_wrong_with_an_image_is_told(
    server: MediaServer, name: str, data: bytes, manners: dict[str, Any], said: str
) -> None:
    """Every trouble is a problem of its row, with its line and column; nothing is queued."""
    problem = told({"prompt": "fine"}, {"image_url": server.hold("/image", data, **manners)})
    assert problem.startswith("matrix.jsonl:2: image_url: ")
    assert said in problem


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (wav(2.5), "it is 2.5 s long"),
        (wav(31), "it is 31 s long"),
        (picture(), "the file is JPEG, which is no audio; give an audio"),
        (wav(20, rate_hz=384_000), "MB, and Alibaba"),
    ],
    ids=["short", "long", "an image", "huge"],
)
def test_what_is_wrong_with_a_sound_is_told(server: MediaServer, data: bytes, said: str) -> None:
    """Sounds have 3 to 30 s and 15 MB."""
    problem = told({"audio_url": server.hold("/sound", data)})
    assert problem.startswith("matrix.jsonl:1: audio_url: ")
    assert said in problem


def test_one_of_several_references_is_named(server: MediaServer) -> None:
    """Of several files the problem says which."""
    good, bad = server.hold("/good", film(5)), server.hold("/bad.mp4", picture("PNG", mode="RGBA"))
    assert f"reference_urls: `{bad}`: the image has an alpha" in told({"reference_urls": f"{good};{bad}"})


def test_videos_are_counted_by_their_bytes(server: MediaServer) -> None:
    """Four videos are four videos, also when no name ends in .mp4."""
    urls = [server.hold(f"/{number}", film(2)) for number in range(4)]
    assert "4 of the files are videos" in told({"reference_urls": ";".join(urls)})


def test_a_sound_of_another_length_is_said_and_taken(server: MediaServer) -> None:
    """A longer sound is cut, a shorter one leaves silence: a note each, and nothing is refused."""
    url = server.hold("/sound", wav(8))
    plan = planned(
        {"audio_url": url, "duration": 5}, {"audio_url": url, "duration": 10}, {"audio_url": url, "duration": 8}
    )
    assert [str(note) for note in plan.warnings] == [
        "matrix.jsonl:1: audio_url: the sound has 8 s and the video 5: its end is cut",
        "matrix.jsonl:2: audio_url: the sound has 8 s and the video 10: the rest is silent",
    ]
    assert plan.variants == 3


def test_print_colours_are_a_note(server: MediaServer) -> None:
    """CMYK is taken, and said."""
    plan = planned({"image_url": server.hold("/cmyk", picture(mode="CMYK"))})
    assert "in CMYK" in str(plan.warnings[0])


@pytest.mark.parametrize(
    "manners",
    [{}, {"sized": False}, {"content_type": "text/html"}],
    ids=["plain", "no length", "a lie about its type"],
)
@pytest.mark.parametrize("data", [picture(noise=True, size=(1500, 900)), film(15), mp3(20)], ids=["JPEG", "MP4", "MP3"])
def test_servers_may_refuse_head_and_tell_no_length(server: MediaServer, manners: dict[str, Any], data: bytes) -> None:
    """HEAD is never needed, nor what a server says of a file: its bytes are read."""
    found = media()
    with found:
        url = server.hold("/file", data, **manners)
        found.ask(url)
        seen = found.seen(url)
    assert isinstance(seen, MediaFacts)
    assert (seen.size_bytes, seen.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert {method for method, *_ in server.asked} == {"GET"}


def test_an_address_is_asked_once(server: MediaServer) -> None:
    """However many rows name it, a good file is one request."""
    url = server.hold("/big", picture("PNG", (900, 600), noise=True))
    plan = planned(*[{"image_url": url, "prompt": f"A lamp {number}"} for number in range(300)])
    assert (plan.variants, plan.looked, server.times("/big")) == (300, 1, 1)


def test_several_are_looked_at_at_once(server: MediaServer) -> None:
    """Slow servers are waited for together."""
    urls = [server.hold(f"/{number}", picture(size=(640 + number, 480)), stall=True) for number in range(12)]

    class Freeing(Media):
        """Lets the server go once all are asked for."""

        def seen(self, asked: Asked) -> Any:
            while server.most_at_once < len(urls):
                time.sleep(0.005)
            server.freed.set()
            return super().seen(asked)

    plan = planned(
        *[{"image_url": url} for url in urls], looks=Freeing(Web(public_only=False), Sources(Path.cwd()), SPOOL)
    )
    assert (plan.variants, server.most_at_once) == (12, 12)


def test_a_bad_file_names_every_row_that_uses_it(server: MediaServer) -> None:
    """One request, one problem a row; with bad rows skipped the others are planned."""
    bad, good = server.hold("/bad", picture("PNG", mode="RGBA")), server.hold("/good", picture())
    rows = [{"image_url": url} for url in (bad, good, bad)]
    with pytest.raises(BadInput) as caught:
        planned(*rows)
    assert [problem.line for problem in caught.value.problems] == [1, 3]
    assert server.times("/bad") == 1
    plan = planned(*rows, skip_bad_rows=True)
    assert (plan.variants, plan.refused_count) == (1, 2)


def test_only_what_is_kept_is_looked_at(server: MediaServer) -> None:
    """Rows that --where leaves out are not fetched, and --limit looks little further than it makes."""
    urls = [server.hold(f"/{number}", picture(size=(640 + number, 480))) for number in range(50)]
    rows = [{"image_url": url, "shop": "a" if number else "b"} for number, url in enumerate(urls)]
    assert planned(*rows, where=(("shop", "b"),)).looked == 1
    assert planned(*rows, limit=2).looked <= 4


def test_what_was_refused_is_looked_at_anew(server: MediaServer) -> None:
    """Whoever mends a file in its place is believed at once."""
    url = server.hold("/image", picture("PNG", mode="RGBA"))
    assert "alpha" in told({"image_url": url})
    server.hold("/image", picture())
    assert planned({"image_url": url}).variants == 1


def test_the_memory_tells_no_address_and_grows_old(server: MediaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed links leave no trace in it; old and broken entries are let go, and it is written when there is news."""
    first, second = (server.hold(f"/{name}", picture(), etag='"1"') for name in "ab")
    planned({"image_url": first + "?signature=hush"}, {"image_url": second})
    memory = Path("store/simulated/media/seen/simulated-matrix.jsonl")
    assert "hush" not in memory.read_text()
    written = memory.stat()
    assert planned({"image_url": second}).recalled == 1
    assert memory.stat() == written
    memory.write_text("{\n" + memory.read_text().replace('"shape":1', '"shape":2'))
    assert planned({"image_url": second}).looked == 1
    assert [json.loads(line)["shape"] for line in memory.read_text().splitlines()] == [1]
    monkeypatch.setattr(remembered, "KEPT", timedelta(days=-1))
    assert planned({"image_url": second}).looked == 1


def test_without_a_provider_nothing_is_fetched(server: MediaServer) -> None:
    """A first run needs no network: addresses are counted, not asked."""
    url = server.hold("/image", b"no image at all")
    plan = planned({"image_url": url}, {"image_url": url, "prompt": "B"}, looks=Media(None, Sources(Path.cwd()), SPOOL))
    assert (plan.variants, plan.unlooked, server.times("/image")) == (2, 1, 0)


def test_a_real_provider_cannot_reach_this_machine(server: MediaServer) -> None:
    """For real money an address of a private network is refused before anything is sent there."""
    url = server.hold("/image", picture())
    assert "the provider cannot reach it" in told({"image_url": url}, looks=media(public_only=True))
    assert server.times("/image") == 0


def test_nobody_at_home_is_told() -> None:
    """A closed port is no file."""
    assert "it cannot be reached" in told({"image_url": "http://127.0.0.1:9/x.jpg"})


def test_a_server_that_stalls_is_waited_for_so_long(server: MediaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look is bounded in time, and says that trying again may help."""
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.2)
    problem = told({"image_url": server.hold("/image", picture(), stall=True)})
    assert "does not answer in time; this may pass" in problem


def test_a_line_that_breaks_is_told(server: MediaServer) -> None:
    """A server that hangs up in the middle of a body has not given the file."""
    url = server.hold("/image", picture(noise=True), cut=5000)
    assert "it cannot be reached" in told({"image_url": url})


def test_a_server_that_stumbles_is_asked_again(server: MediaServer) -> None:
    """Twice it is away, and then the file comes; three times is too often."""
    url = server.hold("/image", picture(), stumbles=2)
    assert (planned({"image_url": url}).looked, server.times("/image")) == (1, 3)
    server.hold("/image", picture(), stumbles=3)
    assert "its server answers 503 just now; this may pass" in told({"image_url": url})


@pytest.mark.parametrize("sized", [True, False])
def test_a_file_that_is_too_large_is_left(server: MediaServer, monkeypatch: pytest.MonkeyPatch, sized: bool) -> None:
    """What a server says of its length is believed before anything is read; one that says nothing is read so far."""
    monkeypatch.setattr(webfiles, "LARGEST_BYTES", 500_000)
    url = server.hold("/film", film(5) + bytes(20_000_000), sized=sized)
    assert "the file has more than 100 MB; no render takes that" in told({"reference_urls": url})
