"""Small plots as SVG. Colours come from the classes of `style.py`, so that they follow the reader's scheme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lean_automl.report.html import Child, Markup, tag
from lean_automl.report.numbers import log_ticks, number, ticks

Pair = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """One direction of a plot.

    Attributes:
        title: What it shows.
        low: Its start.
        high: Its end.
        log: Whether steps are factors.
        shown: Writes a value.
        count: Of the values that are named, about.
    """

    title: str
    low: float
    high: float
    log: bool = False
    shown: Callable[[float], str] = number
    count: int = 4

    def at(self, value: float) -> float:
        """Share of the way from start to end."""
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return (math.log10(max(value, 1e-12)) - low) / ((high - low) or 1.0)
        return (value - self.low) / ((self.high - self.low) or 1.0)

    def ticks(self) -> list[float]:
        """Values to name."""
        return log_ticks(self.low, self.high) if self.log else ticks(self.low, self.high, self.count)


@dataclass(frozen=True)
class Plot:
    """A frame with two axes.

    Attributes:
        x: From left to right.
        y: From bottom to top.
        title: For those who do not see it.
        width: Of all.
        height: Of all.
        left: Room for the names of y.
    """

    x: Axis
    y: Axis
    title: str
    width: float = 440
    height: float = 290
    left: float = 66
    marks: list[Markup] = field(default_factory=list)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the inner part."""
        return self.left, 18, self.width - 14, self.height - (42 if self.x.title else 26)

    def point(self, x: float, y: float) -> Pair:
        """Where it is."""
        left, top, right, bottom = self.box
        return round(left + self.x.at(x) * (right - left), 1), round(bottom - self.y.at(y) * (bottom - top), 1)

    def add(self, *marks: Markup) -> None:
        """Draw something on top."""
        self.marks.extend(marks)

    def line(self, points: Sequence[Pair], class_: str) -> None:
        """Points, connected."""
        path = " ".join(f"{x:g},{y:g}" for x, y in (self.point(*point) for point in points))
        self.add(tag("polyline", points=path, class_=class_))

    def band(self, lower: Sequence[Pair], upper: Sequence[Pair], class_: str) -> None:
        """The area between two lines."""
        corners = [*lower, *reversed(upper)]
        path = " ".join(f"{x:g},{y:g}" for x, y in (self.point(*point) for point in corners))
        self.add(tag("polygon", points=path, class_=class_))

    def dot(self, at: Pair, tip: str, class_: str, radius: float = 4.5) -> None:
        """A mark that tells more when it is pointed at or reached with the keyboard."""
        x, y = self.point(*at)
        whole = f"dot {class_}"
        self.add(
            tag("circle", cx=x, cy=y, r=radius, class_=whole, data_tip=tip, tabindex="0", role="img", aria_label=tip)
        )

    def upright(self, value: float, label: str, class_: str = "limit") -> None:
        """A line across, at a value of x, with its name."""
        x, bottom = self.point(value, self.y.low)
        _, top, right, _ = self.box
        near_end = x > right - 90
        self.add(
            tag("line", x1=x, x2=x, y1=top, y2=bottom, class_=class_),
            tag(
                "text", label, x=x - 5 if near_end else x + 5, y=top - 6,
                text_anchor="end" if near_end else "start", class_=f"{class_}-name",
            ),
        )  # fmt: skip

    def render(self, *more: Child) -> Markup:
        """The SVG."""
        size = {"viewBox": f"0 0 {self.width:g} {self.height:g}"}
        return tag("svg", *self._axes(), *self.marks, *more, role="group", aria_label=self.title, class_="plot", **size)

    def _axes(self) -> list[Markup]:
        left, top, right, bottom = self.box
        drawn = []
        for value in self.y.ticks():
            _, y = self.point(self.x.low, value)
            if top - 1 <= y <= bottom + 1:
                drawn.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
                drawn.append(tag("text", self.y.shown(value), x=left - 8, y=y + 4, text_anchor="end", class_="tick"))
        for value in self.x.ticks():
            x, _ = self.point(value, self.y.low)
            if left - 1 <= x <= right + 1:
                drawn.append(tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
                drawn.append(tag("text", self.x.shown(value), x=x, y=bottom + 17, text_anchor="middle", class_="tick"))
        drawn.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        if self.x.title:
            place = {"x": (left + right) / 2, "y": self.height - 5}
            drawn.append(tag("text", self.x.title, text_anchor="middle", class_="name", **place))
        if self.y.title:
            middle = (top + bottom) / 2
            turn = f"rotate(-90 12 {middle:g})"
            drawn.append(tag("text", self.y.title, x=12, y=middle, text_anchor="middle", transform=turn, class_="name"))
        return drawn
