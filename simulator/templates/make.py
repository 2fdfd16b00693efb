"""Makes the templates of the clips. Run by hand, once: `python simulator/templates/make.py` (needs `av` and `numpy`).

A template is 32 frames at 30 a second and 50 AAC frames at 48 kHz: both last 16/15 s exactly, so they loop in step.
Everything that moves or sounds comes back to where it began within one loop.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS, FRAMES, RATE, SOUND_FRAMES = 30, 32, 48_000, 50
SIZES = (
    (1280, 720), (720, 1280), (960, 960), (1088, 832), (832, 1088),
    (1920, 1080), (1080, 1920), (1440, 1440), (1632, 1248), (1248, 1632),
)  # fmt: skip
#: Frames that stand still between two that move: halves the size, and is not seen in slow motion.
STEP = 2
#: Sky, ground, sun and far light as RGB, then where the sun stands and how the hills are shifted, of each scheme.
SCHEMES = (
    ((24, 32, 74), (236, 120, 84), (255, 214, 150), (120, 60, 140), (0.18, -0.06), 0.0),
    ((8, 60, 72), (40, 150, 130), (235, 250, 200), (30, 90, 160), (-0.2, -0.2), 2.1),
    ((120, 176, 224), (250, 232, 214), (255, 252, 236), (246, 170, 178), (0.02, -0.14), 4.0),
    ((44, 20, 60), (214, 70, 110), (255, 176, 120), (66, 60, 170), (-0.12, 0.02), 5.3),
)
#: Hertz of each scheme; a whole number of periods of it and of its fifth fits into one loop.
TONES = (240, 300, 360, 270)


def blob(x: np.ndarray, y: np.ndarray, cx: float, cy: float, radius: float) -> np.ndarray:
    """A soft round light, from 0 to 1."""
    return np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2))


def picture(width: int, height: int, scheme: int, phase: float) -> np.ndarray:
    """One RGB frame: a dusk gradient, two drifting lights, a sun and three layers of hills."""
    sky, ground, sun, far = (np.array(colour, np.float32) for colour in SCHEMES[scheme][:4])
    (sun_x, sun_y), shift = SCHEMES[scheme][4:]
    scale = min(width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x - width / 2) / scale, (y - height / 2) / scale
    turn = 2 * np.pi * phase
    tall = height / scale
    mix = np.clip(y / tall + 0.5, 0, 1)[..., None] ** 1.4
    frame = sky * (1 - mix) + ground * mix
    glow = blob(x, y, -2 * sun_x, -0.2, 0.45)
    frame += glow[..., None] * (far - frame) * 0.6
    centre_x, centre_y = sun_x, sun_y + 0.012 * np.sin(turn)
    frame += blob(x, y, centre_x, centre_y, 0.22)[..., None] * (sun - frame) * 0.55
    disc = 1 / (1 + np.exp((np.hypot(x - centre_x, y - centre_y) - 0.11) * 160))
    frame += disc[..., None] * (sun - frame) * 0.95
    for layer in range(3):
        wave = 3 + 2 * layer
        line = 0.16 + 0.1 * layer + 0.045 * np.sin(wave * x + shift + layer * 1.7 + 0.12 * np.sin(turn + layer))
        line += 0.02 * np.sin(2.7 * wave * x - layer + shift)
        inside = 1 / (1 + np.exp((line * tall - y) * 220))
        tone = (sky * 0.75 + ground * 0.25) * (1 - 0.3 * layer)
        frame += inside[..., None] * (tone - frame)
    pixels: np.ndarray = np.clip(frame, 0, 255).astype(np.uint8)
    return pixels


def encode_picture(file: "av.container.OutputContainer", stream: "av.VideoStream", scheme: int) -> None:
    """Every frame of one loop."""
    for number in range(FRAMES):
        image = picture(stream.width, stream.height, scheme, number // STEP * STEP / FRAMES)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        file.mux(stream.encode(frame))
    file.mux(stream.encode())


def encode_sound(file: "av.container.OutputContainer", stream: "av.AudioStream", scheme: int) -> None:
    """A soft fifth; two frames more than a loop, for the encoder's priming."""
    base = TONES[scheme]
    for number in range(SOUND_FRAMES + 2):
        t = np.arange(number * 1024, (number + 1) * 1024) / RATE
        wave = 0.06 * np.sin(2 * np.pi * base * t) + 0.04 * np.sin(2 * np.pi * base * 1.5 * t)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * 1024, Fraction(1, RATE)
        file.mux(stream.encode(frame))
    file.mux(stream.encode())


def make(folder: Path) -> None:
    """Write every size in every colour scheme."""
    for width, height in SIZES:
        for scheme in range(len(SCHEMES)):
            path = folder / f"{width}x{height}-{scheme}.mp4"
            with av.open(str(path), "w", format="mp4") as file:
                # One IDR and no B-frames: the loop may start over after any turn.
                options = {"preset": "veryslow", "crf": "39", "g": str(FRAMES), "bf": "0", "sc_threshold": "0"}
                options["x264-params"] = "aq-mode=0:psy=0:subme=11:me=tesa"
                video = file.add_stream("libx264", rate=FPS, options=options | {"threads": "1"})
                video.width, video.height, video.pix_fmt = width, height, "yuv420p"
                sound = file.add_stream("aac", rate=RATE)
                sound.layout, sound.bit_rate = "mono", 24_000
                encode_picture(file, video, scheme)
                encode_sound(file, sound, scheme)
            print(path.name, path.stat().st_size)


if __name__ == "__main__":
    make(Path(__file__).parent)
