"""Parts joined to one film, packet for packet, with everything else of the source copied once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from vidfx import sink
from vidfx.errors import MissingInput
from vidfx.notices import Notices, Notify, typed
from vidfx.parts import journal
from vidfx.parts.plan import Plan
from vidfx.parts.work import finished_parts, planned_clip, planned_target
from vidfx.provenance import provenance
from vidfx.ranges import write_ranges


def stitch(
    plan: Plan,
    folder: Path,
    *,
    overwrite: bool = False,
    build_in: Path | None = None,
    notify: Notify = lambda _: None,
) -> sink.Written:
    """Joins the plan's parts in `folder` into the job's output.

    The film is the one that a single pass writes: the same last step. It appears under its name when it is whole. Until
    then it lies in `build_in`, a folder that the caller holds, on the output's own file system (None: the output's
    work folder, held meanwhile). Numbered pictures are already where they belong; then this only checks that all are
    there. `overwrite` replaces a film that is there, as `job.overwrite` does. Raises MissingInput that names the parts
    that are not there, UnreadableInput where parts do not fit each other, TryAgain where another process makes the same
    output, and what a render raises while it writes.
    """
    job = plan.job
    clip = planned_clip(plan)
    target = planned_target(plan, clip)
    done = finished_parts(plan, folder, clip=clip)
    missing = [part.index for part in plan.parts if part.index not in done]
    if missing:
        named = ", ".join(map(str, missing[:8])) + (" ..." if len(missing) > 8 else "")
        raise MissingInput(
            f"{len(missing)} of {len(plan.parts)} parts are not finished: {named}",
            hint=f"vidfx farm render {typed(folder)} --part {write_ranges(missing)}",
        )
    overwrite = overwrite or job.overwrite or journal.is_announced(job.output)  # by one who was ended right after it
    sink.check_output(job.output, clip, matte=job.look.matte)
    if not overwrite and target.muxer:  # pictures that lie there are the parts' own
        sink.check_free(job.output, numbered=target.numbered)
    parts, notices = [done[part.index] for part in plan.parts], Notices(notify)
    sink.tell_of(target, notices)
    with ExitStack() as stack:
        return sink.join(
            parts,
            build_in or stack.enter_context(journal.borrowed(job.output)),
            target,
            metadata=provenance(plan.style_name, plan.style_hash, job, parts),
            strict=job.strict,
            overwrite=overwrite,
            notices=notices,
        )
