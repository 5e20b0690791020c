"""Alpha: kept where the output can hold it, else laid over black and said."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import picture
from fftools import ffmpeg, needs_ffmpeg, probe
from films import CPU, UNPAINTED
from hevc_layers import two_layers
from numpy.typing import NDArray
from odd_clips import ODD
from test_depth import carry
from tiny_style import make_style

import vidfx
from vidfx import source, stills
from vidfx.frames import Pixels
from vidfx.settings import Encode, Range


def see_through(folder: Path) -> tuple[Path, np.ndarray]:
    """Two pictures with alpha from clear to opaque, as PNG in a .mov."""
    alpha = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))
    path = folder / "clear.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=24, width=96, height=64)
        stream.pix_fmt = "rgba"
        for index in range(2):
            frame = av.VideoFrame.from_ndarray(np.dstack([picture(index), alpha]), format="rgba")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path, alpha


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("out.mov", None, "yuva444p10le"), ("out.mkv", "ffv1", "bgra"), ("qt.mov", "qtrle", "argb")],
)
def test_alpha_is_kept_where_the_codec_can(tmp_path: Path, name: str, codec: str | None, pix_fmt: str) -> None:
    path, alpha = see_through(tmp_path)
    written, notices = carry(path, tmp_path / name, Encode(codec=codec))
    assert (written.pix_fmt, notices) == (pix_fmt, [])
    raw = ffmpeg("-i", written.path, "-frames:v", "1", "-vf", "alphaextract,format=gray", "-f", "rawvideo", "-")
    again = np.frombuffer(raw, np.uint8).reshape(64, 96)
    assert np.abs(again.astype(int) - alpha).max() <= 1


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("out.mov", None, "yuva444p12le"), ("out.mov", "qtrle", "argb"), ("out.nut", "ffv1", "bgra")],
)
def test_film_from_pictures_keeps_their_alpha(tmp_path: Path, name: str, codec: str | None, pix_fmt: str) -> None:
    alpha = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))
    for index in range(2):
        assert cv2.imwrite(str(tmp_path / f"in.{index:04d}.png"), np.dstack([picture(index), alpha]))
    _, notices = carry(tmp_path / "in.%04d.png", tmp_path / name, Encode(codec=codec))
    with av.open(str(tmp_path / name)) as container:
        assert container.streams.video[0].pix_fmt == pix_fmt
        shown = next(container.decode(video=0)).to_ndarray(format="rgba")
    assert np.abs(shown[..., 3].astype(int) - alpha).max() <= 1
    assert not [notice for notice in notices if "alpha" in notice]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".exr"])
def test_pictures_keep_alpha(tmp_path: Path, suffix: str) -> None:
    path, alpha = see_through(tmp_path)
    carry(path, tmp_path / f"out.%d{suffix}", Encode())
    image, again = stills.as_wanted(stills.load(tmp_path / f"out.0{suffix}"), Pixels(alpha=True))
    assert again is not None
    assert np.abs(again.astype(int) - alpha).max() <= 1
    shown = alpha > 8
    assert np.abs(image.astype(int) - picture(0))[shown].max() <= 1


def test_alpha_without_a_place_is_laid_over_black_and_said(tmp_path: Path) -> None:
    path, alpha = see_through(tmp_path)
    written, notices = carry(path, tmp_path / "out.mp4", Encode(preset="ultrafast", crf=1))
    assert ["over black" in notice for notice in notices] == [True]
    image = next(source.read_frames(source.open_clip(written.path))).image
    expected = picture(0) * (alpha[..., None] / 255)
    assert np.abs(image - expected).mean() < 4


def test_opaque_alpha_is_no_news(tmp_path: Path) -> None:
    rgba = np.dstack([picture(0), np.full((64, 96), 255, np.uint8)])
    cv2.imwrite(str(tmp_path / "in.png"), cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    notices: list[str] = []
    (frame,) = source.read_frames(source.open_clip(tmp_path / "in.png"), notify=notices.append)
    assert np.array_equal(frame.image, picture(0))
    assert notices == []


# --- alpha beside the picture: VP8 and VP9 ------------------------------------------------------------------------


def alphas(path: Path, decoder: str) -> NDArray[np.int64]:
    """Every picture's alpha as ffmpeg decodes it."""
    raw = ffmpeg("-c:v", decoder, "-i", path, "-vf", "alphaextract,format=gray", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, 64, 96).astype(int)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "theirs", "output", "codec", "ours"),
    [
        ("alpha.webm", "libvpx-vp9", "out.webm", None, "libvpx-vp9"),
        ("alpha.webm", "libvpx-vp9", "out.mkv", "libvpx-vp9", "libvpx-vp9"),
        ("alpha.webm", "libvpx-vp9", "out.mov", None, "prores"),
        ("alpha_vp8.webm", "libvpx", "out.webm", "libvpx", "libvpx"),
    ],
)
def test_alpha_beside_the_packets_is_read_and_written_in_every_part(
    tmp_path: Path, name: str, theirs: str, output: str, codec: str | None, ours: str
) -> None:
    path, style = ODD[name](tmp_path), str(make_style(tmp_path / "tiny"))
    encode = Encode(codec=codec, crf=None if output == "out.mov" else 4)
    done = vidfx.render(
        path, tmp_path / output, style=style, look=UNPAINTED, machine=CPU, encode=encode, part_frames=17
    )
    assert done.notices == ()
    before, after = alphas(path, theirs), alphas(done.path, ours)
    assert before.shape == after.shape
    assert np.abs(after - before).mean() < 1.5
    edge = np.abs(after[16:19] - before[16:19]).mean(), np.abs(after[33:36] - before[33:36]).mean()
    assert max(edge) < 2  # where two parts meet
    if ours != "prores":
        tags = probe(done.path, "stream_tags")["streams"][0]["tags"]
        assert tags["alpha_mode"] == "1"
        shown = probe(done.path, "packet=pts", "packet_side_data", streams="v:0")["packets"]
        assert all("BlockAdditional" in str(packet) for packet in shown)


@needs_ffmpeg
def test_alpha_leaves_no_tag_where_it_is_not_kept(tmp_path: Path) -> None:
    written, notices = carry(ODD["alpha.webm"](tmp_path), tmp_path / "out.mkv", Encode(preset="ultrafast"))
    assert ["over black" in notice for notice in notices] == [True]
    assert "alpha_mode" not in str(probe(written.path, "stream_tags")).lower()


# --- alpha in a second layer: HEVC --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("broken", [False, True], ids=["whole", "as-Apple-writes-it"])
def test_hevc_with_alpha_is_read_without_it_and_that_is_said(tmp_path: Path, suffix: str, broken: bool) -> None:
    path = two_layers(tmp_path / f"in{suffix}", broken=broken)
    written, notices = carry(path, tmp_path / "out.mkv", Encode(preset="ultrafast", crf=1))
    assert written.frames == 12
    assert sum("alpha" in notice and "left out" in notice for notice in notices) == 1
    for number, frame in enumerate(source.read_frames(source.open_clip(written.path))):
        assert np.abs(frame.image.astype(int) - picture(number)).mean() < 3


def test_of_two_views_the_first_is_read(tmp_path: Path) -> None:
    path = two_layers(tmp_path / "in.mov", second="view")
    written, notices = carry(path, tmp_path / "out.mov", Encode(preset="ultrafast", crf=1))
    assert written.frames == 12
    assert ["second view" in notice for notice in notices] == [True]


def test_a_part_begins_in_the_middle_of_two_layers(tmp_path: Path) -> None:
    path = two_layers(tmp_path / "in.mp4", frames=60)
    clip = source.open_clip(path)
    frames = list(source.read_frames(clip, wanted=Range(first=40, last=44)))
    assert [frame.index for frame in frames] == [40, 41, 42, 43, 44]
    assert np.abs(frames[0].image.astype(int) - picture(40)).mean() < 3


@pytest.mark.parametrize("extra", [1, 2])
def test_a_tiff_is_read_as_it_was_before_its_alpha(tmp_path: Path, extra: int) -> None:
    """Whether the file says that its colours are multiplied (1) or not (2); OpenCV multiplies the latter itself."""
    path, alpha = see_through(tmp_path)
    ffmpeg("-i", path, "-frames:v", "1", "-pix_fmt", "rgba", tmp_path / "in.tif")
    straight = picture(0).astype(float)
    if extra == 1:
        data = bytearray((tmp_path / "in.tif").read_bytes())
        place = data.index(struct.pack("<HHIH", 338, 3, 1, 2))
        data[place : place + 10] = struct.pack("<HHIH", 338, 3, 1, 1)
        (tmp_path / "in.tif").write_bytes(data)
    image, again = stills.as_wanted(stills.load(tmp_path / "in.tif"), Pixels(alpha=True))
    assert again is not None and np.abs(again.astype(int) - alpha).max() <= 1
    expected = straight if extra == 2 else np.minimum(straight * 255 / np.maximum(alpha, 1)[..., None], 255)
    assert np.abs(image.astype(int) - expected)[alpha > 128].max() <= 2
