"""Damaged files: what decodes is kept, in time, and the loss is counted and said; --strict refuses."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
import witness
from clips import make_clip
from fftools import ffmpeg, needs_ffmpeg
from films import render
from odd_clips import ODD

from vidfx import UnreadableInput, UsageError
from vidfx.cli import main
from vidfx.timeline import Timeline

pytestmark = needs_ffmpeg

LOSSES = {
    "cut_short.mkv": "16 pictures or so missing at the end of",
    "cut_short.mp4": "16 pictures missing where",
    "flipped_bits.ts": "13 damaged pictures in",
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_decodes_is_painted_in_time_and_the_loss_is_said(
    folder: Path, tmp_path: Path, style: str, name: str
) -> None:
    path = ODD[name](folder)
    done = render(path, tmp_path / "out.mkv", style)
    before, after = witness.see(path), witness.see(done.path)
    difference = witness.worst(before, after)
    assert difference is not None, (len(before.frames), len(after.frames))
    assert difference <= witness.TICK
    assert [LOSSES[name] in notice for notice in done.notices].count(True) == 1


@pytest.mark.parametrize("name", [*LOSSES, "sound_fails.mkv", "garbage_between.ts"])
def test_strict_refuses_a_loss_and_only_a_loss(folder: Path, tmp_path: Path, style: str, name: str) -> None:
    path = ODD[name](folder)
    if name in LOSSES:
        with pytest.raises(UnreadableInput, match="is damaged"):
            render(path, tmp_path / "out.mkv", style, strict=True)
        assert list(tmp_path.iterdir()) == []
    else:
        assert render(path, tmp_path / "out.mkv", style, strict=True).frames == 50


@pytest.mark.parametrize("name", ["no_moov.mp4", "nothing_decodes.mkv"])
def test_what_cannot_be_read_at_all_is_65_with_a_reason(
    folder: Path, tmp_path: Path, style: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ODD[name](folder)
    assert main(["render", str(path), "--style", style, "-o", str(tmp_path / "out.mkv")]) == 65
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert name in said
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_appears_in_mid_file_is_no_fault(
    folder: Path,
) -> None:
    """PyAV then raises IndexError after the last packet; what was read before it counts."""
    with av.open(str(ODD["mpeg2.ts"](folder))) as container:

        class Trips:
            format, streams = container.format, container.streams

            def demux(self, *streams: av.stream.Stream) -> Iterator[av.Packet]:
                yield from container.demux(*streams)
                raise IndexError("list index out of range")

        packets = Timeline().demux(Trips(), [container.streams.video[0]])
        assert sum(packet.size > 0 for packet in packets) == 50


def test_a_gap_of_days_does_not_fit_into_avi_and_says_so(tmp_path: Path, style: str) -> None:
    path = make_clip(
        tmp_path / "gap.mkv", frames=6, pts=[0, 1, 2, 200_000, 200_001, 200_002], time_base=Fraction(1, 25)
    )
    with pytest.raises(UsageError, match=r"times of this film") as refused:
        render(path, tmp_path / "out.avi", style)
    assert ".mkv" in (refused.value.hint or "")
    assert not (tmp_path / "out.avi").exists()
    done = render(path, tmp_path / "out.mkv", style)
    assert witness.worst(witness.see(path), witness.see(done.path)) == 0


def test_sound_that_the_muxer_has_no_code_for_is_left_out_and_said(tmp_path: Path, style: str) -> None:
    whole = tmp_path / "whole.ts"
    made = ("-f", "lavfi", "-i", "testsrc=s=96x64:d=1", "-f", "lavfi", "-i", "sine=d=1")
    ffmpeg(*made, "-c:v", "libx264", "-c:a", "aac", whole)
    data = bytearray(whole.read_bytes())
    headers = [
        place for place in range(len(data) - 7) if data[place : place + 2] == b"\xff\xf1" and data[place + 2] >> 4 == 5
    ]
    for place in headers[10:12]:  # an ADTS header that promises four blocks and a checksum
        data[place + 1] &= ~1
        data[place + 6] |= 3
    path = tmp_path / "blocks.ts"
    path.write_bytes(data)
    done = render(path, tmp_path / "out.mkv", style)
    assert any("left out" in notice for notice in done.notices), done.notices
    assert len(witness.see(done.path).frames) == len(witness.see(whole).frames)
