"""The options that commands share, and what becomes of them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from vidfx.cli.group import Option
from vidfx.cli.values import Parsed, parse_device, parse_memory, parse_pair, parse_share, whole_number
from vidfx.settings import Encode, Job, Look, Machine, Range

Values = dict[str, Any]


class StyleOption(Option):
    when_missing = "`vidfx styles list` shows what there is"

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """Several are told apart as paths are, or by blanks where the whole is no path: a folder may have one."""
        value = self.resolve_envvar_value(ctx)
        if value is None or not self.multiple:
            return value
        return value.split(os.pathsep) if os.pathsep in value or Path(value).exists() else value.split()


SHARE = Parsed("0..1", parse_share)
TIME: Parsed[Fraction] = Parsed("time", Range.parse_time)
FILE = click.Path(path_type=Path)

INPUT = click.Argument(["source"], metavar="INPUT")

LOOK = [
    Option(
        ["--strength"],
        type=SHARE,
        default="1",
        metavar="0..1",
        section="Look",
        help="How much of the style: 0 is the source, 1 (default) the style alone.",
    ),
    Option(
        ["--keep-color/--no-keep-color"],
        section="Look",
        help="Take the lightness from the style, the colour from the source.",
    ),
    Option(
        ["--matte"],
        type=Parsed("FILE", lambda text: Path(text) if text else None),
        metavar="FILE",
        section="Look",
        help='Still, sequence or clip: white is painted, black stays source. "" is none, whatever vidfx.toml says.',
    ),
    Option(
        ["--smooth"],
        type=SHARE,
        default="1",
        metavar="0..1",
        section="Look",
        help="How steady over time: 0 paints each frame alone, 1 (default) follows the motion fully.",
    ),
    Option(
        ["--smooth-window"],
        type=Parsed("frames", whole_number(0)),
        default="0",
        metavar="N",
        section="Look",
        help="Steadies by N frames ahead as well, 0 (default) to 16: 4 is calmer, at three times smoothing's cost.",
    ),
]

RANGE = [
    Option(
        ["-ss", "--start"],
        type=TIME,
        metavar="TIME",
        section="Range",
        help="First time to render: 12.5, 1:02.5, 01:02:03.25 or 250ms after the clip's first frame.",
    ),
    Option(["-to", "--end"], type=TIME, metavar="TIME", section="Range", help="First time no longer to render."),
    Option(
        ["--frames"],
        type=Parsed("frames", Range.parse_frames),
        metavar="RANGE",
        section="Range",
        help="Frames by number, the last included: 7, 0-99, or 0-99x2 for every second one.",
    ),
]

ENCODE = [
    Option(["-c:v", "--codec"], metavar="NAME", section="Encode", help="Video encoder, such as libx265 or prores_ks."),
    Option(
        ["-crf", "--crf"],
        type=float,
        metavar="N",
        section="Encode",
        help="Constant quality; lower is better and larger (18 for libx264 by default, 20 for libx265).",
    ),
    Option(
        ["-preset", "--preset"],
        metavar="NAME",
        section="Encode",
        help="The encoder's balance of time and size (medium by default).",
    ),
    Option(["-pix_fmt", "--pix-fmt"], metavar="NAME", section="Encode", help="Pixel format, such as yuv420p."),
    Option(
        ["--encoder-opt"],
        type=Parsed("pair", parse_pair),
        multiple=True,
        metavar="K=V",
        section="Encode",
        help="An option of the encoder itself; may be given several times.",
    ),
    Option(
        ["--hdr"],
        type=click.Choice(["tonemap", "error"]),
        default="tonemap",
        metavar="WHAT",
        section="Encode",
        help="What to do with HDR film: tonemap (default) makes BT.709 of it and says so, error refuses it.",
    ),
    Option(
        ["--audio/--no-audio", " /-an"],
        default=True,
        section="Encode",
        help="Carry the sound over (default), or leave it out.",
    ),
]

DEVICE = Option(
    ["--device"],
    type=Parsed("device", parse_device),
    default="auto",
    metavar="NAME",
    section="Machine",
    help="auto (default), cpu, cuda or cuda:N.",
)
THREADS = Option(
    ["--threads"],
    type=Parsed("threads", whole_number(1, 4096)),
    metavar="N",
    section="Machine",
    help="CPU threads; all that the process may use by default.",
)

MACHINE = [
    DEVICE,
    Option(
        ["--runtime"],
        type=click.Choice(["auto", "torch", "openvino"]),
        default="auto",
        section="Machine",
        metavar="NAME",
        help="auto (default: openvino on a CPU where it is installed), torch or openvino.",
    ),
    Option(
        ["--precision"],
        type=click.Choice(["auto", "fp32", "bf16", "fp16", "int8"]),
        default="auto",
        section="Machine",
        metavar="NAME",
        help="auto (default: what is fast here), fp32, bf16, fp16 or int8 (openvino).",
    ),
    Option(
        ["--batch"],
        type=Parsed("batch", whole_number(1, auto=None)),
        default="auto",
        metavar="N",
        section="Machine",
        help="Frames per pass, or auto (default: what memory allows).",
    ),
    Option(
        ["--tile"],
        type=Parsed("tile", whole_number(1, auto=None, off=0)),
        default="auto",
        metavar="N",
        section="Machine",
        help="Paint in tiles of this edge in pixels; off, or auto (default: where memory needs it).",
    ),
    Option(
        ["--memory"],
        type=Parsed("memory", parse_memory),
        default="auto",
        metavar="SIZE",
        section="Machine",
        help="What the generator may take, such as 512M or 2G: a frame that needs more is painted in tiles.",
    ),
    THREADS,
]

OVERWRITE = Option(["-y", "--overwrite"], is_flag=True, section="Job", help="Overwrite what is already there.")
VIDEO_STREAM = Option(
    ["--video-stream"],
    type=Parsed("stream", whole_number(0)),
    metavar="N",
    section="Job",
    help="Which stream to paint, as ffprobe numbers them, if there are several.",
)
STRICT = Option(
    ["--strict/--no-strict"],
    section="Job",
    help="Refuse to convert or drop a stream that the output cannot hold, and a source that is damaged.",
)
JSON = Option(["--json"], is_flag=True, section="Job", help="Print the result to stdout as one JSON object.")
QUIET = Option(["-q", "--quiet"], is_flag=True, section="Job", help="Say nothing unless it is an error.")


def style_option(*, multiple: bool = False) -> Option:
    """`--style`: needed once, or as often as one likes."""
    help_text = "A style's name (`vidfx styles list` has them), its folder, or its model file."
    if multiple:
        help_text += " May be given several times; all styles by default."
    return StyleOption(
        ["--style"], multiple=multiple, required=not multiple, metavar="NAME", section="Look", help=help_text
    )


JOB = [style_option(), *LOOK, *RANGE, *ENCODE, *MACHINE, VIDEO_STREAM, STRICT]
"""What is to be made of a clip, wherever it is made."""


def look_of(values: Values) -> Look:
    return Look(**{one.name: values[one.name] for one in fields(Look)})


def range_of(values: Values) -> Range:
    first, last, step = values["frames"] or (None, None, 1)
    return Range(start=values["start"], end=values["end"], first=first, last=last, step=step)


def encode_of(values: Values) -> Encode:
    given = {name: values[name] for name in ("codec", "crf", "preset", "pix_fmt", "audio", "hdr")}
    return Encode(**given, options=dict(values["encoder_opt"]))


def machine_of(values: Values) -> Machine:
    return Machine(**{one.name: values[one.name] for one in fields(Machine)})


def job_of(values: Values, source: Path | str, output: Path | str | None) -> Job:
    """The job that the flags of `JOB` describe; without an output it goes beside the source. Raises MissingInput."""
    from vidfx.job import default_output

    return Job(
        source=Path(source),
        output=Path(default_output(source, values["style"]) if output is None else output),
        style=values["style"],
        look=look_of(values),
        wanted=range_of(values),
        encode=encode_of(values),
        machine=machine_of(values),
        overwrite=bool(values.get("overwrite")),
        strict=values["strict"],
        video_stream=values["video_stream"],
    )


def print_json(result: dict[str, Any]) -> None:
    """One object on stdout; paths and fractions as text."""
    text = json.dumps(result, default=str, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a name that is not UTF-8, or an encoding that lacks its letters
        text = json.dumps(result, default=str)
    click.echo(text)
