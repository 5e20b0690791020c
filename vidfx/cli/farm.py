"""`vidfx farm`: a job as a folder that a render farm works in."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidfx.cli import options
from vidfx.cli.batch import PART_FRAMES
from vidfx.cli.group import Command, LazyGroup, Option
from vidfx.cli.render import OUTPUT, PROGRESS
from vidfx.cli.values import Parsed, whole_number
from vidfx.cli.voice import stopped, telling
from vidfx.errors import MissingInput, UsageError
from vidfx.notices import typed
from vidfx.progress import Progress, choose_progress, minutes
from vidfx.ranges import clamp, parse_ranges, write_ranges

if TYPE_CHECKING:
    from vidfx.parts.plan import Plan

FOLDER = click.Argument(["folder"], metavar="JOB", type=options.FILE)
JOB_FOLDER = Option(
    ["--job"],
    type=options.FILE,
    metavar="DIR",
    section="Job",
    help="The job folder to make; OUTPUT.job by default, beside the output.",
)
SOURCE = Option(
    ["--source"],
    type=options.FILE,
    metavar="FILE",
    section="Paths",
    help="Where this host sees the clip, if elsewhere.",
)
MATTE = Option(
    ["--matte"],
    type=options.FILE,
    metavar="FILE",
    section="Paths",
    help="Where this host sees the matte, if elsewhere.",
)
FILM = Option(
    ["-o", "--output"],
    type=options.FILE,
    metavar="FILE",
    section="Paths",
    help="Where the film goes, if elsewhere than the job says.",
)
PATHS = [SOURCE, MATTE, FILM]
PART = Option(
    ["--part"],
    type=Parsed("parts", parse_ranges),
    metavar="RANGE",
    required=True,
    section="Job",
    help="Which parts: 7, 0-99, 0-99x2, or several with commas; numbers past the last part are left out.",
)
HOST = [option for option in options.MACHINE if option.name not in ("runtime", "precision")]
"""What a host decides for itself; what would change a pixel was decided when the job was planned."""
FORMAT = Option(
    ["--format"],
    type=click.Choice(["openjd"]),
    default="openjd",
    metavar="NAME",
    section="Export",
    help="openjd (default): an Open Job Description bundle.",
)
BUNDLE = Option(
    ["-o", "--output"],
    type=options.FILE,
    metavar="DIR",
    section="Export",
    help="The folder of the bundle; `bundle` in the job folder by default.",
)
CHUNK = Option(
    ["--chunk"],
    type=Parsed("parts", whole_number(1)),
    default="1",
    metavar="N",
    section="Export",
    help="Parts that a host gets at once, unless the farm decides; 1 by default.",
)


@click.group(
    "farm",
    cls=LazyGroup,
    commands_at={name: f"vidfx.cli.farm:{name}" for name in ("plan", "render", "status", "stitch", "export")},
    short_help="Cut a job into parts for a render farm.",
)
def farm() -> None:
    """Cut a job into parts for a render farm: plan it once, render parts on any host, stitch the film.

    Whatever hands out the parts, docs/farm.md shows how: a shell loop, Open Job Description, Deadline, OpenCue.
    """


@click.command(
    "plan",
    cls=Command,
    params=[
        options.INPUT,
        *options.JOB,
        OUTPUT,
        JOB_FOLDER,
        PART_FRAMES,
        options.OVERWRITE,
        options.JSON,
        options.QUIET,
    ],
    short_help="Make a job folder.",
)
def plan(source: str, output: str | None, **values: Any) -> None:
    """Cut a clip into parts, and write a job folder that any host can work in.

    Takes what `vidfx render` takes. The same plan again changes nothing, until the film is there.
    """
    from vidfx.farm.folder import PLAN, write_folder
    from vidfx.farm.tasks import cut_up
    from vidfx.images import is_pattern

    progress = choose_progress("none", quiet=values["quiet"], json=values["json"])
    job = options.job_of(values, source, output)
    folder = values["job"] or job.output.with_name(f"{job.output.name.partition('.%')[0]}.job")
    # numbered pictures beside a job folder are what its hosts have painted; another plan's folder is refused below
    ours = is_pattern(job.output) and (folder / PLAN).exists()
    made = cut_up(job, values["part_frames"], may_exist=job.overwrite or ours, notify=progress.notice)
    write_folder(made, folder, overwrite=values["overwrite"])
    progress.finish(f"planned {folder}: {_counted(len(made.parts), 'part')}, {made.total} frames, in {made.precision}")
    here, all_parts = typed(folder), write_ranges(range(len(made.parts)))
    progress.finish(f"next: vidfx farm render {here} --part {all_parts}, or some here and some there")
    progress.finish(f"then: vidfx farm stitch {here}")
    if values["json"]:
        said = {"job": folder, "id": made.id, "parts": len(made.parts), "frames": made.total, "output": job.output}
        options.print_json(said | {"precision": made.precision})


@click.command(
    "render",
    cls=Command,
    params=[FOLDER, PART, *PATHS, *HOST, PROGRESS, options.JSON, options.QUIET],
    short_help="Paint parts of a job.",
)
def render(folder: Path, part: tuple[range, ...], **values: Any) -> None:
    """Paint parts of a job into its folder. A part that is finished is not painted again; nothing needs a network."""
    from vidfx.farm.host import render_parts

    progress = choose_progress(values["progress"], quiet=values["quiet"], json=values["json"])
    with telling(progress), stopped("parts that are finished stay"):
        planned = _read(folder, values)
        wanted = _clamped(part, len(planned.parts), progress)
        host = {option.name: values[option.name] for option in HOST if option.name}
        painted, kept = render_parts(planned, wanted, folder, replace(planned.job.machine, **host), progress)
        already = f", {kept} there already" if kept else ""
        progress.finish(f"painted {_counted(painted, 'part')}{already}")
    if values["json"]:
        options.print_json({"parts": wanted, "painted": painted, "kept": kept})


@click.command(
    "status", cls=Command, params=[FOLDER, *PATHS, options.JSON], short_help="Say which parts of a job are finished."
)
def status(folder: Path, **values: Any) -> None:
    """Say which parts of a job are finished, and about how much work is left.

    Parts are counted, not read through: damage inside one is found by `stitch`, and `render` paints it again.
    """
    from vidfx.farm import host

    said = host.status(_read(folder, values), folder)
    if values["json"]:
        options.print_json(asdict(said) | {"missing_parts": write_ranges(said.missing)})
        return
    click.echo(f"{said.finished} of {said.parts} parts, {said.frames_finished} of {said.frames} frames")
    if said.missing:
        click.echo(f"missing: {write_ranges(said.missing)}")
        if said.seconds_left:
            click.echo(f"about {minutes(said.seconds_left)} of one host's work left")


@click.command(
    "stitch",
    cls=Command,
    params=[FOLDER, *PATHS, options.OVERWRITE, PROGRESS, options.JSON, options.QUIET],
    short_help="Join the parts of a job to a film.",
)
def stitch(folder: Path, **values: Any) -> None:
    """Join the parts of a job to a film, and carry everything else over from the clip. Nothing is encoded again."""
    from vidfx.parts.stitch import stitch as join

    progress = choose_progress(values["progress"], quiet=values["quiet"], json=values["json"])
    with telling(progress), stopped("the parts are all there"):
        planned = _read(folder, values)
        written = join(planned, folder, overwrite=values["overwrite"], notify=progress.notice)
        progress.finish(f"wrote {written.path}: {written.frames} frames of {_counted(len(planned.parts), 'part')}")
    if values["json"]:
        options.print_json({"path": written.path, "frames": written.frames, "parts": len(planned.parts)})


@click.command(
    "export",
    cls=Command,
    params=[FOLDER, FORMAT, BUNDLE, CHUNK, options.OVERWRITE, options.QUIET],
    short_help="Write a job as a bundle for a farm.",
)
def export(folder: Path, output: Path | None, chunk: int, **values: Any) -> None:
    """Write a job as a bundle that a farm's scheduler carries out: render all parts, then stitch."""
    from vidfx.farm import openjd

    bundle = output or folder / "bundle"
    openjd.export(_read(folder, {}), folder, bundle, chunk=chunk, overwrite=values["overwrite"])
    if not values["quiet"]:
        click.echo(f"wrote {bundle}", err=True)


# --- what they share -----------------------------------------------------------------------------------------------


def _read(folder: Path, values: options.Values) -> Plan:
    from vidfx.farm.folder import read_folder
    from vidfx.images import is_pattern

    plan = read_folder(folder, **{name: values.get(name) for name in ("source", "matte", "output")})
    for name, path in (("source", plan.job.source), ("matte", plan.job.look.matte)):
        if name in values and path and not (path.exists() or is_pattern(path)):
            raise MissingInput(f"the job's {name} is not at '{path.absolute()}'", hint=f"name it with --{name} FILE")
    return plan


def _clamped(part: tuple[range, ...], count: int, progress: Progress) -> list[int]:
    wanted, outside = clamp(part, count)
    if not wanted:
        raise UsageError(
            f"the job has no such part: it has 0-{count - 1}", hint="`vidfx farm status` names those that are missing"
        )
    if outside:
        progress.notice(f"{_counted(outside, 'part')} left out: the job has 0-{count - 1}")
    return wanted


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
