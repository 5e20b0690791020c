"""One render from a command to a finished file."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from vidfx import images, sink
from vidfx.choice import CONTAINERS
from vidfx.errors import UnreadableInput
from vidfx.frames import Clip
from vidfx.notices import Notices
from vidfx.parts import journal
from vidfx.parts.cut import Maker, write_parts
from vidfx.parts.origin import Origin, fingerprint, matte_fingerprint, origin_of, plan_id
from vidfx.parts.packets import PartFile, work_folder
from vidfx.parts.plan import default_part_frames
from vidfx.parts.work import is_there, painted
from vidfx.pipeline import warm_up_of
from vidfx.progress import Progress
from vidfx.provenance import provenance
from vidfx.seeking import Entry, Stretch
from vidfx.settings import Encode, Job, Look, Machine, Range
from vidfx.source import open_clip
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer

EXACT = 2.0**-17
"""Steps of 255, a unit in the last place of 255 as float32: a render that goes on has the bits of an unbroken one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What came of a render."""

    path: Path
    frames: int
    frames_kept: int
    """Of these, how many an earlier run that was interrupted had finished."""
    seconds: float
    """Wall time of the render, from the first frame's decoding to the file under its name."""
    speed: float
    """Seconds of film for a second of time; 1 is real time. 0 for a still."""
    frames_per_second: float
    ran_on: str
    """Device, runtime, precision, batch and tiles."""
    style: str
    style_hash: str
    notices: tuple[str, ...]
    codec: str
    pix_fmt: str


def default_output(source: Path | str, style: str) -> Path:
    """Where a render goes when nobody says: beside the source, as `clip.ink.mp4` or `shot.ink.%04d.png`.

    `style` is a name, a folder or a file. Raises MissingInput for none that is there.
    """
    stem, suffix = split_name(source)
    # not with_name: "." and "/" have none, and whoever opens them says that they are folders
    return Path(source).parent / f"{stem}.{find_style(style).name}{suffix}"


def split_name(source: Path | str) -> tuple[str, str]:
    """What a painting of the source keeps of its name, and the suffix for one it can be written with.

    `clip.mp4` is `clip` and `.mp4`, `clip.flv` is `clip` and `.mkv`, `shot.%04d.exr` is `shot` and `.%04d.exr`.
    """
    source = Path(source)
    if images.is_pattern(source):
        head, dot, rest = source.name.partition(".")
        return head, dot + rest
    known = source.suffix.lower() in (*CONTAINERS, *images.SUFFIXES)
    return source.stem, source.suffix if known else ".mkv"


def render(
    source: Path | str,
    output: Path | str | None = None,
    *,
    style: str,
    look: Look = Look(),
    wanted: Range = Range(),
    encode: Encode = Encode(),
    machine: Machine = Machine(),
    overwrite: bool = False,
    strict: bool = False,
    video_stream: int | None = None,
    resume: bool = True,
    part_frames: int | None = None,
    progress: Progress | None = None,
) -> Rendered:
    """Paints a film, an image sequence or a still in a style, and writes it with everything else the source has.

    The file appears under its name when it is whole. Until then finished parts of `part_frames` frames (None: about
    twenty seconds of work) lie in a hidden folder beside it, and the same call goes on from them after an interruption
    unless `resume` is False. `strict` refuses what a container cannot hold instead of converting or dropping it,
    and a damaged source instead of painting what decodes.
    Raises the errors of `vidfx.errors`; TryAgain where another process is rendering the same output.
    """
    job = Job(
        source=Path(source),
        output=Path(default_output(source, style) if output is None else output),
        style=style,
        look=look,
        wanted=wanted,
        encode=encode,
        machine=machine,
        overwrite=overwrite,
        strict=strict,
        video_stream=video_stream,
    )
    return Render(job).run(resume=resume, part_frames=part_frames, progress=progress)


class Render:
    """A job that has been checked, with its style loaded."""

    def __init__(self, job: Job) -> None:
        """Refuses whatever can be refused before a frame is painted. Raises the errors of `vidfx.errors`."""
        self._asked = job.wanted
        self.job = replace(job, wanted=job.wanted.clamped(None)[0])
        found = find_style(job.style)
        self.clip = open_clip(job.source, video_stream=job.video_stream)
        # pictures beside the work folder of a render that was interrupted are its own
        self.goes_on = images.is_pattern(job.output) and work_folder(job.output).is_dir()
        self.target = sink.target_of(self.clip, self.job, may_exist=job.overwrite or self.goes_on)
        self.stylizer = Stylizer(found, job.machine)
        self.ran_on = self.stylizer.describe(self.clip.height, self.clip.width)

    def outline(self, *, resume: bool = True, part_frames: int | None = None) -> dict[str, object]:
        """What `run` would do."""
        job, look, choice = self.job, self.job.look, self.target.choice
        return {
            "source": str(job.source),
            "kind": self.clip.kind,
            "size": [self.clip.width, self.clip.height],
            "frames": _expected(self.clip, job.wanted),
            "output": str(job.output),
            "frames_kept": self._frames_kept(part_frames) if resume else 0,
            "style": self.stylizer.card.name,
            "style_hash": self.stylizer.style.hash,
            "runs_on": self.ran_on,
            "look": asdict(look) | {"matte": str(look.matte) if look.matte else None},
            "strict": job.strict,
            "codec": choice.codec,
            "pix_fmt": choice.pix_fmt,
            "encoder": sink.encoder_options(job.output, choice.codec, choice.pix_fmt, job.encode),
        }

    def run(self, *, resume: bool = True, part_frames: int | None = None, progress: Progress | None = None) -> Rendered:
        """Paints, and goes on where an earlier run was interrupted."""
        progress = progress or Progress()
        began = time.perf_counter()
        try:
            written, parts, kept = self._write(resume, part_frames, progress)
        finally:
            progress.end()
        seconds = time.perf_counter() - began
        painted = written.frames - kept
        length = float(parts[-1].end - parts[0].start) if parts and self.clip.kind != "still" else 0.0
        return Rendered(
            path=written.path,
            frames=written.frames,
            frames_kept=kept,
            seconds=seconds,
            speed=length * painted / written.frames / seconds,
            frames_per_second=painted / seconds,
            ran_on=self.ran_on,
            style=self.stylizer.card.name,
            style_hash=self.stylizer.style.hash,
            notices=written.notices,
            codec=written.codec,
            pix_fmt=written.pix_fmt,
        )

    def _write(
        self, resume: bool, part_frames: int | None, progress: Progress
    ) -> tuple[sink.Written, list[PartFile], int]:
        """What was written, of which parts, and how many frames of them were there before."""
        job, clip = self.job, self.clip
        notices = Notices(progress.notice)
        sink.tell_of(self.target, notices)
        if clip.kind == "still":
            progress.begin(1, clip.rate)
            with closing(painted(job, self.target, self.stylizer, notices)) as frames:
                return sink.write_still(frames, self.target, notices, progress.frame), [], 0
        size, origin, identity = self._made_from(part_frames)
        there = partial(is_there, target=self.target)
        with journal.opened(job.output, origin, identity, resume=resume, notify=notices, counts=there) as work:
            parts = list(work.kept)
            kept = sum(part.frames for part in parts)
            progress.begin(_expected(clip, job.wanted), clip.rate, kept)
            if kept:
                progress.say(f"going on after {kept} frames of an earlier run")
            if not (parts and parts[-1].ends):
                with closing(painted(job, self.target, self.stylizer, notices, self._left(parts))) as frames:
                    parts += write_parts(
                        frames,
                        work.folder,
                        self.target,
                        made_by=Maker(plan_id=identity, ran_on=self.ran_on),
                        index=len(parts),
                        part_frames=size,
                        start=parts[0].start if parts else None,
                        notify=notices,
                        on_frame=progress.frame,
                    )
            if job.wanted.end is None and (left_out := self._asked.clamped(parts[-1].last + 1)[1]):
                notices(left_out)
            if self._made_from(part_frames)[1].source != origin.source:
                journal.clear(work.folder)  # what is painted is neither's
                raise UnreadableInput(
                    f"'{clip.path}' or its matte was changed while it was being rendered",
                    hint="nothing else may write there meanwhile; the same command begins anew",
                )
            written = sink.join(
                parts,
                work.folder,
                self.target,
                metadata=provenance(self.stylizer.card.name, self.stylizer.style.hash, job, parts),
                strict=job.strict,
                overwrite=job.overwrite,
                notices=notices,
            )
        return written, parts, kept

    def _made_from(self, part_frames: int | None) -> tuple[int, Origin, str]:
        """How many frames a part has, what it is made from, and the two in one word."""
        size = part_frames or default_part_frames(self.clip.width, self.clip.height)
        style, runtime = self.stylizer.style.hash, self.stylizer.runtime
        origin = origin_of(self.job, self.clip, style, runtime, fingerprint(self.clip), matte_fingerprint(self.job))
        return size, origin, plan_id(origin, size)

    def _frames_kept(self, part_frames: int | None) -> int:
        _, origin, identity = self._made_from(part_frames)
        return journal.frames_kept(self.job.output, origin, identity, partial(is_there, target=self.target))

    def _left(self, parts: list[PartFile]) -> Stretch:
        """The frames that come after the finished parts."""
        if not parts:
            return Stretch()
        done, last = sum(part.frames for part in parts), parts[-1]
        return Stretch(
            first=last.last + 1,
            enter=Entry(index=last.last, pts=last.last_pts),
            warm_up=min(warm_up_of(self.job.look, within=EXACT), done - 1),
        )


def _expected(clip: Clip, wanted: Range) -> int | None:
    """How many frames will come, as far as the container can be believed; for progress only."""
    if clip.frame_count is None:
        return None
    first, last = wanted.first or 0, clip.frame_count - 1
    if wanted.start is not None:
        first = max(first, round(wanted.start * clip.rate))
    if wanted.last is not None:
        last = min(last, wanted.last)
    if wanted.end is not None:
        last = min(last, round(wanted.end * clip.rate) - 1)
    return max(0, (last - first) // wanted.step + 1)


__all__ = ["Job", "Render", "Rendered", "default_output", "render"]
