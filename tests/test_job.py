"""A render from end to end: same frames, same times, same sound, atomic output, and papers inside."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import MEDIA, make_clip, make_sequence, picture
from fftools import frame_times, needs_ffprobe, probe
from films import FAST, LOSSLESS, TORCH

import vidfx
from vidfx import CannotWrite, Look, MissingInput, Range, UnreadableInput, UsageError
from vidfx.job import Job, Render, default_output
from vidfx.progress import Progress

CLIPS = MEDIA / "clips"


def sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(audio=0) if p.size]


@needs_ffprobe
def test_frames_times_and_sound_are_the_sources(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=30, rate=25, audio="aac", cuts=(10,))
    done = vidfx.render(source, tmp_path / "out.mp4", style=style, machine=TORCH, encode=FAST)
    assert done.frames == 30
    assert frame_times(done.path) == frame_times(source)
    assert sound(done.path) == sound(source)
    video = probe(done.path, "stream=codec_name,width,height,pix_fmt", streams="v:0")["streams"][0]
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", 96, 64)


@needs_ffprobe
@pytest.mark.parametrize(
    "name", ["bikes.mp4", "chaplin.mp4", "car-detection.mp4", "asl_walk.mkv", "vtest.avi", "carphone_pristine.mp4"]
)
def test_real_clips(style: str, tmp_path: Path, name: str) -> None:
    source = CLIPS / name
    if not source.is_file():
        pytest.skip("the real clips are not on this machine")
    part = Range(first=0, last=39)
    output = tmp_path / f"out{source.suffix}"
    done = vidfx.render(source, output, style=style, machine=TORCH, encode=FAST, wanted=part, look=Look(smooth=0.5))
    assert done.frames == 40
    expected = frame_times(source)[:40]
    tick = Fraction(1, 1000) if source.suffix == ".mkv" else Fraction(0)
    for ours, theirs in zip(frame_times(output), (t - expected[0] for t in expected), strict=True):
        assert abs(ours - theirs) <= tick


def test_the_same_pixels_come_out_of_render_and_stages(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=6)
    vidfx.render(source, tmp_path / "out.nut", style=style, machine=TORCH, encode=LOSSLESS, look=Look(smooth=0))
    painter = vidfx.load_style(style, machine=TORCH)
    with av.open(str(tmp_path / "out.nut")) as ours, av.open(str(source)) as theirs:
        for a, b in zip(ours.decode(video=0), theirs.decode(video=0), strict=True):
            expected = painter.stylize(b.to_ndarray(format="rgb24")[None])[0]
            assert np.abs(a.to_ndarray(format="rgb24").astype(int) - expected).mean() < 6  # swscale's own ways to RGB


def test_its_papers_are_in_the_file(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=4)
    done = vidfx.render(source, tmp_path / "o.mp4", style=style, machine=TORCH, look=Look(strength=0.5), encode=FAST)
    with av.open(str(done.path)) as container:
        said = json.loads(container.metadata["vidfx"])
    assert said["style"] == "tiny"
    assert said["style_hash"] == done.style_hash
    assert said["strength"] == 0.5
    assert said["version"] == vidfx.__version__
    assert said["runs_on"] == done.ran_on == "cpu, torch, fp32, batch 1, 1 threads"
    assert said["encode"] == {"codec": "libx264", "pix_fmt": "yuv420p", "crf": "18", "preset": "ultrafast"}


def test_a_still_and_a_sequence(style: str, tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), picture(0, (50, 40)))
    done = vidfx.render(still, style=style, machine=TORCH)
    assert done.path == tmp_path / "still.tiny.png"
    assert cv2.imread(str(done.path)).shape == (40, 50, 3)

    numbered = still.rename(tmp_path / "take #2.png")  # a number sign in the name of a file that is there
    assert vidfx.render(numbered, style=style, machine=TORCH).path == tmp_path / "take #2.tiny.png"

    pattern = make_sequence(tmp_path, frames=5)
    done = vidfx.render(pattern, style=style, machine=TORCH, wanted=Range(first=1, last=3))
    assert sorted(p.name for p in tmp_path.glob("shot.tiny.*")) == [f"shot.tiny.{n}.png" for n in (1002, 1003, 1004)]
    done = vidfx.render(pattern, tmp_path / "film.mp4", style=style, machine=TORCH, encode=FAST)
    assert done.frames == 5


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a/clip.mp4", "a/clip.ink.mp4"),
        ("clip.flv", "clip.ink.mkv"),
        ("shot.%04d.exr", "shot.ink.%04d.exr"),
        ("still.tif", "still.ink.tif"),
    ],
)
def test_the_default_name(source: str, expected: str) -> None:
    assert default_output(source, "ink") == Path(expected)


def test_an_output_that_exists_is_refused_before_anything_is_done(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=4)
    taken = tmp_path / "taken.mp4"
    taken.write_text("precious")
    with pytest.raises(CannotWrite) as caught:
        vidfx.render(source, taken, style=style, machine=TORCH)
    assert "-y" in caught.value.hint
    assert taken.read_text() == "precious"
    vidfx.render(source, taken, style=style, machine=TORCH, overwrite=True, encode=FAST)
    assert taken.stat().st_size > 100


def test_bad_input_is_ours_and_leaves_nothing(style: str, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no film")
    (tmp_path / "empty.mp4").touch()
    before = sorted(tmp_path.iterdir())
    for name, error in (("none.mp4", MissingInput), ("text.mp4", UnreadableInput), ("empty.mp4", UnreadableInput)):
        with pytest.raises(error) as caught:
            vidfx.render(tmp_path / name, tmp_path / "o.mp4", style=style, machine=TORCH)
        assert caught.value.hint
    assert sorted(tmp_path.iterdir()) == before


def test_an_error_in_mid_render_leaves_nothing(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=12)

    class Breaks(Progress):
        count = 0

        def frame(self, frame: object) -> None:
            self.count += 1
            if self.count == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vidfx.render(source, tmp_path / "out.mp4", style=style, machine=TORCH, progress=Breaks())
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_range_without_frames_is_a_usage_error(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=4)
    with pytest.raises(UsageError):
        vidfx.render(source, tmp_path / "o.mp4", style=style, machine=TORCH, wanted=Range(first=90))


def test_the_plan_says_what_render_would_do(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=10)
    job = Job(source=source, output=tmp_path / "o.mp4", style=style, machine=TORCH, wanted=Range(first=2, last=5))
    said = Render(job).outline()
    assert (said["frames"], said["size"], said["style"]) == (4, [96, 64], "tiny")
    assert said["output"] == str(tmp_path / "o.mp4")
    assert not (tmp_path / "o.mp4").exists()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(style: str, tmp_path: Path) -> None:
    """Peak memory of a whole process on a clip and on one ten times as long."""
    code = textwrap.dedent("""
        import resource, sys, vidfx
        from vidfx import Encode, Machine
        vidfx.render(sys.argv[1], sys.argv[2], style=sys.argv[3], machine=Machine(device="cpu", threads=1),
                     encode=Encode(preset="ultrafast"), overwrite=True)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """)
    peaks = []
    for frames in (60, 600):
        source = make_clip(tmp_path / f"{frames}.mp4", frames=frames, size=(320, 180), audio="aac")
        command = [sys.executable, "-c", code, str(source), str(tmp_path / "out.mp4"), style]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]))
    assert peaks[1] <= 1.1 * peaks[0]


def test_the_public_names_are_there() -> None:
    assert sorted(vidfx.__all__) == vidfx.__all__
    for name in vidfx.__all__:
        assert getattr(vidfx, name) is not None
    with pytest.raises(AttributeError):
        _ = vidfx.nonsense
