"""Stills and sequences: read for what they are, numbered as they were, written whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import films
import numpy as np
import pytest
from clips import make_clip, make_sequence, picture
from fftools import frame_times, needs_ffprobe

from vidfx import images, sink, source
from vidfx.errors import MissingInput, UnreadableInput, UsageError
from vidfx.frames import Clip, Frame
from vidfx.settings import Encode, Range


def write(frames: list[Frame], clip: Clip, output: Path, wanted: Range | None = None) -> sink.Written:
    settings = Encode(preset="ultrafast") if output.suffix == ".mp4" else Encode()
    return sink.write(
        iter(frames), clip, output, encode=settings, wanted=wanted or Range(), metadata={}, notify=lambda _: None
    )


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp", ".exr", ".dpx", ".jpg"])
@pytest.mark.parametrize("size", [(48, 32), (7, 5)])
def test_a_still_comes_back_as_it_was_written(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    still = tmp_path / f"in{suffix}"
    images.write_picture(still, picture(3, size))
    clip = source.open_clip(still)
    assert (clip.kind, clip.width, clip.height, clip.frame_count) == ("still", *size, 1)
    frames = list(source.read_frames(clip))
    write(frames, clip, tmp_path / f"out{suffix}")
    again = images.read_picture(tmp_path / f"out{suffix}")
    difference = np.abs(again.astype(int) - picture(3, size))
    assert difference.max() == 0 or (suffix == ".jpg" and difference.mean() < 16)
    assert not list(tmp_path.glob(".*"))


def test_sixteen_bit_grey_and_alpha_become_eight_bit_rgb(tmp_path: Path) -> None:
    deep = picture(0, (24, 16)).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep[..., ::-1])
    assert np.array_equal(images.read_picture(tmp_path / "deep.png"), picture(0, (24, 16)))
    cv2.imwrite(str(tmp_path / "grey.png"), picture(0, (24, 16))[..., 0])
    assert np.array_equal(images.read_picture(tmp_path / "grey.png")[..., 2], picture(0, (24, 16))[..., 0])
    rgba = np.dstack([picture(0, (24, 16))[..., ::-1], np.full((16, 24), 90, np.uint8)])
    cv2.imwrite(str(tmp_path / "alpha.png"), rgba)
    notices: list[str] = []
    (frame,) = source.read_frames(source.open_clip(tmp_path / "alpha.png"), notify=notices.append)
    assert np.abs(frame.image - picture(0, (24, 16)) * (90 / 255)).max() <= 1
    assert len(notices) == 1
    assert "over black" in notices[0]


def test_exr_is_scene_linear(tmp_path: Path) -> None:
    """sRGB 188 is half the light of 255 (IEC 61966-2-1)."""
    import av

    images.write_picture(tmp_path / "half.exr", np.full((4, 4, 3), 188, np.uint8))
    with av.open(str(tmp_path / "half.exr")) as container:
        frame = next(container.decode(video=0))
    assert frame.to_ndarray() == pytest.approx(0.503, abs=0.005)


def test_a_jpeg_stands_as_its_exif_says(tmp_path: Path) -> None:
    done, data = cv2.imencode(".jpg", picture(0, (48, 32))[..., ::-1])
    assert done
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path = tmp_path / "turned.jpg"
    path.write_bytes(bytes(data[:2]) + segment + bytes(data[2:]))
    clip = source.open_clip(path)
    assert (clip.width, clip.height) == (32, 48)
    image = next(source.read_frames(clip)).image
    assert np.abs(image.astype(int) - np.rot90(picture(0, (48, 32)), -1)).mean() < 9


@pytest.mark.parametrize("spelling", ["shot.%04d.png", "shot.####.png"])
def test_a_sequence_keeps_its_numbers(tmp_path: Path, spelling: str) -> None:
    make_sequence(tmp_path, first=1001, frames=6)
    clip = source.open_clip(tmp_path / spelling)
    assert (clip.kind, clip.frame_count, clip.rate) == ("sequence", 6, 24)
    wanted = Range(first=2, last=4)
    frames = list(source.read_frames(clip, wanted=wanted))
    assert [(f.index, f.pts) for f in frames] == [(2, 2), (3, 3), (4, 4)]
    (tmp_path / "out").mkdir()
    written = write(frames, clip, tmp_path / "out" / "ink.%05d.png", wanted)
    assert written.frames == 3
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["ink.01003.png", "ink.01004.png", "ink.01005.png"]
    assert np.array_equal(images.read_picture(tmp_path / "out" / "ink.01003.png"), picture(2, (48, 32)))


@needs_ffprobe
def test_a_sequence_becomes_a_film_and_a_film_a_sequence(tmp_path: Path) -> None:
    clip = source.open_clip(make_sequence(tmp_path, frames=5))
    film = write(list(source.read_frames(clip)), clip, tmp_path / "film.mp4").path
    assert [round(t * 24, 6) for t in frame_times(film)] == [0, 1, 2, 3, 4]
    there = source.open_clip(film)
    assert there.colour.matrix == 1
    frames = list(source.read_frames(there))
    write(frames, there, tmp_path / "back.%03d.png")
    assert sorted(p.name for p in tmp_path.glob("back*")) == [f"back.{n:03d}.png" for n in range(5)]
    assert np.abs(frames[0].image.astype(int) - picture(0, (48, 32))).mean() < 6


def test_a_gap_is_named(tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path, first=7, frames=5)
    (tmp_path / "shot.0009.png").unlink()
    with pytest.raises(UnreadableInput, match=r"shot\.0009\.png"):
        source.open_clip(pattern)


def test_what_is_no_sequence_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        source.open_clip(tmp_path / "shot.%04d.png")
    with pytest.raises(MissingInput):  # a film may be called so; a sequence is of pictures
        source.open_clip(tmp_path / "shot.%04d.mp4")
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    with pytest.raises(UnreadableInput):
        source.open_clip(tmp_path / "bad.png")
    make_sequence(tmp_path, first=1, frames=2)
    images.write_picture(tmp_path / "shot.0003.png", picture(0, (20, 20)))
    with pytest.raises(UnreadableInput, match="began as"):
        list(source.read_frames(source.open_clip(tmp_path / "shot.%04d.png")))


def test_many_frames_do_not_go_into_one_picture(tmp_path: Path) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=3))
    with pytest.raises(UsageError, match="need numbered names"):
        write(list(source.read_frames(clip)), clip, tmp_path / "one.png")


def test_settings_of_an_encoder_are_said_to_be_idle(tmp_path: Path, style: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=1)
    asked = Encode(codec="libx264", crf=18, options={"g": "5"})
    done = films.render(clip, tmp_path / "f.%04d.png", style, encode=asked)
    assert done.notices == (".png pictures need no encoder: -c:v, -crf, --encoder-opt not used",)
    assert films.render(clip, tmp_path / "g.%04d.png", style).notices == ()
