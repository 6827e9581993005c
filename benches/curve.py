"""A picture of curves and points as SVG, written by hand: no plotting library. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 860, 500
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 50, 60
COLOURS = ("#888888", "#0072b2", "#009e73", "#d55e00", "#cc79a7")
"""Told apart by the colour-blind, too (Okabe and Ito)."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line from left to right."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Mark:
    """A single point with words beside it."""

    name: str
    point: Point
    words_at: Point = (9, -7)
    """Where its words begin (end, if that is to the left; else their middle), pixels from it."""
    colour: str = "#000000"


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows."""

    name: str
    low: float
    high: float
    step: float
    form: str = "{:.1f}"
    """How a number on it is written."""

    def ticks(self) -> list[float]:
        """Values that get a line."""
        count = round((self.high - self.low) / self.step)
        return [self.low + index * self.step for index in range(count + 1)]

    def place(self, value: float) -> float:
        """Where a value lies, 0 to 1; outside values lie on the edge."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def draw(title: str, x: Axis, y: Axis, curves: Sequence[Curve], marks: Sequence[Mark]) -> str:
    """The picture as the text of an SVG file, readable on white and on black."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(WIDTH / 2, 24, title, anchor="middle", size=16),
        *_grid(x, y),
    ]
    for curve, colour in zip(curves, COLOURS, strict=False):
        path = " ".join(f"{_across(x, point):.1f},{_up(y, point):.1f}" for point in curve.points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        )
    for row, (curve, colour) in enumerate(zip(curves, COLOURS, strict=False)):
        level = TOP + 16 + 20 * row
        start = WIDTH - RIGHT - 240
        parts.append(f'<path d="M{start} {level}h28" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(_text(start + 36, level + 4, curve.name))
    for mark in marks:
        left, top = _across(x, mark.point), _up(y, mark.point)
        parts.append(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="5" fill="{mark.colour}"/>')
        right, down = mark.words_at
        anchor = "middle" if not right else "start" if right > 0 else "end"
        parts.append(_text(left + right, top + down, mark.name, anchor=anchor))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _grid(x: Axis, y: Axis) -> list[str]:
    parts = []
    for value in x.ticks():
        at = _across(x, (value, y.low))
        parts.append(_line(at, TOP, at, HEIGHT - BOTTOM))
        parts.append(_text(at, HEIGHT - BOTTOM + 18, x.form.format(value), anchor="middle"))
    for value in y.ticks():
        at = _up(y, (x.low, value))
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at))
        parts.append(_text(LEFT - 8, at + 4, y.form.format(value), anchor="end"))
    parts.append(_text(WIDTH / 2, HEIGHT - 14, x.name, anchor="middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'<g transform="rotate(-90 18 {middle})">'
    parts.append(turned + _text(18, middle, y.name, anchor="middle") + "</g>")
    return parts


def _across(x: Axis, point: Point) -> float:
    return LEFT + x.place(point[0]) * (WIDTH - LEFT - RIGHT)


def _up(y: Axis, point: Point) -> float:
    return HEIGHT - BOTTOM - y.place(point[1]) * (HEIGHT - TOP - BOTTOM)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 13) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' fill="#222222">{escape(text)}</text>'
    )
