"""`vidfx evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidfx.cli import options
from vidfx.cli.group import Command, Option
from vidfx.cli.values import Parsed, whole_number
from vidfx.cli.voice import stopped
from vidfx.errors import NotMet, UsageError
from vidfx.evaluation.require import Requirement, parse_requirements
from vidfx.progress import Progress, choose_progress

if TYPE_CHECKING:
    from vidfx.evaluation.results import Evaluation

STYLE = Option(
    ["--style"],
    metavar="NAME",
    section="Style",
    help="Also measure the distance to this style's own pictures, if it comes with what was measured of them.",
)
STYLE_PICTURES = Option(
    ["--style-pictures"],
    type=options.FILE,
    metavar="DIR",
    section="Style",
    help="Also measure the distance to the pictures in this folder.",
)
FEATURES = Option(
    ["--features"],
    type=options.FILE,
    metavar="FILE",
    section="Style",
    help="The feature network for that: VGG16 or EfficientNet-Lite0 as safetensors.",
)
FLOW = Option(
    ["--flow"],
    type=click.Choice(["dis", "farneback"]),
    default="dis",
    metavar="NAME",
    section="Measure",
    help="Optical flow that follows the source: dis (default) or farneback.",
)
SIZE = Option(
    ["--size"],
    type=Parsed("size", whole_number(16)),
    default="960",
    metavar="N",
    section="Measure",
    help="Longest side in pixels at which pictures are compared; larger ones are reduced to it. 960 by default.",
)
REQUIRE = Option(
    ["--require"],
    type=Parsed("requirements", parse_requirements),
    metavar="LIST",
    section="Job",
    help="Exit with 3 unless every render meets these, such as warp_short<=0.002,sharpness>=0.95.",
)
OUTPUT = Option(
    ["-o", "--output"], type=options.FILE, metavar="REPORT", section="Job", help="Write a report, such as report.html."
)


@click.command(
    "evaluate",
    cls=Command,
    params=[
        click.Argument(["source"], metavar="SOURCE"),
        click.Argument(["styled"], metavar="STYLED...", nargs=-1, required=True),
        FLOW,
        SIZE,
        *options.RANGE,
        STYLE,
        STYLE_PICTURES,
        FEATURES,
        OUTPUT,
        REQUIRE,
        options.VIDEO_STREAM,
        options.THREADS,
        options.OVERWRITE,
        options.JSON,
        options.QUIET,
    ],
    short_help="Say with numbers how good a render is.",
)
def evaluate(source: str, styled: tuple[str, ...], **values: Any) -> None:
    """Say with numbers how good renders of one source are, whatever tool made them.

    Steadiness beside sharpness and ghosting, likeness to the film, distance to a style, and fidelity of frames, times,
    streams and tags. -ss, -to and --frames name the part of the source that was rendered.
    """
    progress = choose_progress("auto", quiet=values["quiet"], json=values["json"])
    output: Path | None = values["output"]
    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a report is a page: '{output}' should end in .html", hint="--json prints the numbers")
    if output is not None:
        from vidfx.sink import check_report

        check_report(output, [source, *styled], overwrite=values["overwrite"])
    with stopped("no report was written"):
        try:
            found = _measured(source, styled, values, progress)
        finally:
            progress.end()
        if output is not None:
            from vidfx.evaluation.report import write_report

            write_report(found, output)
            progress.finish(f"wrote {output}")
    if values["json"]:
        options.print_json(found.to_json())
    elif not values["quiet"]:
        from vidfx.evaluation.verdict import spoken

        click.echo(spoken(found))
    _gate(found, values["require"] or ())


def _measured(source: str, styled: tuple[str, ...], values: options.Values, progress: Progress) -> Evaluation:
    from vidfx.evaluation.run import Wanted, evaluate

    wanted = options.range_of(values)
    names = ("flow", "size", "style", "style_pictures", "features", "threads", "video_stream")
    given = {name: values[name] for name in names}
    found = evaluate(
        source,
        styled,
        settings=Wanted(**given, wanted=wanted),
        on_begin=lambda clip: progress.begin(clip.frame_count if wanted.whole else None, clip.rate),
        on_frame=lambda _: progress.advance(1),
    )
    for note in found.notes:
        progress.notice(note)
    for render in found.renders:
        for note in render.notes:
            progress.notice(f"'{render.path}': {note}")
    return found


def _gate(found: Evaluation, requirements: tuple[Requirement, ...]) -> None:
    """Raises NotMet, naming every figure of every render that is not as required."""
    failed = [
        f"'{render.path}': {said}"
        for render in found.renders
        for requirement in requirements
        if (said := requirement.unmet(render.figures)) is not None
    ]
    if failed:
        raise NotMet("; ".join(failed), hint="the report says where: -o report.html")
