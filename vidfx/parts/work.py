"""A job's frames painted, all of them or one part's; and a part of a plan painted to its file."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

from vidfx import __version__
from vidfx.choice import Target
from vidfx.disk import writing
from vidfx.errors import UnreadableInput, UsageError
from vidfx.frames import Clip, Frame
from vidfx.notices import Notices, Notify
from vidfx.parts.cut import Maker, picture_paths, write_parts
from vidfx.parts.origin import fingerprint, matte_fingerprint
from vidfx.parts.packets import PartFile, part_path, read_part
from vidfx.parts.plan import Part, Plan
from vidfx.pipeline import paint
from vidfx.progress import Progress
from vidfx.seeking import Stretch
from vidfx.settings import Job, Machine
from vidfx.source import open_clip
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer


def render_part(
    plan: Plan,
    index: int,
    folder: Path,
    *,
    clip: Clip | None = None,
    stylizer: Stylizer | None = None,
    progress: Progress | None = None,
) -> PartFile:
    """Paints part `index` of a plan into `folder`, exact to the frame, after warming up on the frames before it.

    A part that is already there, whole and of this plan, is returned as it is: the call may be repeated, also by two
    hosts at once (the last rename wins, with the same content). For those who paint many parts `clip` is the
    `planned_clip`, and `stylizer` the style already loaded, as `machine_of` says; `progress` counts the part's own
    frames. Raises UnreadableInput where source, matte, style or vidfx are no longer what was planned, IndexError for no
    such part, and what a render raises.
    """
    part, job, progress = plan.parts[index], plan.job, progress or Progress()
    clip = clip or planned_clip(plan)
    target = planned_target(plan, clip)
    if done := _finished(plan, part, folder, target):
        return done
    stylizer, notices = _planned_style(plan, stylizer), Notices(progress.notice)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    progress.begin(part.frames, plan.rate)
    try:
        with closing(painted(job, target, stylizer, notices, part.stretch)) as frames:
            made = list(
                write_parts(
                    frames,
                    folder,
                    target,
                    made_by=Maker(plan_id=plan.id, ran_on=stylizer.describe(clip.height, clip.width)),
                    index=index,
                    part_frames=part.frames,
                    start=plan.start,
                    ends=part is plan.parts[-1],
                    notify=notices,
                    on_frame=progress.frame,
                )
            )
    finally:
        progress.end()
    if not made:
        raise UnreadableInput(f"no frame of part {index} can be decoded", hint="the source may be damaged there")
    if made[0].frames != part.frames:
        notices(f"part {index}: {made[0].frames} of {part.frames} frames could be decoded")
    return made[0]


def painted(
    job: Job, target: Target, stylizer: Stylizer, notify: Notify, stretch: Stretch = Stretch()
) -> Generator[Frame, None, None]:
    """A job's frames, or a stretch of them: what a render, a render that goes on, and a part have in common."""
    return paint(
        target.clip,
        stylizer,
        look=job.look,
        wanted=target.wanted,
        stretch=stretch,
        pixels=target.choice.pixels,
        strict=job.strict,
        notify=notify,
    )


def finished_parts(
    plan: Plan, folder: Path, wanted: Iterable[int] | None = None, *, clip: Clip | None = None, verify: bool = True
) -> Mapping[int, PartFile]:
    """The whole parts of this plan that lie in `folder`, by index; others, and damaged files, are passed over.

    `wanted` are the indices to look for (None: all), `clip` the `planned_clip` if it is open already. Without `verify`
    no part is read through: to count them.
    """
    target = planned_target(plan, clip or planned_clip(plan))
    parts = plan.parts if wanted is None else [plan.parts[index] for index in wanted]
    found = ((part.index, _finished(plan, part, folder, target, verify=verify)) for part in parts)
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
        (plan.job.look.matte, matte_fingerprint(plan.job), plan.matte),
    ):
        if found and planned and (found.size, found.digest) != (planned.size, planned.digest):
            raise UnreadableInput(f"'{path}' is not the file that was planned for", hint="plan the job anew")
    return clip


def planned_target(plan: Plan, clip: Clip) -> Target:
    """What the plan says that is written of its clip: each host writes as the one that planned."""
    return Target(clip, plan.job.output, plan.job.encode, plan.job.wanted, plan.choice)


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


def _finished(plan: Plan, part: Part, folder: Path, target: Target, *, verify: bool = True) -> PartFile | None:
    """The part's file where it is whole and of this plan; where it is made of pictures, they must lie there too."""
    done = read_part(part_path(folder, part.index), verify=verify)
    ours = done and (done.plan_id, done.index) == (plan.id, part.index)
    return done if done and ours and is_there(done, target) else None


def is_there(part: PartFile, target: Target) -> bool:
    """Whether what a part file stands for is there: where that is pictures, each under its name, and none empty."""
    path = picture_paths(target)
    numbers = range(part.first, part.last + 1, target.wanted.step) if part.is_pictures else ()
    return all(_holds_anything(path(number)) for number in numbers)


def _holds_anything(path: Path) -> bool:
    try:
        found = path.stat()  # once: there may be thousands, on a file server
    except OSError:
        return False
    return S_ISREG(found.st_mode) and found.st_size > 0
