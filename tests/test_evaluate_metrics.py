"""Every figure against what is known: made-up motion, plain numpy, and worse renders that must score worse.

Long, because one metric after the other on the same made-up motion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip, u8
from numpy.typing import NDArray

from vidfx.evaluation.appearance import edge_agreement, edges, likeness, sharpness
from vidfx.evaluation.meter import Meter
from vidfx.evaluation.pairing import Moment
from vidfx.evaluation.run import Wanted, evaluate
from vidfx.evaluation.summary import figures_of
from vidfx.evaluation.temporal import FlowFollower, change, luma, mean_square
from vidfx.source import open_clip, read_frames

WIDTH, HEIGHT = 160, 96
Picture = NDArray[np.uint8]
Figures = dict[str, float | None]


def texture(seed: int, width: int = 400, height: int = 240) -> NDArray[np.float32]:
    """Blobs of several sizes, 40..215, that flow can hold on to."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for size, weight in ((3, 0.5), (8, 1.0), (24, 1.0)):
        noise = cv2.GaussianBlur(random.normal(0, 1, (height, width, 3)).astype(np.float32), (0, 0), size / 2)
        total += weight * noise / noise.std()
    return np.asarray(np.clip(127 + 40 * total, 40, 215), np.float32)


def pan(count: int = 14, step: int = 3, seed: int = 0) -> list[Picture]:
    wide = texture(seed)
    return [u8(wide[20 : 20 + HEIGHT, 20 + step * i : 20 + step * i + WIDTH]) for i in range(count)]


def paint(picture: Picture) -> NDArray[np.float32]:
    """A style that keeps its place: other colours, same shapes."""
    return np.asarray(230 - 0.8 * picture[..., ::-1].astype(np.float32), np.float32)


def moments(
    sources: Sequence[Picture], renders: Sequence[Sequence[Picture | None]], cuts: Sequence[int]
) -> list[Moment]:
    return [
        Moment(
            index=i,
            time=Fraction(i, 25),
            starts_shot=i == 0 or i in cuts,
            source=source,
            renders=tuple(render[i] for render in renders),
        )
        for i, source in enumerate(sources)
    ]


def measured(
    sources: Sequence[Picture], *renders: Sequence[Picture | None], cuts: Sequence[int] = (), flow: str = "dis"
) -> list[Figures]:
    """The figures of each render."""
    meter = Meter(len(renders), flow=flow, likeness=likeness())
    for moment in moments(sources, renders, cuts):
        meter.see(moment)
    return [figures_of(track, meter.source, slice(None), range(len(track.ghosts))) for track in meter.renders]


def rising(values: Sequence[float | None], by: float = 1.0) -> bool:
    return all(a is not None and b is not None and b > by * a for a, b in pairwise(values))


# --- known answers -------------------------------------------------------------------------------------------------


def test_a_still_clip_gives_nothing() -> None:
    sources = [u8(texture(1)[:HEIGHT, :WIDTH])] * 12
    [found] = measured(sources, [u8(paint(one)) for one in sources])
    for name in ("warp_short", "warp_long", "flicker", "flicker_colour"):
        assert found[name] == 0 and found[f"{name}_source"] == 0
    assert found["ghosting"] is None  # nothing moves, so nothing can be said
    assert found["sharpness"] == pytest.approx(0.8, rel=0.1)


@pytest.mark.parametrize("flow", ["dis", "farneback"])
def test_a_painting_that_moves_with_the_film_is_calm(flow: str) -> None:
    sources = pan()
    [found] = measured(sources, [u8(paint(one)) for one in sources], flow=flow)
    assert found["warp_short"] is not None and found["warp_short"] < 2e-5
    assert found["ghosting"] is not None and found["ghosting"] < 0.02
    assert found["flicker"] is not None and found["flicker"] < 0.2


@pytest.mark.parametrize("amount", [2, 6, 12])
def test_light_that_alternates_by_a_known_amount(amount: int) -> None:
    """± a from frame to frame: every pixel changes by 2 a, and stands out by 2 a from its neighbours."""
    sources = pan(step=1)
    render = [u8(paint(one) + amount * (-1) ** i) for i, one in enumerate(sources)]
    [found] = measured(sources, render)
    assert found["warp_short"] == pytest.approx((2 * amount / 255) ** 2, rel=0.05)
    assert found["flicker"] == pytest.approx(2 * amount, rel=0.03)
    assert found["flicker_colour"] == pytest.approx(0, abs=0.1)
    assert found["warp_long"] is not None and found["warp_long"] < 2e-5  # eight frames on the light is the same


def test_colour_that_alternates_is_no_flicker_of_light() -> None:
    sources = pan()
    tint = np.array([10, -10 * 0.299 / 0.587, 0], np.float32)  # luma 0
    [found] = measured(sources, [u8(paint(one) + tint * (-1) ** i) for i, one in enumerate(sources)])
    assert found["flicker"] == pytest.approx(0, abs=0.3)
    assert found["flicker_colour"] is not None and found["flicker_colour"] > 10


def test_noise_of_a_known_size() -> None:
    """Independent noise of variance σ² gives 2 σ², less what a lookup between pixels averages away."""
    random, sources = np.random.default_rng(2), [u8(texture(3)[:HEIGHT, :WIDTH])] * 12
    [found] = measured(sources, [u8(paint(one) + random.normal(0, 8, one.shape)) for one in sources])
    assert found["warp_short"] == pytest.approx(2 * (8 / 255) ** 2, rel=0.03)
    assert found["warp_long"] == pytest.approx(2 * (8 / 255) ** 2, rel=0.03)


def test_a_fade_is_no_flicker_and_a_cut_no_change() -> None:
    still, other = u8(texture(4)[:HEIGHT, :WIDTH]), u8(texture(5)[:HEIGHT, :WIDTH])
    fading = [u8(paint(still) - 5 * i) for i in range(12)]
    [found] = measured([still] * 12, fading)
    assert found["flicker"] == pytest.approx(0, abs=0.3)
    assert found["warp_short"] == pytest.approx((5 / 255) ** 2, rel=0.05)
    sources = [still] * 6 + [other] * 6
    [cut] = measured(sources, [u8(paint(one)) for one in sources], cuts=[6])
    assert cut["warp_short"] == 0 and cut["flicker"] == 0


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_ghosting_is_the_share_of_the_frame_before(share: float) -> None:
    sources = pan(step=6)
    painted = [paint(one) for one in sources]
    mixed = [painted[0], *((1 - share) * b + share * a for a, b in pairwise(painted))]
    [found] = measured(sources, [u8(one) for one in mixed])
    assert found["ghosting"] == pytest.approx(share, abs=0.12)


def test_sharpness_of_a_ramp_is_its_slope() -> None:
    ramp = np.repeat(np.tile(np.arange(0, 160, 2, dtype=np.uint8), (60, 1))[..., None], 3, axis=2)
    assert sharpness(ramp) == pytest.approx(2)
    assert sharpness(np.zeros((1, 1, 3), np.uint8)) == 0


def test_edges_agree_with_themselves_whatever_the_colours() -> None:
    film = pan(1)[0]
    same, other = (edges(luma(one)) for one in (u8(paint(film)), u8(texture(9)[:HEIGHT, :WIDTH])))
    assert edge_agreement(same, edges(luma(film))) > 0.8
    assert abs(edge_agreement(other, edges(luma(film)))) < 0.3
    assert np.isnan(edge_agreement(np.zeros_like(same), same))


# --- monotone: what is worse must score worse ----------------------------------------------------------------------


def test_more_flicker_scores_more() -> None:
    sources, random = pan(), np.random.default_rng(6)
    level = random.normal(0, 1, len(sources))
    found = measured(
        sources, *([u8(paint(o) + a * n) for o, n in zip(sources, level, strict=True)] for a in (0, 2, 4, 8))
    )
    assert rising([one["warp_short"] for one in found], 1.5)
    assert rising([one["flicker"] for one in found], 1.5)


def test_more_blur_is_less_sharp_and_less_like() -> None:
    sources = pan()
    random = np.random.default_rng(7)
    noisy = [paint(one) + random.normal(0, 6, one.shape) for one in sources]
    found = measured(sources, *([u8(cv2.GaussianBlur(o, (0, 0), s) if s else o) for o in noisy] for s in (0, 1, 2, 4)))
    assert rising([one["sharpness"] for one in found][::-1], 1.1)
    assert rising([one["warp_short"] for one in found][::-1], 1.1)  # which is why the two stand side by side


def test_more_ghosting_scores_more_and_so_does_more_delay() -> None:
    sources = pan(step=6)
    painted = [paint(one) for one in sources]
    mixes = []
    for weight in (0.0, 0.3, 0.6, 0.8):
        past, mix = painted[0], []
        for one in painted:
            past = weight * past + (1 - weight) * one
            mix.append(u8(past))
        mixes.append(mix)
    assert rising([one["ghosting"] for one in measured(sources, *mixes)], 1.05)
    late = [[u8(painted[max(0, i - delay)]) for i in range(len(painted))] for delay in (0, 1, 2)]
    found = measured(sources, *late)
    assert rising([one["ghosting"] for one in found][:2]) and found[2]["ghosting"] > 0.8
    assert rising([one["edges"] for one in found][::-1], 1.05)


def test_likeness_falls_with_noise() -> None:
    compare, film, random = likeness(), luma(u8(texture(8))), np.random.default_rng(8)
    noisy = [np.clip(film + random.normal(0, s, film.shape), 0, 255).astype(np.uint8) for s in (30, 15, 5, 0)]
    scores = [compare(one, film) for one in noisy]
    assert rising([one for one, _ in scores]) and rising([many for _, many in scores])
    assert scores[-1] == (pytest.approx(1), pytest.approx(1))
    small = film[:40, :40]
    assert compare(small, small)[0] == pytest.approx(1) and np.isnan(compare(small, small)[1])
    assert all(np.isnan(compare(film[:4, :4], film[:4, :4])))


# --- against plain numpy -------------------------------------------------------------------------------------------


def plain_warping_error(now: Picture, before: Picture, out: NDArray[np.float32], back: NDArray[np.float32]) -> float:
    """Lai et al.'s error written out: bilinear lookups by hand, Ruder's two rules, a mean over what is left."""
    height, width = now.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    to_x, to_y = x + out[..., 0], y + out[..., 1]

    def looked_up(picture: NDArray[np.floating]) -> NDArray[np.float64]:
        left, top = np.floor(to_x).astype(int), np.floor(to_y).astype(int)
        share_x, share_y = (to_x - left)[..., None], (to_y - top)[..., None]

        def at(down: NDArray[np.int_], along: NDArray[np.int_]) -> NDArray[np.float64]:
            return picture[down.clip(0, height - 1), along.clip(0, width - 1)].astype(np.float64)

        upper = at(top, left) * (1 - share_x) + at(top, left + 1) * share_x
        lower = at(top + 1, left) * (1 - share_x) + at(top + 1, left + 1) * share_x
        return upper * (1 - share_y) + lower * share_y

    home = looked_up(back)
    forth = (out.astype(np.float64) ** 2).sum(-1)
    occluded = ((out + home) ** 2).sum(-1) > 0.01 * (forth + (home**2).sum(-1)) + 0.5
    slope = sum((np.gradient(out[..., k].astype(np.float64), axis=a) ** 2) for k in (0, 1) for a in (0, 1))
    inside = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    valid = ~occluded & ~(slope > 0.01 * forth + 0.002) & inside
    return float((((now - looked_up(before)) / 255) ** 2)[valid].mean())


def test_the_warping_error_is_what_plain_numpy_says() -> None:
    sources, random = pan(4), np.random.default_rng(9)
    for source in sources:
        source[30:60, 50:80] = random.integers(0, 255, (30, 30, 3))  # something that is covered and uncovered
    render = [u8(paint(one) + random.normal(0, 5, one.shape)) for one in sources]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for i in (1, 2, 3):
        now, before = luma(sources[i]), luma(sources[i - 1])
        out, back = dis.calc(now, before, None), dis.calc(before, now, None)
        expected = plain_warping_error(render[i], render[i - 1], out, back)
        pair = FlowFollower().pair(now, before)
        assert mean_square(change(render[i], render[i - 1], pair), pair) == pytest.approx(expected, rel=0.05)


def test_the_warping_error_along_true_motion() -> None:
    """No flow at all: the pan is known, and the picture before is shifted by it."""
    step, random = 3, np.random.default_rng(10)
    sources = pan(10, step)
    shimmer = cv2.GaussianBlur(
        random.normal(0, 1, (10, HEIGHT, WIDTH, 3)).astype(np.float32).reshape(-1, WIDTH, 3), (0, 0), 3
    )
    shimmer = shimmer.reshape(10, HEIGHT, WIDTH, 3) / shimmer.std()
    render = [u8(paint(one) + 8 * shimmer[i]) for i, one in enumerate(sources)]
    inner = (slice(4, -4), slice(4, -8))
    truth = [(((b[:, :-step].astype(float) - a[:, step:]) / 255)[inner] ** 2).mean() for a, b in pairwise(render)]
    [found] = measured(sources, render)
    assert found["warp_short"] == pytest.approx(np.mean(truth), rel=0.05)


# --- what must not matter ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[[str, list[Picture]], Path]]:
    folder = tmp_path_factory.mktemp("film")

    def save(name: str, pictures: list[Picture], crf: str = "1") -> Path:
        return make_clip(folder / name, pictures=pictures, rate=25, options={"crf": crf, "preset": "medium"})

    return save("source.mkv", pan(20)), save


def shimmering(sources: list[Picture], strength: float) -> list[Picture]:
    """Painted each by itself: strokes of some pixels that differ from frame to frame."""
    random = np.random.default_rng(11)
    out = []
    for one in sources:
        strokes = cv2.GaussianBlur(random.normal(0, 1, one.shape).astype(np.float32), (0, 0), 1.5)
        out.append(u8(paint(one) + strength * strokes / strokes.std()))
    return out


def test_encoding_anew_at_crf_18_changes_little(film: tuple[Path, Callable[..., Path]]) -> None:
    source, save = film
    sources = [frame.image for frame in read_frames(open_clip(source))]
    level = np.random.default_rng(12).normal(0, 4, len(sources))
    painted = [u8(one + light) for one, light in zip(shimmering(sources, 10), level, strict=True)]
    first, again = evaluate(source, [save("first.mkv", painted), save("again.mkv", painted, crf="18")]).renders
    for name in ("warp_short", "warp_long", "sharpness", "flicker", "ssim", "edges"):
        assert again.figures[name] == pytest.approx(first.figures[name], rel=0.1), name


def test_both_flows_rank_renders_alike_at_equal_sharpness(film: tuple[Path, Callable[..., Path]]) -> None:
    """Smoothed along the motion, as painted, averaged without motion, and blurred: the order is the same."""
    from vidfx.frames import Frame
    from vidfx.steady import steady

    source, save = film
    sources = [frame.image for frame in read_frames(open_clip(source))]
    raw = shimmering(sources, 12)
    frames = [
        Frame(
            index=i, pts=i, time_base=Fraction(1, 25), duration=1, image=image, source=sources[i], starts_shot=i == 0
        )
        for i, image in enumerate(raw)
    ]  # fmt: skip
    smoothed = [frame.image for frame in steady(iter(frames))]
    averaged = [u8(np.mean(raw[max(0, i - 2) : i + 1], axis=0)) for i in range(len(raw))]
    blurred = [u8(cv2.GaussianBlur(one.astype(np.float32), (0, 0), 2)) for one in raw]
    paths = [
        save(f"{name}.mkv", pictures)
        for name, pictures in (("smoothed", smoothed), ("raw", raw), ("averaged", averaged), ("blurred", blurred))
    ]
    orders, sharp = [], []
    for flow in ("dis", "farneback"):
        found = evaluate(source, paths, settings=Wanted(flow=flow)).renders
        orders.append([one.path.stem for one in sorted(found, key=lambda one: one.figures["warp_equal"])])
        sharp.append({one.path.stem: one.figures for one in found})
    assert orders[0] == orders[1]
    assert orders[0][0] == "smoothed"
    by_error = {name: figures["warp_short"] for name, figures in sharp[0].items()}
    assert by_error["blurred"] < by_error["raw"]  # blur wins where sharpness is not looked at ...
    equal = {name: figures["warp_equal"] for name, figures in sharp[0].items()}
    assert equal["blurred"] > 0.8 * equal["raw"]  # ... and wins nothing where it is
    assert sharp[0]["averaged"]["ghosting"] > 5 * max(sharp[0]["smoothed"]["ghosting"], 0.02)
