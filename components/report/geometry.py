"""The geometry of the charts: from numbers to SVG coordinates; the templates only draw."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]

_CLOSE = 0.4
"""Points of a line nearer to the last drawn one than this (user units, about pixels) are left out."""


@dataclass(frozen=True)
class Scale:
    """A linear map from a range of values to a range of coordinates."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The coordinate of a value; of one outside the range, that of the nearer end."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 2)


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """An axis: what it shows, and its ticks."""

    label: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Line:
    """A line of a chart; `role` is its color (candidate, champion, train, eval, test, other)."""

    role: str
    name: str
    path: str
    dots: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A remarkable place: a dot with a label, or a vertical line where `y` is None."""

    role: str
    text: str
    x: float
    y: float | None = None
    above: bool = False
    """Where the label of a dot is: to the upper right, or to the lower right."""


@dataclass(frozen=True)
class Chart:
    """A chart in user units: the frame, two axes, and what lies between them."""

    slug: str
    title: str
    summary: str
    """The picture in words, for a person who cannot see it."""
    width: float
    height: float
    frame: tuple[float, float, float, float]
    """left, top, right, bottom"""
    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    guide: str = ""
    """The path of a line of reference (chance, perfect calibration)."""


def path(points: Iterable[Point]) -> str:
    """An SVG path through points in user units; points that would not be seen are left out."""
    drawn: list[Point] = []
    for point in points:
        if not drawn or math.dist(point, drawn[-1]) >= _CLOSE:
            drawn.append(point)
    return _through(drawn)


def stairs(x: Scale, y: Scale, steps: Sequence[tuple[float, float, float]]) -> str:
    """The SVG path around the bars of a histogram: of each its low and its high end, and its height."""
    tops = [(x(end), y(height)) for low, high, height in steps for end in (low, high)]
    return _through([(tops[0][0], y(0)), *tops, (tops[-1][0], y(0))])


def _through(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""


def ticks(low: float, high: float, wanted: int = 4) -> tuple[float, ...]:
    """Round numbers between two bounds, about as many as wanted."""
    if not high > low:
        return (low,)
    rough = (high - low) / max(wanted, 1)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(index * step, 12) for index in range(first, last + 1))


def tick_text(value: float, step: float) -> str:
    """A tick with as many digits as its neighbors need; thousands as `k`."""
    if abs(value) >= 10_000 and step >= 100:
        return f"{value / 1000:,g}k"
    if 0 < step < 1e-3:
        return f"{value:.0e}".replace("e-0", "e-") if value else "0"
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    if step and round(step * 10**digits, 6) % 1:
        digits += 1
    return f"{value:,.{digits}f}"


def axis(label: str, scale: Scale, wanted: int = 4) -> Axis:
    """An axis with round ticks."""
    places = ticks(scale.low, scale.high, wanted)
    step = places[1] - places[0] if len(places) > 1 else abs(places[0]) if places else 1.0
    return Axis(label, tuple(Tick(scale(place), tick_text(place, step)) for place in places))


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """A range around values, with some air; never empty."""
    low, high = min(values), max(values)
    air = (high - low) * share or abs(high) * share or 0.5
    return low - air, high + air


@dataclass(frozen=True)
class Plane:
    """The inner area of a chart with its two scales."""

    x: Scale
    y: Scale
    width: float
    height: float

    def chart(self, x: Axis | str, y: str, **content: Any) -> Chart:
        """A chart of this plane with these axes; `content` has the other fields of a `Chart`."""
        frame = self.x.start, self.y.end, self.x.end, self.y.start
        across = axis(x, self.x) if isinstance(x, str) else x
        return Chart(
            width=self.width, height=self.height, frame=frame, x=across, y=axis(y, self.y), **content
        )

    def points(self, values: Iterable[Point]) -> list[Point]:
        """Pairs of values as coordinates."""
        return [(self.x(x), self.y(y)) for x, y in values]

    def line(self, role: str, name: str, values: Sequence[Point], *, dots: bool = False) -> Line:
        """A line through pairs of values."""
        places = self.points(values)
        return Line(role, name, path(places), tuple(places) if dots or len(places) == 1 else ())


def plane(x: tuple[float, float], y: tuple[float, float], width: float = 340, height: float = 250) -> Plane:
    """A plane for values of these ranges, with room for the axes."""
    return Plane(Scale(*x, 46, width - 10), Scale(*y, height - 40, 12), width, height)
