"""Jobs to films: hands out tasks, tries again what may work a second time, and sums up.

Each film is planned, its parts are painted by whoever is free, and the last of them lets it be stitched. A film that
fails is told and left; the others go on. What is finished is remembered in the output folder, and parts of what is not
lie beside the film, so that the same batch given again does only what is left.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal

from vidfx.disk import writing_error
from vidfx.errors import CannotWrite, MissingInput, Terminated, UnreadableInput, UsageError, VidfxError
from vidfx.farm.record import is_there, is_whole, remember, remembered
from vidfx.farm.tasks import (
    Done,
    Engine,
    Failed,
    Frames,
    MakePlan,
    Notice,
    Painted,
    PaintPart,
    Planned,
    Report,
    Said,
    Stitched,
    StitchFilm,
    Task,
)
from vidfx.parts.journal import clear, forget, held, is_announced, tidy
from vidfx.parts.packets import work_folder
from vidfx.parts.plan import Plan
from vidfx.parts.work import finished_parts
from vidfx.progress import Progress, minutes
from vidfx.settings import Job

if TYPE_CHECKING:
    from vidfx.parts.packets import PartFile
    from vidfx.sink import Written

State = Literal["waiting", "planning", "painting", "stitching", "done", "skipped", "failed"]
OVER = ("done", "skipped", "failed")
FINAL = (UsageError, MissingInput, UnreadableInput, CannotWrite)
"""Errors that a second try meets again."""


@dataclass
class Film:
    """One film of a batch on its way."""

    number: int
    job: Job
    state: State = "waiting"
    plan: Plan | None = None
    left: set[int] = field(default_factory=set)
    """Parts that are still to be painted."""
    tries: Counter[tuple[type[Task], int | None]] = field(default_factory=Counter)
    """How often a task failed, by its kind and part."""
    counted: Counter[int] = field(default_factory=Counter)
    """Frames of each part that have been reported."""
    frames: int = 0
    began: float = 0.0
    seconds: float = 0.0
    error: VidfxError | None = None
    told: set[str] = field(default_factory=set)
    """Notices, which each of its parts may say again."""
    held: ExitStack = field(default_factory=ExitStack)
    """The lock of its work folder."""

    @property
    def name(self) -> str:
        return self.job.output.name

    @property
    def folder(self) -> Path:
        """Where its parts lie."""
        return work_folder(self.job.output)


class Batch:
    """A run over many films. `retries`: how often a task that failed is tried again."""

    def __init__(
        self,
        jobs: Sequence[Job],
        make_engine: Callable[[Report], Engine],
        *,
        progress: Progress,
        retries: int = 1,
        part_frames: int | None = None,
    ) -> None:
        self.films = [Film(number, job) for number, job in enumerate(jobs)]
        self._make_engine, self._progress = make_engine, progress
        self._retries, self._part_frames = retries, part_frames
        self._events: SimpleQueue[tuple[Task, Said]] = SimpleQueue()
        self._counting = False
        self._before = 0
        """Frames done before the bar began: by an earlier run, or while other films were still being planned."""

    def run(self) -> list[Film]:
        """Makes the films; gives them back, each done, skipped or failed. Raises only what stops everything."""
        self._engine = self._make_engine(lambda task, said: self._events.put((task, said)))
        try:
            for film in self.films:
                self._plan(film)
            while any(film.state not in OVER for film in self.films):
                try:
                    task, said = self._events.get(timeout=0.5)  # wakes up, so that Ctrl-C is noticed on every system
                except Empty:
                    continue
                film = self.films[task.film]
                if film.state not in OVER:
                    self._heed(film, task, said)
        finally:
            self._engine.close()
            for film in self.films:
                film.held.close()
            self._progress.end()
        return self.films

    # --- one event ---------------------------------------------------------------------------------------------

    def _heed(self, film: Film, task: Task, said: Said) -> None:
        if isinstance(said, Frames):
            assert isinstance(task, PaintPart)
            film.counted[task.part] += said.count
            self._count(said.count)
        elif isinstance(said, Notice):
            if said.text not in film.told:
                film.told.add(said.text)
                self._progress.notice(f"{film.name}: {said.text}")
        else:
            try:
                self._go_on(film, task, said)
            except Terminated:  # SIGTERM came in this thread, and means the batch, not the film
                raise
            except VidfxError as error:
                self._fail(film, error)
            self._begin_counting()

    def _go_on(self, film: Film, task: Task, said: Done | Failed) -> None:
        match said:
            case Failed(error):
                self._try_again(film, task, error)
            case Planned(plan):
                self._begin(film, plan)
            case Painted():
                assert isinstance(task, PaintPart)
                film.left.discard(task.part)
                if not film.left:
                    self._stitch(film)
            case Stitched(written):
                self._finish(film, written)

    def _try_again(self, film: Film, task: Task, error: VidfxError) -> None:
        part = task.part if isinstance(task, PaintPart) else None
        film.tries[type(task), part] += 1
        if part is not None:
            self._count(-film.counted.pop(part, 0))
        if isinstance(error, FINAL) or film.tries[type(task), part] > self._retries:
            raise error
        self._progress.notice(f"{film.name}: {error}; trying again")
        self._engine.submit(task)

    # --- the way of a film -------------------------------------------------------------------------------------

    def _plan(self, film: Film) -> None:
        film.state = "planning"
        try:
            film.job.output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._fail(film, writing_error(film.job.output, error))
            return
        pieces = -(-self._engine.workers // len(self.films))
        self._engine.submit(
            MakePlan(
                film=film.number,
                job=film.job,
                part_frames=self._part_frames,
                pieces=pieces,
            )
        )

    def _begin(self, film: Film, planned: Plan) -> None:
        """Passes over a film that is there from this very plan, takes up what an earlier run left of any other."""
        output, film.plan = film.job.output, planned
        made = remembered(output, planned.film_id)
        if made and is_whole(output, made):
            forget(output)
            self._end(film, "skipped", "is there already")
            return
        taken = is_there(output, numbered=planned.numbered) and not film.job.overwrite
        # a work folder says that pictures beside it are an interrupted run's own: none is made beside somebody else's
        begun = film.folder.is_dir() if planned.numbered else is_announced(output)
        there = self._taken_up(film, planned) if begun or not taken else {}
        if taken and not (begun and (planned.numbered or len(there) == len(planned.parts))):
            what = "is no longer as it was made" if made else "exists already, made in another way"
            raise CannotWrite(f"'{output}' {what}", hint="give -y to make it anew")
        film.state, film.began = "painting", time.monotonic()
        film.left = {part.index for part in planned.parts} - set(there)
        self._count(sum(part.frames for part in there.values()), before=True)
        for part in sorted(film.left):
            task = PaintPart(film=film.number, plan=planned, folder=film.folder, part=part)
            self._engine.submit(task)
        if not film.left:
            self._stitch(film)

    def _taken_up(self, film: Film, planned: Plan) -> Mapping[int, PartFile]:
        """Holds the film's work folder, and gives what waits there. A film that fails at once leaves none behind."""
        folder = film.held.enter_context(held(film.job.output))
        film.held.callback(tidy, film.job.output, numbered=planned.numbered)
        return finished_parts(planned, folder)

    def _stitch(self, film: Film) -> None:
        film.state = "stitching"
        assert film.plan is not None
        self._engine.submit(StitchFilm(film=film.number, plan=film.plan, folder=film.folder))

    def _finish(self, film: Film, written: Written) -> None:
        assert film.plan is not None
        film.frames, film.seconds = written.frames, time.monotonic() - film.began
        remember(film.job.output, film.plan.film_id, numbered=film.plan.numbered)
        clear(film.folder)
        self._end(film, "done", f"{film.frames} frames in {minutes(film.seconds)}")

    def _fail(self, film: Film, error: VidfxError) -> None:
        film.error = error
        self._engine.drop(film.number)
        self._end(film, "failed", str(error))

    def _end(self, film: Film, state: State, text: str) -> None:
        film.state = state
        film.held.close()
        over = sum(other.state in OVER for other in self.films)
        self._progress.say(f"[{over}/{len(self.films)}] {film.name}: {state}, {text}")

    # --- progress ----------------------------------------------------------------------------------------------

    def _begin_counting(self) -> None:
        """The bar begins when every film has been planned, with what was painted by then."""
        if self._counting or any(film.state == "planning" for film in self.films):
            return
        self._counting = True
        plans = [film.plan for film in self.films if film.plan and film.state not in ("skipped", "failed")]
        total = sum(planned.total for planned in plans)
        if not total:
            return
        seconds = sum((planned.total / planned.rate for planned in plans), Fraction(0))
        self._progress.begin(total, total / seconds, self._before)

    def _count(self, frames: int, *, before: bool = False) -> None:
        if not self._counting:
            self._before += frames
        elif not before:
            self._progress.advance(frames)
