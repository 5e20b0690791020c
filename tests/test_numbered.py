"""Numbered pictures: what has no place in them, and what lies beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import films
import pytest
from fftools import ffmpeg, needs_ffmpeg

from vidfx import CannotWrite, Encode, Look, Range, UsageError
from vidfx.job import Render
from vidfx.parts.plan import plan
from vidfx.settings import Job

pytestmark = needs_ffmpeg


def test_pictures_have_no_place_for_sound_and_say_so(tmp_path: Path, style: str) -> None:
    film = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.3")
    ffmpeg(*film, "-f", "lavfi", "-i", "sine=duration=0.3", "-c:v", "mpeg4", "-c:a", "aac", tmp_path / "in.mp4")
    done = films.render(tmp_path / "in.mp4", tmp_path / "p.%04d.png", style)
    assert done.notices == ("pictures have no place for the clip's audio: left out",)
    with pytest.raises(UsageError, match="no place"):
        films.render(tmp_path / "in.mp4", tmp_path / "q.%04d.png", style, strict=True)
    assert films.render(tmp_path / "in.mp4", tmp_path / "r.%04d.png", style, encode=Encode(audio=False)).notices == ()


def test_pictures_of_an_earlier_render_are_told(tmp_path: Path, style: str) -> None:
    source = films.render
    film = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    ffmpeg(*film, "-c:v", "mpeg4", tmp_path / "in.mp4")
    source(tmp_path / "in.mp4", tmp_path / "p.%04d.png", style)
    done = source(tmp_path / "in.mp4", tmp_path / "p.%04d.png", style, wanted=Range(last=1), overwrite=True)
    assert done.notices == (
        "8 more pictures of that name lie there that this render did not write, such as 'p.0002.png'",
    )


def test_the_matte_is_not_written_over(tmp_path: Path, style: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.3", tmp_path / "in.mp4")
    ffmpeg("-f", "lavfi", "-i", "color=white:size=64x48:rate=10:duration=0.3", tmp_path / "m.%04d.png")
    look = Look(matte=tmp_path / "m.%04d.png")
    with pytest.raises(UsageError, match="the matte itself"):
        films.render(tmp_path / "in.mp4", tmp_path / "m.%04d.png", style, look=look, overwrite=True)


def test_x265_is_quiet_whatever_it_is_told(tmp_path: Path, style: str, capfd: pytest.CaptureFixture[str]) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.3", tmp_path / "in.mp4")
    encode = Encode(codec="libx265", options={"x265-params": "crf=30"})
    films.render(tmp_path / "in.mp4", tmp_path / "out.mp4", style, encode=encode)
    assert "x265" not in capfd.readouterr().err


def test_strict_refuses_before_a_host_has_painted(tmp_path: Path, style: str) -> None:
    film = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.3")
    ffmpeg(*film, "-f", "lavfi", "-i", "sine=duration=0.3", "-c:v", "mpeg4", "-c:a", "aac", tmp_path / "in.mp4")
    job = Job(source=tmp_path / "in.mp4", output=tmp_path / "p.%04d.png", style=style, strict=True)
    for check in (plan, Render):
        with pytest.raises(UsageError, match="no place"):
            check(job)


def test_a_plan_does_not_write_over_pictures_that_are_there(tmp_path: Path, style: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.3", tmp_path / "in.mp4")
    (tmp_path / "p.0007.png").touch()
    job = Job(source=tmp_path / "in.mp4", output=tmp_path / "p.%04d.png", style=style)
    with pytest.raises(CannotWrite, match="exists already"):
        plan(job)
    assert plan(replace(job, overwrite=True)).numbered
