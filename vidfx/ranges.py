"""Which frames, or which parts, as artists and farms write them: `7`, `0-99`, `1-10x2`, `-5-5`, and lists with commas.

`x` is the step that everybody agrees on. `:` is not: Open Job Description steps by it, fileseq staggers by it; and
fileseq's `y` means every frame that `x` would leave out. Both are refused rather than guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from vidfx.errors import UsageError

EXAMPLES = "write 7, 0-99, 0-99x2 (every second one), or several with commas: 0-9,20,30-50x5"
_RUN = re.compile(r"(-?\d{1,9})(?:-(-?\d{1,9})(?:x(\d{1,9}))?)?", re.ASCII)


def parse_ranges(text: str) -> tuple[range, ...]:
    """The runs of a text such as `1-10x2,20,-5--1`, ends included. Raises UsageError that says why not."""
    return tuple(_run(run.strip(), text) for run in text.split(","))


def _run(run: str, text: str) -> range:
    if ":" in run:
        raise UsageError(
            f"'{text}': ':' means a step to some farms and a staggered order to others", hint="for a step write 1-10x2"
        )
    if "y" in run:
        raise UsageError(
            f"'{text}': 'y' asks for the frames that a step leaves out, which vidfx does not do",
            hint="write the frames themselves: for 1-10y2 that is 2-10x2",
        )
    match = _RUN.fullmatch(run)
    if not match:
        raise UsageError(f"'{text}' is not a frame range", hint=EXAMPLES)
    first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
    if last < first:
        raise UsageError(f"'{text}' is not a frame range: {first} to {last} runs backwards", hint=EXAMPLES)
    if step < 1:
        raise UsageError(f"'{text}' is not a frame range: the step is at least 1", hint=EXAMPLES)
    return range(first, last + 1, step)


def clamp(runs: Iterable[range], count: int) -> tuple[list[int], int]:
    """The numbers from 0 to `count` - 1 that the runs hold, each once and in order, and how many others they hold."""
    kept = [(run, within(run, count)) for run in runs]
    return sorted({number for _, inside in kept for number in inside}), sum(len(run) - len(ins) for run, ins in kept)


def within(run: range, count: int) -> range:
    """The numbers of a rising run that lie from 0 to `count` - 1."""
    skipped = -(run.start // run.step) if run.start < 0 else 0
    return range(run.start + skipped * run.step, min(run.stop, count), run.step)


def write_ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as `parse_ranges` reads them: `0-9,12,14-20x2`. Two numbers make no run unless they touch."""
    runs: list[str] = []
    position = 0
    while position < len(numbers):
        end = _run_end(numbers, position)
        first, last = numbers[position], numbers[end]
        step = numbers[position + 1] - first if end > position else 1
        long_enough = end - position >= 2 or step == 1
        if end == position or not long_enough:
            runs.append(str(first))
            position += 1
            continue
        runs.append(f"{first}-{last}" + (f"x{step}" if step > 1 else ""))
        position = end + 1
    return ",".join(runs)


def _run_end(numbers: Sequence[int], position: int) -> int:
    """Where the run of one step that begins at `position` ends."""
    end = position
    if end + 1 < len(numbers):
        step = numbers[end + 1] - numbers[end]
        while end + 1 < len(numbers) and numbers[end + 1] - numbers[end] == step:
            end += 1
    return end
