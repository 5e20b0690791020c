"""What `source` promises: every frame once, upright, at its own time, under its own number."""

from __future__ import annotations

import gc
import logging
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clips import MEDIA, make_clip, picture
from fftools import frame_times, needs_ffprobe

from vidfx import source
from vidfx.errors import MissingInput, UnreadableInput, UsageError, VidfxError
from vidfx.frames import Frame
from vidfx.settings import Range


def read(path: Path, **settings: object) -> list[Frame]:
    return list(source.read_frames(source.open_clip(path), **settings))


def close(image: np.ndarray, expected: np.ndarray) -> bool:
    return image.shape == expected.shape and float(np.abs(image.astype(int) - expected).mean()) < 6


def test_a_clip_is_probed(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=30, rate=25, colour=(1, 1, 1, 1), aspect=Fraction(16, 15), audio="aac")
    clip = source.open_clip(path)
    assert (clip.kind, clip.width, clip.height, clip.rate, clip.frame_count) == ("video", 96, 64, 25, 30)
    assert (clip.time_base, clip.duration) == (Fraction(1, 12800), Fraction(30, 25))
    assert (clip.colour.matrix, clip.colour.range, clip.colour.primaries, clip.colour.transfer) == (1, 1, 1, 1)
    assert (clip.sample_aspect_ratio, clip.bit_depth, clip.pix_fmt) == (Fraction(16, 15), 8, "yuv420p")


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".nut"])
def test_every_frame_comes_once_and_is_itself(tmp_path: Path, b_frames: int, suffix: str) -> None:
    path = make_clip(tmp_path / f"in{suffix}", frames=20, b_frames=0 if suffix == ".nut" else b_frames)
    frames = read(path)
    assert [frame.index for frame in frames] == list(range(20))
    assert [round(frame.time * 24) for frame in frames] == list(range(20))
    assert [frame.starts_shot for frame in frames] == [True] + [False] * 19
    for frame in frames:
        assert frame.image is frame.source
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert close(frame.image, picture(frame.index))


@needs_ffprobe
def test_vfr_with_b_frames_and_a_late_start_is_read_as_ffprobe_reads_it(tmp_path: Path) -> None:
    pts = [0, 400, 1100, 1500, 2300, 2400, 3333, 3777, 5000, 5512]
    path = make_clip(tmp_path / "in.mp4", pts=pts, time_base=Fraction(1, 15360), start=127995, b_frames=3)
    frames = read(path)
    assert [frame.pts for frame in frames] == [127995 + t for t in pts]
    assert [frame.time for frame in frames] == frame_times(path)


@pytest.mark.parametrize("gop", [8, 250])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_range_gives_exactly_the_frames_of_the_whole(tmp_path: Path, gop: int, suffix: str) -> None:
    """Deep in the clip decoding begins at a keyframe, and neither numbers nor pixels may show it."""
    bends = {"b_frames": 0} if suffix == ".avi" else {"b_frames": 3, "start": 555}
    path = make_clip(tmp_path / f"in{suffix}", frames=96, gop=gop, rate=25, **bends)
    whole = read(path)
    assert len(whole) == 96
    for wanted, numbers in [
        (Range(first=0, last=0), [0]),
        (Range(first=40, last=44), [40, 41, 42, 43, 44]),
        (Range(first=63), list(range(63, 96))),
        (Range(first=50, last=80, step=7), [50, 57, 64, 71, 78]),
        (Range(start=Fraction(2), end=Fraction(56, 25)), [50, 51, 52, 53, 54, 55]),
        (Range(start=Fraction(201, 100), end=Fraction(209, 100)), [51, 52]),
        (Range(end=Fraction(3, 25)), [0, 1, 2]),
        (Range(first=30, start=Fraction(70, 25), last=71), [70, 71]),
    ]:
        frames = read(path, wanted=wanted)
        assert [frame.index for frame in frames] == numbers, wanted
        assert frames[0].starts_shot
        for frame in frames:
            same = whole[frame.index]
            assert (frame.pts, frame.duration) == (same.pts, same.duration)
            assert np.array_equal(frame.image, same.image)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_long_range_deep_in_a_clip_is_numbered_to_its_end(tmp_path: Path, suffix: str) -> None:
    """Packets are read only as far as the range begins; the frames after that have their numbers all the same."""
    path = make_clip(tmp_path / f"in{suffix}", frames=420, gop=12, rate=60, b_frames=3, size=(32, 16), start=555)
    times = {frame.index: frame.pts for frame in read(path)}
    for wanted, numbers in [
        (Range(first=100, last=300), range(100, 301)),
        (Range(first=26), range(26, 420)),
        (Range(first=90, last=400, step=31), range(90, 401, 31)),
        (Range(start=Fraction(2), end=Fraction(6)), range(120, 360)),
        (Range(first=200, start=Fraction(1)), range(200, 420)),
    ]:
        found = [(frame.index, frame.pts) for frame in read(path, wanted=wanted)]
        assert found == [(number, times[number]) for number in numbers], wanted


@pytest.mark.parametrize("first", [2, 10, 60])
def test_warm_up_gives_the_frames_before_at_the_same_step(tmp_path: Path, first: int) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=72, gop=12)
    plain = read(path, wanted=Range(first=first, last=first + 1), warm_up=5)
    assert [frame.index for frame in plain] == list(range(max(0, first - 5), first + 2))
    stepped = read(path, wanted=Range(first=first, last=first + 4, step=4), warm_up=3)
    assert [f.index for f in stepped] == [n for n in range(first - 12, first + 5, 4) if n >= 0]
    assert [f.starts_shot for f in plain].count(True) == 1


def test_a_range_beyond_the_end_is_a_usage_error(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=30)
    for wanted in (Range(first=30), Range(start=Fraction(9)), Range(first=500, last=600)):
        with pytest.raises(UsageError, match="holds no frame") as caught:
            read(path, wanted=wanted)
        assert "30 frames" in caught.value.hint


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turned_and_mirrored_clips_stand_upright(tmp_path: Path, rotation: int, hflip: bool) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=2, rotation=rotation, hflip=hflip)
    clip = source.open_clip(path)
    assert hflip or clip.rotation == rotation
    expected = np.rot90(picture(0), rotation // 90)
    image = next(source.read_frames(clip)).image
    assert image.flags.c_contiguous
    assert image.shape == (clip.height, clip.width, 3)
    assert close(image, expected[:, ::-1] if hflip else expected)


@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (6, 1, 6, 6), (5, 2, 5, 6), (9, 1, 9, 14)])
def test_the_matrix_and_range_of_the_clip_are_used(tmp_path: Path, tags: tuple[int, int, int, int]) -> None:
    """The wrong matrix would be off by 20 steps and more in these colours."""
    colours = [(200, 40, 60), (30, 160, 60), (40, 60, 200)]
    path = make_clip(tmp_path / "in.mp4", pictures=[np.full((64, 96, 3), c, np.uint8) for c in colours], colour=tags)
    for frame, colour in zip(read(path), colours, strict=True):
        assert np.abs(frame.image.reshape(-1, 3).mean(axis=0) - colour).max() < 3


def test_a_cover_picture_is_not_the_film_and_alone_is_no_clip(tmp_path: Path) -> None:
    both = make_clip(tmp_path / "both.mp4", cover=True)
    assert len(read(both)) == 24
    with pytest.raises(UsageError, match="not a video stream"):
        source.open_clip(make_clip(tmp_path / "sound.mp4", audio="aac"), video_stream=1)


def test_a_video_stream_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=24, width=w, height=32) for w in (64, 48)]
        for stream in streams:
            frame = av.VideoFrame.from_ndarray(picture(0, (stream.width, 32)))
            container.mux(stream.encode(frame.reformat(format="yuv420p")) + stream.encode(None))
    assert source.open_clip(path).width == 64
    assert source.open_clip(path, video_stream=1).width == 48
    assert [f.image.shape for f in source.read_frames(source.open_clip(path, video_stream=1))] == [(32, 48, 3)]


def test_what_cannot_be_read_is_said_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is not a film\n" * 40)
    with av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), format="s16", layout="stereo")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame) + stream.encode(None))
    cut = make_clip(tmp_path / "whole.mp4", frames=48)
    (tmp_path / "cut.mp4").write_bytes(cut.read_bytes()[:900])
    for name, kind, words in [
        ("nothing.mp4", MissingInput, "there is no"),
        (".", UsageError, "folder"),
        ("empty.mp4", UnreadableInput, "empty"),
        ("text.mp4", UnreadableInput, "not a film"),
        ("sound.m4a", UnreadableInput, "only sound"),
        ("cut.mp4", UnreadableInput, "not a film"),
    ]:
        with pytest.raises(VidfxError) as caught:
            source.open_clip(tmp_path / name)
        assert type(caught.value) is kind, name
        assert words in str(caught.value), name
        assert caught.value.hint, name


def test_damage_in_the_middle_is_stepped_over_with_one_notice(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mkv", frames=60, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for pos, size in places[20:23]:
        data[pos + 12 : pos + size] = bytes(size - 12)
    path.write_bytes(data)
    notices: list[str] = []
    frames = read(path, notify=notices.append)
    assert len(frames) == 57
    assert len(notices) == 1
    assert "3 damaged packets" in notices[0]
    assert np.abs(frames[-1].image.astype(int) - picture(59)).mean() < 20 < np.abs(picture(40).astype(int) - 128).mean()


def test_a_file_that_breaks_off_gives_what_there_is(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mkv", frames=60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    frames = read(path)
    assert 20 < len(frames) < 60


def test_notices_go_to_the_log_where_nobody_listens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make_clip(tmp_path / "in.mkv", frames=9, codec="mjpeg", pix_fmt="yuvj420p")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 700] + bytes(700))
    with caplog.at_level(logging.WARNING, logger="vidfx"):
        assert read(path)


@needs_ffprobe
@pytest.mark.skipif(not MEDIA.is_dir(), reason="no real clips beside the repository")
@pytest.mark.parametrize(
    "name",
    [
        "odd/nasa_13013.mp4",
        "odd/tree.avi",
        "odd/test_non_zero_start.mp4",
        "clips/carphone_pristine.mp4",
        "clips/asl_walk.mkv",
    ],
)
def test_real_clips_whole_and_in_part(name: str) -> None:
    path = MEDIA / name
    clip = source.open_clip(path)
    whole = list(source.read_frames(clip, threads=1))
    assert [frame.time for frame in whole] == frame_times(path, str(clip.stream_index))
    first = len(whole) * 2 // 3
    part = list(source.read_frames(clip, wanted=Range(first=first, last=first + 4), threads=1))
    assert [frame.index for frame in part] == [frame.index for frame in whole[first : first + 5]]
    for a, b in zip(part, whole[first:], strict=False):
        assert a.pts == b.pts
        assert np.array_equal(a.image, b.image)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read the memory in use from")
@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_frame_stands_until_the_next_whatever_the_order_of_decoding(
    tmp_path: Path, suffix: str, b_frames: int
) -> None:
    """With B-frames, MP4's durations are those of other pictures."""
    pts = [512 * (i + 75 * (i >= 10)) for i in range(25)]
    base = Fraction(1, 12800)
    path = make_clip(tmp_path / f"in{suffix}", pts=pts, time_base=base, b_frames=b_frames)
    frames = list(source.read_frames(source.open_clip(path)))
    for one, after in pairwise(frames):
        ends = one.time + one.duration * one.time_base
        assert ends <= after.time
        if suffix != ".mkv":  # which says of each picture how long it stands
            assert ends == after.time


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """No frame may wait for the garbage collector: with it switched off, decoded pictures still go as they come."""

    def used() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    path = make_clip(tmp_path / "in.mkv", size=(640, 480), frames=150, rate=25, b_frames=0)
    clip = source.open_clip(path)
    gc.collect()
    gc.disable()
    try:
        frames = source.read_frames(clip, threads=1)
        for _ in range(40):
            next(frames)
        before = used()
        for _ in range(100):
            next(frames)
        after = used()
    finally:
        gc.enable()
    assert after - before < 25_000_000  # a hundred pictures in 4:2:0 are 46 MB


def test_a_keyframe_that_leans_on_earlier_pictures_is_not_begun_at(tmp_path: Path) -> None:
    """Intra refresh marks pictures as keyframes from which a decoder recovers only some pictures later."""
    path = make_clip(tmp_path / "in.mp4", frames=80, gop=20, b_frames=0, options={"x264-params": "intra-refresh=1"})
    expected = read(path)[62].image
    [found] = read(path, wanted=Range(first=62, last=62))
    assert found.index == 62
    assert np.array_equal(found.image, expected)
