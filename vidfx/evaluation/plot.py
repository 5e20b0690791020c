"""Lines over time as inline SVG that takes its colours from the page and its words from HTML: text never scales.

The drawing is stretched to any width (`preserveAspectRatio="none"`); strokes keep their width, and ticks are set as
percentages of the frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 260  # of the drawing's own units
_MOST = 600  # points; of more, each stretch gives its least and its greatest


@dataclass(frozen=True, slots=True)
class Line:
    """One clip's figure over time; nan where there is nothing to say."""

    name: str
    colour: str
    """A class of the page's style sheet."""
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A number beside an axis, and where it stands, in per cent from left or bottom."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """All that a page needs to show one figure over time."""

    name: str
    title: str
    unit: str
    lines: tuple[tuple[Line, str], ...]
    """Each with the `d` of its SVG path."""
    shots: tuple[float, ...]
    """Where shots begin, in the drawing's units."""
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    meaning: str = ""


def make_plot(
    name: str,
    title: str,
    unit: str,
    times: Sequence[float],
    shots: Sequence[int],
    lines: Sequence[Line],
    meaning: str = "",
) -> Plot | None:
    """Lays out lines over `times` (seconds); None where there is not a single number.

    `shots` are the numbers of the frames that start one; a line does not cross them.
    """
    known = [value for line in lines for value in line.values if math.isfinite(value)]
    if not known:
        return None
    top, bottom = max(*known, 0.0), min(*known, 0.0)
    step = nice_step(top - bottom)
    low = math.floor(bottom / step + 1e-9)
    top, bottom = max(math.ceil(top / step - 1e-9), low + 1) * step, low * step
    end = max(times[-1], 1e-9)
    power = math.floor(math.log10(max(top, -bottom))) if max(top, -bottom) < 0.01 else 0
    ups = [bottom + i * step for i in range(round((top - bottom) / step) + 1)]
    along = nice_step(end)
    return Plot(
        name=name,
        title=title,
        unit=unit + (f" × 10{_superscript(power)}" if power else ""),
        lines=tuple((line, _path(line.values, times, set(shots), end, bottom, top)) for line in lines),
        shots=tuple(round(times[first] / end * WIDTH, 1) for first in shots if first),
        across=tuple(
            Tick(100 * i * along / end, f"{i * along:.10g}") for i in range(math.floor(end / along + 1e-9) + 1)
        ),
        up=tuple(Tick(100 * (v - bottom) / (top - bottom), f"{round(v / 10**power, 9):g}") for v in ups),
        meaning=meaning,
    )


def nice_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, three to six of them to the span."""
    rough = max(span, 1e-12) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _path(
    values: Sequence[float], times: Sequence[float], shots: set[int], end: float, bottom: float, top: float
) -> str:
    words: list[str] = []
    pen_down = False
    kept = _thinned(values)
    for index, value in enumerate(values):
        if index in shots:
            pen_down = False
        if index not in kept or not math.isfinite(value):
            continue
        x, y = times[index] / end * WIDTH, HEIGHT * (1 - (value - bottom) / (top - bottom))
        words.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}" + ("" if pen_down else "h0"))
        pen_down = True
    return "".join(words)


def _thinned(values: Sequence[float]) -> set[int]:
    known = [index for index, value in enumerate(values) if math.isfinite(value)]
    if len(known) <= _MOST:
        return set(known)
    kept: set[int] = set()
    stretches = _MOST // 2
    for number in range(stretches):
        stretch = known[number * len(known) // stretches : (number + 1) * len(known) // stretches]
        kept |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return kept


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
