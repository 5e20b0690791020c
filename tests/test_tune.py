"""The server behind `vidfx tune`: the frame asked for, painted as a render paints it, with bounded memory.

Long, because one server answers all of it.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import make_clip, make_sequence, picture
from fftools import frame_times, needs_ffprobe
from films import CPU
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_style import make_style
from tune_server import USUAL, Client, running

import vidfx
from vidfx import Look, Range
from vidfx.errors import UsageError
from vidfx.pipeline import paint
from vidfx.source import open_clip
from vidfx.tune.asked import AskRender, Settings
from vidfx.tune.cache import ByteCache
from vidfx.tune.command import CommandLine
from vidfx.tune.desk import Desk, Job
from vidfx.tune.painter import Painter, Pane
from vidfx.tune.reader import ClipReader
from vidfx.tune.window import Window

SIZE = (512, 288)
VFR = [0, 512, 1024, 1200, 2400, 2500, 5000, 5512, 6024, 6536, 7048, 7560]


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("styles")
    return [str(make_style(folder / name, name=name, seed=seed)) for seed, name in enumerate(("tiny", "other"))]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", size=SIZE, pts=VFR, time_base=Fraction(1, 12288))


@pytest.fixture(scope="module")
def client(clip: Path, styles: list[str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(clip, [tmp_path_factory.mktemp("mattes")], styles=styles) as found:
        yield found


@cache
def drawn(index: int, width: int, height: int) -> NDArray[np.int16]:
    return picture(index, (width, height)).astype(np.int16)


def likest(image: NDArray[np.uint8], count: int) -> int:
    """Which of the drawn pictures this one is."""
    height, width = image.shape[:2]
    apart = [np.abs(image - drawn(index, width, height)).mean() for index in range(count)]
    return int(np.argmin(apart))


USUALLY = Path("it's a clip.tiny.mp4")


def seconds(reader: ClipReader) -> list[Fraction]:
    """When each frame is shown, from the first on."""
    return [(pts - reader.pts[0]) * reader.clip.time_base for pts in reader.pts]


# --- exactly frame N ---------------------------------------------------------------------------------------------


@needs_ffprobe
@pytest.mark.parametrize(
    "name, how",
    [
        ("vfr.mp4", {"pts": [i * 512 + 97 * (i * i % 5) for i in range(60)], "gop": 12}),
        ("open-gop.mkv", {"frames": 60, "gop": 12, "b_frames": 3, "options": {"x264-params": "open-gop=1"}}),
        ("late.mov", {"frames": 60, "start": 12345, "gop": 10}),
        ("counted.avi", {"frames": 50, "codec": "mpeg4", "b_frames": 0, "gop": 12}),
    ],
)
def test_any_frame_in_any_order_is_that_very_frame(name: str, how: dict[str, Any], tmp_path: Path) -> None:
    path = make_clip(tmp_path / name, **how)
    times = frame_times(path)
    reader = ClipReader(open_clip(path), threads=1, cache=10 * 96 * 64 * 3)
    assert len(reader) == len(times)
    chance = random.Random(3)
    for index in [*chance.sample(range(len(times)), 12), 41, 42, 43, 42, 41, len(times) - 1, 0]:
        frame = reader.frame(index)
        assert frame.index == index
        assert frame.time == times[index]
        assert seconds(reader)[index] == times[index] - times[0]
        assert likest(frame.image, 48) == index % 48  # the drawn disc comes round after 48 frames
        assert reader.kept_bytes <= 10 * 96 * 64 * 3
    reader.close()


def test_frames_of_a_sequence_and_a_still(tmp_path: Path) -> None:
    reader = ClipReader(open_clip(make_sequence(tmp_path, frames=6)))
    assert [likest(reader.frame(index).image, 6) for index in (4, 1, 5, 0)] == [4, 1, 5, 0]
    still = ClipReader(open_clip(tmp_path / "shot.1003.png"))
    assert len(still) == 1
    assert likest(still.frame(0).image, 6) == 2


def test_the_stretch_around_a_frame_goes_by_its_times(clip: Path) -> None:
    reader = ClipReader(open_clip(clip))
    first, last = reader.around(5, 2500 / 12288)
    span = [VFR[i] for i in range(first, last + 1)]
    assert span[-1] - span[0] <= 2500 < VFR[min(last + 1, len(VFR) - 1)] - VFR[max(first - 1, 0)]
    assert first <= 5 <= last
    assert reader.around(0, 0.01) == (0, 0)
    assert reader.around(11, 100) == (0, 11)


# --- as a render paints it ---------------------------------------------------------------------------------------


def rendered(clip: Path, style: str, look: Look) -> dict[int, NDArray[np.uint8]]:
    frames = paint(open_clip(clip), vidfx.load_style(style, machine=CPU), look=look, wanted=Range())
    return {frame.index: frame.image for frame in frames}


@pytest.mark.parametrize(
    "look", [Look(), Look(smooth=0.6, strength=0.5), Look(smooth=0), Look(smooth_window=3)], ids=str
)
def test_the_settled_picture_is_the_frame_of_a_render(tmp_path: Path, styles: list[str], look: Look) -> None:
    path = make_clip(tmp_path / "cut.mp4", frames=30, cuts=(17,), gop=8)
    expected = rendered(path, styles[0], look)
    painter = Painter(ClipReader(open_clip(path)), CPU)
    for index in (0, 16, 17, 18, 29, 5):
        *_, last = painter.picture([Pane(styles[0], look)], index, upto="settled")
        assert (last.index, last.level) == (index, "settled")
        apart = np.abs(last.image.astype(int) - expected[index])
        assert apart.max() <= 1


def test_a_long_clip_settles_without_its_beginning(tmp_path: Path, styles: list[str]) -> None:
    path = make_clip(tmp_path / "long.mp4", frames=76, size=(96, 64))
    expected = rendered(path, styles[0], Look())
    painter = Painter(ClipReader(open_clip(path)), CPU)
    for index in (70, 71, 74, 66):  # 71 and 74 go on from 70, 66 begins anew
        *_, last = painter.picture([Pane(styles[0], Look())], index, upto="settled")
        assert np.abs(last.image.astype(int) - expected[index]).max() <= 1


def test_a_part_at_true_size_has_the_pixels_of_the_whole(clip: Path, styles: list[str]) -> None:
    painter = Painter(ClipReader(open_clip(clip)), CPU)
    pane = Pane(styles[0], Look(smooth=0))
    part = (203, 57, 200, 120)
    found = [item for item in painter.loop([pane], 2, 4, Window(part=part)) if hasattr(item, "image")]
    whole = rendered(clip, styles[0], Look(smooth=0))
    assert [item.index for item in found] == [2, 3, 4]
    for item in found:
        expected = whole[item.index][57:177, 203:403]
        assert np.abs(item.image.astype(int) - expected).max() <= 1


def test_a_picture_comes_small_first_and_then_better(client: Client) -> None:
    look = {"style": "tiny", "smooth": 0.5}
    found = client.pictures("/api/picture", frame=7, looks=[{}, look])
    assert [(head["pane"], head["level"]) for head, _ in found] == [
        (0, "draft"),
        (1, "draft"),
        (1, "full"),
        (0, "settled"),
        (1, "settled"),
    ]
    assert {head["index"] for head, _ in found} == {7}
    assert {head["pts"] for head, _ in found} == {VFR[7]}
    assert [image.shape[1] for _, image in found] == [480, 480, 512, 512, 512]
    assert likest(found[3][1], len(VFR)) == 7
    again = client.pictures("/api/picture", frame=7, looks=[look | {"strength": 0.5}], upto="draft")
    assert [head["level"] for head, _ in again] == ["settled"]  # nothing to paint: only the blend is new


def test_the_picture_over_the_wire_is_lossless(client: Client, clip: Path, styles: list[str]) -> None:
    expected = rendered(clip, styles[1], Look(keep_color=True))
    head, image = client.pictures("/api/picture", frame=9, looks=[{"style": "other", "keep_color": True}])[-1]
    assert head["level"] == "settled"
    assert np.abs(image.astype(int) - expected[9]).max() <= 1


def test_a_loop_has_the_clips_times_and_both_smoothings(client: Client, clip: Path, styles: list[str]) -> None:
    looks = [{"style": "tiny", "smooth": 0}, {"style": "tiny"}]
    records = client.records("/api/loop", frame=6, seconds=0.2, looks=looks, centre=[0.5, 0.5])
    head = records[0][0]
    assert head["pts"] == [t for t in VFR if VFR[head["first"]] <= t <= VFR[head["last"]]]
    assert head["end"] == VFR[head["last"] + 1]
    shown = [(said["index"], said["pane"], said["pts"]) for said, _ in records if said["kind"] == "picture"]
    assert shown == [(i, pane, VFR[i]) for i in range(head["first"], head["last"] + 1) for pane in (0, 1)]
    assert records[-1][0]["kind"] == "end"


def test_a_card_and_a_sheet(client: Client) -> None:
    [(_, card)] = client.pictures("/api/card", frame=3, style="other")
    assert card.shape[1] == 320
    looks = [{"style": "tiny"}, {"style": "other", "strength": 0.5}]
    [(_, sheet)] = client.pictures("/api/sheet", frame=3, looks=looks)
    assert sheet.shape[0] > 2 * SIZE[1]
    assert sheet.shape[1] > 2 * SIZE[0]


def test_the_strip_knows_the_cuts(tmp_path: Path, styles: list[str]) -> None:
    path = make_clip(tmp_path / "cuts.mp4", frames=36, cuts=(10, 22))
    with running(path, styles=styles) as client:
        until = time.monotonic() + 20
        while not (scan := client.get("/api/scan"))["finished"] and time.monotonic() < until:
            time.sleep(0.05)
        assert scan["shots"] == [0, 10, 22]
        assert scan["ready"] == scan["wanted"] == list(range(36))
        answer = client.ask("GET", "/api/thumb/12")
        assert answer.headers["content-type"] == "image/jpeg"


# --- bounded -----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 40), st.booleans())), st.integers(0, 60))
def test_a_cache_never_holds_more_than_its_bytes(steps: list[tuple[int, int, bool]], limit: int) -> None:
    kept: ByteCache[int] = ByteCache(limit)
    model: OrderedDict[int, int] = OrderedDict()
    for key, size, puts in steps:
        if puts:
            kept.put(key, size, size)
            model.pop(key, None)
            if size <= limit:
                model[key] = size
            while sum(model.values()) > limit:
                model.popitem(last=False)
        else:
            assert kept.get(key) == model.get(key)
            if key in model:
                model.move_to_end(key)
        assert kept.bytes == sum(model.values()) <= limit
        assert len(kept) == len(model)


def test_memory_is_bounded_by_the_caches_after_many_scrubs(tmp_path: Path, styles: list[str]) -> None:
    path = make_clip(tmp_path / "clip.mp4", frames=60, gop=12)
    one = 96 * 64 * 3
    painter = Painter(ClipReader(open_clip(path), cache=8 * one), CPU, cache=8 * one)
    chance = random.Random(1)
    for _ in range(40):
        look = Look(strength=chance.random(), smooth=0)
        for _ in painter.picture([Pane(chance.choice(styles), look)], chance.randrange(60), upto="full"):
            assert painter.kept_bytes <= 16 * one


def test_the_desk_drops_what_is_stale_and_does_the_urgent_first() -> None:
    desk = Desk()
    said: list[object] = []
    go = threading.Event()

    def work(name: str, steps: int) -> Any:
        for step in range(steps):
            go.wait(10)
            yield f"{name}{step}"

    def job(name: str, steps: int, generation: int, urgency: int = 0, channel: str = "c") -> Job[str]:
        return Job(
            lambda: work(name, steps), said.append, urgency=urgency, channel=("page", channel), generation=generation
        )

    loop = job("loop", 3, 1, urgency=1, channel="loop")
    old, new = job("old", 3, 1), job("new", 2, 2)
    assert desk.submit(loop)
    assert desk.submit(old)
    assert desk.submit(new)
    assert old.dropped
    assert not desk.submit(job("late", 1, 1)), "an older question that arrives late is void"
    go.set()
    until = time.monotonic() + 10
    while desk.busy and time.monotonic() < until:
        time.sleep(0.01)
    names = [text for text in said if isinstance(text, str)]
    assert names.index("new0") < names.index("loop2")
    assert [n for n in names if n.startswith("new")] == ["new0", "new1"]
    assert [n for n in names if n.startswith("loop")] == ["loop0", "loop1", "loop2"]
    assert not any(n.startswith(("old", "late")) for n in names)
    desk.close()


def test_two_pages_are_served_in_turns() -> None:
    desk, said, go = Desk(), [], threading.Event()

    def work(name: str) -> Any:
        for _ in range(5):
            go.wait(10)
            yield name

    for name in "ab":
        desk.submit(Job(lambda name=name: work(name), said.append, channel=(name, "picture"), generation=1))
    go.set()
    until = time.monotonic() + 10
    while desk.busy and time.monotonic() < until:
        time.sleep(0.01)
    assert "".join(name for name in said if name).endswith("babababab")
    desk.close()


def test_a_job_rests_while_nobody_reads() -> None:
    desk = Desk()
    said: list[object] = []
    endless: Job[int] = Job(lambda: iter(range(10**9)), said.append)
    desk.submit(endless)
    time.sleep(0.2)
    count = len(said)
    assert 0 < count < 20
    desk.taken(endless)
    time.sleep(0.1)
    assert len(said) == count + 1
    desk.drop(endless)
    time.sleep(0.1)
    assert not desk.busy
    desk.close()


def test_a_page_that_hangs_up_is_worked_for_no_longer(client: Client) -> None:
    import socket

    body = json.dumps({"view": "gone", "generation": 1, "frame": 5, "looks": [{"style": "tiny"}] * 4, "seconds": 4})
    head = f"POST /api/loop HTTP/1.1\r\nhost: 127.0.0.1:{client.port}\r\nauthorization: Bearer {client.token}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.port)) as wire:
        wire.sendall((head + body).encode())
        wire.recv(100)
    until = time.monotonic() + 5
    while client.tuning.desk.busy and time.monotonic() < until:
        time.sleep(0.02)
    assert not client.tuning.desk.busy


# --- the command -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    strength=st.integers(0, 100),
    smooth=st.integers(0, 100),
    keep=st.booleans(),
    usual=st.fixed_dictionaries(
        {
            "strength": st.sampled_from([1.0, 0.5]),
            "keep_color": st.booleans(),
            "matte": st.sampled_from([None, Path("m.png")]),
        }
    ),
    matte=st.sampled_from([None, Path("m.png"), Path("other.png")]),
    name=st.sampled_from(["", "a b'c.mp4", "-x.mkv", "ü$HOME.mov"]),
)
def test_the_command_says_what_is_on_screen(
    strength: int, smooth: int, keep: bool, usual: dict[str, Any], matte: Path | None, name: str
) -> None:
    import shlex

    from vidfx.cli.render import render
    from vidfx.tune.command import quoted

    line = CommandLine(
        source="it's a clip.mp4", usual=replace(USUAL, **usual), styles={"tiny": "my styles/tiny"}, frames=30
    )
    look = Settings(style="tiny", strength=strength / 100, smooth=smooth / 100, keep_color=keep)
    words = line.words(
        AskRender(settings=look, overwrite=True, first=3, last=9), matte, Path(name) if name else None, USUALLY
    )
    typed = shlex.split(quoted(words))
    assert typed[:2] == ["vidfx", "render"]
    read = render.make_context("render", typed[2:], default_map=usual).params
    assert read["source"] == "it's a clip.mp4"
    assert read["style"] == "my styles/tiny"
    assert read["strength"] == pytest.approx(strength / 100)
    assert read["smooth"] == pytest.approx(smooth / 100)
    assert read["keep_color"] is keep
    assert read["matte"] == matte
    assert read["frames"] == (3, 9, 1)
    assert read["output"] == (name or None)
    assert read["overwrite"] is True
    open_ended = line.words(AskRender(settings=look, first=3), None, None, USUALLY)
    assert open_ended[open_ended.index("--frames") + 1] == "3-29"
    for first, last in ((30, None), (9, 3), (0, 30)):
        with pytest.raises(UsageError, match="there are no frames"):
            line.words(AskRender(settings=look, first=first, last=last), None, None, USUALLY)
    beside = replace(line, elsewhere=True).words(AskRender(settings=look), None, None, USUALLY)
    assert beside[-2:] == ["-o", USUALLY.name], "whatever settings say, a page's render goes beside the clip"


def test_a_clip_that_begins_with_a_dash_is_no_option() -> None:
    from vidfx.cli.render import render

    line = CommandLine(source="-b.mp4", usual=USUAL, styles={"tiny": "tiny"}, frames=30)
    words = line.words(AskRender(settings=Settings(style="tiny")), None, Path("film.mp4"), USUALLY)
    read = render.make_context("render", words[1:]).params
    assert (read["source"], read["output"]) == ("./-b.mp4", "film.mp4")


def test_what_is_another_file_now_is_not_shown_as_the_old_one(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", size=(64, 48), frames=4)
    (tmp_path / "mattes").mkdir()
    matte = tmp_path / "mattes" / "m.png"
    cv2.imwrite(str(matte), np.full((48, 64), 255, np.uint8))
    style = make_style(tmp_path / "style")
    look = {"style": "tiny", "smooth": 0, "matte": "m.png"}
    with running(clip, [tmp_path / "mattes"], styles=[str(style)]) as client:
        asked = {"frame": 1, "looks": [look, {"style": None}], "upto": "settled"}
        painted, source = (client.pictures("/api/picture", **asked)[-2:][place][1].astype(int) for place in (0, 1))
        cv2.imwrite(str(matte), np.zeros((48, 64), np.uint8))
        pictures = [image.astype(int) for _, image in client.pictures("/api/picture", **asked)[-2:]]
        assert np.abs(painted - source).max() > 30
        assert np.abs(pictures[0] - pictures[1]).max() <= 2, "black in the matte is film"
        make_clip(clip, size=(64, 48), frames=9)
        answer = client.ask("POST", "/api/picture", json.dumps({"view": "test", "generation": 99, **asked}))
        assert answer.status >= 400 and b"has changed" in answer.body


def test_a_clip_whose_name_is_no_text_has_its_command(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / os.fsdecode(b"caf\xe9.mp4"), size=(64, 48), frames=2)
    with running(clip, styles=[str(make_style(tmp_path / "style"))]) as client:
        answer = client.ask("POST", "/api/command", json.dumps({"settings": {"style": "tiny"}}))
        assert answer.status == 200 and str(clip) in answer.json["command"]


def test_two_trainings_of_one_name_are_both_offered(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", size=(64, 48), frames=2)
    styles = [str(make_style(tmp_path / folder, seed=seed)) for seed, folder in enumerate(("one", "two"))]
    with running(clip, styles=styles) as client:
        names = [style["name"] for style in client.get("/api/clip")["styles"]]
        assert names[:2] == ["tiny", f"tiny ({styles[1]})"]
        said = client.ask("POST", "/api/command", json.dumps({"settings": {"style": names[1]}})).json
        assert styles[1] in said["command"]


def test_a_loop_of_fast_film_holds_its_frame(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "fast.mp4", size=(32, 32), frames=700, rate=480, gop=60)
    with running(clip, styles=[str(make_style(tmp_path / "style"))]) as client:
        head = client.records("/api/loop", frame=650, looks=[{"style": None}], seconds=2)[0][0]
        assert head["first"] <= 650 <= head["last"] < head["first"] + 300


def test_an_animation_has_its_own_times(tmp_path: Path) -> None:
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(picture(i), cv2.COLOR_RGB2BGRA) for i in range(5)]
    animation.durations = [40, 50, 400, 40, 70]
    assert cv2.imwriteanimation(str(tmp_path / "in.webp"), animation)
    reader = ClipReader(open_clip(tmp_path / "in.webp"))
    assert seconds(reader)[:5] == [Fraction(t, 1000) for t in (0, 40, 90, 490, 530)]


def test_what_only_the_users_own_settings_say_holds_on_the_page_too(client: Client) -> None:
    bounds = replace(client.tuning.bounds, usual=Look(smooth_window=4))
    assert bounds.look(Settings(style="tiny", strength=0.5)) == Look(strength=0.5, smooth_window=4)


def test_the_usual_look_needs_no_words(client: Client, clip: Path) -> None:
    said = client.ask("POST", "/api/command", json.dumps({"settings": {"style": "tiny"}})).json
    assert said["command"].startswith(f"vidfx render {clip} --style ")
    assert said["command"].endswith("--threads 1")
    assert said["output"] == "clip.tiny.mp4"
