"""`vidfx preview`."""

from __future__ import annotations

from typing import Any

import click

from vidfx.cli import options
from vidfx.cli.group import Command, Option
from vidfx.cli.voice import stopped
from vidfx.errors import MissingInput, UnreadableInput
from vidfx.progress import Progress, choose_progress

AT = Option(
    ["--at"],
    type=options.TIME,
    default="0",
    metavar="TIME",
    section="Look",
    help="Which moment of the clip: 12.5, 1:02.5 or 250ms; its first frame by default.",
)
STRENGTH = Option(
    ["--strength"],
    type=options.SHARE,
    multiple=True,
    default=["1"],
    metavar="0..1",
    section="Look",
    help="How much of the style; several values are shown side by side.",
)
SMOOTH = Option(
    ["--smooth"],
    type=options.SHARE,
    multiple=True,
    default=["1"],
    metavar="0..1",
    section="Look",
    help="How steady over time; several values are shown side by side.",
)
OUTPUT = Option(
    ["-o", "--output"], required=True, metavar="SHEET", section="Job", help="The picture to write, such as sheet.png."
)


@click.command(
    "preview",
    cls=Command,
    params=[
        options.INPUT,
        AT,
        options.style_option(multiple=True),
        STRENGTH,
        SMOOTH,
        *options.LOOK[1:3],
        *[option for option in options.LOOK if option.name == "smooth_window"],
        *options.MACHINE,
        OUTPUT,
        options.OVERWRITE,
        options.VIDEO_STREAM,
        options.JSON,
        options.QUIET,
    ],
    short_help="Show one frame in several styles and settings.",
)
def preview(source: str, output: str, **values: Any) -> None:
    """Paint one frame, exactly as a render would.

    One style with one setting gives the plain picture; several give a labelled sheet of all their combinations, the
    source first.
    """
    progress = choose_progress("none", quiet=values["quiet"], json=values["json"])
    styles = list(values["style"]) or _every_style(progress)
    with stopped("nothing was left under the sheet's name"):
        from vidfx import sheet

        path = sheet.preview(
            source,
            at=values["at"],
            styles=styles,
            strengths=values["strength"],
            smooths=values["smooth"],
            smooth_window=values["smooth_window"],
            keep_color=values["keep_color"],
            matte=values["matte"],
            machine=options.machine_of(values),
            output=output,
            overwrite=values["overwrite"],
            video_stream=values["video_stream"],
            notify=progress.notice,
        )
    progress.finish(f"wrote {path}")
    if values["json"]:
        options.print_json(
            {"path": path, "styles": styles, "strengths": values["strength"], "smooths": values["smooth"]}
        )


def _every_style(progress: Progress) -> list[str]:
    """Those that can paint: of another the card may be good and the weights not."""
    from vidfx.styles.library import list_styles
    from vidfx.styles.weights import read_weights

    names = []
    for style in list_styles():
        try:
            read_weights(style)
        except UnreadableInput as error:
            progress.notice(f"'{style.name}' is left out: {error}")
        else:
            names.append(style.name)
    if not names:
        raise MissingInput("there is no style to show", hint="give the path of a model file with --style, or train one")
    return names
