"""What `vidfx bench` says of a render is what happened: frames, waits, costs, and a picture of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from clips import make_clip

from vidfx.bench.trace import Trace
from vidfx.cli import main
from vidfx.frames import Frame
from vidfx.pipeline import prefetch


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=20, rate=25, audio="aac")


def frames(count: int, seconds: float) -> Iterator[Frame]:
    """Frames that take some time each."""
    picture = np.zeros((2, 2, 3), np.uint8)
    for number in range(count):
        time.sleep(seconds)
        yield Frame(index=number, pts=number, time_base=Fraction(1, 25), duration=1, image=picture, source=picture)


def slowly(stage: Iterator[Frame], seconds: float) -> Iterator[Frame]:
    for frame in stage:
        time.sleep(seconds)
        yield frame


@pytest.mark.parametrize(("first", "second"), [(0.002, 0.03), (0.03, 0.002)])
def test_who_waits_for_whom(first: float, second: float) -> None:
    """Two threads, one of them slow: it works the greater share of its time, and the other waits for it."""
    trace = Trace()
    stage = trace("wait", prefetch(trace("first", frames(30, first)), depth=2))
    for _ in trace.consumer("second", stage):
        time.sleep(second)
    shares = {share.stages: share for share in trace.shares()}
    quick, slow = (("first",), ("second",)) if first < second else (("second",), ("first",))
    assert shares[slow].busy > shares[quick].busy
    waits, other = shares[quick].blocked, shares[quick].starved
    assert waits > other if first < second else other > waits


def test_a_stage_is_not_charged_for_the_one_before_it() -> None:
    trace = Trace()
    assert sum(1 for _ in trace("shots", slowly(trace("decode", frames(20, 0.01)), 0.002))) == 20
    busy = {stage: sum(s.busy for s in trace.spans if s.stage == stage) for stage in ("decode", "shots")}
    assert busy["decode"] >= 0.2
    assert 0.04 <= busy["shots"] < busy["decode"]


def test_the_whole_report(style: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", str(clip), "--style", style, "--json", "-q", "--device", "cpu", "--threads", "1"]
    assert main([*command, "-o", str(tmp_path / "who.svg")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["whole"]["frames"] == said["decode_and_encode"]["frames"] == 20
    assert {"decode", "shots", "generator", "motion", "smoothing", "composite", "encode"} == said["alone"].keys()
    assert all(cost["frames"] == 20 and cost["wall"] > 0 and cost["cpu"] > 0 for cost in said["alone"].values())
    assert said["real_time"] == pytest.approx(20 / 25 / said["whole"]["wall"])
    rates = said["whole"]["frames_per_second"], said["decode_and_encode"]["frames_per_second"]
    assert said["of_decode_and_encode"] == pytest.approx(rates[0] / rates[1])
    assert said["peak_memory"] > 50e6
    last = [thread["stages"][-1] for thread in said["threads"]]
    assert last == ["shots", "generator", "motion", "composite", "encode"]
    for thread in said["threads"]:
        assert thread["busy"] + thread["starved"] + thread["blocked"] == pytest.approx(1, abs=0.05)
    drawn = ElementTree.parse(tmp_path / "who.svg").getroot()
    words = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"generator", "encode", "thread 5"} <= words
    assert not list(clip.parent.glob("*vidfx*"))


def test_for_people_and_as_png(style: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", str(clip), "--style", style, "--frames", "0-5", "--smooth", "0", "--device", "cpu"]
    assert main([*command, "-o", str(tmp_path / "who.png")]) == 0
    said = capsys.readouterr().out
    assert "6 frames" in said and "× real time" in said and "starved" in said
    picture = cv2.imread(str(tmp_path / "who.png"))
    assert picture.shape[1] == 1200
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 5
    assert main([*command, "-o", str(tmp_path / "who.png")]) == 73


def test_what_cannot_be_measured(style: str, clip: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), np.zeros((16, 16, 3), np.uint8))
    assert main(["bench", str(still), "--style", style]) == 2
    assert main(["bench", str(clip), "--style", style, "-o", "who.gif"]) == 2
    assert main(["bench", "none.mp4", "--style", style]) == 66
