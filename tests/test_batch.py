"""`vidfx batch`: many films by worker processes, what fails, what is left, and what is said of it.

Long, because one suite over all engines, whose faults are played by one double.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from fftools import needs_ffprobe
from films import CPU, LOSSLESS, assert_same_film
from tiny_style import make_style

import vidfx
from vidfx import Encode, Machine
from vidfx.cli import main
from vidfx.errors import CannotWrite, Terminated, TryAgain, UsageError, VidfxError
from vidfx.farm.batch import Batch, Film
from vidfx.farm.local import LocalEngine, machine_for
from vidfx.farm.record import without_films
from vidfx.farm.tasks import Failed, MakePlan, PaintPart, Report, Said, StitchFilm, Task, carried_out, cut_up
from vidfx.pipeline import warm_up_of
from vidfx.progress import Progress
from vidfx.settings import Job, Look, Range
from vidfx.stills import write_picture

ROOT = Path(__file__).resolve().parents[1]
JOBS = """
output = "painted"
[defaults]
style = "style"
codec = "ffv1"
pix-fmt = "bgr0"
device = "cpu"
precision = "fp32"
threads = 1
[[clip]]
source = "clips/*"
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, one file that is none, a style, and the films of single passes."""
    folder = tmp_path_factory.mktemp("films")
    make_style(folder / "style")
    (folder / "clips").mkdir()
    for name, frames, cuts in (("a", 40, (22,)), ("b", 18, ())):
        clip = make_clip(folder / f"clips/{name}.mkv", size=(64, 48), frames=frames, audio="aac", cuts=cuts, gop=10)
        style = str(folder / "style")
        vidfx.render(clip, folder / f"{name}.single.mkv", style=style, encode=LOSSLESS, machine=CPU)
    (folder / "jobs.toml").write_text(JOBS)
    return folder


@pytest.fixture(autouse=True)
def place(alone: None, monkeypatch: pytest.MonkeyPatch, films: Path) -> None:
    """A folder like `films` to stand in."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    Path("clips").mkdir()
    for path in (*films.glob("clips/*"), films / "style", films / "jobs.toml", *films.glob("*.single.mkv")):
        Path(path.relative_to(films)).symlink_to(path)


def assert_equals_the_single_pass(name: str) -> None:
    assert_same_film(f"painted/{name}.tiny.mkv", f"{name}.single.mkv")


@needs_ffprobe
def test_worker_processes_make_the_films_of_a_single_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """With one clip that is none; then that one alone, once it has been mended."""
    Path("clips/bad.mkv").write_text("this is no film")
    code = main(["batch", "jobs.toml", "--workers", "2", "--part-frames", "9", "--json"])
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert code == 65
    assert {Path(f["output"]).name: f["state"] for f in said["films"]} == {
        "a.tiny.mkv": "done",
        "b.tiny.mkv": "done",
        "bad.tiny.mkv": "failed",
    }
    assert said["failed"] == 1 and said["films"][2]["exit_code"] == 65
    assert "2 done, 1 failed" in err and "Traceback" not in err
    assert_equals_the_single_pass("a")
    assert_equals_the_single_pass("b")
    left = {path.name for path in Path("painted").iterdir()}
    assert left == {"a.tiny.mkv", "b.tiny.mkv", ".vidfx-batch.json", ".vidfx-batch.lock"}


def test_progress_for_programs_keeps_to_its_form(capsys: pytest.CaptureFixture[str]) -> None:
    """`done` or `failed` is the last object, with the table before it as notes; a farm hears `openjd_fail:`."""
    flags = ["batch", "jobs.toml", "--workers", "1", "-q", "--progress"]
    Path("clips/a.mkv").unlink()
    assert main([*flags, "json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert said[-1] == {"done": "1 done"} and "b.tiny.mkv" in said[-2]["note"]
    Path("clips/bad.mkv").write_text("this is no film")
    assert main([*flags, "json"]) == 65
    *lines, _, _ = capsys.readouterr().err.splitlines()  # then the two lines for people
    assert json.loads(lines[-1]) == {"failed": "1 of 2 films failed"}
    assert all(json.loads(line) for line in lines)
    assert main([*flags, "openjd"]) == 65
    assert capsys.readouterr().out.splitlines()[-1] == "openjd_fail: 1 of 2 films failed"
    Path("clips/bad.mkv").unlink()
    assert main([*flags, "openjd"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["openjd_progress: 100.0", "openjd_status: 1 skipped"]


def test_a_film_whose_name_is_no_text_is_remembered_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("clips/a.mkv").unlink()
    Path("clips/b.mkv").rename(os.fsdecode(b"clips/caf\xe9.mkv"))
    for expected in ("done", "skipped"):
        assert main(["batch", "jobs.toml", "--workers", "1", "--json"]) == 0
        [film] = json.loads(capsys.readouterr().out)["films"]
        assert film["state"] == expected


# --- what a batch does with what its workers say, without processes ------------------------------------------------


def named(task: Task) -> tuple[str, int]:
    if isinstance(task, PaintPart):
        return "paint", task.part
    return "plan" if isinstance(task, MakePlan) else "stitch", 0


class Inline:
    """An engine that does its tasks in this thread, when it is asked to; `spoil` may say something else instead."""

    workers = 2

    def __init__(self, report: Report, spoil: Callable[[Task], Said | None] = lambda _: None) -> None:
        self._report, self._spoil = report, spoil
        self.tasks: deque[Task] = deque()
        self.seen: list[tuple[str, str, int]] = []
        self.dropped: set[int] = set()

    def submit(self, task: Task) -> None:
        self.tasks.append(task)
        if len(self.tasks) == 1:  # the first one does them all, in order
            while self.tasks:
                self._do(self.tasks[0])
                self.tasks.popleft()

    def _do(self, task: Task) -> None:
        if task.film in self.dropped:
            return
        self.seen.append((task.job.output.name, *named(task)))
        said = self._spoil(task) or carried_out(task, task.job.machine, lambda said: self._report(task, said))
        self._report(task, said)

    def drop(self, film: int) -> None:
        self.dropped.add(film)

    def close(self) -> None:
        pass


class Heard(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.total, self.done = 0, 0

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        self.total, self.done = total or 0, done

    def advance(self, frames: int) -> None:
        self.done += frames

    def notice(self, text: str) -> None:
        self.lines.append(text)

    say = notice


def jobs(*names: str, overwrite: bool = False) -> list[Job]:
    return [
        Job(
            source=Path(f"clips/{name}.mkv"),
            output=Path(f"painted/{name}.tiny.mkv"),
            style="style",
            encode=LOSSLESS,
            machine=CPU,
            overwrite=overwrite,
        )
        for name in names
    ]


def run(
    wanted: Sequence[Job], spoil: Callable[[Task], Said | None] = lambda _: None, *, part_frames: int | None = 10
) -> tuple[list[Film], Inline, Heard]:
    engines: list[Inline] = []

    def make(report: Report) -> Inline:
        engines.append(Inline(report, spoil))
        return engines[0]

    heard = Heard()
    films = Batch(wanted, make, progress=heard, retries=1, part_frames=part_frames).run()
    return films, engines[0], heard


def test_a_second_run_makes_only_what_is_left() -> None:
    films, _, heard = run(jobs("a", "b"))
    assert [film.state for film in films] == ["done", "done"]
    assert (heard.total, heard.done) == (58, 58)
    Path("painted/b.tiny.mkv").unlink()
    films, engine, heard = run(jobs("a", "b"), part_frames=7)  # cut otherwise, the films are the same
    assert [film.state for film in films] == ["skipped", "done"]
    assert {name for name, kind, _ in engine.seen if kind == "paint"} == {"b.tiny.mkv"}
    assert heard.total == 18


def test_a_film_made_in_another_way_is_refused_unless_told() -> None:
    run(jobs("b"))
    (other,) = (replace(job, look=Look(strength=0.5)) for job in jobs("b"))
    (film,), _, _ = run([other])
    assert film.state == "failed" and isinstance(film.error, CannotWrite)
    before = Path("painted/b.tiny.mkv").read_bytes()
    (film,), _, _ = run([replace(other, overwrite=True)])
    assert film.state == "done" and Path("painted/b.tiny.mkv").read_bytes() != before
    (film,), _, _ = run([replace(other, overwrite=True)])
    assert film.state == "skipped"


def test_a_film_that_was_touched_is_not_taken_for_ours() -> None:
    run(jobs("b"))
    Path("painted/b.tiny.mkv").write_text("precious")
    (film,), _, _ = run(jobs("b"))
    assert film.state == "failed" and Path("painted/b.tiny.mkv").read_text() == "precious"


def stops(task: Task) -> Said | None:
    """Before its film is stitched."""
    return Failed(UsageError("no more")) if isinstance(task, StitchFilm) else None


def test_a_film_of_somebody_else_is_left_though_parts_wait_beside_it() -> None:
    run(jobs("b"), stops)
    assert list(Path("painted/.b.tiny.mkv.vidfx").glob("part-*"))
    Path("painted/b.tiny.mkv").write_text("precious")
    (film,), engine, _ = run(jobs("b"))
    assert isinstance(film.error, CannotWrite) and "in another way" in str(film.error)
    assert Path("painted/b.tiny.mkv").read_text() == "precious"
    assert not [task for task in engine.seen if task[1] != "plan"]
    Path("painted/b.tiny.mkv").unlink()

    def appears(task: Task) -> Said | None:
        if isinstance(task, StitchFilm):
            Path("painted/b.tiny.mkv").write_text("later")
        return None

    (film,), _, _ = run(jobs("b"), appears)
    assert isinstance(film.error, CannotWrite) and Path("painted/b.tiny.mkv").read_text() == "later"


def test_a_film_that_changed_says_so() -> None:
    run(jobs("b"))
    with Path("painted/b.tiny.mkv").open("ab") as file:
        file.write(b"more")
    (film,), _, _ = run(jobs("b"))
    assert str(film.error) == "'painted/b.tiny.mkv' is no longer as it was made"


def test_a_film_that_changed_within_is_no_longer_ours() -> None:
    """Of the same size: so are uncompressed pictures and codecs of a constant rate."""
    run(jobs("b"))
    film = Path("painted/b.tiny.mkv")
    film.write_bytes(film.read_bytes()[:-9] + b"otherwise")
    (again,), _, _ = run(jobs("b"))
    assert str(again.error) == "'painted/b.tiny.mkv' is no longer as it was made"


def test_a_batch_that_ends_right_after_a_film_appeared_knows_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_: Any) -> None:
        raise Terminated("terminated")

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "_finish", ends)
        with pytest.raises(Terminated):
            run(jobs("b"))
    assert Path("painted/b.tiny.mkv").exists()
    (other,) = (replace(job, look=Look(strength=0.5)) for job in jobs("b"))
    (film,), _, _ = run([other])
    assert isinstance(film.error, CannotWrite), "made in another way all the same"
    with monkeypatch.context() as patch:
        patch.setattr(Batch, "_finish", ends)
        with pytest.raises(Terminated):
            run([replace(job, overwrite=True) for job in jobs("b")])
    (film,), engine, _ = run(jobs("b"))
    assert film.state == "done" and not [kind for _, kind, _ in engine.seen if kind == "paint"]
    assert_equals_the_single_pass("b")


def test_a_worker_that_is_lost_after_its_film_appeared_is_no_harm() -> None:
    lost = [True]

    def spoil(task: Task) -> Said | None:
        if isinstance(task, StitchFilm) and lost.pop():
            lost.append(False)
            carried_out(task, CPU, lambda _: None)
            return Failed(VidfxError("a worker process was ended by signal SIGKILL"))
        return None

    (film,), _, _ = run(jobs("b"), spoil)
    assert film.state == "done", film.error


def test_a_link_to_nowhere_is_in_the_way_before_anything_is_painted() -> None:
    Path("painted").mkdir()
    Path("painted/b.tiny.mkv").symlink_to("nowhere/else.mkv")
    (film,), engine, _ = run(jobs("b"))
    assert isinstance(film.error, CannotWrite) and [kind for _, kind, _ in engine.seen] == ["plan"]


def test_what_a_render_would_go_on_from_is_left_beside_a_finished_film() -> None:
    run(jobs("b"))
    folder = Path("painted/.b.tiny.mkv.vidfx")
    folder.mkdir()
    (folder / "job.json").write_text("{}")
    (folder / "part-000000.vidfx").write_bytes(b"frames")
    (film,), _, _ = run(jobs("b"))
    assert film.state == "skipped" and (folder / "part-000000.vidfx").exists()


def test_films_that_were_copied_are_known() -> None:
    run(jobs("b"))
    shutil.copytree("painted", "copied", copy_function=shutil.copyfile)
    (film,), _, _ = run([replace(job, output=Path("copied/b.tiny.mkv")) for job in jobs("b")])
    assert film.state == "skipped"


def test_what_an_interrupted_run_in_another_way_left_goes_with_the_next() -> None:
    run(jobs("b"))
    (other,) = (replace(job, look=Look(strength=0.5), overwrite=True) for job in jobs("b"))
    run([other], stops)
    folder = Path("painted/.b.tiny.mkv.vidfx")
    assert list(folder.glob("part-*"))
    (film,), _, _ = run(jobs("b"))
    assert film.state == "skipped" and not folder.exists()


def test_what_may_work_a_second_time_is_tried_again() -> None:
    lost = {("a.tiny.mkv", 1)}

    def spoil(task: Task) -> Said | None:
        if isinstance(task, PaintPart) and (task.job.output.name, task.part) in lost:
            lost.remove((task.job.output.name, task.part))
            return Failed(VidfxError("a worker process was ended by signal SIGKILL"))
        return None

    films, engine, heard = run(jobs("a"), spoil)
    assert films[0].state == "done"
    assert engine.seen.count(("a.tiny.mkv", "paint", 1)) == 2
    assert any("SIGKILL; trying again" in line for line in heard.lines)


def test_a_film_that_is_stitched_again_is_painted_once() -> None:
    full = [TryAgain("the disk is full")]

    def spoil(task: Task) -> Said | None:
        return Failed(full.pop()) if isinstance(task, StitchFilm) and full else None

    films, engine, heard = run(jobs("a"), spoil)
    assert films[0].state == "done" and engine.seen.count(("a.tiny.mkv", "stitch", 0)) == 2
    assert heard.total == heard.done == 40


def test_a_film_that_fails_leaves_its_parts_and_the_others_go_on() -> None:
    def full(task: Task) -> Said | None:
        if isinstance(task, PaintPart) and task.film == 0 and task.part == 2:
            return Failed(TryAgain("the disk is full"))
        return None

    films, engine, _ = run(jobs("a", "b"), full)
    assert [film.state for film in films] == ["failed", "done"]
    assert engine.seen.count(("a.tiny.mkv", "paint", 2)) == 2
    assert ("a.tiny.mkv", "paint", 3) not in engine.seen or len(list(Path("painted/.a.tiny.mkv.vidfx").iterdir())) > 2
    films, engine, _ = run(jobs("a", "b"))
    assert [film.state for film in films] == ["done", "skipped"]
    assert ("a.tiny.mkv", "paint", 0) not in engine.seen


def test_a_film_that_fails_before_its_first_picture_leaves_no_work_folder() -> None:
    def always(task: Task) -> Said | None:
        return Failed(TryAgain("the disk is full")) if isinstance(task, PaintPart) else None

    (film,), _, _ = run(jobs("b"), always)
    assert film.state == "failed" and not list(Path("painted").iterdir())


def test_sigterm_while_a_film_is_seen_to_ends_the_batch() -> None:
    def comes_now(task: Task) -> Said | None:
        if isinstance(task, PaintPart):
            raise Terminated("terminated")
        return None

    with pytest.raises(Terminated):
        run(jobs("b"), comes_now)


def test_a_mistake_is_not_tried_again() -> None:
    Path("clips/none.mkv").unlink(missing_ok=True)
    films, engine, _ = run(jobs("none", "b"))
    assert [film.state for film in films] == ["failed", "done"]
    assert films[0].error is not None and films[0].error.exit_code == 66
    assert engine.seen.count(("none.tiny.mkv", "plan", 0)) == 1


def test_a_film_that_another_process_works_on_is_left_to_it() -> None:
    code = (
        "import sys; from pathlib import Path; from vidfx.parts.journal import held\n"
        "with held(Path('painted/b.tiny.mkv')): print('held', flush=True); sys.stdin.read()"
    )
    Path("painted").mkdir()
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdin is not None
        other.stdout.readline()
        (film,), _, _ = run(jobs("b"))
        other.stdin.close()
    assert film.state == "failed" and isinstance(film.error, TryAgain)


@pytest.mark.parametrize(("frames", "pieces", "parts"), [(40, 1, 1), (30, 2, 1), (150, 2, 2), (360, 9, 5)])
def test_parts_are_long_enough_and_enough(tmp_path: Path, frames: int, pieces: int, parts: int) -> None:
    """At least as long as the warm-up, and one for each worker where the film is long enough."""
    clip = make_clip(tmp_path / "clip.mp4", size=(64, 48), frames=frames)
    (job,) = jobs("b")
    job = replace(job, source=clip, output=tmp_path / "out.mkv")
    made = cut_up(job, None, pieces=pieces, notify=lambda _: None)
    assert len(made.parts) == parts
    assert len(made.parts) == 1 or made.parts[0].frames >= warm_up_of(job.look)


@pytest.mark.parametrize(
    ("asked", "devices"),
    [
        (Machine(), ["cuda:0", "cuda:1", "cuda:0"]),
        (Machine(device="cuda"), ["cuda:0", "cuda:1", "cuda:0"]),
        (Machine(device="cuda:1"), ["cuda:1"] * 3),
        (Machine(device="cpu"), ["cpu"] * 3),
        (Machine(runtime="openvino"), ["auto"] * 3),
    ],
)
def test_workers_share_the_gpus(monkeypatch: pytest.MonkeyPatch, asked: Machine, devices: list[str]) -> None:
    monkeypatch.setattr("vidfx.machine.cuda_devices", lambda: 2)
    assert [machine_for(asked, slot, 3).device for slot in range(3)] == devices


def test_a_worker_that_cannot_be_started_fails_its_film(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("vidfx.farm.local._Worker._start", refuse)
    assert main(["batch", "jobs.toml", "--workers", "2", "--retries", "0"]) != 0
    assert "a worker could not be started: [Errno 24] Too many open files" in capsys.readouterr().err


def test_there_are_no_more_workers_than_tasks() -> None:
    before = set(threading.enumerate())  # those of other tests may end meanwhile
    engine = LocalEngine(100_000, lambda _, __: None)
    engine.drop(0)
    for _ in range(3):
        engine.submit(MakePlan(film=0, job=jobs("a")[0]))
    assert len(set(threading.enumerate()) - before) <= 3
    engine.close()
    assert set(threading.enumerate()) <= before


# --- numbered pictures ---------------------------------------------------------------------------------------------


def pictures_job(step: int = 1) -> Job:
    return replace(
        jobs("b")[0], output=Path("painted/p.%04d.png"), encode=Encode(), wanted=Range(first=0, last=9, step=step)
    )


def test_pictures_stopped_in_their_first_part_go_on() -> None:
    def full(task: Task) -> Said | None:
        if not isinstance(task, PaintPart):
            return None
        Path("painted/p.0000.png").write_text("half of a part")
        return Failed(CannotWrite("the disk is gone"))

    (film,), _, _ = run([pictures_job()], full)
    assert film.state == "failed"
    (film,), _, _ = run([pictures_job()])
    assert (film.state, film.frames) == ("done", 10)


def test_pictures_of_somebody_else_are_refused_and_stay_so() -> None:
    """A batch that refuses them leaves nothing that a later render takes for its own."""
    Path("painted").mkdir()
    Path("painted/p.0004.png").write_text("precious")
    (film,), _, _ = run([pictures_job()])
    assert film.state == "failed" and isinstance(film.error, CannotWrite)
    with pytest.raises(CannotWrite):
        vidfx.render("clips/b.mkv", "painted/p.%04d.png", style="style", machine=CPU)
    assert [path.name for path in Path("painted").iterdir()] == ["p.0004.png"]


def test_pictures_with_gaps_are_counted() -> None:
    """Every second frame: they are skipped while they lie there, and painted once they do not."""
    states = []
    for _ in range(2):
        (film,), _, _ = run([pictures_job(step=2)])
        states.append(film.state)
    for path in Path("painted").glob("p.*"):
        path.unlink()
    (film,), _, _ = run([pictures_job(step=2)])
    assert [*states, film.state] == ["done", "skipped", "done"]
    assert len(list(Path("painted").glob("p.*"))) == 5


def test_pictures_of_somebody_else_with_gaps_are_refused() -> None:
    Path("painted").mkdir()
    for number in (0, 4):
        Path(f"painted/p.{number:04}.png").write_text("precious")
    (film,), _, _ = run([pictures_job()])
    assert film.state == "failed" and Path("painted/p.0004.png").read_text() == "precious"


# --- processes that come to harm -----------------------------------------------------------------------------------


def children(process: int) -> list[int]:
    """The worker processes of a batch: children that run Python's own start of a spawned process."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


def started(*flags: str, start_new_session: bool = False) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vidfx", "batch", "jobs.toml", "--part-frames", "4", "--progress", "lines", *flags]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=start_new_session
    )


def until(true: Callable[[], Any], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers in /proc")


@linux
def test_ctrl_c_while_workers_start_shows_no_traceback() -> None:
    """A terminal sends it to every process; those that have just begun know nothing of it yet."""
    batch = started("--workers", "2", start_new_session=True)
    until(lambda: len(children(batch.pid)) == 2)
    os.killpg(batch.pid, signal.SIGINT)
    _, err = batch.communicate(timeout=120)
    assert batch.returncode == 130, err
    assert "Traceback" not in err


@linux
@needs_ffprobe
@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced() -> None:
    batch = started("--workers", "2")
    until(lambda: list(Path("painted").glob(".a*/part-*")))
    for worker in children(batch.pid):
        os.kill(worker, signal.SIGKILL)
    _, err = batch.communicate(timeout=600)
    assert batch.returncode == 0, err
    assert "was ended by signal SIGKILL; trying again" in err
    assert_equals_the_single_pass("a")
    assert_equals_the_single_pass("b")


@linux
@needs_ffprobe
@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_batch_that_is_stopped_goes_on_where_it_was(number: signal.Signals, code: int) -> None:
    batch = started("--workers", "1")
    until(lambda: list(Path("painted").glob(".a*/part-*")))
    workers = children(batch.pid)
    batch.send_signal(number)
    _, err = batch.communicate(timeout=120)
    assert batch.returncode == code, err
    assert "Traceback" not in err
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 60)
    again = started("--workers", "1")
    _, err = again.communicate(timeout=600)
    assert again.returncode == 0, err
    assert_equals_the_single_pass("a")
    assert_equals_the_single_pass("b")


@linux
@pytest.mark.parametrize("at_work", [True, False])
def test_a_worker_ends_with_its_batch(at_work: bool) -> None:
    """Also where it says nothing for long, as when it stitches: the batch held the lock of what it writes."""
    code = f"""
        import multiprocessing, os, sys, time
        from vidfx.farm import local, tasks
        def silent(task, machine, say):
            print(os.getpid(), flush=True)
            time.sleep(600)
        local.carried_out = silent
        if __name__ == "__main__":
            ours, theirs = multiprocessing.get_context("spawn").Pipe()
            process = multiprocessing.get_context("spawn").Process(target=local.serve, args=(theirs, 0, 1), daemon=True)
            process.start()
            print(process.pid, flush=True)
            if {at_work}:
                from pathlib import Path
                from vidfx.settings import Job
                ours.send(tasks.MakePlan(film=0, job=Job(source=Path("a"), output=Path("b"), style="c")))
            time.sleep(600)
    """
    Path("batch.py").write_text(textwrap.dedent(code))
    with subprocess.Popen([sys.executable, "batch.py"], stdout=subprocess.PIPE, text=True) as batch:
        assert batch.stdout is not None
        worker = int(batch.stdout.readline())
        assert not at_work or int(batch.stdout.readline()) == worker
        until(lambda: b"spawn_main" in Path(f"/proc/{worker}/cmdline").read_bytes())
        batch.kill()
    until(lambda: not alive(worker), 60)


def alive(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_pictures_that_changed_are_not_taken_for_ours() -> None:
    run([pictures_job()])
    (film,), _, _ = run([pictures_job()])
    assert film.state == "skipped"
    Path("painted/p.0003.png").write_bytes(b"")
    (film,), _, _ = run([pictures_job()])
    assert film.state == "failed" and isinstance(film.error, CannotWrite)
    (film,), _, _ = run([replace(pictures_job(), overwrite=True)])
    assert film.state == "done" and Path("painted/p.0003.png").stat().st_size


def test_a_still_keeps_its_name_whatever_is_in_it() -> None:
    for name in ("take #2", "take 02", "100%d"):
        write_picture(Path(f"clips/{name}.png"), np.full((48, 64, 3), 90, np.uint8))
    names = ("take #2", "take 02", "100%d")
    made = [replace(jobs("a")[0], source=Path(f"clips/{n}.png"), output=Path(f"painted/{n}.png")) for n in names]
    films, _, _ = run([replace(job, encode=Encode()) for job in made])
    assert [(film.state, film.error) for film in films] == [("done", None)] * 3
    assert sorted(path.name for path in Path("painted").iterdir() if path.suffix == ".png") == [
        "100%d.png",
        "take #2.png",
        "take 02.png",
    ]
    films, _, _ = run([replace(job, encode=Encode()) for job in made])
    assert [film.state for film in films] == ["skipped"] * 3


def test_a_film_without_its_sound_is_another_film() -> None:
    run(jobs("b"))
    (quiet,) = (replace(job, encode=replace(job.encode, audio=False), overwrite=True) for job in jobs("b"))
    (film,), _, _ = run([quiet])
    assert film.state == "done"


def test_a_still_that_fails_takes_no_other_film_with_it() -> None:
    write_picture(Path("clips/s.png"), np.full((48, 64, 3), 90, np.uint8))
    still = replace(jobs("a")[0], source=Path("clips/s.png"), output=Path("painted/a #1 #2.png"), encode=Encode())

    def full(task: Task) -> Said | None:
        return Failed(CannotWrite("the disk is gone")) if isinstance(task, PaintPart) and task.film == 0 else None

    films, _, _ = run([still, *jobs("b")], full)
    assert [film.state for film in films] == ["failed", "done"]
    films, _, _ = run([still])
    assert films[0].state == "done"
    Path("painted/a #1 #2.png").unlink()
    assert [*without_films([Path("painted/a 11 2.png")])] == [Path("painted/a 11 2.png")]
