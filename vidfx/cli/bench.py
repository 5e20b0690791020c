"""`vidfx bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidfx.cli import options
from vidfx.cli.group import Command, Option
from vidfx.cli.voice import stopped
from vidfx.progress import choose_progress

if TYPE_CHECKING:
    from vidfx.bench.measure import Cost, Report

TIMELINE = Option(
    ["-o", "--timeline"],
    type=options.FILE,
    metavar="FILE",
    section="Job",
    help="Draw who worked when, for some frames from the middle: .svg or .png.",
)


@click.command(
    "bench",
    cls=Command,
    params=[
        options.INPUT,
        options.style_option(),
        *options.LOOK[:1],
        *[option for option in options.LOOK if option.name in ("smooth", "smooth_window")],
        *options.RANGE,
        *options.ENCODE,
        *options.MACHINE,
        TIMELINE,
        options.OVERWRITE,
        options.VIDEO_STREAM,
        options.JSON,
        options.QUIET,
    ],
    short_help="Measure where a render's time goes.",
)
def bench(source: str, timeline: Path | None, **values: Any) -> None:
    """Render a clip into nowhere and say what each stage costs, what waits for what, and what is left of real time.

    Each stage is then run alone, and so are decoding and encoding without any painting between them: that is the limit.
    """
    progress = choose_progress("none", quiet=values["quiet"], json=values["json"])
    if timeline is not None:
        from vidfx.bench.timeline import check_name
        from vidfx.sink import check_report

        check_name(timeline)
        check_report(timeline, [source], overwrite=values["overwrite"])
    with stopped("nothing was left behind"):
        from vidfx.bench.measure import measure
        from vidfx.bench.timeline import draw

        report = measure(
            source,
            style=values["style"],
            look=options.look_of(values | {"keep_color": False, "matte": None}),
            wanted=options.range_of(values),
            encode=options.encode_of(values),
            machine=options.machine_of(values),
            video_stream=values["video_stream"],
            notify=progress.notice,
        )
        if timeline is not None:
            draw(report.trace, timeline)
    if values["json"]:
        options.print_json(report.as_dict())
    elif not values["quiet"]:
        click.echo("\n".join(table(report)))


def table(report: Report) -> list[str]:
    """The report for people."""
    clip, whole = report.clip, report.whole
    memory = f", {report.peak_memory / 1e9:.2f} GB" if report.peak_memory else ""
    lines = [
        f"{clip.path}: {clip.width} × {clip.height}, {whole.frames} frames",
        f"on {report.ran_on}, {report.cores} cores",
        "",
        f"{'':<22}{'frames/s':>9}{'ms a frame':>12}{'CPU ms':>9}{'of the CPU':>12}",
    ]

    def line(name: str, cost: Cost, share: float | None = None) -> str:
        each = 1000 / cost.frames
        said = f"{share:>11.0%}" if share is not None else ""
        return f"{name:<22}{cost.rate:>9.2f}{cost.wall * each:>12.1f}{cost.cpu * each:>9.1f}{said:>12}".rstrip()

    together = sum(cost.cpu / cost.frames for cost in report.alone.values())
    lines += [line(f"{stage} alone", c, c.cpu / c.frames / together) for stage, c in report.alone.items()]
    lines += [line("decode + encode", report.bare), line("whole render", whole), ""]
    lines += [
        f"{report.real_time:.2f}× real time, {report.of_bare:.2f} of decode + encode alone{memory}",
        f"overlap {report.overlap:.2f} (1 is no core ever idle); style loaded and first frame painted in "
        f"{report.start.wall:.1f} s, {report.start.cpu:.1f} s of CPU",
        "",
        f"{'in the render':<34}{'works':>8}{'starved':>9}{'blocked':>9}",
    ]
    for share in report.shares:
        name = " + ".join(share.stages)
        lines.append(f"{name:<34}{share.busy:>8.0%}{share.starved:>9.0%}{share.blocked:>9.0%}")
    return [*lines, "starved waits for the thread before it, blocked for the one after it"]
