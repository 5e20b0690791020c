"""The command line as a user meets it: exit codes, words, stdout and stderr, signals.

Long, because one suite over every command.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from clips import make_clip, picture
from commands import Run
from fftools import needs_ffprobe, probe
from tiny_style import make_style

import vidfx
from vidfx import errors, job
from vidfx.cli import COMMANDS
from vidfx.cli.train import parse_budget

pytestmark = pytest.mark.usefixtures("alone")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", size=(64, 48), frames=12, audio="aac")


# --- help ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    script = (
        "import sys; from vidfx.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'av', 'cv2', 'numpy', 'pydantic', 'safetensors'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "vidfx" in done.stdout


def test_help_is_quick() -> None:
    def took() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "vidfx", "render", "--help"], capture_output=True, check=True, cwd=ROOT)
        return time.perf_counter() - began

    assert min(took() for _ in range(5)) < 0.3


def test_every_command_is_listed_with_its_purpose(run: Run) -> None:
    code, out, _ = run()
    assert code == 0
    assert all(f"\n  {name} " in out for name in COMMANDS)


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"vidfx {vidfx.__version__}\n", "")


# --- words and exit codes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said", "hint"),
    [
        (["rendr"], "no command 'rendr'", "did you mean `vidfx render`?"),
        (["styles", "lst"], "no command 'lst'", "did you mean `vidfx styles list`?"),
        (["render", "a.mp4", "--strenght", "1"], "no option --strenght", "did you mean --strength?"),
        (["render", "a.mp4", "-crff", "20"], "no option -crff", "did you mean -crf?"),
        (["render", "a.mp4", "-pix-fmt", "x"], "no option -pix-fmt", "did you mean"),
        (["render"], "INPUT is missing", "vidfx render --help"),
        (["render", "a.mp4"], "--style is missing", "vidfx styles list"),
        (["render", "a.mp4", "--style"], "requires an argument", "vidfx render --help"),
        (["render", "a.mp4", "b.mp4", "--style", "ink"], "unexpected extra argument (b.mp4)", ""),
        (["render", "a", "--style", "ink", "--strength", "2"], "--strength: must be between 0 and 1, not 2", ""),
        (["render", "a", "--style", "ink", "--smooth", "much"], "--smooth: must be between 0 and 1, not much", ""),
        (["render", "a", "--style", "ink", "-ss", "soon"], "--start: 'soon' is not a time", "01:02:03.25"),
        (["render", "a", "--style", "ink", "-ss", "5", "-to", "3"], "ends at 3 s, before it begins at 5 s", ""),
        (["render", "a", "--style", "ink", "--frames", "9-1"], "--frames: '9-1' is not a frame range", "0-99x2"),
        (["render", "a", "--style", "ink", "--device", "gpu"], "--device: 'gpu' is no device", "cuda:1"),
        (["render", "a", "--style", "ink", "--batch", "0"], "--batch: must be auto or a whole number from 1", ""),
        (["render", "a", "--style", "ink", "--tile", "big"], "--tile: must be auto, off or a whole number", ""),
        (
            ["render", "a", "--style", "ink", "--encoder-opt", "tune"],
            "--encoder-opt: 'tune' is not a pair",
            "tune=film",
        ),
        (["render", "a", "--style", "ink", "--precision", "fp8"], "--precision:", ""),
        (["render", "a", "--style", "ink", "--memory", "lots"], "--memory: must be a size such as 512M", "32M"),
        (["render", "a", "--style", "ink", "--memory", "9" * 400 + "G"], "--memory: '99", ""),
        (["render", "a", "--style", "ink", "--threads", "9" * 30], "--threads: must be 4096 at most, not 999", ""),
        (["render", "a", "--style", "ink", "--batch", "9" * 5000], "--batch: '99", ""),
        (["render", "a", "--style", "ink", "--start", "9" * 5000], "--start: '99", ""),
        (["render", "a", "--style", "ink", "--json", "--progress", "openjd"], "both want stdout", ""),
        (["preview", "a", "--style", "ink"], "--output is missing", ""),
        (
            ["train", "r.toml", "--data", "d", "--out", "o", "--budget", "soon"],
            "--budget: 'soon' is no length",
            "1h30m",
        ),
        (["train", "r.toml", "--data", "d", "--out", "o", "--budget", "9" * 5000], "--budget: '99", ""),
        (["tune", "a.mp4", "--port", "70000"], "--port: must be 65535 at most, not 70000", ""),
        (["tune", "a.mp4", "--port", "9" * 20], "--port: must be 65535 at most, not 999", ""),
        *(
            ([*command, path, "--style", "ink"], f"'{path or '.'}' is a folder", "name a clip")
            for command in (["render"], ["farm", "plan"])
            for path in (".", "", "/")
        ),
    ],
)
def test_wrong_use_is_2_one_line_and_a_hint(run: Run, args: list[str], said: str, hint: str) -> None:
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    first, *rest = err.splitlines()
    assert first.startswith("vidfx: ") and said in first
    assert len(rest) == 1 and hint in rest[0]


def test_a_missing_clip_is_66_and_a_missing_style_too(run: Run, style: str, clip: Path) -> None:
    code, _, err = run("render", "nowhere.mp4", "--style", style)
    assert code == 66 and "nowhere.mp4" in err
    code, _, err = run("render", clip, "--style", "no-such-style", "-o", "x.mp4")
    assert code == 66 and "no-such-style" in err


def test_what_is_no_film_is_65(run: Run, style: str) -> None:
    Path("noise.mp4").write_bytes(b"not a film" * 100)
    assert run("render", "noise.mp4", "--style", style)[0] == 65


def test_a_style_of_nobodys_is_66(run: Run, clip: Path) -> None:
    code, _, err = run("render", clip, "--style", "~no one/ink")
    assert code == 66 and "no model file at '~no one/ink'" in err


def test_a_pipe_is_refused_with_the_reason(run: Run, style: str) -> None:
    os.mkfifo("clip.mp4")
    code, _, err = run("render", "clip.mp4", "--style", style)
    assert (code, "pipe" in err) == (2, True)


@pytest.mark.parametrize(
    "name", ["10:30.mp4", "http:clip.mp4", "concat:a.mp4", "100%.mp4", "shot%04d.mp4", "a?b#c.mp4"]
)
def test_a_name_is_a_name_whatever_ffmpeg_makes_of_it(run: Run, style: str, clip: Path, name: str) -> None:
    Path(name).write_bytes(clip.read_bytes())
    assert run("render", name, "--style", style, "-o", f"out {name}", "-q") == (0, "", "")
    assert run("render", name, "--style", style, "-o", f"9:{name}", "-q") == (0, "", "")


def test_an_output_that_exists_is_73_unless_y(run: Run, style: str, clip: Path) -> None:
    Path("out.mp4").write_text("precious")
    code, _, err = run("render", clip, "--style", style, "-o", "out.mp4", "--threads", 1)
    assert code == 73 and "-y" in err
    assert Path("out.mp4").read_text() == "precious"
    assert run("render", clip, "--style", style, "-o", "out.mp4", "-y", "--threads", 1)[0] == 0
    assert Path("out.mp4").stat().st_size > 100


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_a_device_that_is_not_here_is_69(run: Run, style: str, clip: Path, device: str) -> None:
    import torch

    if torch.cuda.device_count() > 7 or (device == "cuda" and torch.cuda.is_available()):
        pytest.skip("it is here")
    assert run("render", clip, "--style", style, "-o", "x.mp4", "--device", device)[0] == 69


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.CannotWrite("no", hint="do this"), 73, "vidfx: no\n  do this\n"),
        (MemoryError(), 75, "memory ran out"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 75, "memory ran out"),
        (OSError(errno.ENOSPC, "No space left on device"), 75, "the disk is full"),
        (KeyboardInterrupt(), 130, "vidfx: stopped; nothing was left under the output's name"),
        (errors.Terminated("terminated"), 143, "vidfx: terminated; nothing was left under the output's name"),
        (ZeroDivisionError("one\ntwo"), 1, "vidfx: unexpected ZeroDivisionError: one\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
    ],
)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_each_error_has_its_code_and_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str, more: list[str]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(job, "Render", fails)
    if isinstance(error, BrokenPipeError):
        with pytest.raises(SystemExit) as caught:
            run("render", "a.mp4", "--style", "ink", *more)
        assert caught.value.code == code
        return
    got, out, err = run("render", "a.mp4", "--style", "ink", *more)
    assert (got, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert ("VIDFX_DEBUG=1" in err) == (code == 1)


def test_debug_shows_where(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDFX_DEBUG", "1")
    code, _, err = run("render", "nowhere.mp4", "--style", "nowhere/at/all")
    assert code == 66
    assert "Traceback" in err and "vidfx: no model file" in err


def test_each_error_of_the_tree_carries_a_documented_code() -> None:
    tree = errors.__doc__ or ""
    for kind in (errors.VidfxError, *errors.VidfxError.__subclasses__()):
        assert any(kind.__name__ in line and str(kind.exit_code) in line.split() for line in tree.splitlines())


def test_a_reader_that_leaves_is_no_drama(style: str) -> None:
    command = f"'{sys.executable}' -m vidfx styles show '{style}' | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == ""
    assert done.stdout in ("1\n", "0\n")  # 0 where the reader was slower to leave than we to write


# --- render --------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What a command line makes of the settings that the renderer is given."""

    def call(*args: object) -> dict[str, Any]:
        made: dict[str, Any] = {}

        class Remembers:
            def __init__(self, asked: job.Job) -> None:
                made.update({field.name: getattr(asked, field.name) for field in fields(asked)})

            def run(self, **settings: Any) -> None:
                made.update(settings)
                raise errors.VidfxError("far enough")

        monkeypatch.setattr(job, "Render", Remembers)
        code, _, err = run("render", *args)
        assert code == 1 and "far enough" in err, err
        return made

    return call


FFMPEG = (
    "in.mp4 --style ink -ss 1.5 -to 1:02 -c:v libx265 -crf 20 -preset slow -pix_fmt yuv422p10le -an -y -q -o out.mkv"
)
LONG = (
    "in.mp4 --style=ink --start=1.5 --end=62 --codec=libx265 --crf=20 --preset=slow --pix-fmt=yuv422p10le --no-audio "
    "--overwrite --quiet --output=out.mkv"
)


def test_ffmpegs_spellings_mean_the_same_as_the_long_ones(asked: Callable[..., dict[str, Any]]) -> None:
    short, long = asked(*FFMPEG.split()), asked(*LONG.split())
    for made in (short, long):
        assert type(made.pop("progress")).__name__ == "Quiet"
    assert short == long
    assert short["encode"] == vidfx.Encode(codec="libx265", crf=20, preset="slow", pix_fmt="yuv422p10le", audio=False)
    assert short["wanted"] == vidfx.Range(start=vidfx.Range.parse_time("1.5"), end=vidfx.Range.parse_time("62"))
    assert short["overwrite"] is True and short["output"] == Path("out.mkv")


def test_single_letters_combine_and_words_do_not_fall_apart(asked: Callable[..., dict[str, Any]]) -> None:
    made = asked("in.mp4", "--style", "ink", "-yq", "-an")
    assert made["overwrite"] and not made["encode"].audio


def test_nothing_given_means_the_defaults(asked: Callable[..., dict[str, Any]]) -> None:
    made = asked("in.mp4", "--style", "ink")
    assert made["look"] == vidfx.Look()
    assert made["wanted"] == vidfx.Range()
    assert made["encode"] == vidfx.Encode()
    assert made["machine"] == vidfx.Machine()
    assert (made["overwrite"], made["strict"], made["video_stream"], made["resume"]) == (False, False, None, True)
    assert made["output"] == Path("in.ink.mp4")


def test_look_range_and_machine_arrive(asked: Callable[..., dict[str, Any]]) -> None:
    line = "in.%04d.png --style ./m --strength 0.5 --keep-color --matte m.png --smooth 0 --frames 0-99x2 --strict "
    line += "--device cuda:1 --precision bf16 --batch 4 --tile off --threads 2 --video-stream 3 "
    line += "--encoder-opt tune=film --encoder-opt x264-params=a=1:b=2 -o out.%04d.png"
    made = asked(*line.split())
    assert made["look"] == vidfx.Look(strength=0.5, keep_color=True, matte=Path("m.png"), smooth=0.0)
    assert made["wanted"] == vidfx.Range(first=0, last=99, step=2)
    assert made["machine"] == vidfx.Machine(device="cuda:1", precision="bf16", batch=4, tile=0, threads=2)
    assert made["encode"].options == {"tune": "film", "x264-params": "a=1:b=2"}
    assert made["strict"] is True and made["video_stream"] == 3


@needs_ffprobe
def test_json_is_one_object_on_stdout_and_talk_is_on_stderr(run: Run, style: str, clip: Path) -> None:
    code, out, err = run("render", clip, "--style", style, "-o", "out.mp4", "--json", "--threads", 1)
    assert code == 0
    said = json.loads(out)
    assert said["path"] == "out.mp4" and said["frames"] == 12 and said["style"] == "tiny"
    assert said["seconds"] > 0 and said["speed"] > 0 and "cpu" in said["ran_on"]
    assert err.splitlines()[-1].startswith("wrote out.mp4: 12 frames in ")
    seen = probe("out.mp4", "stream=nb_frames,pix_fmt", streams="v")["streams"][0]
    assert (int(seen["nb_frames"]), seen["pix_fmt"]) == (said["frames"], said["pix_fmt"])


def test_the_closing_line_says_what_how_fast_and_on_what(run: Run, style: str, clip: Path) -> None:
    code, out, err = run("render", clip, "--style", style, "-o", "out.mp4", "--threads", 1)
    assert (code, out) == (0, "")
    last = err.splitlines()[-1]
    for part in ("wrote out.mp4", "12 frames", "× real time", "frames/s", "on cpu"):
        assert part in last


def test_quiet_is_silent(run: Run, style: str, clip: Path) -> None:
    assert run("render", clip, "--style", style, "-o", "out.mp4", "-q", "--threads", 1) == (0, "", "")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run: Run, style: str, clip: Path) -> None:
    code, out, err = run("render", clip, "--style", style, "-o", "out.mp4", "-n")
    assert (code, err) == (0, "")
    assert "out.mp4" in out and "64 × 48" in out and "tiny" in out
    code, out, _ = run("render", clip, "--style", style, "-o", "out.mp4", "-n", "--json")
    assert json.loads(out)["output"] == "out.mp4"
    assert list(Path().iterdir()) == []


def test_a_dry_run_finds_the_mistakes_a_render_would(run: Run, style: str, clip: Path) -> None:
    Path("out.mp4").touch()
    code, out, err = run("render", clip, "--style", style, "-o", "out.mp4", "-n", "-crf", "40")
    assert code == 73 and "exists already" in err
    assert "crf                  40" in out, "said all the same"
    assert run("render", clip, "--style", style, "-o", "out.xyz", "-n")[0] == 2


def test_a_name_that_the_system_does_not_take_is_said(run: Run, style: str, clip: Path) -> None:
    code, _, err = run("render", clip, "--style", style, "-o", "x" * 300 + ".mp4", "-n")
    assert code == 2 and "too long" in err


def test_a_link_that_leads_nowhere_is_there_all_the_same(run: Run, style: str, clip: Path) -> None:
    Path("out.mp4").symlink_to("elsewhere/out.mp4")
    assert run("render", clip, "--style", style, "-o", "out.mp4", "-n")[0] == 73


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_log_that_cannot_be_written_stops_nothing(style: str, clip: Path) -> None:
    words = [sys.executable, "-m", "vidfx", "render", str(clip), "--style", style, "-o", "out.mp4", "--threads", "1"]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(words, stderr=full, check=False).returncode == 0
    assert Path("out.mp4").exists()


def test_verbose_says_who_set_what(run: Run, style: str, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDFX_STRENGTH", "0.25")
    Path("vidfx.toml").write_text("[render]\npreset = 'ultrafast'\n")
    code, _, err = run("render", clip, "--style", style, "-o", "out.mp4", "-v", "--threads", 1)
    assert code == 0
    assert "--strength was set to 0.25 by VIDFX_STRENGTH" in err
    assert "--preset was set to ultrafast by vidfx.toml" in err
    assert "0.25" in err
    code, out, err = run("render", clip, "--style", style, "-o", "later.mp4", "-n", "-v")
    assert code == 0 and "later.mp4" in out
    assert "--preset was set to ultrafast by vidfx.toml" in err and "later.mp4" not in err
    monkeypatch.setenv("VIDFX_NO_AUDIO", "1")
    assert "--audio was set to no by VIDFX_NO_AUDIO" in run("render", clip, "--style", style, "-n", "-v")[2]


def test_openjd_lines_are_on_stdout_and_reach_100(run: Run, style: str, clip: Path) -> None:
    code, out, err = run("render", clip, "--style", style, "-o", "out.mp4", "--progress", "openjd", "--threads", 1)
    assert (code, err) == (0, "")
    assert all(line.startswith(("openjd_progress: ", "openjd_status: ")) for line in out.splitlines())
    assert "openjd_progress: 100.0" in out.splitlines()


def test_openjd_hears_of_a_failure(run: Run, style: str) -> None:
    code, out, err = run("render", "nowhere.mp4", "--style", style, "--progress", "openjd")
    assert code == 66
    assert out.startswith("openjd_fail: ") and "nowhere.mp4" in out and "nowhere.mp4" in err


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31m" in run("rendr")[2]
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b" not in run("rendr")[2]


# --- preview, styles, train ----------------------------------------------------------------------------------------


def test_preview_writes_a_sheet(run: Run, style: str, clip: Path) -> None:
    args = ["preview", clip, "--at", "0.2", "--style", style, "--strength", "0.5", "--strength", "1", "-o", "sheet.png"]
    code, out, err = run(*args, "--threads", 1, "--json")
    assert code == 0, err
    assert json.loads(out) == {"path": "sheet.png", "styles": [style], "strengths": [0.5, 1.0], "smooths": [1.0]}
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    assert run(*args)[0] == 73


def test_a_preview_past_the_end_says_which_frame_it_shows(run: Run, style: str, clip: Path) -> None:
    args = ["preview", clip, "--style", style, "--threads", 1, "-o", "frame.png", "-y", "--at"]
    assert "long" not in run(*args, "0.2")[2]
    code, _, err = run(*args, "100")
    assert code == 0 and "s long: this is its last frame, at" in err


@pytest.mark.parametrize("command", ["bench", "evaluate"])
def test_a_report_never_takes_the_place_of_what_it_is_about(run: Run, style: str, command: str) -> None:
    name = {"bench": "film.png", "evaluate": "film.html"}[command]
    Path("a.png" if command == "bench" else "film.html").write_bytes(b"a film, whatever its name")
    if command == "bench":
        os.link("a.png", name)
    args = {"bench": ["bench", "a.png", "--style", style], "evaluate": ["evaluate", "other.mp4", name]}[command]
    code, _, err = run(*args, "-o", name, "-y")
    assert code == 2 and "none is overwritten" in err
    assert Path(name).read_bytes() == b"a film, whatever its name"


def test_styles_are_listed_and_shown(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("alpha", "beta"):
        make_style(tmp_path / "mine" / name, name=name)
    monkeypatch.setattr("vidfx.styles.library.user_folder", lambda: tmp_path / "mine")
    monkeypatch.setattr("vidfx.styles.library.shipped_folder", lambda: tmp_path / "none")
    code, out, err = run("styles", "list")
    assert code == 0 and str(tmp_path / "mine") in err, "where to put one's own"
    assert [line.split()[:2] for line in out.splitlines()] == [["alpha", "user"], ["beta", "user"]]
    said = json.loads(run("styles", "list", "--json")[1])
    listed = said["styles"]
    assert said["folder"] == str(tmp_path / "mine")
    assert [style["name"] for style in listed] == ["alpha", "beta"]
    code, out, _ = run("styles", "show", "beta")
    assert code == 0 and "random weights, for tests" in out and listed[1]["hash"] in out
    shown = json.loads(run("styles", "show", "beta", "--json")[1])
    assert shown["card"]["name"] == "beta" and shown["hash"] == listed[1]["hash"]
    code, _, err = run("styles", "show", "betta")
    assert code == 66 and "did you mean 'beta'?" in err


def test_listing_styles_loads_no_torch(tmp_path: Path) -> None:
    script = "import sys; from vidfx.cli import main; main(['styles', 'list']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=ROOT)


RECIPE = """
name = "toy"
description = "for tests"
crop = 64
batch = 1
features = "features.safetensors"
style = [{ path = "style", crop = [64, 80] }]
content = [{ path = "content", height = 160, scale = [0.8, 1.2] }]
generator = { quarter = 8, eighth = 16, blocks = 1, half = 8 }
warm_start = { steps = 1 }
adversarial = { steps = 1, discriminator_channels = 8 }
"""


@pytest.fixture
def school(tmp_path: Path) -> Path:
    """A folder to learn in: recipe, pictures, and a feature network that is thin and random."""
    import cv2
    import torch
    from safetensors.torch import save_file

    from vidfx.features import BLOCKS

    for kind in ("style", "content"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for number in range(2):
            drawn = picture(7 * number, (200, 180), cuts=(5,))
            assert cv2.imwrite(str(tmp_path / "data" / kind / f"{number}.png"), drawn)
    weights: dict[str, Any] = {}
    channels = 3
    for name in (name for block in BLOCKS for name in block):
        weights |= {f"{name}.weight": torch.rand(4, channels, 3, 3) - 0.5, f"{name}.bias": torch.zeros(4)}
        channels = 4
    save_file(weights, tmp_path / "data" / "features.safetensors")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def test_training_gives_a_style_that_renders(run: Run, school: Path, clip: Path) -> None:
    command = ["train", "recipe.toml", "--data", "data", "--out", "run", "--export", "toy", "--threads", 1]
    code, out, err = run(*command, "--device", "cpu", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert (said["style"], said["warm_steps"], said["steps"]) == ("toy", 1, 1)
    assert "step 2/2" in err
    assert json.loads(run("styles", "show", "toy/", "--json")[1])["path"] == said["model"]
    assert run("render", clip, "--style", "./toy", "-o", "out.mp4", "--threads", 1)[0] == 0
    assert run(*command)[0] == 73  # an hour of training must not end in overwriting the last one


def test_train_without_recipe_or_data_is_66(run: Run, school: Path) -> None:
    assert run("train", "none.toml", "--data", "data", "--out", "run")[0] == 66
    code, _, err = run("train", "recipe.toml", "--data", "nothing", "--out", "run")
    assert code == 66 and "nothing" in err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("text", "seconds"), [("45m", 2700), ("1h30m", 5400), ("90s", 90), ("600", 600), ("2h", 7200), ("1h1m1s", 3661)]
)
def test_budgets(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


# --- signals -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = [picture(index, (160, 96)) for index in range(8)] * 300
    return make_clip(tmp_path_factory.mktemp("long") / "long.mp4", pictures=pictures)


@pytest.fixture
def long_render(tmp_path: Path, style: str, long_clip: Path) -> Iterator[subprocess.Popen[str]]:
    """A real render with many seconds of work before it, caught after its first second of painting."""
    command = [sys.executable, "-m", "vidfx", "render", str(long_clip), "--style", style]
    command += ["-o", str(tmp_path / "out" / "painted.mp4"), "--progress", "lines", "--threads", "1", "--batch", "1"]
    (tmp_path / "out").mkdir()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("frame "):
            break
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "stopped"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_stopped_render_says_so_and_leaves_nothing(
    long_render: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    assert long_render.poll() is None, "it was over before it could be stopped"
    assert list((tmp_path / "out").iterdir()), "nothing is being written"
    long_render.send_signal(number)
    _, err = long_render.communicate(timeout=30)
    assert long_render.returncode == code
    assert err.splitlines()[-1] == f"vidfx: {word}; nothing was left under the output's name"
    assert "Traceback" not in err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("gap", [0.02, 0.1])
def test_a_second_ctrl_c_does_not_cut_the_clean_up_short(
    long_render: subprocess.Popen[str], tmp_path: Path, gap: float
) -> None:
    for _ in range(4):
        long_render.send_signal(signal.SIGINT)
        time.sleep(gap)
    _, err = long_render.communicate(timeout=30)
    assert (long_render.returncode, err.splitlines()[-1]) == (
        130,
        "vidfx: stopped; nothing was left under the output's name",
    )
    assert "Traceback" not in err
    assert list((tmp_path / "out").iterdir()) == []


def test_ctrl_c_is_the_hosts_own_again_after_a_command(run: Run) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert run("render", "nowhere.mp4", "--style", "ink")[0] == 66
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("command", "code"), [("styles list", 0), ("styles show none", 66)])
def test_closed_streams_change_no_exit_code(command: str, code: int, closed: str) -> None:
    line = f"'{sys.executable}' -m vidfx {command} {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == code
    assert "unexpected" not in done.stderr + done.stdout
    assert "2>" not in closed or "vidfx:" not in done.stdout


@pytest.mark.parametrize("typed", ["2G", "512M", "1.5G", "auto"])
def test_tune_repeats_the_machine_as_render_reads_it(typed: str) -> None:
    from vidfx.cli.render import render
    from vidfx.cli.tune import _machine_flags, tune

    given = tune.make_context("tune", ["clip.mp4", "--memory", typed]).params
    usual = render.make_context("render", ["clip.mp4", "--style", "ink"]).params
    again = render.make_context("render", ["clip.mp4", "--style", "ink", *_machine_flags(given, usual)])
    assert again.params["memory"] == given["memory"]


@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict"])
@pytest.mark.parametrize("name", [b"caf\xe9.mp4", "é😀.mp4".encode()])
def test_json_is_json_whatever_a_file_is_called(clip: Path, tmp_path: Path, encoding: str, name: bytes) -> None:
    make_style(tmp_path / "style")
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(clip.read_bytes())
    command = [sys.executable, "-m", "vidfx", "render", path, "--style", tmp_path / "style", "-n", "--json"]
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ | {"PYTHONIOENCODING": encoding})
    text = done.stdout.decode(encoding.partition(":")[0])
    assert json.loads(text)["source"] == str(path)


def test_a_dry_run_that_fails_prints_no_object(run: Run, clip: Path, tmp_path: Path) -> None:
    make_style(tmp_path / "style")
    (tmp_path / "there.mp4").touch()
    flags = ("--style", tmp_path / "style", "-o", tmp_path / "there.mp4", "-n")
    assert run("render", clip, *flags, "--json")[:2] == (73, "")
    assert "frames" in run("render", clip, *flags)[1]


def test_styles_in_a_variable_are_told_apart_as_paths_are(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my style"
    make_style(folder)
    for value in (str(folder), f"{folder}{os.pathsep}{folder}"):
        monkeypatch.setenv("VIDFX_STYLE", value)
        assert run("preview", clip, "-o", tmp_path / "p.png", "-y")[0] == 0
    monkeypatch.setenv("VIDFX_STYLE", "none such")
    code, _, err = run("preview", clip, "-o", tmp_path / "p.png", "-y")
    assert code == 66 and "'none'" in err
