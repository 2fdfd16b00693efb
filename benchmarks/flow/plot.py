"""The figures as a picture: for each scene and side how far it is from the soonest possible, and what CPU it takes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, ROW, LEFT, BAR = 860, 22, 130, 300
#: Where the bars of CPU begin.
RIGHT = LEFT + BAR + 170
#: Longer bars are cut there, and say so by their figure.
MOST_RATIO, MOST_CPU_S = 8.0, 60.0
OURS, PEER, LIMIT = "#0b6e4f", "#9aa5b1", "#c0392b"


def plot(scenes: Mapping[str, Mapping[str, Any]], limits: Mapping[str, float], path: Path) -> None:
    """Write an SVG of all scenes: makespan over the bound at the left, CPU-seconds per 1,000 jobs at the right."""
    parts: list[str] = []
    y = 30
    for name, scene in scenes.items():
        sides = {"wanbatch": scene.get("ours")} | dict(scene["peers"])
        parts += _text(LEFT, y, f"{name}: makespan over the soonest possible (limit {limits[name]:g})", bold=True)
        parts += _text(RIGHT, y, "CPU-seconds per 1,000 jobs", bold=True)
        y += ROW
        for side, told in sides.items():
            if told:
                parts += _row(side, told, limits[name], y)
                y += ROW
        y += ROW
    size = f'width="{WIDTH}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    path.write_text("\n".join([head, f'<rect width="{WIDTH}" height="{y}" fill="white"/>', *parts, "</svg>", ""]))


def _row(side: str, told: Mapping[str, Any], limit: float, y: int) -> Iterator[str]:
    colour = OURS if side == "wanbatch" else PEER
    yield from _text(8, y, side)
    ratio, cpu_s = float(told["makespan_ratio"]), float(told["cpu_s_per_1000_jobs"])
    over = f", {told['over_limit']:,} over the limit" if told["over_limit"] else ""
    over += f", {told['not_made']:,} not made" if told["not_made"] else ""
    yield _bar(LEFT, y, ratio / MOST_RATIO, colour)
    at = f"{LEFT + BAR * limit / MOST_RATIO:.1f}"
    yield f'<line x1="{at}" x2="{at}" y1="{y - 12}" y2="{y + 4}" stroke="{LIMIT}"/>'
    yield from _text(LEFT + min(ratio / MOST_RATIO, 1) * BAR + 6, y, f"{ratio:.2f}{over}")
    yield _bar(RIGHT, y, min(cpu_s / MOST_CPU_S, 1) * 0.7, colour)
    yield from _text(RIGHT + 6 + min(cpu_s / MOST_CPU_S * 0.7, 0.7) * BAR, y, f"{cpu_s:.1f}")


def _bar(x: float, y: int, share: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y - 11}" width="{min(share, 1) * BAR:.1f}" height="14" fill="{colour}"/>'


def _text(x: float, y: int, words: str, *, bold: bool = False) -> Iterator[str]:
    weight = ' font-weight="bold"' if bold else ""
    yield f'<text x="{x:.1f}" y="{y}"{weight}>{escape(words)}</text>'
