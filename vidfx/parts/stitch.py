"""Parts joined to one film, packet for packet, with everything else of the source copied once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vidfx.parts.plan import Plan

if TYPE_CHECKING:
    from vidfx.sink import Written


def stitch(
    plan: Plan,
    folder: Path,
    output: Path | None = None,
    *,
    overwrite: bool | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Written:
    """Joins the plan's parts in `folder` into `output` (None: the job's; relative to the working folder, as always).

    The film is the one that a single pass writes: the same last step. It appears under its name when it is whole.
    Numbered pictures are already where they belong; then this only checks that all are there. Raises MissingInput,
    which names the parts that are not there, UnreadableInput where parts do not fit each other, and what a render
    raises while it writes.
    """
    raise NotImplementedError
