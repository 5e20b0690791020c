"""`vidfx farm`: a job folder that any host works in, and a film equal to the single pass.

Long, because one suite over all steps of one job.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import pytest
from clips import make_clip, make_sequence
from commands import Run
from fftools import needs_ffprobe
from films import CPU, LOSSLESS, assert_same_film, pictures
from tiny_style import make_style

import vidfx
from vidfx.farm import openjd
from vidfx.farm.folder import read_folder
from vidfx.parts import journal
from vidfx.ranges import clamp, parse_ranges

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ("--style", "style", "-c:v", "ffv1", "-pix_fmt", "bgr0", "--precision", "fp32", "--device", "cpu")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, a style, and the film of a single pass."""
    folder = tmp_path_factory.mktemp("films")
    make_style(folder / "style")
    make_clip(folder / "clip.mkv", size=(64, 48), frames=50, audio="aac", cuts=(31,), gop=12)
    single, style = folder / "single.mkv", str(folder / "style")
    vidfx.render(folder / "clip.mkv", single, style=style, encode=LOSSLESS, machine=CPU)
    assert len(pictures(single)) == 50
    return folder


@pytest.fixture(autouse=True)
def place(alone: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, films: Path) -> None:
    """A copy of the folder to stand in."""
    monkeypatch.setenv("VIDFX_THREADS", "1")
    shutil.copytree(films, tmp_path / "films")
    monkeypatch.chdir(tmp_path / "films")


def planned(run: Run, *flags: object) -> dict[str, Any]:
    code, out, err = run("farm", "plan", "clip.mkv", *FLAGS, "-o", "film.mkv", "--job", "job", "--json", *flags)
    assert code == 0, err
    made: dict[str, Any] = json.loads(out)
    return made


@needs_ffprobe
def test_parts_in_any_order_make_the_film_of_a_single_pass(run: Run) -> None:
    assert planned(run, "--part-frames", 12)["parts"] == 5
    for part in ("4", "1-2", "0-9x3"):  # 0-9x3: 0 and 3, and past the end 6 and 9
        code, _, err = run("farm", "render", "job", "--part", part)
        assert code == 0, err
    assert "2 parts left out: the job has 0-4" in err
    code, out, err = run("farm", "status", "job", "--json")
    said = json.loads(out)
    assert (said["finished"], said["missing"], said["frames_finished"]) == (5, [], 50)
    code, out, err = run("farm", "stitch", "job", "--json")
    assert (code, json.loads(out)) == (0, {"path": "film.mkv", "frames": 50, "parts": 5}), err
    assert_same_film("film.mkv", "single.mkv")


def test_a_part_is_painted_once(run: Run) -> None:
    planned(run, "--part-frames", 25)
    assert json.loads(run("farm", "render", "job", "--part", "1", "--json")[1]) == {
        "parts": [1],
        "painted": 1,
        "kept": 0,
    }
    before = Path("job/part-000001.vidfx").stat().st_mtime_ns
    code, out, _ = run("farm", "render", "job", "--part", "0-1", "--json")
    assert (code, json.loads(out)) == (0, {"parts": [0, 1], "painted": 1, "kept": 1})
    assert Path("job/part-000001.vidfx").stat().st_mtime_ns == before


def test_a_damaged_part_is_painted_again(run: Run) -> None:
    planned(run, "--part-frames", 50)
    run("farm", "render", "job", "--part", 0)
    part = Path("job/part-000000.vidfx")
    part.write_bytes(part.read_bytes()[:-100])
    assert "0 of 1 parts" in run("farm", "status", "job")[1]
    assert json.loads(run("farm", "render", "job", "--part", 0, "--json")[1])["painted"] == 1


def test_one_parts_file_is_not_anothers(run: Run) -> None:
    planned(run, "--part-frames", 25)
    run("farm", "render", "job", "--part", 0)
    shutil.copy("job/part-000000.vidfx", "job/part-000001.vidfx")
    assert "1 of 2 parts" in run("farm", "status", "job")[1]
    assert run("farm", "stitch", "job")[0] == 66


def test_pictures_that_are_sources_are_never_written_over(run: Run) -> None:
    make_sequence(Path(), frames=4)
    before = {path: path.read_bytes() for path in Path().glob("shot.*.png")}
    flags = ("shot.%04d.png", "--style", "style", "--device", "cpu", "--job", "job")
    Path("out").mkdir()
    assert run("farm", "plan", *flags, "-o", "out/shot.%04d.png")[0] == 0
    code, _, err = run("farm", "render", "job", "--part", 0, "-o", "shot.%04d.png")
    assert code == 2 and "never overwritten" in err
    assert before == {path: path.read_bytes() for path in before}
    assert run("farm", "render", "job", "--part", 0)[0] == 0
    min(Path("out").glob("*.png")).write_bytes(b"")
    assert "0 of 1 parts" in run("farm", "status", "job")[1], "an empty picture is none"


def test_stitching_too_early_names_what_is_missing(run: Run) -> None:
    planned(run, "--part-frames", 10)
    run("farm", "render", "job", "--part", "1,3")
    code, _, err = run("farm", "stitch", "job")
    assert code == 66 and "3 of 5 parts are not finished: 0, 2, 4" in err
    assert "missing: 0-4x2" in run("farm", "status", "job")[1]
    assert not Path("film.mkv").exists()


@needs_ffprobe
def test_all_of_it_may_move(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another host sees the folder under another name, and stands somewhere else."""
    planned(run, "--part-frames", 25)
    run("farm", "render", "job", "--part", 0)
    shutil.rmtree("style")
    (tmp_path / "films").rename(tmp_path / "mounted")
    monkeypatch.chdir(tmp_path)
    assert run("farm", "render", "mounted/job", "--part", 1)[0] == 0
    assert run("farm", "stitch", "mounted/job")[0] == 0
    monkeypatch.chdir(tmp_path / "mounted")
    assert_same_film("film.mkv", "single.mkv")


def test_a_host_may_see_source_and_output_elsewhere(run: Run, tmp_path: Path) -> None:
    planned(run, "--part-frames", 50)
    source = shutil.move("clip.mkv", tmp_path / "elsewhere.mkv")
    assert run("farm", "render", "job", "--part", 0)[0] == 66
    assert run("farm", "render", "job", "--part", 0, "--source", source)[0] == 0
    code, _, err = run("farm", "stitch", "job", "--source", source, "-o", tmp_path / "film.mkv")
    assert code == 0, err
    assert len(pictures(tmp_path / "film.mkv")) == 50


def test_a_film_is_built_where_it_will_lie(run: Run) -> None:
    """The job folder may be on another disk, from which nothing can be renamed."""
    other = Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == Path().resolve().stat().st_dev:
        pytest.skip("there is no second file system here")
    planned(run, "--part-frames", 25)
    run("farm", "render", "job", "--part", "0-1")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        code, _, err = run("farm", "stitch", "job", "-o", f"{folder}/film.mkv")
        assert code == 0, err
        assert [path.name for path in Path(folder).iterdir()] == ["film.mkv"]


def test_two_stitches_of_one_film_do_not_meet(run: Run) -> None:
    planned(run, "--part-frames", 25)
    run("farm", "render", "job", "--part", "0-1")
    with journal.held(Path("film.mkv")):
        code, _, err = run("farm", "stitch", "job")
    assert code == 75 and "another process" in err
    assert run("farm", "stitch", "job")[0] == 0
    assert not list(Path().glob(".*vidfx"))


def test_another_source_under_the_same_name_is_refused(run: Run) -> None:
    planned(run)
    make_clip("clip.mkv", size=(64, 48), frames=49)
    code, _, err = run("farm", "render", "job", "--part", 0)
    assert code == 65 and "not the file that was planned for" in err


def test_each_picture_of_a_sequence_is_known(run: Run) -> None:
    """Of one size, as uncompressed ones are, and with the date of the one before."""
    make_sequence(Path(), frames=200, pattern="shot.%04d.bmp")
    flags = ("shot.%04d.bmp", "--style", "style", "--device", "cpu", "--job", "job", "--smooth", 0)
    assert run("farm", "plan", *flags, "-o", "film.mkv", "--part-frames", 100)[0] == 0
    assert run("farm", "render", "job", "--part", 0)[0] == 0
    numbers = sorted(int(path.stem.partition(".")[2]) for path in Path().glob("shot.*.bmp"))
    for number in (numbers[41], numbers[151]):
        picture = Path(f"shot.{number:04}.bmp")
        before, stat = picture.read_bytes(), picture.stat()
        picture.write_bytes(before[:-3000] + bytes(3000))
        os.utime(picture, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        code, _, err = run("farm", "render", "job", "--part", 1)
        assert code == 65 and "not the file that was planned for" in err
        picture.write_bytes(before)
    assert run("farm", "render", "job", "--part", 1)[0] == 0


def test_a_disk_that_is_full_is_the_one_that_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    planned(run)
    monkeypatch.setattr("vidfx.parts.packets.PartWriter._write", full)
    code, _, err = run("farm", "render", "job", "--part", 0)
    assert code == 75 and "the disk is full while writing 'job'" in err


def test_the_same_plan_changes_nothing_and_another_is_refused(run: Run) -> None:
    first = planned(run, "--part-frames", 25)
    run("farm", "render", "job", "--part", 0)
    assert planned(run, "--part-frames", 25)["id"] == first["id"]
    assert "1 of 2 parts" in run("farm", "status", "job")[1]
    again = ("farm", "plan", "clip.mkv", *FLAGS, "-o", "film.mkv", "--job", "job", "--strength", 0.5)
    code, _, err = run(*again)
    assert code == 73 and "holds another job" in err
    assert run(*again, "-y")[0] == 0
    assert "0 of 1 parts" in run("farm", "status", "job")[1]


def test_a_plan_takes_no_style_of_its_users_away(run: Run) -> None:
    make_style(Path("project"), seed=7)
    mine = Path("project/model.safetensors").rename("project/style.safetensors")
    before = mine.read_bytes()
    words = ("farm", "plan", "clip.mkv", *FLAGS, "-o", "film.mkv", "--job", "project")
    code, _, err = run(*words)
    assert code == 73 and "no job's" in err
    assert mine.read_bytes() == before
    assert run(*words, "-y")[0] == 0


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["render", "job", "--part", "9-12"], 2, "the job has no such part: it has 0-1"),
        (["render", "job", "--part", "0-9y2"], 2, "leaves out"),
        (["render", "job", "--part", "0-9:2"], 2, "staggered"),
        (["render", "job"], 2, "--part is missing"),
        (["render", "nothing", "--part", "0"], 66, "there is no plan"),
        (["status", "job", "--matte", "m.png"], 2, "no matte"),
        (["stitch", "job", "-o", "x.%04d.png"], 2, "planned for '.mkv'"),
        (["render", "job", "--part", "0", "-o", "x.mp4"], 2, "planned for '.mkv'"),
        (["export", "nothing"], 66, "there is no plan"),
    ],
)
def test_mistakes_are_told(run: Run, args: list[str], code: int, said: str) -> None:
    planned(run, "--part-frames", 25)
    got, _, err = run("farm", *args)
    assert (got, said in err) == (code, True), err


def test_a_damaged_plan_is_65(run: Run) -> None:
    planned(run)
    Path("job/job.json").write_text('{"job": ')
    assert run("farm", "status", "job")[0] == 65


def test_a_plan_that_makes_no_sense_is_65_and_says_how_to_plan_anew(run: Run) -> None:
    planned(run)
    plan = json.loads(Path("job/job.json").read_text())
    plan["job"]["wanted"]["step"] = 0
    Path("job/job.json").write_text(json.dumps(plan))
    code, _, err = run("farm", "status", "job")
    assert code == 65 and "the step of a range must be at least 1" in err
    again = ("farm", "plan", "clip.mkv", *FLAGS, "-o", "film.mkv", "--job", "job")
    code, _, err = run(*again)
    assert code == 65 and "with -y" in err
    assert run(*again, "-y")[0] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is text")
def test_a_name_that_json_cannot_hold_is_refused_before_anything_is_written(run: Run) -> None:
    Path("clip.mkv").rename(os.fsdecode(b"caf\xe9.mkv"))
    code, _, err = run("farm", "plan", os.fsdecode(b"caf\xe9.mkv"), *FLAGS, "-o", "film.mkv", "--job", "job")
    assert code == 2 and "not UTF-8" in err
    assert not Path("job").exists()


def test_frames_that_the_clip_lacks_are_left_out_with_a_notice(run: Run) -> None:
    code, _, err = run("farm", "plan", "clip.mkv", *FLAGS, "-o", "film.mkv", "--job", "job", "--frames", "-5-99")
    assert code == 0 and "55 of the frames -5-99 are not in the clip" in err
    assert "0 of 1 parts, 0 of 50 frames" in run("farm", "status", "job")[1]
    code, _, err = run("render", "clip.mkv", *FLAGS, "-o", "cut.mkv", "--frames", "40-60x2", "--progress", "none")
    assert code == 0 and "6 of the frames 40-60 are not in the clip" in err
    assert len(pictures("cut.mkv")) == 5


def test_pictures_of_somebody_else_are_not_written_over(run: Run) -> None:
    """But those that a killed host left of this job are."""
    make_sequence(Path(), frames=6)
    flags = ("--style", "style", "--device", "cpu", "--part-frames", 3)
    Path("theirs").mkdir()
    Path("theirs/out.1005.png").write_bytes(b"a day's work")
    assert run("farm", "plan", "shot.%04d.png", *flags, "-o", "out.%04d.png", "--job", "job")[0] == 0
    elsewhere = ("farm", "render", "job", "-o", "theirs/out.%04d.png", "--part")
    assert run(*elsewhere, 0)[0] == 0
    code, _, err = run(*elsewhere, 1)
    assert code == 73 and "out.1005.png" in err
    assert Path("theirs/out.1005.png").read_bytes() == b"a day's work"
    assert run("farm", "render", "job", "--part", 1)[0] == 0
    Path("job/part-000001.vidfx").unlink()
    assert run("farm", "render", "job", "--part", 1)[0] == 0, "pictures of a part that was not finished are its own"
    assert run("farm", "plan", "shot.%04d.png", *flags, "-o", "theirs/out.%04d.png", "-y", "--job", "mine")[0] == 0
    assert run("farm", "render", "mine", "--part", "0-1")[0] == 0
    assert cv2.imread("theirs/out.1005.png") is not None


def test_numbered_pictures_need_no_stitch_but_are_counted(run: Run) -> None:
    make_sequence(Path(), frames=6)
    flags = ("--style", "style", "--precision", "fp32", "--part-frames", 3)
    assert run("farm", "plan", "shot.%04d.png", *flags, "-o", "out.%04d.png", "--job", "job")[0] == 0
    assert run("farm", "render", "job", "--part", "0-1")[0] == 0
    assert run("farm", "stitch", "job")[0] == 0
    assert len(list(Path().glob("out.*.png"))) == 6
    again = ("farm", "plan", "shot.%04d.png", *flags, "-o", "out.%04d.png", "--job")
    assert run(*again, "job")[0] == 0, "the same plan again finds its own pictures"
    assert run(*again, "another")[0] == 73, "to another job they are somebody else's"


# --- Open Job Description ------------------------------------------------------------------------------------------


def test_the_bundle_is_a_job_as_the_specification_wants_it(run: Run) -> None:
    model = pytest.importorskip("openjd.model", reason="openjd-cli is the witness and is not installed")
    planned(run, "--part-frames", 12)
    assert run("farm", "export", "job", "--chunk", 2, "-o", "bundle")[0] == 0
    text = Path("bundle/template.json").read_text()
    template = model.decode_job_template(
        template=model.document_string_to_object(document=text, document_type=model.DocumentType.JSON),
        supported_extensions=["TASK_CHUNKING"],
    )
    values = json.loads(Path("bundle/parameters.json").read_text())
    parameters = model.preprocess_job_parameters(
        job_template=template,
        job_parameter_values=values,
        job_template_dir=Path("bundle").resolve(),
        current_working_dir=Path.cwd(),
    )
    job = model.create_job(job_template=template, job_parameter_values=parameters)
    assert [step.name for step in job.steps] == ["Render", "Stitch"]
    parts = model.StepParameterSpaceIterator(space=job.steps[0].parameterSpace)
    assert [clamp(parse_ranges(task["Part"].value), 5)[0] for task in parts] == [[0, 1], [2, 3], [4]]
    deadline = json.loads(Path("bundle/parameter_values.json").read_text())["parameterValues"]
    assert {entry["name"]: entry["value"] for entry in deadline} == values
    assert run("farm", "export", "job", "-o", "bundle")[0] == 73


def test_pictures_travel_as_folders(run: Run) -> None:
    make_sequence(Path(), frames=3)
    run("farm", "plan", "shot.%04d.png", "--style", "style", "-o", "out.%04d.png", "--job", "job")
    template = openjd.template(read_folder(Path("job")), chunk=1)
    kinds = {p["name"]: (p.get("objectType"), p.get("dataFlow")) for p in template["parameterDefinitions"]}
    assert kinds["Source"] == ("DIRECTORY", "IN") and kinds["Output"] == ("DIRECTORY", "OUT")
    arguments = template["steps"][0]["script"]["actions"]["onRun"]["args"]
    assert "--source={{Param.Source}}/shot.%04d.png" in arguments


@pytest.mark.slow
@needs_ffprobe
def test_openjd_run_makes_the_film(run: Run, tmp_path: Path) -> None:
    """The command-line runner of Open Job Description carries the bundle out, in processes of its own."""
    runner = Path(sys.executable).with_name("openjd")
    if not runner.exists():
        pytest.skip("openjd-cli is the witness and is not installed")
    planned(run, "--part-frames", 25)
    assert run("farm", "export", "job", "-o", "bundle")[0] == 0
    vidfx_command = tmp_path / "vidfx"
    vidfx_command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vidfx "$@"\n')
    vidfx_command.chmod(0o755)
    check = subprocess.run([runner, "check", "bundle/template.json"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    given = ["-p", f"file://{Path('bundle/parameters.json').resolve()}", "-p", f"Vidfx={vidfx_command}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [runner, "run", "bundle/template.json", *given], capture_output=True, text=True, env=environment, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "openjd_progress: 100.0" in done.stdout
    assert "openjd_status: painted 1 part" in done.stdout
    assert_same_film("film.mkv", "single.mkv")


def test_a_still_is_stitched_too(run: Run) -> None:
    vidfx.preview("clip.mkv", styles=["style"], output="still.png", machine=CPU)
    assert run("farm", "plan", "still.png", "--style", "style", "-o", "out.png", "--job", "job")[0] == 0
    assert run("farm", "render", "job", "--part", 0)[0] == 0
    code, _, err = run("farm", "stitch", "job")
    assert code == 0, err


def test_a_job_may_be_reached_by_a_link(run: Run) -> None:
    planned(run, "--part-frames", 30)
    Path("far").mkdir()
    Path("far/link").symlink_to(Path("job").absolute())
    code, out, err = run("farm", "status", "far/link", "--json")
    assert code == 0, err
    assert json.loads(out)["parts"] == 2


def test_a_command_that_is_shown_may_be_given(run: Run) -> None:
    """A name with a dash is no option, and a host of Open Job Description expands nothing in it."""
    code, _, err = run("farm", "plan", "clip.mkv", *FLAGS, "--output=-{{x}}\n.mkv")
    assert code == 0 and "next: vidfx farm render './-{{x}}" in err
    template = openjd.template(read_folder(next(Path().glob("*.job"))), chunk=1)
    assert template["name"] == "vidfx -_x__.mkv"


def test_a_disk_that_is_full_keeps_nothing_of_a_job(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vidfx.farm.folder.put_in_place", full)
    assert run("farm", "plan", "clip.mkv", *FLAGS, "-o", "film.mkv", "--job", "job")[0] == 75
    assert not list(Path("job").iterdir())
