"""Parts: planned from packets, painted one by one, joined without a seam.

Long, because plans, parts and joins are tried on the same clips.
"""

from __future__ import annotations

import gc
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import MEDIA, make_clip, make_sequence
from fftools import frame_times, needs_ffmpeg, needs_ffprobe, packets, probe
from films import CPU, LOSSLESS, UNPAINTED, largest_step, pictures
from hypothesis import given
from hypothesis import strategies as st

import vidfx
from vidfx import Encode, Look, MissingInput, Range, UnreadableInput, UsageError
from vidfx.choice import Target
from vidfx.encode import rehearse
from vidfx.frames import Frame
from vidfx.machine import has_openvino
from vidfx.parts.cut import write_parts
from vidfx.parts.packets import PartWriter, read_part
from vidfx.parts.plan import Plan, _cuts, load, plan, to_json
from vidfx.parts.stitch import stitch
from vidfx.parts.work import finished_parts, render_part
from vidfx.settings import Job
from vidfx.source import open_clip, read_frames
from vidfx.styles.stylizer import Stylizer

SMALL = (64, 48)
OPEN_GOP = {"bf": "3", "x264-params": "open-gop=1:keyint=20:min-keyint=20:scenecut=0"}


def joined(planned: Plan, folder: Path, stylizer: Stylizer, order: Callable[[list[int]], list[int]] = list) -> Path:
    """Every part painted by itself, then joined; the film's path."""
    for index in order([part.index for part in planned.parts]):
        render_part(planned, index, folder, stylizer=stylizer)
    return stitch(planned, folder).path


def test_no_encoder_outlives_its_part(tmp_path: Path) -> None:
    """Each holds 70 MB at 720p, and PyAV's container and stream hold each other."""

    def encoders() -> int:
        contexts = [one for one in gc.get_objects() if type(one) is av.VideoCodecContext]  # isinstance would ask torch
        return sum(one.is_encoder for one in contexts)

    clip = open_clip(make_clip(tmp_path / "in.mp4", size=SMALL, frames=30))

    def breaks() -> Iterator[Frame]:
        for frame in read_frames(clip):
            yield frame
            1 // (5 - frame.index)

    gc.collect()
    gc.disable()
    try:
        before = encoders()
        target = Target.of(clip, tmp_path / "out.mp4", Encode(), Range())
        rehearse(target)
        for _ in write_parts(read_frames(clip), tmp_path, target, part_frames=6, notify=print):
            assert encoders() <= before + 1
        with pytest.raises(ZeroDivisionError):
            list(write_parts(breaks(), tmp_path, target, notify=print))
        assert encoders() == before
    finally:
        gc.enable()


def test_no_picture_outlives_its_film(tmp_path: Path) -> None:
    """PyAV keeps a frame whose side data was asked for, and FFmpeg all that its decoder had in hand with it."""
    path = make_clip(tmp_path / "in.mp4", frames=6)
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            assert len(list(read_frames(open_clip(path)))) == 6
        frames = [one for one in gc.get_objects() if type(one) is av.VideoFrame]
        assert all(frame.width <= 16 for frame in frames)
    finally:
        gc.enable()


def clip_of(kind: str, folder: Path, frames: int) -> Path:
    path = folder / "in.mp4"
    if kind == "cuts":
        return make_clip(path, frames=frames, size=SMALL, gop=30, cuts=(20, 41, 60, 66, 71), audio="aac")
    if kind == "open-gop":
        return make_clip(path, frames=frames, size=SMALL, options=OPEN_GOP)
    times = np.cumsum(np.random.default_rng(0).integers(200, 900, frames))
    return make_clip(path, size=SMALL, gop=30, pts=list(times), time_base=Fraction(1, 15360), start=777)


def slowly(*values: object) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@needs_ffprobe
@pytest.mark.parametrize(
    ("kind", "frames", "size"),
    [
        *((kind, 75, 24) for kind in ("cuts", "vfr", "open-gop")),
        *(slowly(kind, 130, size) for kind in ("cuts", "vfr", "open-gop") for size in (7, 24, 100)),
    ],
)
def test_parts_joined_are_the_single_pass(
    style: str, stylizer: Stylizer, tmp_path: Path, kind: str, frames: int, size: int
) -> None:
    source = clip_of(kind, tmp_path, frames)
    single = tmp_path / "single.nut"
    vidfx.render(source, single, style=style, machine=CPU, encode=LOSSLESS, part_frames=9999)
    assert frame_times(single) == frame_times(source)
    job = Job(source=source, output=tmp_path / "parts.nut", style=style, machine=CPU, encode=LOSSLESS)
    film = joined(plan(job, part_frames=size), tmp_path / "work", stylizer)
    assert frame_times(film) == frame_times(source)
    assert largest_step(film, single) <= 1
    if kind == "cuts":
        assert packets(film, "a:0") == packets(single, "a:0") != []


@needs_ffprobe
def test_parts_that_look_ahead_are_the_single_pass(style: str, stylizer: Stylizer, tmp_path: Path) -> None:
    source, look = clip_of("cuts", tmp_path, 75), vidfx.Look(smooth_window=3)
    single = tmp_path / "single.nut"
    vidfx.render(source, single, style=style, look=look, machine=CPU, encode=LOSSLESS, part_frames=9999)
    job = Job(source=source, output=tmp_path / "parts.nut", style=style, look=look, machine=CPU, encode=LOSSLESS)
    film = joined(plan(job, part_frames=22), tmp_path / "work", stylizer)
    assert frame_times(film) == frame_times(single) == frame_times(source)
    assert largest_step(film, single) <= 1


@pytest.mark.slow
@needs_ffprobe
@pytest.mark.parametrize("size", [7, 24, 100])
def test_parts_of_the_sample_are_the_single_pass(stylizer: Stylizer, style: str, tmp_path: Path, size: int) -> None:
    source = Path(__file__).resolve().parents[1] / "samples" / "valley.mp4"
    single = tmp_path / "single.mkv"
    vidfx.render(source, single, style=style, machine=CPU, encode=LOSSLESS, part_frames=9999)
    job = Job(source=source, output=tmp_path / "parts.mkv", style=style, machine=CPU, encode=LOSSLESS)
    film = joined(plan(job, part_frames=size), tmp_path / "work", stylizer)
    assert frame_times(film) == frame_times(single)
    assert largest_step(film, single) <= 1


ENCODERS = [
    (".mp4", Encode(preset="veryfast")),
    (".mkv", Encode(preset="veryfast", options={"bf": "3"})),
    (".mov", Encode(codec="libx265", preset="ultrafast")),
    (
        ".mp4",
        Encode(codec="libx265", preset="veryfast", options={"x265-params": "log-level=error:open-gop=1:keyint=6"}),
    ),
    (".mkv", Encode(codec="libsvtav1", preset="12")),
    (".mp4", Encode(codec="libsvtav1", preset="12")),
    (".webm", Encode(codec="libvpx-vp9", options={"cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "12"})),
    (".mov", Encode(codec="prores_ks")),
    (".mkv", Encode(codec="ffv1")),
    (".nut", Encode()),
    (".avi", Encode()),
]


@needs_ffmpeg
@pytest.mark.parametrize(("suffix", "encode"), ENCODERS, ids=lambda value: getattr(value, "codec", value))
def test_every_encoder_joins(style: str, tmp_path: Path, suffix: str, encode: Encode) -> None:
    """Count, times, rising decoding times, a keyframe where each part begins, and a decoder that has no complaint."""
    pts = [0] if suffix == ".avi" else [0, 400, 1100, 1500, 2300, 2400, 3333, 3777, 5000, 5512]
    times = [640 * n for n in range(31)] if suffix == ".avi" else [6000 * lap + t for lap in range(3) for t in pts]
    source = make_clip(tmp_path / "in.mp4", pts=times, rate=24, time_base=Fraction(1, 15360), cuts=(9,))
    film = tmp_path / f"out{suffix}"
    done = vidfx.render(source, film, style=style, machine=CPU, look=UNPAINTED, encode=encode, part_frames=7)
    tick = Fraction(1, 1000) if suffix in (".mkv", ".webm") else Fraction(0)
    assert done.frames == len(times)
    assert all(abs(a - b) <= tick for a, b in zip(frame_times(film), frame_times(source), strict=True))
    stored = probe(film, "packet=pts,dts,flags", streams="v:0")["packets"]
    stamps = [packet["dts"] for packet in stored if "dts" in packet]  # Matroska keeps none
    assert len(stored) == len(times)
    assert all(a < b for a, b in pairwise(stamps))
    assert all(packet["dts"] <= packet["pts"] for packet in stored if {"pts", "dts"} <= set(packet))
    assert all(stored[begin]["flags"].startswith("K") for begin in range(0, len(times), 7))
    decoder = ["ffmpeg", "-v", "warning", "-i", str(film), "-fps_mode", "passthrough", "-enc_time_base", "-1"]
    decoder += ["-f", "null", "-"]
    assert subprocess.run(decoder, capture_output=True, text=True, check=True).stderr == ""
    assert (
        np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(pictures(film), pictures(source), strict=True)]) < 6
    )


def test_what_concerns_the_whole_film_is_said_once(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=[0, 400, 1100, 1500, 2300, 2400, 3333, 3777, 5000, 5512], rate=24)
    encode = Encode(preset="ultrafast")
    done = vidfx.render(source, tmp_path / "out.avi", style=style, machine=CPU, encode=encode, part_frames=2)
    assert sum("nearest time" in notice for notice in done.notices) == 1


@needs_ffprobe
def test_sound_subtitles_chapters_and_tags_are_copied_once(style: str, tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mkv",
        frames=40,
        audio="aac",
        subtitles=[(0.1, 0.4, "Guten Tag"), (0.5, 1.4, "Licht")],
        chapters=[(0, 0.5, "one"), (0.5, 1.5, "two")],
        metadata={"title": "Three discs"},
    )
    whole, parts = tmp_path / "whole.mkv", tmp_path / "parts.mkv"
    for film, size in ((whole, 9999), (parts, 7)):
        vidfx.render(source, film, style=style, machine=CPU, look=UNPAINTED, encode=LOSSLESS, part_frames=size)
    for stream in ("a:0", "s:0"):
        assert packets(parts, stream) == packets(source, stream) != []
    ours, theirs = (
        probe(film, "stream=codec_type,duration:stream_tags", "chapter=start_time,end_time", "format=duration")
        for film in (parts, whole)
    )
    assert ours == theirs


# --- the plan ------------------------------------------------------------------------------------------------------


@given(count=st.integers(1, 400), size=st.integers(1, 60), step=st.integers(1, 4), data=st.data())
def test_parts_tile_the_frames(count: int, size: int, step: int, data: st.DataObject) -> None:
    numbers = range(5, 5 + count * step, step)
    shots = data.draw(st.sets(st.integers(0, 5 + count * step), max_size=12))
    cuts = list(_cuts(numbers, size, sorted(shots)))
    assert cuts[0] == 0 and cuts == sorted(set(cuts)) and cuts[-1] < len(numbers)
    lengths = [after - cut for cut, after in zip(cuts, [*cuts[1:], len(numbers)], strict=True)]
    assert all(1 <= length <= size + size // 2 for length in lengths)
    assert all(
        length == size or numbers[cut + length] in shots for cut, length in zip(cuts, lengths[:-1], strict=False)
    )


RANGES = [
    Range(),
    Range(first=13),
    Range(start=Fraction(1, 2), end=Fraction(2)),
    Range(first=3, last=40, step=3),
    Range(start=Fraction(3, 7), step=2),
]


@pytest.mark.parametrize("wanted", RANGES, ids=str)
def test_a_plan_names_the_frames_that_are_read(style: str, tmp_path: Path, wanted: Range) -> None:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=60, gop=12, start=300)
    planned = plan(
        Job(source=source, output=tmp_path / "o.mkv", style=style, wanted=wanted, machine=CPU), part_frames=8
    )
    read = list(read_frames(open_clip(source), wanted=wanted))
    told = [number for part in planned.parts for number in range(part.first, part.last + 1, wanted.step)]
    assert told == [frame.index for frame in read]
    assert planned.total == len(read) == sum(part.frames for part in planned.parts)
    assert planned.start == read[0].time
    times = {frame.index: frame.pts for frame in read}
    entered = [part.stretch.enter for part in planned.parts]
    assert [enter and enter.pts for enter in entered] == [times[part.first] for part in planned.parts]
    (tmp_path / "plan.json").write_bytes(to_json(planned))
    assert load(tmp_path / "plan.json") == planned


@needs_ffprobe
@pytest.mark.parametrize("wanted", RANGES[2:], ids=str)
def test_parts_of_a_range_are_its_single_pass(style: str, stylizer: Stylizer, tmp_path: Path, wanted: Range) -> None:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=60, gop=12, start=300, cuts=(30,), audio="aac")
    matte = make_clip(tmp_path / "matte.mp4", size=SMALL, frames=40, rate=30)
    job = Job(
        source=source,
        output=tmp_path / "parts.nut",
        style=style,
        wanted=wanted,
        machine=CPU,
        encode=LOSSLESS,
        look=Look(matte=matte, strength=0.8),
    )
    film = joined(plan(job, part_frames=8), tmp_path / "work", stylizer, order=lambda all_: all_[::-1])
    single = tmp_path / "single.nut"
    vidfx.render(
        source, single, style=style, machine=CPU, look=job.look, wanted=wanted, encode=LOSSLESS, part_frames=999
    )
    assert frame_times(film) == frame_times(single)
    assert largest_step(film, single) <= 1


@needs_ffprobe
@pytest.mark.parametrize("name", ["in.avi", "in.ts"])
def test_what_packets_cannot_tell_is_counted_by_decoding(
    style: str, stylizer: Stylizer, tmp_path: Path, name: str
) -> None:
    source = make_clip(tmp_path / name, size=SMALL, frames=40, b_frames=0 if name == "in.avi" else 2)
    notices: list[str] = []
    job = Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU, encode=LOSSLESS)
    planned = plan(job, part_frames=13, notify=notices.append)
    assert planned.total == 40 and "decoding it once" in notices[0]
    single = tmp_path / "single.mkv"
    vidfx.render(source, single, style=style, machine=CPU, encode=LOSSLESS)
    film = joined(planned, tmp_path / "work", stylizer)
    assert frame_times(film) == frame_times(single)
    assert largest_step(film, single) <= 1


@needs_ffprobe
def test_interlaced_parts_are_the_single_pass(style: str, stylizer: Stylizer, tmp_path: Path) -> None:
    """The deinterlacer looks one picture back; without smoothing there is no warm-up that would hide it."""
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=40, gop=8, options=options)
    look = Look(smooth=0)
    job = Job(source=source, output=tmp_path / "o.nut", style=style, machine=CPU, encode=LOSSLESS, look=look)
    assert open_clip(source).interlaced
    planned = plan(job, part_frames=8)
    assert [part.stretch.warm_up for part in planned.parts] == [0] * 5
    single = tmp_path / "single.nut"
    vidfx.render(source, single, style=style, machine=CPU, encode=LOSSLESS, look=look, part_frames=999)
    film = joined(planned, tmp_path / "work", stylizer)
    assert frame_times(film) == frame_times(single)
    assert largest_step(film, single) == 0


def test_a_known_shot_is_where_a_part_begins_without_warm_up(style: str, stylizer: Stylizer, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=60, cuts=(26, 44))
    job = Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU, encode=LOSSLESS)
    planned = plan(job, part_frames=24, shots=(0, 26, 44))
    assert [(part.first, part.stretch.warm_up) for part in planned.parts] == [(0, 0), (26, 0), (44, 0)]
    assert planned.id != plan(job, part_frames=24).id
    single = tmp_path / "single.mkv"
    vidfx.render(source, single, style=style, machine=CPU, encode=LOSSLESS)
    film = joined(planned, tmp_path / "work", stylizer)
    assert largest_step(film, single) == 0


def test_what_the_id_depends_on(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=20)
    job = Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU)
    same = [
        job,
        replace(job, output=tmp_path / "other.mkv"),
        replace(job, machine=replace(CPU, threads=2, batch=3, tile=128)),
        replace(job, encode=Encode(audio=False), overwrite=True),
    ]
    changed = [
        replace(job, output=tmp_path / "o.mp4"),
        replace(job, machine=replace(CPU, precision="bf16")),
        replace(job, look=Look(strength=0.5)),
        replace(job, strict=True),
        replace(job, encode=Encode(crf=20)),
        replace(job, wanted=Range(first=1)),
    ]
    assert len({plan(one).id for one in same}) == 1
    assert len({plan(one).id for one in (job, *changed)}) == 1 + len(changed)
    copy = shutil.copy(source, tmp_path / "copy.mp4")
    assert plan(replace(job, source=copy)).id == plan(job).id
    make_clip(source, size=SMALL, frames=20, cuts=(10,))
    assert plan(job).id != plan(replace(job, source=copy)).id


def test_plans_that_make_no_sense(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=20)
    job = Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU)
    with pytest.raises(UsageError):
        plan(job, part_frames=0)
    with pytest.raises(UsageError, match="no frame"):
        plan(replace(job, wanted=Range(first=99)))
    with pytest.raises(MissingInput):
        load(tmp_path / "none.json")
    (tmp_path / "plan.json").write_text('{"job": 1}')
    with pytest.raises(UnreadableInput):
        load(tmp_path / "plan.json")


# --- the part file -------------------------------------------------------------------------------------------------


@pytest.fixture
def planned(style: str, tmp_path: Path) -> Plan:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=30)
    # x264's slower presets are not deterministic on pictures under 160 pixels
    encode = Encode(preset="ultrafast")
    job = Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU, look=Look(smooth=0.2), encode=encode)
    return plan(job, part_frames=12)


def test_a_part_is_painted_once(planned: Plan, stylizer: Stylizer, tmp_path: Path) -> None:
    first = render_part(planned, 1, tmp_path / "work", stylizer=stylizer)
    written = first.path.stat().st_mtime_ns
    assert render_part(planned, 1, tmp_path / "work") == first == finished_parts(planned, tmp_path / "work")[1]
    assert first.path.stat().st_mtime_ns == written
    assert (first.first, first.last, first.frames, first.ends) == (12, 23, 12, False)
    with pytest.raises(IndexError):
        render_part(planned, 3, tmp_path / "work")


@pytest.mark.parametrize("place", [0, 20, 200, -30, -1])
def test_a_damaged_part_is_no_part(planned: Plan, stylizer: Stylizer, tmp_path: Path, place: int) -> None:
    part = render_part(planned, 0, tmp_path / "work", stylizer=stylizer)
    whole = part.path.read_bytes()
    pictures = [bytes(packet) for packet in part.packets()]
    for damaged in (whole[:place], bytearray(whole), b""):
        if isinstance(damaged, bytearray):
            damaged[place] ^= 1
        part.path.write_bytes(damaged)
        assert read_part(part.path) is None
        assert finished_parts(planned, tmp_path / "work") == {}
    again = render_part(planned, 0, tmp_path / "work", stylizer=stylizer)
    assert [bytes(packet) for packet in again.packets()] == pictures


def test_a_stitch_names_what_is_missing(planned: Plan, stylizer: Stylizer, tmp_path: Path) -> None:
    render_part(planned, 1, tmp_path / "work", stylizer=stylizer)
    with pytest.raises(MissingInput, match="2 of 3 parts are not finished: 0, 2"):
        stitch(planned, tmp_path / "work")
    assert not (tmp_path / "o.mkv").exists()


def test_parts_of_another_plan_or_encoder_do_not_count(planned: Plan, stylizer: Stylizer, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    other = plan(replace(planned.job, encode=Encode(preset="ultrafast", options={"refs": "3"})), part_frames=12)
    for one in (planned, other):
        render_part(one, 1, folder, stylizer=stylizer)
    assert finished_parts(planned, folder) == {}
    # a machine with another build of the encoder leaves a part of this plan with other headers
    foreign = replace(planned, job=other.job)
    for part in planned.parts:
        render_part(foreign if part.index == 1 else planned, part.index, folder, stylizer=stylizer)
    with pytest.raises(UnreadableInput, match="other headers"):
        stitch(planned, folder)


def test_a_source_that_changed_is_refused(planned: Plan, stylizer: Stylizer, tmp_path: Path) -> None:
    make_clip(planned.job.source, size=SMALL, frames=30, cuts=(4,))
    with pytest.raises(UnreadableInput, match="not the file that was planned"):
        render_part(planned, 0, tmp_path / "work", stylizer=stylizer)


def test_a_matte_that_changed_and_another_vidfx_are_refused(style: str, stylizer: Stylizer, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=6)
    matte = make_sequence(tmp_path, frames=6)
    job = Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU, look=Look(matte=matte))
    planned = plan(job)
    render_part(planned, 0, tmp_path / "work", stylizer=stylizer)
    with pytest.raises(UnreadableInput, match="planned by vidfx old"):
        finished_parts(replace(planned, version="old"), tmp_path / "work")
    (tmp_path / "shot.1002.png").write_bytes((tmp_path / "shot.1004.png").read_bytes())
    with pytest.raises(UnreadableInput, match="not the file that was planned"):
        finished_parts(planned, tmp_path / "work")


def test_another_runtime_is_another_plan(style: str, tmp_path: Path) -> None:
    """At one precision, two runtimes differ by some steps: their parts do not go into one film."""
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=6)
    job = Job(source=source, output=tmp_path / "o.mkv", style=style)
    ids = {plan(replace(job, machine=replace(CPU, runtime="torch"))).id}
    if has_openvino():
        ids.add(plan(replace(job, machine=replace(CPU, runtime="openvino"))).id)
        assert len(ids) == 2
    assert plan(replace(job, machine=replace(CPU, runtime="torch", threads=2))).id in ids


def test_hosts_that_paint_one_part_at_once_do_not_meet(tmp_path: Path) -> None:
    """Not even where each counts its processes from 1, as in containers."""
    (tmp_path / "work").mkdir()
    first, second = (PartWriter(tmp_path / "work" / "part-000000.vidfx") for _ in range(2))
    second.abandon()
    assert len(list((tmp_path / "work").iterdir())) == 1
    first.abandon()


# --- pictures ------------------------------------------------------------------------------------------------------


def test_numbered_pictures_in_parts(style: str, stylizer: Stylizer, tmp_path: Path) -> None:
    source = make_sequence(tmp_path, frames=20)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    wanted = Range(first=2, last=17)
    job = Job(source=source, output=parts / "p.%04d.png", style=style, machine=CPU, wanted=wanted)
    vidfx.render(source, whole / "p.%04d.png", style=style, machine=CPU, wanted=wanted)
    planned = plan(job, part_frames=6)
    for part in planned.parts:
        render_part(planned, part.index, tmp_path / "work", stylizer=stylizer)
    assert stitch(planned, tmp_path / "work", overwrite=True).frames == 16
    names = [f"p.{number}.png" for number in range(1003, 1019)]
    assert sorted(path.name for path in parts.iterdir()) == sorted(path.name for path in whole.iterdir()) == names
    import cv2

    for name in names:
        a, b = (cv2.imread(str(folder / name)).astype(int) for folder in (whole, parts))
        assert np.abs(a - b).max() <= 1
    (parts / names[7]).unlink()
    assert sorted(finished_parts(planned, tmp_path / "work")) == [0, 2]


@pytest.mark.slow
@needs_ffprobe
@pytest.mark.parametrize("name", ["bikes.mp4", "asl_walk.mkv", "vtest.avi"])
def test_real_clips(style: str, stylizer: Stylizer, tmp_path: Path, name: str) -> None:
    source = MEDIA / "clips" / name
    if not source.is_file():
        pytest.skip("the real clips are not on this machine")
    wanted = Range(first=40, last=69)
    job = Job(source=source, output=tmp_path / "parts.mkv", style=style, machine=CPU, wanted=wanted, encode=LOSSLESS)
    film = joined(plan(job, part_frames=12), tmp_path / "work", stylizer)
    single = tmp_path / "single.mkv"
    vidfx.render(source, single, style=style, machine=CPU, wanted=wanted, encode=LOSSLESS)
    assert frame_times(film) == frame_times(single)
    assert largest_step(film, single) <= 1


def test_a_part_of_which_nothing_decodes_is_a_damaged_source(style: str, stylizer: Stylizer, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=30, gop=10)
    with av.open(source) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][10:]
    data = bytearray(source.read_bytes())
    for position, size in places:
        data[position : position + size] = bytes(size)
    source.write_bytes(data)
    look = Look(smooth=0)
    planned = plan(Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU, look=look), part_frames=10)
    for index in (1, 2):
        with pytest.raises(UnreadableInput, match="can be decoded"):
            render_part(planned, index, tmp_path / "work", stylizer=stylizer)


def test_every_host_writes_what_the_plan_says(style: str, stylizer: Stylizer, tmp_path: Path) -> None:
    """Not what it would choose itself: another build of FFmpeg may have other encoders."""
    source = make_clip(tmp_path / "in.mp4", size=SMALL, frames=6)
    planned = plan(Job(source=source, output=tmp_path / "o.mkv", style=style, machine=CPU))
    other = replace(planned, choice=replace(planned.choice, codec="ffv1"))
    assert render_part(other, 0, tmp_path / "work", stylizer=stylizer).codec == "ffv1"
