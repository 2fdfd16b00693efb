"""The word that a machine made a video: where readers look for it, and nothing else in the file has moved."""

import io

import pytest
from defusedxml.ElementTree import fromstring
from tinytag import TinyTag

from jobs.disclosure import XMP_BOX, disclose, disclosure_box
from jobs.mp4 import Malformed, read_movie, top_boxes
from tests.samples import film

SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
IDENTIFIER = "{http://purl.org/dc/elements/1.1/}identifier"


def test_the_packet_says_what_made_it() -> None:
    """The box is XMP's, its packet is XML, and it holds IPTC's word for media of a trained model, and the job."""
    box = disclosure_box("a<&>b")
    assert (int.from_bytes(box[:4], "big"), box[4:8], box[8:24]) == (len(box), b"uuid", XMP_BOX)
    packet = fromstring(box[24:].decode())
    said = {each.tag: each.text for each in packet.iter() if each.text}
    assert said[SOURCE_TYPE] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert said[IDENTIFIER] == "a<&>b"


def test_a_disclosed_video_is_the_same_video() -> None:
    """Everything before the box stays byte for byte; our own reader and tinytag see the same film."""
    before = film()
    file = io.BytesIO(before)
    box = disclose(file, "job-1")
    after = file.getvalue()
    assert after == before + box
    assert list(top_boxes(file, len(after)))[-1][0] == b"uuid"
    assert read_movie(io.BytesIO(after), len(after)) == read_movie(io.BytesIO(before), len(before))
    tag = TinyTag.get(filename="x.mp4", file_obj=io.BytesIO(after))
    assert tag.duration == pytest.approx(5.0, abs=0.1)


def test_it_is_said_once() -> None:
    """A file that says so already is left as it is."""
    file = io.BytesIO(film())
    disclose(file, "job-1")
    said = file.getvalue()
    assert disclose(file, "job-2") == b""
    assert (file.getvalue(), file.tell()) == (said, len(said))


def test_a_packet_of_another_kind_is_not_hidden_behind() -> None:
    """Readers take one packet: where a file has one that says nothing of it, that is told."""
    other = (8 + 16 + 9).to_bytes(4, "big") + b"uuid" + XMP_BOX + b"<a>b</a>\n"
    file = io.BytesIO(film() + other)
    with pytest.raises(Malformed, match="XMP packet that does not say"):
        disclose(file, "job-1")


def test_nothing_follows_a_box_without_an_end() -> None:
    """A last box that reaches to the file's end would swallow ours: refused, and nothing is appended."""
    endless = film() + bytes(4) + b"free" + bytes(9)
    file = io.BytesIO(endless)
    with pytest.raises(Malformed, match="no end of its own"):
        disclose(file, "job-1")
    assert file.getvalue() == endless
