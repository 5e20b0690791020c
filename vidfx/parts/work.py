"""One part of a plan, painted to its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vidfx.parts.packets import PartFile
from vidfx.parts.plan import Plan
from vidfx.progress import Progress
from vidfx.settings import Machine

if TYPE_CHECKING:
    from vidfx.stylize import Stylizer


def render_part(
    plan: Plan,
    index: int,
    folder: Path,
    *,
    machine: Machine | None = None,
    stylizer: Stylizer | None = None,
    progress: Progress | None = None,
) -> PartFile:
    """Paints part `index` of a plan into `folder`, exact to the frame, after warming up on the frames before it.

    A part that is already there, whole and of this plan, is returned as it is: the call may be repeated, also by two
    hosts at once (the last rename wins, with the same content). `machine` is this host's own (None: the job's); the
    plan's precision holds on every host. `stylizer` is a style already loaded, for those who paint many parts.
    `progress` counts the part's own frames. Raises UnreadableInput where the source or the style is no longer what was
    planned, IndexError for no such part, and what a render raises.
    """
    raise NotImplementedError


def finished_parts(plan: Plan, folder: Path) -> Mapping[int, PartFile]:
    """The whole parts of this plan that lie in `folder`, by index; others, and damaged files, are passed over."""
    raise NotImplementedError
