"""What a worker is asked to do, and what it says while it does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vidfx.errors import Terminated, VidfxError, as_ours
from vidfx.notices import Notify
from vidfx.parts.plan import Plan, survey
from vidfx.pipeline import warm_up_of
from vidfx.progress import Progress
from vidfx.settings import Job, Machine

if TYPE_CHECKING:
    from vidfx.sink import Written
    from vidfx.styles.stylizer import Stylizer

WORTH_WARMING = 20
"""A part's frames for each that is painted only to warm up: what parts cost against none is then a twentieth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePlan:
    """Cut a film up."""

    film: int
    """Which film of the batch."""
    job: Job
    part_frames: int | None = None
    """About how many frames a part shall have; None leaves it to `cut_up`."""
    pieces: int = 1
    """How many workers the film has for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfPlan:
    film: int
    plan: Plan
    folder: Path
    """Where the film's parts lie; the batch holds it."""

    @property
    def job(self) -> Job:
        return self.plan.job


@dataclass(frozen=True, slots=True, kw_only=True)
class PaintPart(_OfPlan):
    """Paint a part of a plan."""

    part: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StitchFilm(_OfPlan):
    """Join the parts of a plan."""


Task = MakePlan | PaintPart | StitchFilm
"""One thing to do for one film of a batch."""


@dataclass(frozen=True, slots=True)
class Frames:
    """So many more are painted."""

    count: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The task could not be done."""

    error: VidfxError


@dataclass(frozen=True, slots=True)
class Planned:
    """The film is cut up so."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Painted:
    """The part lies in its folder."""


@dataclass(frozen=True, slots=True)
class Stitched:
    """The film is there."""

    written: Written


Done = Planned | Painted | Stitched
Said = Frames | Notice | Done | Failed
"""What a worker says of its task: some frames and notices, then what came of it."""
Report = Callable[[Task, Said], None]
"""Where an engine tells what its workers say; called from any thread."""


class Engine(Protocol):
    """Carries out tasks somewhere else, some at once, and reports what becomes of them."""

    workers: int
    """How many parts are painted at once."""

    def submit(self, task: Task) -> None:
        """Takes a task; those that were taken earlier begin earlier, plans before films before parts."""

    def drop(self, film: int) -> None:
        """The film is given up: tasks of it that have not begun never do."""

    def close(self) -> None:
        """Stops everything, at once where it must; nothing is reported any more."""


def perform(task: Task, *, machine: Machine, progress: Progress) -> Done:
    """Does a task here and now. Raises what planning, painting and stitching raise."""
    if isinstance(task, MakePlan):
        return Planned(cut_up(task.job, task.part_frames, pieces=task.pieces, may_exist=True, notify=progress.notice))
    if isinstance(task, PaintPart):
        from vidfx.parts.work import machine_of, render_part

        stylizer = _loaded(task.job.style, machine_of(task.plan, machine))
        render_part(task.plan, task.part, task.folder, stylizer=stylizer, progress=progress)
        return Painted()
    from vidfx.parts.stitch import stitch

    return Stitched(stitch(task.plan, task.folder, build_in=task.folder, notify=progress.notice))


def cut_up(job: Job, part_frames: int | None, *, pieces: int = 1, may_exist: bool = False, notify: Notify) -> Plan:
    """A plan whose parts are long enough that warming up costs little, yet short enough for `pieces` workers.

    Where the film is too short for both, a part is at least as long as its warm-up. Raises what `survey` raises.
    """
    seen = survey(job, may_exist=may_exist, notify=notify)
    warm_up = warm_up_of(job.look)
    made = seen.cut(part_frames or (warm_up * WORTH_WARMING or None))
    if part_frames or len(made.parts) >= pieces:
        return made
    return seen.cut(max(warm_up, -(-made.total // pieces)))


@lru_cache(maxsize=1)
def _loaded(style: str, machine: Machine) -> Stylizer:
    """The style last used stays loaded: a worker paints many parts in it."""
    from vidfx.styles.stylizer import load_style

    return load_style(style, machine=machine)


class Relay(Progress):
    """Passes on what a task says, some frames at a time."""

    EVERY = 8
    """Frames of one message: enough that talk costs nothing, few enough that a bar moves."""

    def __init__(self, say: Callable[[Said], None]) -> None:
        self._say, self._frames = say, 0

    def advance(self, frames: int) -> None:
        self._frames += frames
        if self._frames >= self.EVERY:
            self.end()

    def notice(self, text: str) -> None:
        self._say(Notice(text))

    def end(self) -> None:
        if self._frames:
            self._say(Frames(self._frames))
        self._frames = 0


def carried_out(task: Task, machine: Machine, say: Callable[[Said], None]) -> Done | Failed:
    """Does a task and gives what came of it; errors are ours, whatever they were. Raises Terminated alone."""
    progress = Relay(say)
    try:
        done = perform(task, machine=machine, progress=progress)
        progress.end()
        return done
    except Terminated:
        raise
    except Exception as error:
        return Failed(as_ours(error))
