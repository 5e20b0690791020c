"""What the figures mean, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vidfx.evaluation.figures import FIGURES
from vidfx.evaluation.results import Evaluation, RenderResult

STILL = 2e-5
"""Mean squared error (0..1) that no eye sees: 0.45 % of the range, about one step of 255 in noise."""


Grade = Literal["good", "fair", "poor", "unknown"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One side of a render."""

    about: str
    grade: Grade
    said: str


def judge(render: RenderResult) -> tuple[Judgement, ...]:
    """Steadiness, sharpness, ghosts, light, content, style and fidelity, in this order."""
    return tuple(
        found
        for found in (
            _steadiness(render),
            _sharpness(render),
            _ghosts(render),
            _light(render),
            _content(render),
            _style(render),
            _fidelity(render),
        )
        if found is not None
    )


def _steadiness(render: RenderResult) -> Judgement:
    own, film = render.figures.get("warp_short"), render.figures.get("warp_short_source")
    if own is None or film is None:
        return Judgement("steadiness", "unknown", "No two frames in a row could be compared, so nothing is said of it.")
    ratio = (own + STILL) / (film + STILL)
    times = f"{own / film:.1f} times" if film > 0 else "more than"
    if ratio <= 0.85:
        said = f"Calmer than the film itself: its warping error is {times} the film's."
        return Judgement("steadiness", "good", said)
    if ratio <= 1.2:
        return Judgement("steadiness", "good", "As steady as the film itself.")
    if ratio <= 2:
        return Judgement("steadiness", "fair", f"A little more restless than the film: {times} its warping error.")
    return Judgement("steadiness", "poor", f"Restless: {times} the film's own warping error.")


def _sharpness(render: RenderResult) -> Judgement | None:
    value = render.figures.get("sharpness")
    if value is None:
        return None
    share = f"{value:.0%} of the film's gradients"
    if value >= 0.9:
        return Judgement("sharpness", "good", f"Sharp: {share}.")
    grade: Grade
    grade, word = ("fair", "A little soft") if value >= 0.7 else ("poor", "Soft")
    return Judgement("sharpness", grade, f"{word}: {share}. Softness lowers the warping error by itself.")


def _ghosts(render: RenderResult) -> Judgement:
    value = render.figures.get("ghosting")
    if value is None:
        return Judgement("ghosting", "unknown", "Too little moves to tell, or its edges are not the film's.")
    if value < 0.03:
        return Judgement("ghosting", "good", "No ghosts of earlier frames.")
    share = f"{value:.0%} of the edges in moving places belong to earlier frames."
    return (
        Judgement("ghosting", "fair", f"Faint ghosts: {share}")
        if value < 0.12
        else Judgement("ghosting", "poor", f"Ghosts: {share}")
    )


def _light(render: RenderResult) -> Judgement | None:
    value, film = render.figures.get("flicker"), render.figures.get("flicker_source")
    if value is None or film is None:
        return None
    above = value - film
    size = f"{value:.2f} steps of 255, the film's own {film:.2f}"
    if above < 0.5:
        return Judgement("light", "good", f"Its light does not flicker ({size}).")
    grade: Grade
    grade, word = ("fair", "flickers a little") if above < 1.5 else ("poor", "flickers")
    return Judgement("light", grade, f"Its light {word}: {size}.")


def _content(render: RenderResult) -> Judgement | None:
    value = render.figures.get("edges")
    if value is None:
        return None
    ssim = render.figures.get("ssim")
    beside = "" if ssim is None else f", SSIM {ssim:.2f}"
    words = (
        "the film's forms are all there" if value >= 0.6 else "most forms of the film are kept" if value >= 0.35
        else "it goes far from the film's forms"
    )  # fmt: skip
    return Judgement("content", "good" if value >= 0.35 else "fair", f"Edges agree by {value:.2f}{beside}: {words}.")


def _style(render: RenderResult) -> Judgement | None:
    value, film = render.figures.get("style_distance"), render.figures.get("style_distance_source")
    if value is None or film is None:
        return None
    between = "" if render.low is None or render.high is None else f" ({render.low:.2f} to {render.high:.2f})"
    figures = f"distance {value:.2f}{between}, the film's {film:.2f}"
    if film <= 0:
        return Judgement("style", "unknown", f"The film itself is as near to the pictures as can be told: {figures}.")
    way = 1 - value / film
    grade: Grade = "good" if way >= 0.5 else "fair" if way > 0.1 else "poor"
    said = f"It went {way:.0%} of the way" if way > 0 else "It came no nearer"
    return Judgement("style", grade, f"{said} from the film to the style's pictures: {figures}.")


def _fidelity(render: RenderResult) -> Judgement:
    figures, faults = render.figures, list(_faults(render))
    frames = f"{figures.get('frames') or 0:.0f} frames"
    if not faults:
        heard = [one for one in render.fidelity.streams if one.kind in ("audio", "subtitle")]
        also = f"; {len(heard)} sound or subtitle stream{'s' * (len(heard) > 1)} byte for byte" if heard else ""
        return Judgement("fidelity", "good", f"All {frames}, each at its own time{also}.")
    lost = bool(figures.get("missing") or figures.get("extra")) or (figures.get("sync_error") or 0) > 40
    return Judgement("fidelity", "poor" if lost else "fair", "; ".join(faults).capitalize() + ".")


def _faults(render: RenderResult) -> Iterator[str]:
    figures = render.figures
    missing, tail, extra = (int(figures.get(name) or 0) for name in ("missing", "missing_tail", "extra"))
    if missing:
        yield f"{missing} frames missing" + (f", {tail} of them at the end" if tail else "")
    if extra:
        yield f"{extra} frames too many"
    if (figures.get("time_error") or 0) >= 1.5:
        yield f"frames up to {figures['time_error']:.0f} ms off their time"
    if (figures.get("sync_error") or 0) >= 5:
        yield f"sound or subtitles {figures['sync_error']:.0f} ms off"
    for one in render.fidelity.streams:
        if one.render_codec is None:
            yield f"the {one.kind} stream ({one.codec}) is gone"
        elif not one.same_bytes:
            yield f"the {one.kind} stream was encoded anew"
        elif one.render_packets != one.packets and not render.fidelity.part:
            yield f"the {one.kind} stream has {one.render_packets} of {one.packets} packets"
    for tag in render.fidelity.tags:
        if not tag.same:
            yield f"{tag.name} {tag.render}, not {tag.source}"


def ranking(found: Evaluation) -> list[RenderResult]:
    """Renders from the steadiest at equal sharpness to the most restless; as given where that is not known."""
    known = all(render.figures.get("warp_equal") is not None for render in found.renders)
    return sorted(found.renders, key=lambda one: one.figures["warp_equal"] or 0.0) if known else list(found.renders)


def spoken(found: Evaluation) -> str:
    """The verdicts as plain text, and all figures in one table, a column for each render."""
    lines = []
    for render in found.renders:
        lines += [f"{render.path}"]
        lines += [f"  {one.about:<11} {one.grade:<8} {one.said}" for one in judge(render)]
    lines += ["", *_table(found)]
    if len(found.renders) > 1 and found.renders[0].figures.get("warp_equal") is not None:
        lines.append("steadiest first, at equal sharpness: " + ", ".join(str(one.path) for one in ranking(found)))
    return "\n".join(lines)


def _table(found: Evaluation) -> list[str]:
    rows = [[render.path.name for render in found.renders] + ["the film"]]
    for name in FIGURES:
        films = {render.figures.get(f"{name}_source") for render in found.renders}
        film = films.pop() if len(films) == 1 else None  # of renders of several parts of it there is not one
        rows.append([_figure(render.figures.get(name)) for render in found.renders] + [_figure(film)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {name:<15}" + "".join(f"  {text:>{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        for name, row in zip(["", *FIGURES], rows, strict=True)
    ]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
