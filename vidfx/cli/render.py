"""`vidfx render`."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from vidfx.cli import options
from vidfx.cli.group import Command, Option, origin_of
from vidfx.cli.voice import stopped, telling
from vidfx.progress import choose_progress, minutes

if TYPE_CHECKING:
    from vidfx.job import Rendered
    from vidfx.progress import Progress
    from vidfx.settings import Job

OUTPUT = Option(
    ["-o", "--output"],
    metavar="OUT",
    section="Job",
    help="Where to; clip.STYLE.mp4 beside the clip by default. The suffix chooses the format.",
)
PROGRESS = Option(
    ["--progress"],
    type=click.Choice(["auto", "bar", "lines", "json", "openjd", "none"]),
    default="auto",
    section="Job",
    metavar="KIND",
    help="bar, lines, json (one object a second), openjd (for farms) or none; auto (default) is a bar on a terminal, "
    "lines elsewhere.",
)
RESUME = Option(
    ["--resume/--no-resume"],
    default=True,
    section="Job",
    help="Go on from the parts of a render that was interrupted (default), or begin anew.",
)
DRY_RUN = Option(
    ["-n", "--dry-run"], is_flag=True, section="Job", help="Check everything, say what would be done, paint nothing."
)
VERBOSE = Option(
    ["-v", "--verbose"],
    is_flag=True,
    section="Job",
    help="Say first what is about to be done, and which settings came from a file or variable.",
)


@click.command(
    "render",
    cls=Command,
    params=[
        options.INPUT,
        *options.JOB,
        OUTPUT,
        options.OVERWRITE,
        RESUME,
        PROGRESS,
        options.JSON,
        DRY_RUN,
        options.QUIET,
        VERBOSE,
    ],
    short_help="Paint a clip, a sequence or a still.",
)
@click.pass_context
def render(context: click.Context, /, source: str, output: str | None, **values: Any) -> None:
    """Paint a film clip, an image sequence (shot.%04d.png) or a still in a style.

    Sound, subtitles, chapters, timing and orientation are those of the clip. The output appears under its name when
    it is whole, never before. After an interruption the same command goes on where it was.

    \b
    vidfx render clip.mp4 --style ink
    vidfx render clip.mp4 --style oil -ss 2 -to 4 --strength 0.8 -crf 16 -o cut.mkv
    vidfx render "shot.%04d.exr" --style manga -o "painted.%04d.png"
    """
    progress = choose_progress(values["progress"], quiet=values["quiet"], json=values["json"])
    with telling(progress):
        _run(context, options.job_of(values, source, output), progress, values)


def _run(context: click.Context, job: Job, progress: Progress, values: options.Values) -> None:
    from vidfx.job import Render
    from vidfx.sink import check_free

    with stopped("nothing was left under the output's name"):
        # what is there already is said last: who asks what would be done often asks of a film that is made
        made = Render(replace(job, overwrite=True) if values["dry_run"] else job)
        told = values["verbose"] and not values["quiet"]
        said = made.outline(resume=values["resume"]) if values["dry_run"] or told else {}
        if values["dry_run"] and not values["json"]:
            click.echo("\n".join(_table(said)))
        elif told:
            click.echo("\n".join(_table(said)), err=True)
        for line in _origins(context) if told else ():
            click.echo(line, err=True)
        if values["dry_run"]:
            if not job.overwrite and not made.goes_on:
                check_free(job.output, numbered=made.target.numbered)
            if values["json"]:  # on success only
                options.print_json(said)
            return
        rendered = made.run(resume=values["resume"], progress=progress)
    progress.end()
    progress.finish(closing_line(rendered))
    if values["json"]:
        options.print_json(asdict(rendered))


def closing_line(done: Rendered) -> str:
    """What was written, how long it took, and on what."""
    took = f"{done.seconds:.1f} s" if done.seconds < 60 else minutes(done.seconds)
    pictures = "1 frame" if done.frames == 1 else f"{done.frames} frames"
    pictures += f" ({done.frames_kept} from an earlier run)" if done.frames_kept else ""
    speed = f", {done.speed:.2f}× real time" if done.speed else ""
    return f"wrote {done.path}: {pictures} in {took}{speed}, {done.frames_per_second:.1f} frames/s, on {done.ran_on}"


def _table(planned: dict[str, Any]) -> list[str]:
    lines = []
    for key, value in planned.items():
        name = key.replace("_", " ")
        if isinstance(value, dict):
            lines += _table(value)
        elif value is not None:
            said = " × ".join(map(str, value)) if isinstance(value, list | tuple) else _said(value)
            lines.append(f"{name:<20} {said}")
    return lines


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _origins(context: click.Context) -> list[str]:
    return [
        f"{max(parameter.opts, key=len)} was set to {_said(context.params[parameter.name or ''])} by {origin}"
        for parameter in context.command.params
        if (origin := origin_of(context, parameter))
    ]
