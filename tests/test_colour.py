"""Colour through the whole path: bars and ramps against ffmpeg's own conversion, HDR against its recommendations."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip
from fftools import ffmpeg, needs_ffmpeg, probe
from films import TORCH, UNPAINTED
from numpy.typing import NDArray

import vidfx
from vidfx import hdr, native, source
from vidfx.errors import UnreadableInput
from vidfx.frames import Colour, Pixels
from vidfx.fromrgb import FromRgb
from vidfx.pixels import ToRgb
from vidfx.settings import Encode

SIZE = (128, 96)
FFV1 = Encode(codec="ffv1")
"""Without a loss, in the pixel format nearest to the source's."""


def bars_and_ramps() -> NDArray[np.uint8]:
    """Eight full bars and eight of three quarters, each 16 px wide, above ramps of red, green, blue and grey."""
    width, height = SIZE
    out = np.zeros((height, width, 3), np.uint8)
    for bar in range(8):
        colour = np.array([bar & 2, bar & 4, bar & 1]) > 0
        out[:24, 16 * bar : 16 * bar + 16] = 255 * colour
        out[24:48, 16 * bar : 16 * bar + 16] = 191 * colour
    ramp = np.rint(np.linspace(0, 255, width)).astype(np.uint8)
    for row, weights in enumerate([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]):
        out[48 + 12 * row : 60 + 12 * row] = ramp[:, None] * np.array(weights, np.uint8)
    return out


def exact(**settings: str) -> str:
    """ffmpeg's scale filter at its most careful."""
    settings |= {"flags": "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp", "sws_dither": "none"}
    return "scale=" + ":".join(f"{key}={value}" for key, value in settings.items())


def encode_by_ffmpeg(path: Path, matrix: str, range_: str, pix_fmt: str) -> Path:
    size = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}", "-r", "24", "-i", "-"]
    convert = exact(out_color_matrix=matrix, out_range=range_) + f",format={pix_fmt}"
    tags = ["-colorspace", TAGS[matrix], "-color_range", range_, "-c:v", "ffv1", "-y", str(path)]
    ffmpeg(*size, "-vf", convert, *tags, given=bars_and_ramps().tobytes())
    return path


def decode_by_ffmpeg(path: Path, matrix: str, range_: str, before: str = "") -> NDArray[np.int64]:
    convert = before + exact(in_color_matrix=matrix, in_range=range_, out_range="pc") + ",format=rgb24"
    raw = ffmpeg("-i", str(path), "-vf", convert, "-frames:v", "1", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(SIZE[1], SIZE[0], 3).astype(np.int64)


TAGS = {"bt709": "bt709", "bt601": "smpte170m", "bt2020": "bt2020nc", "fcc": "fcc", "smpte240m": "smpte240m"}


@needs_ffmpeg
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv422p", "yuv420p"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("matrix", sorted(TAGS))
def test_bars_and_ramps_come_back_within_two_steps(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    style: str,
    matrix: str,
    range_: str,
    pix_fmt: str,
    compiled: bool,
) -> None:
    monkeypatch.setattr(native, "AVAILABLE", native.AVAILABLE and compiled)
    clip = encode_by_ffmpeg(tmp_path / "in.mkv", matrix, range_, pix_fmt)
    out = tmp_path / "out.mkv"
    vidfx.render(clip, out, style=style, look=UNPAINTED, encode=FFV1, machine=TORCH)
    tags = probe(out, "stream=color_space,color_range,pix_fmt")["streams"][0]
    assert tags == {"color_space": TAGS[matrix], "color_range": range_, "pix_fmt": pix_fmt}
    before, after = (decode_by_ffmpeg(path, matrix, range_) for path in (clip, out))
    change = np.abs(after - before)
    seen = next(source.read_frames(source.open_clip(clip))).image
    if pix_fmt == "yuv444p":
        assert change.max() <= 2
        assert np.abs(seen - before).max() <= 2
        return
    # between two bars halved chroma holds no colour of either: there ffmpeg's own way there and back is the measure
    flat = np.ones(SIZE[0], bool)
    flat[[column for edge in range(16, 128, 16) for column in range(edge - 4, edge + 4)]] = False
    inner = np.r_[4:20, 28:44, 52:56, 64:68, 76:80, 88:92]
    assert change[inner][:, flat].max() <= 2
    assert np.abs(seen[inner][:, flat].astype(int) - before[inner][:, flat]).max() <= 2
    there = exact(in_color_matrix=matrix, in_range=range_, out_range="pc") + ",format=gbrp,"
    there += exact(out_color_matrix=matrix, out_range=range_) + f",format={pix_fmt},"
    theirs = np.abs(decode_by_ffmpeg(clip, matrix, range_, there) - before)
    assert change.mean() <= theirs.mean()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv444p10le", "yuv444p16le", "gbrp10le", "yuva444p12le", "gray10le"])
@pytest.mark.parametrize("compiled", [True, False])
def test_white_and_black_are_exactly_that(
    monkeypatch: pytest.MonkeyPatch, pix_fmt: str, deep: bool, compiled: bool
) -> None:
    monkeypatch.setattr(native, "AVAILABLE", native.AVAILABLE and compiled)
    kind, top = (np.uint16, 65535) if deep else (np.uint8, 255)
    image = np.zeros((4, 6, 3), kind)
    image[:, 3:] = top
    for range_ in (1, 2):
        tags = Colour(matrix=1, range=range_)
        frame = FromRgb(tags, width=6, height=4, pix_fmt=pix_fmt)(image)
        again, _ = ToRgb(tags, width=6, height=4, pixels=Pixels(deep=deep))(frame)
        assert np.array_equal(again, image)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("packed", "planar"),
    [("uyvy422", "yuv422p"), ("yuyv422", "yuv422p"), ("nv12", "yuv420p"), ("yuv420p10be", "yuv420p10le")],
)
def test_the_same_samples_in_another_order_are_the_same_picture(tmp_path: Path, packed: str, planar: str) -> None:
    pattern = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5:duration=0.4")
    ffmpeg(*pattern, "-pix_fmt", planar, "-c:v", "ffv1", tmp_path / "planar.mkv")
    ffmpeg("-i", tmp_path / "planar.mkv", "-pix_fmt", packed, "-c:v", "rawvideo", tmp_path / "packed.nut")
    clips = [source.open_clip(tmp_path / name) for name in ("planar.mkv", "packed.nut")]
    assert [clip.pix_fmt for clip in clips] == [planar, packed]
    for one, other in zip(*(source.read_frames(clip) for clip in clips), strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_a_matrix_that_is_not_known_is_said_and_read_as_players_guess(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=1, colour=(6, 1, 6, 6))
    notices: list[str] = []
    tags = Colour(matrix=14, range=1)
    ToRgb(tags, width=96, height=64, notify=notices.append)
    assert ["number 14" in notice for notice in notices] == [True]
    assert source.open_clip(path).colour.matrix == 6


# --- HDR --------------------------------------------------------------------------------------------------------


def grey_of(nits: float, peak: float = 1000.0, transfer: int = hdr.PQ) -> float:
    code = np.full((1, 3), float(hdr.pq_code(np.array(nits))))
    return float(255 * hdr.tone_map(code, transfer, 9, peak).mean())


def test_the_transfer_functions_are_the_published_ones() -> None:
    """PQ's 58 % is 203 cd/m² and its 75 % is 1000 (BT.2408, table 1); so is HLG's 75 % 203, on a display of 1000."""
    assert hdr.pq_light(np.array([0.0, 0.5807, 0.7518, 1.0])) == pytest.approx(
        [0, 203, 1000, 10000], rel=0.005, abs=1e-6
    )
    assert hdr.pq_code(hdr.pq_light(np.linspace(0, 1, 99))) == pytest.approx(np.linspace(0, 1, 99), abs=1e-6)
    hlg_white = 255 * hdr.tone_map(np.full((1, 3), 0.75), hdr.HLG, 9, 1000.0).mean()
    assert hlg_white == pytest.approx(grey_of(203), abs=1)


@pytest.mark.parametrize("peak", [400, 1000, 4000, 10000])
def test_tones_rise_shades_stay_and_the_peak_is_white(peak: int) -> None:
    tones = [grey_of(nits, peak) for nits in np.geomspace(0.01, peak, 60)]
    assert all(a <= b + 1e-6 for a, b in pairwise(tones))
    assert tones[-1] == pytest.approx(255, abs=0.5)
    for nits in (0.1, 1, 10):  # below the knee, light is the display's own: (nits / 203) to the power 1 / 2.4
        assert grey_of(nits, peak) == pytest.approx(255 * (nits / 203) ** (1 / 2.4), abs=0.6)
    assert grey_of(203, peak) > 170


def test_colours_keep_their_hue_and_highlights_lose_it_gently() -> None:
    """Of BT.2020 colours at rising light: the order of channels stays, nothing leaves the range, white is reached."""
    for colour in np.array([[1, 0.2, 0.1], [0.2, 1, 0.3], [0.3, 0.4, 1], [0.8, 0.55, 0.4]]):
        codes = [hdr.tone_map(hdr.pq_code(colour * nits)[None], hdr.PQ, 9, 1000.0)[0] for nits in (5, 50, 200, 1000)]
        for code in codes:
            assert 0 <= code.min() <= code.max() <= 1
            rising = np.diff(code[np.argsort(colour)])
            assert rising.min() > -0.03
        assert np.ptp(codes[-1]) < np.ptp(codes[2])


def test_the_table_is_the_formula_to_a_step() -> None:
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.random((20, 30, 1)), 3, axis=2)
    muted = 0.3 + 0.4 * grey + rng.normal(0, 0.015, (20, 30, 3))  # at the edge of BT.709 it is coarser
    for codes, quantile, most in ((grey, 1.0, 1.0), (muted, 0.99, 3.0)):
        for transfer in (hdr.PQ, hdr.HLG):
            tone_map = hdr.ToneMap(Colour(primaries=9, transfer=transfer))
            ours = tone_map(np.rint(codes * 65535).astype(np.uint16)) / 257
            exact = 255 * hdr.tone_map(codes.reshape(-1, 3), transfer, 9, 1000.0).reshape(codes.shape)
            assert np.quantile(np.abs(ours - exact), quantile) <= most
            assert np.abs(ours - exact).mean() <= 0.3


def test_the_peak_is_read_from_the_metadata(tmp_path: Path) -> None:
    def peak(*parameters: str) -> int | None:
        options = {"x265-params": ":".join(["log-level=error", *parameters]), "bf": "0"}
        path = tmp_path / f"{len(parameters)}{'cll' in str(parameters)}.mkv"
        make_clip(path, frames=1, codec="libx265", pix_fmt="yuv420p10le", colour=(9, 1, 9, 16), options=options)
        return source.open_clip(path).peak

    display = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"
    assert peak() is None
    assert peak(display) == 4000
    assert peak("max-cll=1337,400", display) == 1337


def test_hdr_is_refused_when_asked_before_anything_is_painted(tmp_path: Path, style: str) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=2, pix_fmt="yuv420p10le", colour=(9, 1, 9, 18))
    with pytest.raises(UnreadableInput, match="HLG") as caught:
        vidfx.render(path, tmp_path / "out.mp4", style=style, encode=Encode(hdr="error"), machine=TORCH)
    assert "tonemap" in caught.value.hint
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4"]
