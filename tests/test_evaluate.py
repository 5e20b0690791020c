"""`vidfx evaluate` as a user meets it: figures, files that differ, the gate, and bounded memory.

Long, because the command, its figures and its refusals share clips that take long to make.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import weakref
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import films
import numpy as np
import pytest
from clips import make_clip, make_sequence, picture
from fftools import ffmpeg, needs_ffmpeg, needs_ffprobe, packets
from numpy.typing import NDArray
from safetensors.torch import save_file
from test_evaluate_style import features as features  # a fixture

from vidfx.cli import main
from vidfx.errors import UsageError
from vidfx.evaluation.fidelity import compare_files
from vidfx.evaluation.figures import FIGURES
from vidfx.evaluation.meter import Meter
from vidfx.evaluation.pairing import Walk
from vidfx.evaluation.require import parse_requirements
from vidfx.evaluation.sampling import Spread, Worst
from vidfx.evaluation.style import StyleReference
from vidfx.frames import Frame
from vidfx.settings import Range
from vidfx.source import open_clip

Run = Callable[..., tuple[int, str, str]]
SIZE = (96, 64)


def painted(index: int, cuts: tuple[int, ...] = ()) -> NDArray[np.uint8]:
    return np.ascontiguousarray(230 - picture(index, SIZE, cuts=cuts)[..., ::-1] // 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with sound and a cut, and renders with one fault each."""
    root = tmp_path_factory.mktemp("clips")
    make_clip(root / "source.mp4", size=SIZE, frames=16, audio="aac", cuts=[8], metadata={"title": "walk"})
    good = [painted(i, (8,)) for i in range(16)]
    make_clip(root / "good.mp4", pictures=good, audio="aac", metadata={"title": "walk"})
    make_clip(root / "short.mp4", pictures=good[:11], audio="aac")
    make_clip(root / "mute.mkv", pictures=good)
    make_clip(root / "half.mp4", pictures=[cv2.resize(one, (48, 32)) for one in good], audio="aac")
    make_clip(root / "late.mp4", pictures=good, audio="aac", audio_start=Fraction(1, 5))
    make_clip(root / "gap.mp4", pictures=[good[i] for i in (0, 1, 2, 5, 6)], pts=[i * 512 for i in (0, 1, 2, 5, 6)])
    make_clip(root / "tinted.mp4", pictures=good, audio="aac", colour=(1, 1, 1, 1))
    flicker = [np.clip(one.astype(int) + 20 * (i % 2), 0, 255).astype(np.uint8) for i, one in enumerate(good)]
    make_clip(root / "flicker.mp4", pictures=flicker, audio="aac", metadata={"title": "walk"})
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """Runs `vidfx evaluate` among the clips: exit code, stdout, stderr."""
    monkeypatch.chdir(folder)

    def call(*args: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["evaluate", *(str(arg) for arg in args), "--threads", "1"])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def figures(run: Run, *args: object) -> dict[str, object]:
    """The first render of `--json`."""
    code, out, err = run(*args, "--json")
    assert code == 0, err
    found: dict[str, object] = json.loads(out)["renders"][0]
    return found


def test_json_carries_every_figure_in_the_reports_own_words(run: Run) -> None:
    code, out, _ = run("source.mp4", "good.mp4", "--json")
    found = json.loads(out)  # one object and nothing else
    [render] = found["renders"]
    assert code == 0 and FIGURES.keys() <= render.keys()
    assert (render["frames"], render["missing"], render["extra"]) == (16, 0, 0)
    assert len(found["per_frame"]["time"]) == len(render["per_frame"]["warp_short"]) == found["frames"] == 16
    assert [shot["first"] for shot in render["shots"]] == [0, 8]
    assert render["per_frame"]["warp_short"][8] is None  # across the cut there is nothing to compare
    assert render["warp_short"] < 1e-4 and 0.3 < render["sharpness"] < 0.8 and render["edges"] > 0.7
    assert render["style_distance"] is None


def test_the_verdict_is_plain_words(run: Run) -> None:
    code, out, _ = run("source.mp4", "good.mp4", "flicker.mp4")
    assert code == 0
    assert "flicker.mp4" in out and "steadiest first, at equal sharpness: good.mp4, flicker.mp4" in out
    assert "Its light flickers" in out and "All 16 frames, each at its own time" in out


def test_a_missing_tail_is_said_and_the_rest_judged(run: Run) -> None:
    found = figures(run, "source.mp4", "short.mp4")
    assert (found["frames"], found["missing"], found["missing_tail"]) == (11, 5, 5)
    assert any("5 frames before the source" in note for note in found["notes"])
    assert found["warp_short"] is not None


def test_another_size_is_said_and_measured(run: Run) -> None:
    found = figures(run, "source.mp4", "half.mp4")
    assert found["size"] == [48, 32] and any("48×32" in note and "96×64" in note for note in found["notes"])
    assert found["edges"] > 0.6
    code, out, _ = run("source.mp4", "good.mp4", "--size", "48", "--json")
    assert json.loads(out)["measured_at"] == [48, 32] and code == 0


def test_frames_are_paired_by_time_and_not_by_number(run: Run) -> None:
    found = figures(run, "source.mp4", "gap.mp4", "--frames", "0-6")
    assert (found["frames"], found["missing"], found["time_error"]) == (5, 2, 0)
    assert found["per_frame"]["edges"][3] is None and found["per_frame"]["edges"][5] > 0.8


def test_frame_times_that_vary_are_no_fault(run: Run, folder: Path) -> None:
    times = [0, 400, 1300, 1500, 2900, 3300]
    clips = [
        make_clip(folder / name, pictures=[make(i) for i in range(6)], pts=times, start=start)
        for name, make, start in (("vfr.mp4", lambda i: picture(i, SIZE), 0), ("vfr.styled.mp4", painted, 7000))
    ]
    found = figures(run, *clips)
    assert (found["frames"], found["missing"], found["extra"], found["time_error"]) == (6, 0, 0, 0)


@needs_ffprobe
def test_streams_are_compared_packet_by_packet(run: Run, folder: Path) -> None:
    same = figures(run, "source.mp4", "good.mp4")
    [stream] = same["streams"]
    assert stream["same_bytes"] and stream["packets"] == len(packets(folder / "source.mp4", "a:0"))
    assert same["sync_error"] == pytest.approx(0, abs=0.1)
    assert figures(run, "source.mp4", "mute.mkv")["streams"][0]["render_codec"] is None
    late = figures(run, "source.mp4", "late.mp4")
    assert late["sync_error"] == pytest.approx(200, abs=1)
    tags = figures(run, "source.mp4", "tinted.mp4")["tags"]
    assert tags["colour matrix"] == {"source": "not said", "render": "1"}
    assert tags["title"] == {"source": "walk", "render": "none"}


@needs_ffmpeg
def test_a_language_that_was_never_said_is_not_missed(run: Run, folder: Path) -> None:
    """MP4 says `und` of a stream without a language, Matroska nothing; the second stream keeps its number."""
    unsaid = ("-metadata:s:a", "language=und")
    for name, languages in (("silent.mp4", unsaid), ("named.mkv", (*unsaid, "-metadata:s:a:1", "language=deu"))):
        words = ["-i", folder / "source.mp4", "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", *languages]
        ffmpeg(*words, folder / name)
    assert not [name for name in figures(run, "silent.mp4", "named.mkv")["tags"] if name.startswith("language")]
    tags = figures(run, "named.mkv", "silent.mp4")["tags"]
    assert tags["language of audio 1"] == {"source": "deu", "render": "none"}


@needs_ffmpeg
def test_sound_that_repeats_itself_is_found_where_the_cut_is(tmp_path: Path) -> None:
    """Packets of silence are all alike; which of them a cut begins with is told by the time."""
    frames = [picture(i, SIZE) for i in range(72)]
    make_clip(tmp_path / "whole.mkv", pictures=frames, audio="pcm_s16le")
    quiet = tmp_path / "quiet.mkv"
    mute = "volume=enable='lt(t,2)':volume=0"
    for words in (
        ["-i", tmp_path / "whole.mkv", "-c:v", "copy", "-af", mute, "-c:a", "pcm_s16le", quiet],
        ["-i", quiet, "-ss", "1", "-c:v", "libx264", "-c:a", "copy", tmp_path / "cut.mkv"],
    ):
        ffmpeg(*words)
    film, cut = (open_clip(path) for path in (quiet, tmp_path / "cut.mkv"))
    found = compare_files(film, cut, starts=(Fraction(1), Fraction(0)), part=True)
    assert found.streams[0].same_bytes
    assert found.sync == pytest.approx(0, abs=50), "not a second"


def test_a_part_is_compared_with_its_part(run: Run, folder: Path) -> None:
    make_clip(folder / "part.mp4", pictures=[painted(i, (8,)) for i in range(4, 10)])
    found = figures(run, "source.mp4", "part.mp4", "--frames", "4-9")
    assert (found["frames"], found["missing"], found["extra"]) == (6, 0, 0) and found["edges"] > 0.8


def test_sequences_and_stills(run: Run, folder: Path) -> None:
    (folder / "a").mkdir(), (folder / "b").mkdir()
    one, two = make_sequence(folder / "a"), make_sequence(folder / "b")
    found = figures(run, one, two)
    assert found["frames"] == 5 and found["edges"] == pytest.approx(1)
    still = figures(run, folder / "a" / "shot.1001.png", folder / "b" / "shot.1001.png")
    assert still["frames"] == 1 and still["warp_short"] is None and still["edges"] == pytest.approx(1)


# --- style ---------------------------------------------------------------------------------------------------------


@needs_ffmpeg
def test_the_stream_that_was_painted_may_be_named(run: Run, tmp_path: Path) -> None:
    """In a render that kept the others it is the same one; one that holds no more than it is read as it is."""
    both = ("-i", "source.mp4", "-i", "flicker.mp4", "-map", "0:v", "-map", "1:v", "-c", "copy", tmp_path / "both.mkv")
    ffmpeg(*both)
    alone = figures(run, "flicker.mp4", "flicker.mp4")["flicker"]
    assert figures(run, tmp_path / "both.mkv", tmp_path / "both.mkv")["flicker"] != pytest.approx(alone, rel=0.1)
    for render in (tmp_path / "both.mkv", "flicker.mp4"):
        found = figures(run, tmp_path / "both.mkv", render, "--video-stream", 1)
        assert found["flicker"] == pytest.approx(alone, rel=1e-3)


def test_distance_to_a_style(run: Run, folder: Path, features: Path) -> None:
    (folder / "style").mkdir()
    for i in range(4):
        assert cv2.imwrite(str(folder / "style" / f"{i}.png"), painted(3 * i)[..., ::-1])
    found = figures(run, "source.mp4", "good.mp4", "--style-pictures", "style", "--features", features)
    assert found["style_distance"] < found["style_distance_source"]
    low, high = found["style_distance_interval"]
    assert low <= found["style_distance"] <= high


def test_without_a_feature_file_the_rest_is_measured(run: Run, folder: Path) -> None:
    for more in ([], ["--features", "absent.safetensors"]):
        code, out, err = run("source.mp4", "good.mp4", "--style-pictures", folder, *more, "--json")
        found = json.loads(out)
        assert code == 0 and found["renders"][0]["style_distance"] is None
        assert found["renders"][0]["warp_short"] is not None
        assert "distance to the style is not measured" in err and "--features" in err + found["notes"][0]


def test_a_style_brings_what_was_measured_of_its_pictures(
    run: Run, tmp_path: Path, features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiny_style import make_style

    model = make_style(tmp_path / "tiny")
    code, _, err = run("source.mp4", "good.mp4", "--style", model, "--features", features)
    assert code == 0 and "reference.safetensors" in err
    paintings = [painted(3 * i) for i in range(4)]
    StyleReference(paintings, features).save(model.with_name("reference.safetensors"))
    found = figures(run, "source.mp4", "good.mp4", "--style", model, "--features", features)
    direct = StyleReference(paintings, features)
    again = StyleReference.load(model.with_name("reference.safetensors"), features)
    some = [painted(i) for i in (1, 2, 5)]
    assert again.distance(some).kernel == pytest.approx(direct.distance(some).kernel, abs=1e-4)
    assert found["style_distance"] < found["style_distance_source"]
    save_file({}, model.with_name("reference.safetensors"))
    assert run("source.mp4", "good.mp4", "--style", model, "--features", features)[0] == 2


# --- the gate ------------------------------------------------------------------------------------------------------


def test_the_gate_names_what_failed(run: Run) -> None:
    code, out, err = run("source.mp4", "good.mp4", "flicker.mp4", "--require", "flicker<=1,missing==0", "--json")
    assert code == 3 and len(json.loads(out)["renders"]) == 2
    assert "flicker.mp4': flicker is" in err and "not <= 1" in err and "good.mp4': flicker" not in err
    assert run("source.mp4", "good.mp4", "--require", "flicker<=1,missing==0", "-q") == (0, "", "")
    code, _, err = run("source.mp4", "good.mp4", "--require", "style_distance<1")
    assert code == 3 and "style_distance was not measured" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("warp<=1", "no figure is called 'warp'"),
        ("warp_short=1", "is no requirement"),
        ("warp_short<=", "is no requirement"),
        ("", "is no requirement"),
        ("ssim>=x", "is no number"),
        ("ssim>=nan", "is no number"),
    ],
)
def test_a_requirement_that_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_requirements(text)


def test_requirements_are_read() -> None:
    first, second = parse_requirements("warp_short <= 2e-3, sharpness>0.95")
    assert first.unmet({"warp_short": 0.002}) is None and first.unmet({"warp_short": 0.0021}) is not None
    assert second.unmet({"sharpness": 0.95}) is not None and second.unmet({"sharpness": 0.96}) is None


# --- wrong use -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["source.mp4"], 2, "STYLED"),
        (["source.mp4", "nowhere.mp4"], 66, "nowhere.mp4"),
        (["nowhere.mp4", "good.mp4"], 66, "nowhere.mp4"),
        (["source.mp4", "good.mp4", "-o", "report.pdf"], 2, ".html"),
        (["source.mp4", "good.mp4", "-o", "source.mp4"], 2, ".html"),
        (["source.mp4", "good.mp4", "-o", "taken.html"], 73, "-y"),
        (["source.mp4", "nowhere.mp4", "-o", "no/such/place.html"], 73, "no/such"),
        (["source.mp4", "good.mp4", "--style", "inkk"], 66, "ink"),
        (["source.mp4", "good.mp4", "--flow", "raft"], 2, "--flow"),
        (["source.mp4", "good.mp4", "--size", "2"], 2, "--size"),
        (["source.mp4", "noise.mp4"], 65, "noise.mp4"),
    ],
)
def test_wrong_use_says_so_in_a_line(run: Run, folder: Path, args: list[str], code: int, said: str) -> None:
    (folder / "noise.mp4").write_bytes(b"no film" * 50)
    (folder / "taken.html").write_text("mine")
    found, _, err = run(*args, "-q")
    assert found == code and said in err and "Traceback" not in err
    assert (folder / "taken.html").read_text() == "mine"


def test_a_name_that_is_no_text_is_reported_as_far_as_it_is(run: Run, folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    shutil.copyfile(folder / "source.mp4", folder / name)
    assert run(name, "good.mp4", "-o", "named.html", "-q") == (0, "", "")
    assert "caf?.mp4" in (folder / "named.html").read_text("utf-8")


def test_without_torchmetrics_the_rest_is_measured(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.image", None)
    code, out, err = run("source.mp4", "good.mp4", "--json")
    render = json.loads(out)["renders"][0]
    assert code == 0 and "torchmetrics" in err and render["ssim"] is None and render["edges"] is not None


# --- memory --------------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_clips() -> None:
    alive: list[weakref.ref[NDArray[np.uint8]]] = []

    def made(count: int) -> Iterator[Frame]:
        for index in range(count):
            image = picture(index, (48, 32)).copy()
            alive.append(weakref.ref(image))
            yield Frame(
                index=index, pts=index, time_base=Fraction(1, 25), duration=1,
                image=image, source=image, starts_shot=index == 0,
            )  # fmt: skip

    walk = Walk(made(60), [made(60), made(60)], (48, 32))
    meter = Meter(2)
    worst: Worst[int] = Worst(3, 12)
    most = 0
    for moment in walk:
        meter.see(moment)
        worst.offer(meter.renders[0].series["warp_short"][-1], moment.index, lambda: 0)
        gc.collect(0)
        most = max(most, sum(one() is not None for one in alive))
    assert walk.frames == 60 and most <= 3 * 13  # nine moments, and what is read ahead


def test_samples_are_spread_and_the_worst_lie_apart() -> None:
    spread: Spread[int] = Spread(8)
    made = 0

    def make(index: int) -> int:
        nonlocal made
        made += 1
        return index

    for index in range(1000):
        spread.offer(lambda index=index: make(index))
    assert len(spread.items) <= 8 and made < 60
    first, middle, last = spread.chosen(3)
    assert first < 350 < middle < 700 < last
    worst: Worst[int] = Worst(3, 10)
    scores = {5: 9.0, 6: 10.0, 40: 3.0, 44: 2.0, 70: 1.0, 90: 4.0}
    for index in range(100):
        worst.offer(scores.get(index, 0.0), index, lambda index=index: index)
    assert [item[2] for item in worst.items] == [6, 90, 40]


@needs_ffmpeg
@pytest.mark.parametrize(("codec", "name", "copy"), [("aac", "in.ts", "out.mp4"), ("pcm_s16le", "in.mxf", "out.mov")])
def test_how_a_container_wraps_sound_is_no_change(tmp_path: Path, codec: str, name: str, copy: str) -> None:
    film = (
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=64x48:rate=25:duration=1",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=1:r=48000",
    )
    ffmpeg(*film, "-c:v", "mpeg2video", "-c:a", codec, tmp_path / name)
    ffmpeg("-i", tmp_path / name, "-c", "copy", tmp_path / copy)
    [stream] = compare_files(open_clip(tmp_path / name), open_clip(tmp_path / copy)).streams
    assert stream.same_bytes


@needs_ffmpeg
def test_a_subtitle_that_is_cut_is_not_late(tmp_path: Path, style: str) -> None:
    (tmp_path / "in.srt").write_text("1\n00:00:00,100 --> 00:00:01,900\nwords\n")
    film = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2")
    ffmpeg(*film, "-i", tmp_path / "in.srt", "-c:v", "libx264", "-c:s", "srt", tmp_path / "in.mkv")
    cut = films.render(tmp_path / "in.mkv", tmp_path / "cut.mkv", style, wanted=Range(start=Fraction(1, 2)))
    starts = (Fraction(1, 2), Fraction(0))
    assert compare_files(open_clip(tmp_path / "in.mkv"), open_clip(cut.path), starts=starts, part=True).sync == 0
