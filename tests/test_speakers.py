"""Sound comes from the speakers that it came from, in whatever order a file names them, and what is lost is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from av.audio.layout import AudioLayout
from clips import make_clip
from fftools import ffmpeg, needs_ffmpeg, packets, probe

from vidfx.speakers import layout_for

pytestmark = needs_ffmpeg

SPEAKERS = {
    "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
    "6.1": ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
    "5.0": ("FL", "FR", "FC", "BL", "BR"),
    "quad": ("FL", "FR", "BL", "BR"),
    "2.1": ("FL", "FR", "LFE"),
}
IN_QUICKTIME = {
    "7.1": ("FL", "FR", "FC", "LFE", "SL", "SR", "BL", "BR"),
    "6.1": ("FL", "FR", "FC", "LFE", "SL", "SR", "BC"),
}
"""As FFmpeg names the channels of PCM there; its encoder writes them as they come."""
PCM = "pcm_s16le"


def film(path: Path, layout: str, codec: str = PCM) -> Path:
    """A short film whose speakers sound a tenth of full scale apart, in the order of SPEAKERS."""
    picture = make_clip(path.with_suffix(".silent.mp4"), frames=10)
    tones = "|".join(f"{(number + 1) / 10}*sin(600*t)" for number in range(len(SPEAKERS[layout])))
    sound = f"aevalsrc={tones}:c={layout}:d=0.4:s=48000"
    ffmpeg("-i", picture, "-f", "lavfi", "-i", sound, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", codec, path)
    return path


def heard(path: Path) -> dict[str, float]:
    """How loud each speaker is, as the greatest value, by FFmpeg's own names of them."""
    layout = probe(path, "stream=channel_layout", streams="a")["streams"][0]["channel_layout"].replace("(side)", "")
    names = SPEAKERS[layout]
    data = ffmpeg("-i", path, "-map", "0:a", "-f", "f32le", "-")
    samples = np.frombuffer(data, np.float32).reshape(-1, len(names))
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    return dict(zip(names, np.abs(middle).max(axis=0).round(2).tolist(), strict=True))


def render(source: Path, output: Path, style: str, *flags: str) -> list[str]:
    """In a process of its own, since what went wrong here ended it; returns what was noted."""
    call = [sys.executable, "-m", "vidfx", "render", source, "--style", style, *flags, "-o", output]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    return [line for line in done.stderr.splitlines() if line.startswith("note")]


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".avi"])
@pytest.mark.parametrize("layout", ["7.1", "6.1"])
def test_channels_in_an_order_of_their_own_are_copied(tmp_path: Path, style: str, layout: str, suffix: str) -> None:
    """QuickTime's 7.1 names the sides before what is behind, FFmpeg's after."""
    source = film(tmp_path / "clip.mov", layout)
    render(source, tmp_path / f"out{suffix}", style)
    ours, theirs = packets(tmp_path / f"out{suffix}", "a:0"), packets(source, "a:0")
    assert [data for _, data in ours] == [data for _, data in theirs] != []


@pytest.mark.parametrize(
    ("layout", "suffix", "codec"), [("7.1", ".mkv", "flac"), ("6.1", ".mkv", "flac"), ("7.1", ".webm", "libopus")]
)
def test_or_sound_from_the_same_speakers(tmp_path: Path, style: str, layout: str, suffix: str, codec: str) -> None:
    source = film(tmp_path / "clip.mov", layout)
    (note,) = render(source, tmp_path / f"out{suffix}", style)
    assert note.endswith(f"converted to {codec}")
    wanted = dict(zip(IN_QUICKTIME[layout], np.arange(1, 9) / 10, strict=False))
    assert heard(tmp_path / f"out{suffix}") == pytest.approx(wanted, abs=0.04)


@pytest.mark.parametrize(
    ("layout", "codec", "suffix", "extra"),
    [("quad", PCM, ".webm", ()), ("quad", "flac", ".mov", ()), ("5.0", PCM, ".webm", ("LFE",)),
     ("2.1", PCM, ".webm", ("FC", "BL", "BR")), ("5.1", PCM, ".webm", ())],
)  # fmt: skip
def test_conversion_loses_no_speaker(
    tmp_path: Path, style: str, layout: str, codec: str, suffix: str, extra: tuple[str, ...]
) -> None:
    """Where an encoder has no such layout, the next larger one has it, and what it has besides stays silent."""
    source = film(tmp_path / f"clip{'.mkv' if codec == 'flac' else '.mov'}", layout, codec)
    (note,) = render(source, tmp_path / f"out{suffix}", style)
    assert "mixed" not in note
    wanted = dict(zip(SPEAKERS[layout], np.arange(1, 9) / 10, strict=False)) | dict.fromkeys(extra, 0)
    assert heard(tmp_path / f"out{suffix}") == pytest.approx(wanted, abs=0.04)


@pytest.mark.parametrize(
    ("codec", "layout", "taken", "lost"),
    [
        ("libopus", "stereo", "stereo", ""),
        ("libopus", "5.1(side)", "5.1", ""),
        ("libopus", "octagonal", "7.1", ", octagonal mixed into 7.1"),
        ("libmp3lame", "5.1", "stereo", ", 6 channels mixed down to 2"),
        ("libmp3lame", "mono", "mono", ""),
        ("aac", "22.2", "7.1", ", 24 channels mixed down to 8"),
        ("libopus", "4.0", "5.1", ", 4.0 mixed into 5.1"),
        ("libopus", "6.1", "7.1", ", 6.1 mixed into 7.1"),
        ("flac", "4.0", "4.0", ""),
        ("flac", "4C", "quad", ""),
        ("libopus", "5C", "5.1", ""),
        ("libopus", "12C", "7.1", ", 12 channels mixed down to 8"),
    ],
)
def test_what_cannot_be_kept_is_said(codec: str, layout: str, taken: str, lost: str) -> None:
    assert layout_for(codec, 48000, AudioLayout(layout)) == (taken, lost)


@pytest.mark.parametrize("suffix", [".avi", ".webm"])
def test_eight_channels_in_planes_can_be_cut(tmp_path: Path, style: str, suffix: str) -> None:
    source = film(tmp_path / "clip.mov", "7.1")
    coded = tmp_path / "coded.mkv"
    ffmpeg("-i", source, "-c:v", "copy", "-c:a", "libvorbis", "-ac", "8", coded)
    render(coded, tmp_path / f"out{suffix}", style, "-ss", "0.13")
