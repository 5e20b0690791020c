"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
from importlib import resources
from pathlib import Path
from typing import Any

import cv2

import vidfx
from vidfx.disk import write_whole, writing
from vidfx.errors import CannotWrite, Unavailable
from vidfx.evaluation.figures import FIGURES
from vidfx.evaluation.plot import Line, Plot, make_plot
from vidfx.evaluation.results import Evaluation, RenderResult
from vidfx.evaluation.verdict import Grade, Judgement, judge, ranking
from vidfx.frames import Picture

_PLOTS = ("warp_short", "warp_long", "flicker", "flicker_colour", "sharpness", "ghosting", "edges", "ssim", "ms_ssim")
_COLOURS = 8
_QUALITY = 82
_MARK: dict[Grade, str] = {"good": "✓", "fair": "≈", "poor": "✕", "unknown": "?"}


def write_report(found: Evaluation, path: Path) -> None:
    """Writes the page under its name by one rename. Raises CannotWrite, TryAgain, Unavailable."""
    page = render_report(found)
    with writing(path):
        write_whole(path, page.encode("utf-8", "replace"))  # names of files may be of any bytes


def render_report(found: Evaluation) -> str:
    """The page as text. Raises Unavailable where jinja2 is not installed."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise Unavailable("a report needs jinja2, which is not installed", hint="pip install 'vidfx[eval]'") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": number, "picture": embedded, "clock": clock}
    template = environment.from_string(resources.files("vidfx.evaluation").joinpath("report.html").read_text("utf-8"))
    names = short_names([found.source, *(render.path for render in found.renders)])
    renders = [_render(render, names[1 + i], i) for i, render in enumerate(found.renders)]
    ranked = [renders[found.renders.index(one)]["name"] for one in ranking(found)]
    return template.render(
        found=found,
        version=vidfx.__version__,
        source=names[0],
        renders=renders,
        ranked=ranked if len(renders) > 1 and renders[0]["figures"].get("warp_equal") is not None else [],
        rows=_rows(found),
        plots=_plots(found, names[1:]),
        samples=found.samples,
        mark=_MARK,
    )


def _render(render: RenderResult, name: str, place: int) -> dict[str, Any]:
    said = judge(render)
    return {
        "name": name,
        "colour": f"c{place % _COLOURS + 1}",
        "result": render,
        "figures": render.figures,
        "judgements": said,
        "headline": headline(said),
    }


def headline(said: tuple[Judgement, ...]) -> str:
    """The verdict in one line: what is good, and what is not."""
    poor = [one.about for one in said if one.grade == "poor"]
    fair = [one.about for one in said if one.grade == "fair"]
    if poor:
        return "Look at its " + _listed(poor) + "."
    return "Good, with something to say on " + _listed(fair) + "." if fair else "Good in every way that was measured."


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _rows(found: Evaluation) -> list[dict[str, Any]]:
    """The table of figures: one row each, with the film's own value and which render has the best."""
    rows = []
    for name, figure in FIGURES.items():
        values = [render.figures.get(name) for render in found.renders]
        if all(value is None for value in values):
            continue
        known = [value for value in values if value is not None]
        best = {"low": min, "high": max}[figure.better](known) if figure.better != "neither" else None
        differ = len(known) > 1 and max(known) - min(known) > 1e-3 * max(map(abs, known))
        films = [render.figures.get(f"{name}_source") for render in found.renders]
        rows.append(
            {
                "name": name,
                "figure": figure,
                "film": next((film for film in films if film is not None), None),
                "cells": [(value, differ and value is not None and value == best) for value in values],
            }
        )
    return rows


def _plots(found: Evaluation, names: list[str]) -> list[Plot]:
    shots = [shot.first for shot in found.renders[0].shots]
    plots = []
    for name in _PLOTS:
        figure = FIGURES[name]
        lines = [Line("film", "film", found.series[name])] if name in found.series else []
        lines += [Line(names[i], f"c{i % _COLOURS + 1}", render.series[name]) for i, render in enumerate(found.renders)]
        plot = make_plot(name, figure.title, figure.unit, found.times, shots, lines, figure.meaning)
        if plot is not None:
            plots.append(plot)
    return plots


def short_names(paths: list[Path]) -> list[str]:
    """File names, with as many folders before them as tell them apart."""
    for depth in range(1, 1 + max(len(path.parts) for path in paths)):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    return names


def number(value: float | None) -> str:
    """A figure for people: three digits, powers of ten where they help."""
    if value is None:
        return "–"
    if abs(value) < 1e-9:
        return "0"
    if abs(value) < 0.001:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{mantissa} × 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}"


def clock(seconds: float) -> str:
    """`1:05.20`."""
    return f"{int(seconds // 60)}:{seconds % 60:05.2f}"


def embedded(picture: Picture) -> str:
    """A picture as a data URL."""
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise CannotWrite("a picture of the report could not be encoded", hint="--json prints the figures without any")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
