"""The part file: encoded pictures of one run of frames, exact times, and what is needed to join it to others.

It appears under its name when it is whole, after fsync, by one rename; its last bytes hold a checksum, so that a file
cut short on its way to a shared folder or an object store is not taken for a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """A finished part, as its file says of itself. Reading it costs no more than its table."""

    path: Path
    plan: str
    """The plan it belongs to: `Plan.id`."""
    index: int
    """0 for the film's first part."""
    first: int
    """Number in the clip of its first frame."""
    last: int
    """Number in the clip of its last frame."""
    frames: int
    ends: bool
    """True where the film ends with this part."""
    ran_on: str
    """Device, runtime, precision, batch and tiles."""
    seconds: float
    """Wall time that painting took, warm-up included."""


def part_path(folder: Path, index: int) -> Path:
    """Where part `index` lies in a work folder: `part-000012.vidfx`."""
    return folder / f"part-{index:06}.vidfx"


def read_part(path: Path) -> PartFile | None:
    """What a part file says of itself; None where there is none or it is not whole. The checksum is verified."""
    raise NotImplementedError
