"""A job's frames painted, all of them or one part's; and a part of a plan painted to its file."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from vidfx import __version__, sink
from vidfx.disk import writing
from vidfx.errors import UnreadableInput, UsageError
from vidfx.frames import Clip, Frame
from vidfx.notices import Notices, Notify
from vidfx.parts.cut import Setup, picture_paths, write_parts
from vidfx.parts.origin import fingerprint, matte_of
from vidfx.parts.packets import PartFile, part_path, read_part
from vidfx.parts.plan import Part, Plan
from vidfx.pipeline import paint
from vidfx.progress import Progress
from vidfx.seeking import Entry
from vidfx.settings import Job, Machine
from vidfx.source import open_clip
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer


def render_part(
    plan: Plan,
    index: int,
    folder: Path,
    *,
    stylizer: Stylizer | None = None,
    progress: Progress | None = None,
) -> PartFile:
    """Paints part `index` of a plan into `folder`, exact to the frame, after warming up on the frames before it.

    A part that is already there, whole and of this plan, is returned as it is: the call may be repeated, also by two
    hosts at once (the last rename wins, with the same content). `stylizer` is the style already loaded, as
    `machine_of` says, for those who paint many parts; `progress` counts the part's own frames. Raises UnreadableInput
    where source, matte, style or vidfx are no longer what was planned, IndexError for no such part, and what a render
    raises.
    """
    part, job, progress = plan.parts[index], plan.job, progress or Progress()
    clip = planned_clip(plan)
    if done := _finished(plan, part, folder, clip):
        return done
    stylizer = _planned_style(plan, stylizer)
    setup = Setup(
        plan=plan.id,
        clip=clip,
        output=job.output,
        encode=job.encode,
        wanted=job.wanted,
        ran_on=stylizer.describe(clip.height, clip.width),
        start=plan.start,
        part_frames=part.frames,
        notify=Notices(progress.notice),
    )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    progress.begin(part.frames, plan.rate)
    try:
        frames = _part_frames(plan, part, clip, stylizer, setup.notify)
        with closing(frames):
            ends = part.end is None
            made = list(write_parts(frames, folder, setup, index=index, ends=ends, on_frame=progress.frame))
    finally:
        progress.end()
    if not made:
        raise UnreadableInput(f"no frame of part {index} can be decoded", hint="the source may be damaged there")
    if made[0].frames != part.frames:
        setup.notify(f"part {index}: {made[0].frames} of {part.frames} frames could be decoded")
    return made[0]


def _part_frames(
    plan: Plan, part: Part, clip: Clip, stylizer: Stylizer, notify: Notify
) -> Generator[Frame, None, None]:
    return painted(
        plan.job,
        clip,
        stylizer,
        notify,
        first=part.first,
        enter=part.enter,
        before=part.skip,
        warm_up=part.warm_up,
        end=part.end,
    )


def painted(
    job: Job,
    clip: Clip,
    stylizer: Stylizer,
    notify: Notify,
    *,
    first: int = 0,
    enter: Entry | None = None,
    before: int = 0,
    warm_up: int = 0,
    end: int | None = None,
) -> Generator[Frame, None, None]:
    """A job's frames from number `first` on, painted as if those before it had just been.

    All of them, or those of a part: reading goes in at `enter`, before which there are `before` frames of the job; the
    last `warm_up` of these, and what comes before `first`, are painted and dropped. From `end` on, a pts, frames are
    only looked at. What a render, a render that goes on, and a part have in common.
    """
    frames = paint(
        clip,
        stylizer,
        look=job.look,
        wanted=job.wanted,
        warm_up=warm_up,
        enter=enter,
        skip=before - warm_up,
        end=end,
        pixels=sink.choice_of(job.output, clip, job.encode).pixels,
        strict=job.strict,
        notify=notify,
    )
    with closing(frames):  # type: ignore[type-var]  # a generator
        yield from (frame for frame in frames if frame.index >= first)


def finished_parts(
    plan: Plan, folder: Path, wanted: Iterable[int] | None = None, *, verify: bool = True
) -> Mapping[int, PartFile]:
    """The whole parts of this plan that lie in `folder`, by index; others, and damaged files, are passed over.

    `wanted` are the indices to look for (None: all). Without `verify` no part is read through: to count them.
    """
    clip = planned_clip(plan)
    parts = plan.parts if wanted is None else [plan.parts[index] for index in wanted]
    found = ((part.index, _finished(plan, part, folder, clip, verify=verify)) for part in parts)
    return {index: part for index, part in found if part}


def planned_clip(plan: Plan) -> Clip:
    """The job's source, opened. Raises UnreadableInput where it, the matte or vidfx is not what was planned for."""
    if plan.version != __version__:
        raise UnreadableInput(
            f"the job was planned by vidfx {plan.version}, this is {__version__}", hint="plan it anew"
        )
    clip = open_clip(plan.job.source, video_stream=plan.job.video_stream)
    for path, found, planned in (
        (clip.path, fingerprint(clip), plan.source),
        (plan.job.look.matte, matte_of(plan.job), plan.matte),
    ):
        if found and planned and (found.size, found.digest) != (planned.size, planned.digest):
            raise UnreadableInput(f"'{path}' is not the file that was planned for", hint="plan the job anew")
    return clip


def machine_of(plan: Plan, host: Machine) -> Machine:
    """What a host paints a plan's parts on: its own device and threads, the plan's runtime and precision."""
    return replace(host, runtime=plan.runtime, precision=plan.precision)


def _planned_style(plan: Plan, stylizer: Stylizer | None) -> Stylizer:
    if stylizer is None:
        stylizer = Stylizer(find_style(plan.job.style), machine_of(plan, plan.job.machine))
    if stylizer.style.hash != plan.style_hash:
        raise UnreadableInput(f"the style '{plan.job.style}' is not the one that was planned for", hint="plan anew")
    loaded, planned = (stylizer.runtime.name, stylizer.runtime.precision), (plan.runtime, plan.precision)
    if loaded != planned:
        raise UsageError(
            f"the plan is for {' '.join(planned)}, the style was loaded in {' '.join(loaded)}",
            hint="load it on `machine_of(plan, machine)`",
        )
    return stylizer


def _finished(plan: Plan, part: Part, folder: Path, clip: Clip, *, verify: bool = True) -> PartFile | None:
    """The part's file where it is whole and of this plan; where it is made of pictures, they must lie there too."""
    done = read_part(part_path(folder, part.index), verify=verify)
    if done is None or done.plan != plan.id:
        return None
    return done if done.codec or pictures_there(done, plan.job.output, clip, plan.job.wanted.step) else None


def pictures_there(part: PartFile, output: Path, clip: Clip, step: int) -> bool:
    """Whether every picture of a part without packets lies under its name."""
    path = picture_paths(output, clip)
    return all(path(number).is_file() for number in range(part.first, part.last + 1, step))
