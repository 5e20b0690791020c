"""Which frames each part of a job holds, found from the source's packets; no picture but the first few is decoded."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from vidfx import __version__, sink
from vidfx.choice import Choice, Target
from vidfx.errors import MissingInput, UnreadableInput, UsageError
from vidfx.machine import Runtime, resolve
from vidfx.notices import Notify
from vidfx.parts.origin import Fingerprint, film_id, fingerprint, matte_fingerprint, origin_of, plan_id
from vidfx.pipeline import warm_up_of
from vidfx.seeking import Entry, Stretch, TimeTable
from vidfx.settings import Job, Precision, Range, RuntimeName
from vidfx.source import open_clip, time_table
from vidfx.styles.library import StyleFile, find_style


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A run of frames that is rendered to one file."""

    index: int
    """0 for the first part; parts follow each other without a gap."""
    last: int
    """Number in the clip of its last frame (inclusive)."""
    frames: int
    """How many wanted frames it holds: (last - first) / step + 1."""
    stretch: Stretch
    """How it is painted so that the result equals the single pass to within one step of 255: entered at its first
    frame, without warm-up where a shot is known to begin with it."""

    @property
    def first(self) -> int:
        """Number in the clip of its first frame."""
        return self.stretch.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A job cut into parts. A frozen value; `to_json` and `load` keep it as JSON, paths as given."""

    job: Job
    id: str
    """16 hex digits over everything that changes a pixel or the encoding, the source included, and where the cuts are.
    Threads, batch, tiles and the output's name do not count: parts of one id may come from different machines."""
    film_id: str
    """The same without the cuts, and whether the film has sound: films of one id are equal to within a step of 255."""
    source: Fingerprint
    matte: Fingerprint | None
    version: str
    """Of vidfx: another one may paint otherwise."""
    runtime: RuntimeName
    precision: Precision
    """Both resolved once, so that every machine paints in them."""
    style_name: str
    style_hash: str
    numbered: bool
    """Whether the film is numbered pictures."""
    choice: Choice
    """What the film is written as, decided once, so that every machine encodes alike."""
    total: int
    """Frames that will be written."""
    start: Fraction
    """Time in seconds of the film's first frame on the source's time line."""
    rate: Fraction
    """Average frames per second, for estimates only."""
    parts: tuple[Part, ...]


_PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)


@dataclass(frozen=True, slots=True)
class Survey:
    """A job that was looked at as closely as it can be before it is cut."""

    job: Job
    target: Target
    style: StyleFile
    runtime: Runtime
    source: Fingerprint
    matte: Fingerprint | None
    table: TimeTable
    numbers: range
    """Of the frames that are wanted."""

    def cut(self, part_frames: int | None = None, shots: Sequence[int] = ()) -> Plan:
        """Into parts as `plan` says. Raises UsageError for parts of no frame."""
        if part_frames is not None and part_frames < 1:
            raise UsageError(
                f"a part must hold at least 1 frame, not {part_frames}", hint="without part_frames the size is chosen"
            )
        clip, table, numbers = self.target.clip, self.table, self.numbers
        size = part_frames or default_part_frames(clip.width, clip.height)
        cuts = list(_cuts(numbers, size, shots))
        origin = origin_of(self.job, clip, self.style.hash, self.runtime, self.source, self.matte)
        needed, back = warm_up_of(self.job.look), int(clip.interlaced)
        return Plan(
            job=self.job,
            id=plan_id(origin, cuts if shots else size),
            film_id=film_id(origin, audio=self.job.encode.audio),
            source=self.source,
            matte=self.matte,
            version=__version__,
            runtime=self.runtime.name,
            precision=self.runtime.precision,
            style_name=self.style.name,
            style_hash=self.style.hash,
            numbered=self.target.numbered,
            choice=self.target.choice,
            total=len(numbers),
            start=table.times[numbers[0]] * table.time_base,
            rate=clip.rate,
            parts=tuple(_parts(cuts, numbers, table, needed, set(shots), back=back)),
        )


def plan(
    job: Job,
    *,
    part_frames: int | None = None,
    shots: Sequence[int] = (),
    notify: Notify = lambda _: None,
) -> Plan:
    """Cuts a job into parts of about `part_frames` frames (None: `default_part_frames`).

    `shots` are the numbers of frames that are known to begin a shot: a cut moves to one that is near, and needs no
    warm-up there. Raises what `survey` and `Survey.cut` raise, CannotWrite for an output that is there already.
    """
    return survey(job, may_exist=job.overwrite, notify=notify).cut(part_frames, shots)


def survey(job: Job, *, may_exist: bool, notify: Notify = lambda _: None) -> Survey:
    """Looks at a job: is it possible, and which frames has it? Tells what becomes of the source.

    `may_exist`: whether its output may be there already. Where packets cannot be counted as pictures (AVI, MPEG-TS ...)
    the clip is decoded once to count them, and `notify` is told. Raises the errors of `vidfx.errors`: the job is
    checked as far as that goes without loading the generator.
    """
    style = find_style(job.style)
    clip = open_clip(job.source, video_stream=job.video_stream)
    # numbers past the end stay in the job: they say that nothing is cut off there
    asked, job = job.wanted, replace(job, wanted=job.wanted.clamped(None)[0])
    target = sink.target_of(clip, job, may_exist=may_exist)
    sink.tell_of(target, notify)
    table = time_table(clip, notify=notify)
    wanted, left_out = asked.clamped(len(table.times))
    if left_out:
        notify(left_out)
    numbers = _numbers(table, wanted)
    if not numbers:
        raise UsageError(f"the range holds no frame of '{clip.path}'", hint=f"the clip has {len(table.times)} frames")
    runtime = resolve(job.machine)
    return Survey(job, target, style, runtime, fingerprint(clip), matte_fingerprint(job), table, numbers)


def default_part_frames(width: int, height: int) -> int:
    """Frames of a part where nobody says: 48 to 250, about twenty seconds of work of two cores up to 1920 × 1080."""
    return min(250, max(48, round(2.4e8 / (width * height))))


def _numbers(table: TimeTable, wanted: Range) -> range:
    """The clip's frames that are wanted, as `read_frames` chooses them."""
    times, base = table.times, table.time_base
    first, last = wanted.first or 0, len(times) - 1
    if wanted.start is not None:
        first = max(first, bisect_left(times, times[0] + wanted.start / base))
    if wanted.last is not None:
        last = min(last, wanted.last)
    if wanted.end is not None:
        last = min(last, bisect_left(times, times[0] + wanted.end / base) - 1)
    return range(first, last + 1, wanted.step)


def _cuts(numbers: range, size: int, shots: Sequence[int]) -> Iterator[int]:
    """Where parts begin, as places in `numbers`; at the nearest known shot within half a part, else every `size`."""
    begins = sorted(numbers.index(shot) for shot in set(shots) if shot in numbers)
    place = 0
    while place < len(numbers):
        yield place
        place += size
        near = begins[bisect_right(begins, place - (size + 1) // 2) : bisect_right(begins, place + size // 2)]
        place = min(near, key=lambda shot: abs(shot - place), default=place)


def _parts(
    cuts: list[int], numbers: range, table: TimeTable, needed: int, shots: set[int], *, back: int
) -> Iterator[Part]:
    """`needed`: frames of warm-up in mid-shot; `back`: pictures that a deinterlacer must have seen before the first."""
    for index, place in enumerate(cuts):
        after = cuts[index + 1] if index + 1 < len(cuts) else len(numbers)
        first = numbers[place]
        warm_up = 0 if first in shots else min(needed, place)
        begin = first - warm_up * numbers.step
        point = table.seek_point(first=begin, start=None, before=back) if table.keyframes else None
        enter = Entry(
            index=first,
            pts=table.times[first],
            keyframe=point.keyframe if point else None,
            begin=table.times[begin],
            origin=table.times[0] * table.time_base,
        )
        yield Part(
            index=index,
            last=numbers[after - 1],
            frames=after - place,
            stretch=Stretch(
                first=first,
                enter=enter,
                warm_up=warm_up,
                end=table.times[numbers[after]] if after < len(numbers) else None,
            ),
        )


def to_json(plan: Plan) -> bytes:
    """A plan as it is written. Raises UsageError for a file name that JSON cannot hold."""
    try:
        return _PLAN.dump_json(plan, indent=1)
    except PydanticSerializationError:
        raise UsageError(
            "a plan cannot hold a name that is not UTF-8, of the clip, its matte, the output or a folder above them",
            hint="rename it",
        ) from None


def load(path: Path) -> Plan:
    """Reads a plan. Raises MissingInput, UnreadableInput."""
    try:
        return _PLAN.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise MissingInput(f"there is no plan '{path}'", hint="`vidfx farm plan` writes one") from None
    except (OSError, ValidationError, UsageError) as error:  # the last from a setting that makes no sense
        what = str(error).splitlines()[0]
        hint = "plan anew, with -y to put that plan in its place"
        raise UnreadableInput(f"'{path}' is not a plan this version can read ({what})", hint=hint) from error
