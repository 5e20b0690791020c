"""Some parts of a job folder, painted here; and what is there of a job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidfx.choice import Target
from vidfx.disk import writing
from vidfx.errors import CannotWrite
from vidfx.farm.record import is_there
from vidfx.notices import Notices
from vidfx.parts.cut import picture_paths
from vidfx.parts.packets import part_path
from vidfx.parts.plan import Part, Plan
from vidfx.parts.work import finished_parts, machine_of, planned_clip, planned_target, render_part
from vidfx.progress import Progress
from vidfx.settings import Machine
from vidfx.sink import check_output
from vidfx.styles.stylizer import load_style


class Within(Progress):
    """Passes on what parts say, each notice once; when one of them begins and ends is not said."""

    def __init__(self, whole: Progress) -> None:
        self._whole, self._notices = whole, Notices(whole.notice)

    def notice(self, text: str) -> None:
        self._notices(text)

    def say(self, text: str) -> None:
        self._whole.say(text)

    def advance(self, frames: int) -> None:
        self._whole.advance(frames)


def render_parts(
    plan: Plan, wanted: Sequence[int], folder: Path, machine: Machine, progress: Progress
) -> tuple[int, int]:
    """Paints those of the wanted parts that are not finished; how many were painted, and how many were there.

    Raises UsageError where their pictures would take the place of the clip's or the matte's, CannotWrite where they
    would take that of pictures that are not the job's, and what a part raises.
    """
    clip = planned_clip(plan)
    if plan.numbered:
        check_output(plan.job.output, clip, matte=plan.job.look.matte)
    there = finished_parts(plan, folder, wanted, clip=clip)
    frames = sum(plan.parts[index].frames for index in wanted)
    progress.begin(frames, plan.rate, sum(part.frames for part in there.values()))
    try:
        if left := [index for index in wanted if index not in there]:
            target = planned_target(plan, clip)
            stylizer, within = load_style(plan.job.style, machine=machine_of(plan, machine)), Within(progress)
            for index in left:
                if plan.numbered:
                    _begin_pictures(target, plan.parts[index], folder, overwrite=plan.job.overwrite)
                render_part(plan, index, folder, clip=clip, stylizer=stylizer, progress=within)
    finally:
        progress.end()
    return len(left), len(there)


def _begin_pictures(target: Target, part: Part, folder: Path, *, overwrite: bool) -> None:
    """Makes a sign that the part's pictures are the job's own from now on, also those that a killed host leaves.

    Raises CannotWrite where one is there already that was not begun here.
    """
    sign = part_path(folder, part.index).with_suffix(".begun")
    if not overwrite and not sign.exists():
        numbers = range(part.first, part.last + 1, target.wanted.step)
        if taken := next((path for path in map(picture_paths(target), numbers) if os.path.lexists(path)), None):
            hint = "give another name with -o, or plan the job with -y to overwrite it"
            raise CannotWrite(f"'{taken}' is there and none of this job's", hint=hint)
    with writing(sign):
        sign.touch()


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a job is."""

    id: str
    source: Path
    output: Path
    parts: int
    finished: int
    missing: list[int]
    """Indices of parts."""
    frames: int
    frames_finished: int
    seconds_painted: float
    seconds_left: float | None
    """Of one host's work; None before anything is painted."""
    ran_on: list[str]
    film_there: bool


def status(plan: Plan, folder: Path) -> Status:
    """How far a job is, from what lies in its folder."""
    there = finished_parts(plan, folder, verify=False)
    missing = [part.index for part in plan.parts if part.index not in there]
    seconds = sum(part.seconds for part in there.values())
    done = sum(part.frames for part in there.values())
    return Status(
        id=plan.id,
        source=plan.job.source,
        output=plan.job.output,
        parts=len(plan.parts),
        finished=len(there),
        missing=missing,
        frames=plan.total,
        frames_finished=done,
        seconds_painted=round(seconds, 1),
        seconds_left=round((plan.total - done) * seconds / done, 1) if done else None,
        ran_on=sorted({part.ran_on for part in there.values()}),
        film_there=is_there(plan.job.output, numbered=plan.numbered),
    )
