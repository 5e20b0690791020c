"""Which frames each part of a job holds, found from the source's packets; no picture but the first is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidfx.settings import Job

PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A run of frames that is rendered to one file."""

    index: int
    """0 for the first part; parts follow each other without a gap."""
    first: int
    """Number in the clip of its first frame."""
    last: int
    """Number in the clip of its last frame (inclusive)."""
    frames: int
    """How many wanted frames it holds: (last - first) / step + 1."""
    warm_up: int
    """Frames before the first that are painted and thrown away, so that the result equals the single pass to within
    one step of 255; 0 where a shot begins with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What tells a source from another, or from itself after a change, without reading all of it."""

    size: int
    modified_ns: int
    digest: str
    """SHA-256, 16 hex digits: head and tail of the file and its packet table (pts, size and flags of each packet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A job cut into parts. A frozen value; `save` and `load` keep it as JSON, paths as given."""

    job: Job
    id: str
    """16 hex digits over everything that changes a pixel or the encoding, the source included, and where the cuts are.
    Threads, batch, tiles and the output's name do not count: parts of one id may come from different machines."""
    source: Fingerprint
    precision: str
    """Resolved once, so that every machine paints in it: fp32, bf16, fp16 ..."""
    style_hash: str
    total: int
    """Frames that will be written."""
    start: Fraction
    """Time in seconds of the film's first frame on the source's time line."""
    rate: Fraction
    """Average frames per second, for estimates only."""
    size: tuple[int, int]
    """Width and height, upright."""
    parts: tuple[Part, ...]


def plan(
    job: Job,
    *,
    part_frames: int | None = None,
    shots: Sequence[int] = (),
    notify: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Cuts a job into parts of about `part_frames` frames (None: `default_part_frames`).

    `shots` are the numbers of frames that are known to begin a shot: a cut moves to one that is near, and needs no
    warm-up there. Where packets cannot be counted as pictures (AVI, MPEG-TS ...) the clip is decoded once to count
    them, and `notify` is told. A still, and a film written in one piece, has one part. Raises the errors of
    `vidfx.errors`: the job is checked as far as that goes without loading the generator.
    """
    raise NotImplementedError


def default_part_frames(width: int, height: int) -> int:
    """Frames of a part where nobody says: 48 to 250, about ten seconds of work of two cores up to 1920 × 1080."""
    return min(250, max(48, round(2.4e8 / (width * height))))


def save(plan: Plan, path: Path) -> None:
    """Writes a plan as JSON, whole or not at all. Raises CannotWrite, TryAgain."""
    raise NotImplementedError


def load(path: Path) -> Plan:
    """Reads a plan. Raises MissingInput, UnreadableInput."""
    raise NotImplementedError
