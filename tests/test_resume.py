"""A render that is interrupted goes on where it was, and ends as if it had never been.

Long, because every kind of end a render can come to, each with its own witness.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from clips import make_clip, make_sequence
from fftools import frame_times, needs_ffprobe, packets
from films import CPU, LOSSLESS

import vidfx
from vidfx import CannotWrite, Encode, Look, Machine, TryAgain, UnreadableInput, VidfxError
from vidfx.cli import main
from vidfx.job import EXACT, Render
from vidfx.parts import journal
from vidfx.parts.packets import part_path, read_part
from vidfx.pipeline import warm_up_of
from vidfx.progress import Progress
from vidfx.settings import Job

SIZE = (160, 96)
QUICK = Encode(preset="veryfast", options={"x264-params": "no-mbtree=1"})
"""Without that, x264 itself does not write the same bytes twice on small pictures."""
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return make_clip(folder / "clip.mp4", size=SIZE, frames=40, gop=12, cuts=(17,), audio="aac", start=300)


class StopsAt(Progress):
    """Raises at the n-th frame that is written, and keeps what is said."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.number, self.error, self.done, self.notices = number, error, 0, list[str]()

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        self.total, self.before = total, done

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def frame(self, frame: object) -> None:
        self.done += 1
        if self.done == self.number:
            raise self.error


def painted(source: Path, film: Path, style: str, stop: int | None = None, **more: Any) -> StopsAt:
    """Renders in parts of 6; with `stop`, is interrupted at that frame."""
    progress = StopsAt(stop or 0, KeyboardInterrupt())
    settings = {"machine": CPU, "encode": QUICK, "part_frames": 6} | more
    with suppress(KeyboardInterrupt):
        vidfx.render(source, film, style=style, progress=progress, **settings)
    return progress


def same(ours: Path, theirs: Path) -> bool:
    """Whether two films are the same in every picture, time and sound."""
    with av.open(str(ours)) as a, av.open(str(theirs)) as b:
        for x, y in zip(a.decode(video=0), b.decode(video=0), strict=True):
            if x.to_ndarray().tobytes() != y.to_ndarray().tobytes():
                return False
    return frame_times(ours) == frame_times(theirs) and packets(ours, "a:0") == packets(theirs, "a:0") != []


def frames_in(film: Path) -> int:
    """How many frames the finished parts of an output hold."""
    parts = (read_part(path) for path in journal.work_folder(film).glob("part-*.vidfx"))
    return sum(part.frames for part in parts if part)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@needs_ffprobe
@pytest.mark.parametrize("stop", [7, 13, 25, 40])
def test_an_interrupted_render_goes_on_and_ends_the_same(style: str, source: Path, tmp_path: Path, stop: int) -> None:
    film, unbroken = tmp_path / "film.mp4", tmp_path / "unbroken.mp4"
    painted(source, unbroken, style)
    painted(source, film, style, stop)
    assert left(tmp_path) == [".film.mp4.vidfx", "unbroken.mp4"]
    kept = (stop - 1) // 6 * 6
    assert frames_in(film) == kept
    again = painted(source, film, style)
    assert (again.before, again.done) == (kept, 40 - kept)
    assert left(tmp_path) == ["film.mp4", "unbroken.mp4"]
    assert same(film, unbroken)
    assert film.read_bytes() == unbroken.read_bytes()


def odd_clip(kind: str, folder: Path) -> Path:
    """Clips in which a place is hard to find again."""
    small = {"size": (64, 48), "frames": 40}
    if kind == "vfr.mkv":
        times = [sum((7, 33, 20, 50)[n % 4] for n in range(count)) for count in range(40)]
        return make_clip(folder / kind, pts=times, time_base=Fraction(1, 1000), gop=12, size=(64, 48))
    if kind == "open-gop.mp4":
        return make_clip(folder / kind, **small, options={"bf": "3", "x264-params": "open-gop=1:keyint=9:min-keyint=9"})
    if kind != "damaged.mp4":
        return make_clip(folder / kind, **small, gop=12)  # AVI and MPEG-TS: packets do not say which picture they are
    clip = make_clip(folder / kind, **small, gop=12, b_frames=0)
    with av.open(str(clip)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(clip.read_bytes())
    for position, size in places[7:8]:
        data[position : position + size] = bytes(size)  # a packet without a picture in it
    clip.write_bytes(data)
    return clip


@needs_ffprobe
@pytest.mark.parametrize("kind", ["in.avi", "in.ts", "vfr.mkv", "open-gop.mp4", "damaged.mp4"])
def test_it_goes_on_at_the_very_next_frame_of_any_clip(style: str, tmp_path: Path, kind: str) -> None:
    source = odd_clip(kind, tmp_path)
    film, unbroken = tmp_path / "film.nut", tmp_path / "unbroken.nut"
    settings = {"encode": LOSSLESS}
    frames = painted(source, unbroken, style, **settings).done
    assert frames == len(frame_times(unbroken)) == (39 if kind == "damaged.mp4" else 40)
    painted(source, film, style, 27, **settings)
    again = painted(source, film, style, **settings)
    assert (again.before, again.done) == (24, frames - 24)
    assert frame_times(film) == frame_times(unbroken)
    with av.open(str(film)) as ours, av.open(str(unbroken)) as theirs:
        for a, b in zip(ours.decode(video=0), theirs.decode(video=0), strict=True):
            difference = cv2.absdiff(a.to_ndarray(format="rgb24"), b.to_ndarray(format="rgb24")).max()
            assert difference <= (kind == "damaged.mp4")  # where packets count one more than pictures


def test_going_on_far_into_a_shot_differs_by_not_a_bit(style: str, tmp_path: Path) -> None:
    """The frames painted once more are fewer than those before, and yet the smoothing ends up with the same bits."""
    source = make_clip(tmp_path / "in.mp4", size=(64, 48), frames=210, gop=30)
    film, unbroken = tmp_path / "film.nut", tmp_path / "unbroken.nut"
    settings = {"encode": LOSSLESS, "part_frames": 20}
    painted(source, unbroken, style, **settings)
    painted(source, film, style, 207, **settings)
    again = painted(source, film, style, **settings)
    assert warm_up_of(Look(), within=EXACT) < again.before == 200
    assert film.read_bytes() == unbroken.read_bytes()


def test_what_was_interrupted_is_told(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    progress = StopsAt(15, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        vidfx.render(source, film, style=style, machine=CPU, encode=QUICK, part_frames=6, progress=progress)
    assert caught.value.__notes__ == ["12 finished frames are kept: the same command goes on from there"]
    done = vidfx.render(source, film, style=style, machine=CPU, encode=QUICK, part_frames=6)
    assert (done.frames, done.frames_kept) == (40, 12)


def test_a_dry_run_counts_what_will_be_kept_and_no_more(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    painted(source, film, style, 15)
    job = Job(source=source, output=film, style=style, machine=CPU, encode=QUICK)
    assert Render(job).outline(part_frames=6)["frames_kept"] == 12
    assert Render(job).outline(part_frames=6, resume=False)["frames_kept"] == 0
    assert Render(replace(job, look=Look(strength=0.5))).outline(part_frames=6)["frames_kept"] == 0


def test_a_changed_setting_starts_anew_and_says_so(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    painted(source, film, style, 20)
    again = painted(source, film, style, look=Look(strength=0.5))
    assert again.notices == ["settings changed since this render was interrupted: it starts anew"]
    assert (again.before, again.done) == (0, 40)


def test_a_changed_source_starts_anew_and_says_so(style: str, source: Path, tmp_path: Path) -> None:
    film, copy = tmp_path / "film.mp4", Path(shutil.copy(source, tmp_path / "clip.mp4"))
    painted(copy, film, style, 20)
    before = copy.stat()
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = painted(copy, film, style, 20)
    assert again.notices[0] == "source changed since this render was interrupted: it starts anew"
    assert again.before == 0
    os.utime(copy)
    assert painted(copy, film, style, 1).before == 0


def test_parts_that_are_of_no_use_are_not_called_a_changed_source(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    painted(source, film, style, 20)
    part = part_path(journal.work_folder(film), 0)
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    said = ["the parts of the interrupted render are damaged, missing or of another length: it starts anew"]
    assert painted(source, film, style, 20).notices[:1] == said
    again = painted(source, film, style, part_frames=7)
    assert again.notices == said and again.before == 0


def test_a_source_that_changes_meanwhile_makes_no_film(style: str, source: Path, tmp_path: Path) -> None:
    """Else one file's pictures would get another's sound."""
    film, clip = tmp_path / "film.mp4", Path(shutil.copy(source, tmp_path / "clip.mp4"))
    other = make_clip(tmp_path / "other.mp4", size=SIZE, frames=30, audio="aac")

    class Swaps(Progress):
        def advance(self, frames: int) -> None:
            other.replace(clip) if other.exists() else None

    with pytest.raises(UnreadableInput, match="changed while it was being rendered") as caught:
        vidfx.render(clip, film, style=style, machine=CPU, encode=QUICK, part_frames=6, progress=Swaps())
    assert not getattr(caught.value, "__notes__", None) and left(tmp_path) == ["clip.mp4"]


def test_a_file_system_without_locks_is_said(
    style: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(handle: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("vidfx.parts.lock._take", take)
    with pytest.raises(CannotWrite) as caught:
        vidfx.render(source, tmp_path / "film.mp4", style=style, machine=CPU, encode=QUICK)
    assert "no locks" in caught.value.hint


def test_what_does_not_change_a_pixel_changes_nothing(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    painted(source, film, style, 20)
    machine = Machine(device="cpu", precision="fp32", threads=2, batch=2)
    again = painted(source, film, style, machine=machine, encode=replace(QUICK, audio=False))
    assert again.before == 18 and again.notices == []


def test_no_resume_begins_anew_without_a_word(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    painted(source, film, style, 20)
    again = painted(source, film, style, resume=False)
    assert (again.before, again.done, again.notices) == (0, 40, [])


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_part_and_all_after_it_are_painted_again(
    style: str, source: Path, tmp_path: Path, which: int
) -> None:
    film = tmp_path / "film.mp4"
    painted(source, film, style, 20)
    part = part_path(journal.work_folder(film), which)
    part.write_bytes(part.read_bytes()[:-40])
    assert painted(source, film, style).before == 6 * which
    assert left(tmp_path) == ["film.mp4"]


def test_the_second_of_two_renders_of_one_output_is_refused(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    refused: list[TryAgain] = []

    class Intrudes(Progress):
        def frame(self, frame: object) -> None:
            if not refused:
                with pytest.raises(TryAgain, match="by another process") as caught:
                    painted(source, film, style)
                refused.append(caught.value)

    vidfx.render(source, film, style=style, machine=CPU, encode=QUICK, part_frames=6, progress=Intrudes())
    assert refused[0].exit_code == 75
    assert left(tmp_path) == ["film.mp4"]


def test_somebody_elses_files_in_the_folder_stay(style: str, source: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    painted(source, film, style, 20)
    (journal.work_folder(film) / "notes.txt").write_text("mine")
    painted(source, film, style)
    assert left(journal.work_folder(film)) == ["notes.txt"]


# --- disks ---------------------------------------------------------------------------------------------------------


@needs_ffprobe
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [1, 3, 7, 9])
def test_nothing_half_done_is_taken_for_done(
    style: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """The power goes just before the n-th fsync or rename; 7 parts, job.json and the film make 9 of each."""
    film, unbroken = tmp_path / "film.mp4", tmp_path / "unbroken.mp4"
    painted(source, unbroken, style)
    calls: list[str] = []

    class PowerCut(BaseException):
        pass

    def faulty(real: Callable[..., Any], is_counted: Callable[..., bool]) -> Callable[..., Any]:
        def act(*args: Any, **more: Any) -> Any:
            if is_counted(*args):
                calls.append(call)
                if len(calls) == number:
                    raise PowerCut
            return real(*args, **more)

        return act

    with monkeypatch.context() as patch:
        if call == "fsync":
            patch.setattr("os.fsync", faulty(os.fsync, lambda handle: not stat.S_ISDIR(os.fstat(handle).st_mode)))
        else:
            patch.setattr(Path, "replace", faulty(Path.replace, lambda *_: True))
        with pytest.raises(PowerCut):
            painted(source, film, style)
    assert not film.exists()
    painted(source, film, style)
    assert len(calls) == number
    assert same(film, unbroken)
    assert left(tmp_path) == ["film.mp4", "unbroken.mp4"]


def test_a_full_disk_keeps_the_parts(
    style: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.mp4"
    write = "vidfx.parts.packets.PartWriter._write"
    room = [40]

    def runs_full(self: Any, data: bytes) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._file.write(data)

    with monkeypatch.context() as patch:
        patch.setattr(write, runs_full)
        patch.setattr("vidfx.job.default_part_frames", lambda *_: 6)
        code = main(["render", str(source), "--style", style, "-o", str(film), "--threads", "1", "-preset", "veryfast"])
    err = capsys.readouterr().err
    assert code == 75
    assert "disk is full" in err and "run the same command again" in err
    assert not film.exists()


def test_a_disk_without_room_for_the_first_file_keeps_no_folder(
    style: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def is_full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("vidfx.parts.journal.write_whole", is_full)
    assert main(["render", str(source), "--style", style, "-o", str(tmp_path / "film.mp4"), "--threads", "1"]) == 75
    assert "disk is full" in capsys.readouterr().err
    assert left(tmp_path) == []


@needs_ffprobe
@pytest.mark.skipif(sys.platform != "linux" or shutil.which("unshare") is None, reason="needs a file system of its own")
def test_a_disk_that_is_really_full(style: str, source: Path, tmp_path: Path) -> None:
    """On a file system of 320 KiB: full in mid-render, then with room made for it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f"""
        mount -t tmpfs -o size=320k tmpfs {disk} || exit 99
        cd {disk}
        head -c 230000 /dev/zero > ballast
        {sys.executable} {tmp_path}/paint.py; echo first $?
        ls -A
        rm ballast
        {sys.executable} {tmp_path}/paint.py; echo second $?
        rm -rf .*.vidfx; cp film.mkv {tmp_path}/; ls -A
    """
    (tmp_path / "paint.py").write_text(
        textwrap.dedent(f"""
        import sys, vidfx.job
        from vidfx.cli import main
        vidfx.job.default_part_frames = lambda *_: 6
        sys.exit(main("render {source} --style {style} -o film.mkv --threads 1 -c:v ffv1 --progress none".split()))
        """)
    )
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    if done.returncode == 99 or "first" not in done.stdout:
        pytest.skip(f"no file system of its own here: {done.stderr[:200]}")
    assert "first 75" in done.stdout, done.stdout + done.stderr
    assert "disk is full" in done.stderr and "finished frames are kept" in done.stderr


# --- pictures ------------------------------------------------------------------------------------------------------


def test_numbered_pictures_go_on_too(style: str, tmp_path: Path) -> None:
    source = make_sequence(tmp_path, frames=20)
    pattern, unbroken = tmp_path / "out" / "p.%04d.png", tmp_path / "unbroken" / "p.%04d.png"
    pattern.parent.mkdir()
    unbroken.parent.mkdir()
    painted(source, unbroken, style)
    painted(source, pattern, style, 15)
    assert len(left(pattern.parent)) == 15 + 1
    again = painted(source, pattern, style, 3)
    assert again.before == 12
    (pattern.parent / "p.1008.png").unlink()
    again = painted(source, pattern, style)
    assert (again.before, again.done) == (6, 14)
    assert left(pattern.parent) == left(unbroken.parent)
    for name in left(pattern.parent):
        assert (pattern.parent / name).read_bytes() == (unbroken.parent / name).read_bytes()


def test_pictures_that_are_gone_are_painted_again_and_counted_so(style: str, tmp_path: Path) -> None:
    source = make_sequence(tmp_path, frames=20)
    pattern = tmp_path / "out" / "p.%04d.png"
    pattern.parent.mkdir()
    painted(source, pattern, style, 15)
    job = Job(source=source, output=pattern, style=style, machine=CPU, encode=QUICK)
    assert Render(job).outline(part_frames=6)["frames_kept"] == 12
    assert main(["render", str(source), "--style", style, "-o", str(pattern), "-n"]) == 0, "as the render itself"
    min(pattern.parent.glob("*.png")).unlink()
    assert Render(job).outline(part_frames=6)["frames_kept"] == 0
    again = painted(source, pattern, style)
    assert (again.before, again.done) == (0, 20)


def test_pictures_stopped_before_the_first_part_is_done_go_on_too(style: str, tmp_path: Path) -> None:
    source = make_sequence(tmp_path, frames=8)
    pattern = tmp_path / "out" / "p.%04d.png"
    pattern.parent.mkdir()
    with pytest.raises(TryAgain) as caught:
        vidfx.render(source, pattern, style=style, machine=CPU, progress=StopsAt(3, TryAgain("the disk is full")))
    assert len(left(pattern.parent)) == 3 + 1
    assert caught.value.__notes__ == ["the pictures painted so far stay: the same command paints them again"]
    assert painted(source, pattern, style).done == 8
    assert len(left(pattern.parent)) == 8


def test_a_render_of_pictures_that_painted_none_leaves_nothing(style: str, tmp_path: Path) -> None:
    source = make_sequence(tmp_path, frames=4)
    (tmp_path / "shot.1002.png").write_bytes((tmp_path / "shot.1001.png").read_bytes()[:50])
    (tmp_path / "out").mkdir()
    with pytest.raises(VidfxError):
        painted(source, tmp_path / "out" / "p.%04d.png", style)
    assert left(tmp_path / "out") == []


def test_pictures_of_somebody_else_are_not_overwritten(style: str, tmp_path: Path) -> None:
    source = make_sequence(tmp_path, frames=4)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "p.1002.png").write_text("precious")
    with pytest.raises(CannotWrite):
        painted(source, tmp_path / "out" / "p.%04d.png", style)


# --- kill -9 -------------------------------------------------------------------------------------------------------

KILLER = """
    # Imports once, then forks: each child is a render as if begun by hand, and none has a thread when it is forked.
    import os, random, signal, sys, time
    from fractions import Fraction
    from pathlib import Path
    import vidfx, vidfx.job, vidfx.stylize
    from vidfx import Encode, Machine
    from vidfx.parts.journal import work_folder

    source, style, folder, renders, kills, seed = *sys.argv[1:4], *map(int, sys.argv[4:7])
    chance = random.Random(seed)

    def begin(film):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                machine = Machine(device="cpu", precision="fp32", threads=1)
                encode = Encode(preset="veryfast", options={"x264-params": "no-mbtree=1"})
                vidfx.render(source, film, style=style, machine=machine, encode=encode, part_frames=6, overwrite=True)
                code = 0
            finally:
                os._exit(code)
        return child

    began = time.perf_counter()
    assert os.waitpid(begin(f"{folder}/unbroken.mp4"), 0)[1] == 0
    length = time.perf_counter() - began
    for number in range(renders):
        film, killed, kept = f"{folder}/film-{number}.mp4", 0, []
        for _ in range(kills):
            child = begin(film)
            time.sleep(chance.uniform(0, length))
            if os.path.exists(film):
                break
            os.kill(child, signal.SIGKILL)
            killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
            kept.append(len(list(work_folder(Path(film)).glob("part-*.vidfx"))))
        else:
            child = begin(film)
        assert os.waitpid(child, 0)[1] == 0
        print(film, killed, *kept, flush=True)
"""


def kill_and_go_on(source: Path, style: str, folder: Path, renders: int, kills: int) -> Iterator[tuple[Path, int]]:
    """Renders that are killed at random moments and begun again; yields each film and how often it was killed."""
    script = folder / "killer.py"
    script.write_text(textwrap.dedent(KILLER))
    command = [sys.executable, str(script), str(source), style, str(folder), *map(str, (renders, kills, 1))]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        print(line)
        film, killed, *_ = line.split()
        yield Path(film), int(killed)


@needs_ffprobe
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("renders", "kills"), [(2, 2), pytest.param(30, 1, marks=pytest.mark.slow)])
def test_killed_at_random_moments(style: str, source: Path, tmp_path: Path, renders: int, kills: int) -> None:
    killed = 0
    if kills == 1:  # long enough that warming up begins in mid-film
        source = make_clip(tmp_path / "in.mp4", size=SIZE, frames=160, gop=30, cuts=(17,), audio="aac")
    for film, times in kill_and_go_on(source, style, tmp_path, renders, kills):
        killed += times
        assert same(film, tmp_path / "unbroken.mp4")
        assert film.read_bytes() == (tmp_path / "unbroken.mp4").read_bytes()
    assert killed >= renders * kills // 2
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_the_parts_and_says_how_to_go_on(
    style: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", size=SIZE, frames=900)
    (tmp_path / "paint.py").write_text("import sys, vidfx.job\nfrom vidfx.cli import main\n")
    with (tmp_path / "paint.py").open("a") as file:
        file.write("vidfx.job.default_part_frames = lambda *_: 6\nsys.exit(main(sys.argv[1:]))\n")
    command = [sys.executable, str(tmp_path / "paint.py"), "render", str(clip), "--style", style, "--threads", "1"]
    command += ["-o", str(tmp_path / "film.mp4"), "--progress", "none"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
    waited = time.monotonic() + 60
    while not part_path(journal.work_folder(tmp_path / "film.mp4"), 1).exists() and time.monotonic() < waited:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    kept = frames_in(tmp_path / "film.mp4")
    assert kept >= 12
    word = "stopped" if number == signal.SIGINT else "terminated"
    assert err.strip() == f"vidfx: {word}; {kept} finished frames are kept: the same command goes on from there"
    assert json.loads((journal.work_folder(tmp_path / "film.mp4") / "job.json").read_text())["format"] == 1


def test_a_work_folder_that_is_taken_away_in_between_is_no_fault(tmp_path: Path) -> None:
    """Threads stand for processes: a lock is of the file that was opened, whoever opened it."""
    seen: list[BaseException] = []

    def open_and_close() -> None:
        for _ in range(300):
            try:
                with journal.opened(tmp_path / "film.mp4", None, notify=lambda _: None):
                    pass
            except TryAgain:
                continue
            except BaseException as error:
                seen.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not seen
