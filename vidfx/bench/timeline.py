"""A picture of a stretch of a render: a row for each thread, a bar for each frame in each stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vidfx import images
from vidfx.bench.trace import WAIT, Span, Trace
from vidfx.disk import write_whole, writing
from vidfx.errors import UsageError

COLOURS = {
    "decode": "#4878a8",
    "shots": "#7fb0d8",
    "generator": "#b5432f",
    "motion": "#b9799b",
    "smoothing": "#d8973c",
    "screentone": "#8f7ab8",
    "composite": "#a8a860",
    "encode": "#4f9060",
}
"""A thread that waits leaves its row blank."""
_WIDTH, _LEFT, _ROW, _TOP, _BOTTOM = 1200, 130, 34, 40, 30
_FRAMES = 14
"""How many frames the stretch holds."""
_PAPER, _INK = "#faf7f0", "#343230"

Bar = tuple[float, float, float, float, str]
"""x, y, width, height in pixels, and a colour."""
Text = tuple[float, float, str]
"""x and y of the baseline's start in pixels."""


def draw(trace: Trace, output: Path) -> None:
    """Writes the timeline as .svg or .png. Raises UsageError for another suffix, CannotWrite, TryAgain."""
    check_name(output)
    bars, texts, height = layout(trace)
    if output.suffix.lower() == ".svg":
        with writing(output):
            write_whole(output, _svg(bars, texts, height).encode())
    else:
        _png(bars, texts, height, output)


def check_name(output: Path) -> None:
    """Raises UsageError where no timeline is written under such a name."""
    if output.suffix.lower() not in (".svg", ".png"):
        raise UsageError(f"a timeline is written as .svg or .png, not '{output.name}'", hint="such as timeline.svg")


def layout(trace: Trace) -> tuple[list[Bar], list[Text], int]:
    """Where everything goes, and the picture's height: a stretch from the middle of the render."""
    threads = list(dict.fromkeys(span.thread for span in sorted(trace.spans, key=lambda span: span.stop)))
    start, stop = _stretch(trace.spans)
    scale = (_WIDTH - _LEFT - 20) / (stop - start)
    bars: list[Bar] = []
    for span in trace.spans:
        top = _TOP + _ROW * threads.index(span.thread)
        for begin, end in span.pieces() if span.stage != WAIT else ():
            left, right = max(begin, start), min(end, stop)
            if right > left:
                colour = COLOURS.get(span.stage, "#888888")
                bars.append((_LEFT + (left - start) * scale, top, max((right - left) * scale, 0.6), _ROW - 8, colour))
    texts: list[Text] = []
    used = [stage for stage in COLOURS if any(span.stage == stage for span in trace.spans)]
    for number, stage in enumerate(used):
        left = _LEFT + number * (_WIDTH - _LEFT) / max(len(used), 1)
        bars.append((left, 12, 14, 14, COLOURS[stage]))
        texts.append((left + 20, 24, stage))
    for number in range(len(threads)):
        texts.append((14, _TOP + _ROW * number + 18, f"thread {number + 1}"))
    height = _TOP + _ROW * len(threads) + _BOTTOM
    step = 10.0 ** np.floor(np.log10((stop - start) / 2))
    for tick in np.arange(0, stop - start, step):
        x = _LEFT + float(tick) * scale
        bars.append((x, height - _BOTTOM, 1, 5, _INK))
        texts.append((x, height - 8, f"{tick * 1000:g} ms"))
    return bars, texts, height


def _stretch(spans: list[Span]) -> tuple[float, float]:
    """From the middle of the render, as long as the encoder takes for some frames."""
    ends = sorted(span.stop for span in spans if span.stage == "encode") or sorted(span.stop for span in spans)
    first = max(0, len(ends) // 2 - _FRAMES // 2)
    last = min(len(ends) - 1, first + _FRAMES)
    if last == first:
        return min(span.start for span in spans), max(span.stop for span in spans)
    return ends[first], ends[last]


def _svg(bars: list[Bar], texts: list[Text], height: int) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12" fill="{_INK}">',
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>',
    ]
    lines += [f'<rect x="{x:.1f}" y="{y:g}" width="{w:.1f}" height="{h:g}" fill="{c}"/>' for x, y, w, h, c in bars]
    lines += [f'<text x="{x:.1f}" y="{y:g}">{text}</text>' for x, y, text in texts]
    return "\n".join([*lines, "</svg>", ""])


def _png(bars: list[Bar], texts: list[Text], height: int, output: Path) -> None:
    import cv2

    picture = np.full((height, _WIDTH, 3), _rgb(_PAPER), np.uint8)
    for x, y, wide, tall, colour in bars:
        corner, opposite = (round(x), round(y)), (round(x + wide) - 1, round(y + tall) - 1)
        cv2.rectangle(picture, corner, (max(corner[0], opposite[0]), opposite[1]), _rgb(colour), cv2.FILLED)
    for x, y, text in texts:
        cv2.putText(picture, text, (round(x), round(y)), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _rgb(_INK), 1, cv2.LINE_AA)
    images.write_picture(output, picture)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue
