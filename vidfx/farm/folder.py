"""A job as a folder that any host which sees it can work in: what is to be made, the style, and the finished parts.

    job.json                  the plan; paths as below
    style.safetensors         the style, so that no host must have it installed
    part-000000.vidfx ...     finished parts

Paths that lie under the folder which holds the job folder are written from the job folder, so that all of it can be
moved, copied or mounted elsewhere as one. Others are absolute; a host that sees one elsewhere is told where.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from filecmp import cmp
from pathlib import Path

from vidfx.disk import put_in_place, unfinished, write_whole, writing
from vidfx.errors import CannotWrite, UsageError
from vidfx.parts.plan import Plan, load, to_json
from vidfx.settings import Job
from vidfx.styles.library import find_style

PLAN, STYLE = "job.json", "style.safetensors"


def write_folder(plan: Plan, folder: Path, *, overwrite: bool) -> None:
    """Makes the folder, or finds it made from this very plan.

    Raises CannotWrite where it holds another, UsageError for names that a plan cannot hold.
    """
    there = folder / PLAN
    if there.exists() and not overwrite and load(there).id != plan.id:
        raise CannotWrite(f"'{folder}' holds another job", hint="give -y to put this one in its place")
    style = find_style(plan.job.style).path
    if not there.exists() and not overwrite and _is_another(folder / STYLE, style):
        raise CannotWrite(f"'{folder / STYLE}' is another style, and no job's", hint="give --job a folder of its own")
    data = to_json(replace(plan, job=_written_from(folder, plan.job)))
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = unfinished(folder / STYLE)
        try:
            shutil.copyfile(style, temporary)
            put_in_place(temporary, folder / STYLE)
        finally:
            temporary.unlink(missing_ok=True)
        write_whole(there, data)


def _is_another(path: Path, style: Path) -> bool:
    return path.exists() and not cmp(path, style, shallow=False)


def read_folder(
    folder: Path, *, source: Path | None = None, matte: Path | None = None, output: Path | None = None
) -> Plan:
    """The plan in a job folder, with the paths of this host; those that are given lie elsewhere than where it was made.

    Raises MissingInput, UnreadableInput, and UsageError for a matte that the job does not have or for an output of
    another kind.
    """
    plan = load(folder / PLAN)
    job = plan.job
    if matte and not job.look.matte:
        raise UsageError("this job has no matte", hint="leave --matte away")
    if output and output.suffix.lower() != job.output.suffix.lower():
        raise UsageError(f"the job was planned for '{job.output.suffix}', not '{output.name}'", hint="plan it anew")

    def seen(given: Path | None, path: Path) -> Path:
        there = folder / path
        plain = Path(os.path.normpath(there))
        # where the folder is a link, `..` is not what its name says
        return given or (plain if os.path.realpath(plain) == os.path.realpath(there) else there)

    look = replace(job.look, matte=job.look.matte and seen(matte, job.look.matte))
    style = str(seen(None, Path(job.style)))
    return replace(
        plan, job=replace(job, source=seen(source, job.source), output=seen(output, job.output), look=look, style=style)
    )


def _written_from(folder: Path, job: Job) -> Job:
    def written(path: Path) -> Path:
        path, around = absolute(path), absolute(folder).parent
        return Path(os.path.relpath(path, folder)) if path.is_relative_to(around) else path

    matte = job.look.matte and written(job.look.matte)
    look = replace(job.look, matte=matte)
    return replace(job, source=written(job.source), output=written(job.output), look=look, style=STYLE)


def absolute(path: Path) -> Path:
    """From the root and without `..`; links stay, since their names are what other hosts see."""
    return Path(os.path.normpath(path.absolute()))
