"""The shape of a picture that a video starts from, where its bytes are here: in the order, or uploaded before it."""

import dataclasses
import io
import math

from PIL import Image

from simulator.frames import FRAMES
from simulator.renders import Order
from simulator.shelf import Shelf, unpacked


def shaped(order: Order, picture: str | None, shelf: Shelf, now: float) -> Order:
    """The order with the frame that comes nearest to its picture; one on another machine is taken for 16:9."""
    size = _size(_bytes(picture or "", shelf, now))
    lines = next((lines for (lines, _), frame in FRAMES.items() if frame == (order.width, order.height)), None)
    if size is None or lines is None:
        return order
    wanted = math.log(size[0] / size[1])
    frames = [frame for (each, _), frame in FRAMES.items() if each == lines]
    width, height = min(frames, key=lambda frame: abs(math.log(frame[0] / frame[1]) - wanted))
    return dataclasses.replace(order, width=width, height=height)


def _bytes(picture: str, shelf: Shelf, now: float) -> bytes:
    if inline := unpacked(picture):
        return inline[1]
    uploaded = shelf.get(picture.rpartition("/")[2], now)
    return b"" if uploaded is None else uploaded.data


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height by the header; None where it is no picture."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
