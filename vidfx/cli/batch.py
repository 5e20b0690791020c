"""`vidfx batch`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidfx.cli import options
from vidfx.cli.group import Command, Option
from vidfx.cli.render import PROGRESS
from vidfx.cli.values import Parsed, whole_number
from vidfx.cli.voice import stopped, telling
from vidfx.errors import VidfxError
from vidfx.progress import Progress, choose_progress, minutes

if TYPE_CHECKING:
    from vidfx.farm.batch import Film
    from vidfx.farm.tasks import Engine, Report
    from vidfx.settings import Job

OUTPUT = Option(
    ["-o", "--output"],
    type=options.FILE,
    metavar="DIR",
    section="Job",
    help="The folder of the films, in place of the job file's own.",
)
ENGINE = Option(
    ["--engine"],
    type=click.Choice(["local", "ray"]),
    default="local",
    metavar="NAME",
    section="Workers",
    help="local (default): processes on this machine; ray: a Ray cluster.",
)
WORKERS = Option(
    ["--workers"],
    type=Parsed("workers", whole_number(1, auto=None)),
    default="auto",
    metavar="N",
    section="Workers",
    help="Parts painted at once; auto (default) is one for each GPU, on a CPU one for every two cores.",
)
ADDRESS = Option(
    ["--address"],
    metavar="HOST:PORT",
    section="Workers",
    help="The Ray cluster to use; auto finds one on this machine. Without it Ray starts its own here.",
)
SHARE = Option(
    ["--share"],
    type=click.Choice(["auto", "folder", "objects"]),
    default="auto",
    metavar="HOW",
    section="Workers",
    help="How films reach Ray's hosts: a shared folder, or Ray's objects; auto (default) looks on each host.",
)
RETRIES = Option(
    ["--retries"],
    type=Parsed("retries", whole_number(0)),
    default="1",
    metavar="N",
    section="Workers",
    help="How often a part that failed is tried again, 1 by default.",
)
PART_FRAMES = Option(
    ["--part-frames"],
    type=Parsed("frames", whole_number(1, auto=None)),
    default="auto",
    metavar="N",
    section="Workers",
    help="About how many frames a part has; auto (default): so many that parts cost a twentieth at most.",
)
OVERWRITE = Option(
    ["-y", "--overwrite"], is_flag=True, section="Job", help="Overwrite films that were made in another way."
)
DRY_RUN = Option(["-n", "--dry-run"], is_flag=True, section="Job", help="Say which films would be made, make none.")

CLIP = Command("clip", params=[*options.JOB])
"""What `[defaults]` and a `[[clip]]` may say: each clip is read as the command line that it stands for."""


@click.command(
    "batch",
    cls=Command,
    params=[
        click.Argument(["jobs"], metavar="JOBS", type=options.FILE),
        ENGINE,
        WORKERS,
        ADDRESS,
        SHARE,
        RETRIES,
        PART_FRAMES,
        OUTPUT,
        OVERWRITE,
        PROGRESS,
        options.JSON,
        DRY_RUN,
        options.QUIET,
    ],
    short_help="Paint many clips, as a job file says.",
)
def batch(jobs: Path, **values: Any) -> None:
    """Paint many clips in many styles, as a job file (TOML) says.

    A clip that fails does not stop the others. The same command again makes only what is left.
    """
    from vidfx.farm.jobfile import read_jobs

    progress = choose_progress(values["progress"], quiet=values["quiet"], json=values["json"])
    with telling(progress):
        style = os.environ.get("VIDFX_STYLE") or _render_settings().get("style")
        read = read_jobs(jobs, CLIP, _job, output=values["output"], style=style)
        read = [replace(job, overwrite=values["overwrite"]) for job in read]
        if values["dry_run"]:
            _say_what_would_be_made(read, values["json"])
            return
        with stopped("the same command goes on with what is left"):
            films = _run(read, progress, values)
        _sum_up(films, progress, values["json"])


def _job(source: Path, output: Path, style: str, settings: dict[str, Any]) -> Job:
    """One clip of a job file, read as flags: what it leaves out comes from VIDFX_* and from [render] in vidfx.toml."""
    context = click.get_current_context()
    with CLIP.make_context("clip", _flags(style, settings), parent=context, default_map=_render_settings()) as clip:
        return options.job_of(clip.params, source, output)


def _render_settings() -> dict[str, Any]:
    found: dict[str, Any] = (click.get_current_context().find_root().default_map or {}).get("render", {})
    return found


def _flags(style: str, settings: dict[str, Any]) -> list[str]:
    flags = [f"--style={style}"]
    for parameter in CLIP.params:
        value = settings.get(parameter.name or "")
        name = max(parameter.opts, key=len)
        if isinstance(value, bool):
            flags.append(name if value else max(parameter.secondary_opts, key=len))
        elif value is not None:
            flags += [f"{name}={item}" for item in (value if isinstance(value, list) else [value])]
    return flags


def _run(jobs: list[Job], progress: Progress, values: options.Values) -> list[Film]:
    from vidfx.farm.batch import Batch
    from vidfx.farm.local import LocalEngine, default_workers

    def make_engine(report: Report) -> Engine:
        workers = values["workers"]
        if values["engine"] == "ray":
            from vidfx.farm.ray import RayEngine

            return RayEngine(report, workers=workers, address=values["address"], share=values["share"])
        return LocalEngine(workers or default_workers(), report)

    return Batch(
        jobs, make_engine, progress=progress, retries=values["retries"], part_frames=values["part_frames"]
    ).run()


def _say_what_would_be_made(jobs: list[Job], as_json: bool) -> None:
    if as_json:
        films = [{"source": job.source, "output": job.output, "style": job.style} for job in jobs]
        options.print_json({"films": films})
        return
    for job in jobs:
        click.echo(f"{job.source}  ->  {job.output}")


def _sum_up(films: list[Film], progress: Progress, as_json: bool) -> None:
    """The table where the progress goes, the object on stdout, and an error where a film failed."""
    failed = [film for film in films if film.error is not None]
    if as_json:
        options.print_json({"films": [_entry(film) for film in films], "failed": len(failed)})
    *lines, total = _table(films)
    for line in lines:
        progress.say(line)
    (progress.say if failed else progress.finish)(total)
    if failed:
        codes = {film.error.exit_code for film in failed if film.error}
        error = VidfxError(
            f"{len(failed)} of {len(films)} films failed", hint="the same command again makes only what is left"
        )
        error.exit_code = codes.pop() if len(codes) == 1 else VidfxError.exit_code
        raise error


def _entry(film: Film) -> dict[str, Any]:
    entry = {"source": film.job.source, "output": film.job.output, "style": film.job.style, "state": film.state}
    if film.error is not None:
        return entry | {"error": str(film.error), "hint": film.error.hint, "exit_code": film.error.exit_code}
    return entry | {"frames": film.frames, "seconds": round(film.seconds, 2)}


def _table(films: list[Film]) -> list[str]:
    width = max(len(film.name) for film in films)
    lines = []
    for film in films:
        said = (
            str(film.error) if film.error else f"{film.frames} frames in {minutes(film.seconds)}" if film.frames else ""
        )
        lines.append(f"{film.name:<{width}}  {film.state:<7}  {said}".rstrip())
    counted = [
        f"{count} {state}" for state in ("done", "skipped", "failed") if (count := sum(f.state == state for f in films))
    ]
    return [*lines, ", ".join(counted)]
