"""JOBS.toml: which films it asks for, and how mistakes in it are told.

Long, because each kind of mistake is told by its own line.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_style import make_style

from vidfx.cli import main
from vidfx.cli.batch import CLIP, _job
from vidfx.errors import UsageError
from vidfx.farm.jobfile import FIELDS, check_template, inside
from vidfx.farm.record import remember

Films = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("styles")
    for seed, name in enumerate(("one", "two")):
        make_style(folder / name, name=name, seed=seed)
    return folder


@pytest.fixture(autouse=True)
def place(alone: None, tmp_path: Path, styles: Path) -> None:
    """Two styles and some clips to stand among."""
    (tmp_path / "styles").symlink_to(styles)
    for name in ("shots/a.mp4", "shots/b.mov", "shots/deep/c.flv", "shots/.d.mp4"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


@pytest.fixture
def films(capsys: pytest.CaptureFixture[str]) -> Films:
    """What a job file asks for, by `vidfx batch -n --json`."""

    def ask(text: str) -> list[dict[str, Any]]:
        Path("jobs.toml").write_text(text)
        capsys.readouterr()
        assert main(["batch", "jobs.toml", "-n", "--json"]) == 0, capsys.readouterr().err
        made: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["films"]
        return made

    return ask


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple[int, str]]:
    """Exit code and words of a job file with a mistake in it."""

    def ask(text: str) -> tuple[int, str]:
        Path("jobs.toml").write_text(text)
        capsys.readouterr()
        return main(["batch", "jobs.toml", "-n"]), capsys.readouterr().err

    return ask


def test_globs_styles_and_names(films: Films) -> None:
    made = films(
        """
        output = "painted"
        [defaults]
        style = ["styles/one", "styles/two"]
        [[clip]]
        source = "shots/**/*.*"
        [[clip]]
        source = ["shots/a.mp4", "film.%04d.png", "shots/../film.%04d.png"]
        style = "styles/one"
        name = "{style}/{folder}-{stem}-{number}{suffix}"
        """
    )
    assert [Path(film["output"]).as_posix() for film in made] == [
        "painted/a.one.mp4",
        "painted/a.two.mp4",
        "painted/b.one.mov",
        "painted/b.two.mov",
        "painted/c.one.mkv",
        "painted/c.two.mkv",
        "painted/one/shots-a-0007.mp4",
        f"painted/one/{Path.cwd().name}-film-0008.%04d.png",
        f"painted/one/{Path.cwd().name}-film-0009.%04d.png",
    ]


def test_home_folders_and_folders_with_brackets(films: Films, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd() / "home"))
    Path("shots [old]").mkdir()
    for path in Path().glob("film.*.png"):
        shutil.copy(path, "shots [old]")
    [film] = films(
        """
        output = "~/films"
        [[clip]]
        source = "shots [old]/film.%04d.png"
        style = "styles/one"
        """
    )
    assert Path(film["output"]) == Path.cwd() / "home/films/film.one.%04d.png"


@pytest.mark.parametrize(
    ("name", "film"),
    [
        ("{stem}.{style}{suffix}", "a.one.mp4"),
        ("{stem}.{style}{suffix}", "a.two.mp4"),  # of a run in another style
        ("{number}-{stem}.{style}{suffix}", "0001-a.one.mp4"),
        ("{style}/{stem}{suffix}", "one/a.mp4"),
        ("{stem}.%04d.png", "a.0007.png"),
    ],
)
def test_a_glob_does_not_take_the_films_of_an_earlier_run(films: Films, name: str, film: str) -> None:
    path = Path("shots") / film
    path.parent.mkdir(exist_ok=True)
    path.touch()
    remember(path.with_name(path.name.replace("0007", "%04d")), "id", numbered="%" in name)
    made = films(
        f'output = "shots"\nname = "{name}"\n[[clip]]\nstyle = "styles/one"\nsource = "shots/**/[0-9a]*.[mp][pn][4g]"'
    )
    assert [Path(film["source"]).as_posix() for film in made] == ["shots/a.mp4"]


def test_films_of_another_batch_may_be_sources(films: Films) -> None:
    remember(Path("shots/a.mp4"), "id", numbered=False)
    made = films('output = "again"\n[[clip]]\nsource = "shots/*.mp4"\nstyle = "styles/one"')
    assert [Path(film["output"]).as_posix() for film in made] == ["again/a.one.mp4"]
    made = films('output = "shots"\n[[clip]]\nsource = "shots/a.mp4"\nstyle = "styles/one"')
    assert [Path(film["output"]).as_posix() for film in made] == ["shots/a.one.mp4"]


def test_where_only_films_are_left_it_says_so(refused: Callable[[str], tuple[int, str]]) -> None:
    remember(Path("shots/a.mp4"), "id", numbered=False)
    code, err = refused('output = "shots"\n[[clip]]\nsource = "shots/*.mp4"\nstyle = "styles/one"')
    assert code == 66 and "line 3: only films of an earlier batch are like 'shots/*.mp4'" in err


def jobs_of(text: str, path: str = "jobs.toml") -> list[Any]:
    import click

    from vidfx.cli.batch import batch
    from vidfx.farm.jobfile import read_jobs

    Path(path).write_text(text)
    with click.Context(batch):
        return read_jobs(Path(path), CLIP, _job)


def test_a_clip_says_what_a_command_line_would() -> None:
    first, second = jobs_of(
        """
        [defaults]
        style = "styles/one"
        strength = 0.5
        keep-color = true
        crf = 20
        encoder-opt = { tune = "film" }
        matte = "mattes/m.png"
        device = "cpu"
        [[clip]]
        source = "shots/a.mp4"
        [[clip]]
        source = "shots/b.mov"
        strength = 1
        no-audio = true
        frames = "10-19x2"
        keep_color = false
        codec = "libx265"
        """
    )
    assert (first.look.strength, first.look.keep_color, first.encode.crf, first.encode.audio) == (0.5, True, 20, True)
    assert first.encode.options == {"tune": "film"}
    assert first.look.matte == Path("mattes/m.png")
    assert (second.look.strength, second.look.keep_color, second.encode.audio) == (1.0, False, False)
    assert (second.wanted.first, second.wanted.last, second.wanted.step) == (10, 19, 2)
    assert (second.encode.codec, second.encode.crf, second.machine.device) == ("libx265", 20, "cpu")


def test_paths_start_from_the_files_own_folder(films: Films, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub").mkdir()
    Path("sub/jobs.toml").write_text(
        'output = "out"\n[[clip]]\nsource = "../shots/*.mp4"\nstyle = "../styles/one"\nmatte = "m.png"'
    )
    assert main(["batch", "sub/jobs.toml", "-n", "--json"]) == 0
    film = json.loads(capsys.readouterr().out)["films"][0]
    assert (Path(film["source"]), Path(film["output"])) == (Path("sub/../shots/a.mp4"), Path("sub/out/a.one.mp4"))


def test_a_matte_from_elsewhere_starts_where_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one that the job file names lies beside it: others are those of every command."""
    text = '[[clip]]\nsource = "../shots/a.mp4"\nstyle = "../styles/one"\n'
    Path("sub").mkdir()
    monkeypatch.setenv("VIDFX_MATTE", "m.png")
    assert jobs_of(text, "sub/jobs.toml")[0].look.matte == Path("m.png")
    assert jobs_of(text + 'matte = "m.png"', "sub/jobs.toml")[0].look.matte == Path("sub/m.png")


CLIPS = '[[clip]]\nsource = "shots/a.mp4"\nstyle = "styles/one"\n'


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (
            CLIPS + "strenght = 1",
            2,
            "line 4: [clip.0] strenght is no setting of this command\n  did you mean strength?",
        ),
        (CLIPS + "strength = 2", 2, "line 4: must be between 0 and 1, not 2"),
        ("[defaults]\nstrength = 2\n" + CLIPS, 2, "line 2: must be between 0 and 1, not 2"),
        ("[defaults]\nkeep-color = 3\n" + CLIPS, 2, "line 2: [defaults] keep-color must be true or false"),
        (CLIPS + "start = 5\nend = 3", 2, "line 1: the range ends at 3 s, before it begins"),
        (CLIPS + "overwrite = true", 2, "line 4: [clip.0] overwrite is no setting"),
        ("outptu = 'x'\n" + CLIPS, 2, "line 1, outptu: no such key, did you mean output?"),
        ('[[clips]]\nsource = "a.mp4"\n', 2, "line 1, clips: no such key, did you mean clip?"),
        ("output = 3\n" + CLIPS, 2, "line 1, output: input should be a valid string"),
        ("", 2, "clip: field required"),
        (CLIPS + "name = '../{stem}'", 2, "line 1: '../a' leads out of the output folder"),
        (CLIPS + "name = '/tmp/x.mp4'", 2, "leads out of the output folder"),
        (CLIPS + "name = '{stem.__class__}'", 2, "line 4: name '{stem.__class__}' has a field"),
        (CLIPS + "name = '{stemm}{suffix}'", 2, "did you mean stem?"),
        (CLIPS + "name = '{stem'", 2, "line 4: name '{stem'"),
        (CLIPS + CLIPS, 2, "line 4: 'shots/a.mp4' and 'shots/a.mp4' would both become"),
        (CLIPS + "name = 'shots/a.mp4'", 2, "is a source and a film to make"),
        (CLIPS + "name = 'o.%03d.png'\n" + CLIPS + "name = 'o.###.png'", 2, "would both become"),
        (
            CLIPS + "name = 'u.###.png'\n" + CLIPS.replace("shots/a.mp4", "u.%03d.png") + "name = 'x.png'",
            2,
            "is a source and a film to make",
        ),
        # a clip that a glob finds is never taken for a film because of its name
        (
            CLIPS.replace("/a.mp4", "/*") + "name = 'shots/{stem}.mov'",
            2,
            "'shots/b.mov' is a source and a film to make",
        ),
        (CLIPS.replace("/a.mp4", "/*.mp4") + "name = 'shots/{stem}{suffix}'", 2, "is a source and a film to make"),
        ("[[clip]]\nsource = []\nstyle = 'styles/one'", 2, "line 2: no source for this clip"),
        ("[[clip]]\nsource = 'shots/a.mp4'", 2, "line 1: no style for this clip"),
        (CLIPS.replace("styles/one", "styles/none"), 66, "line 1: no model file at"),
        ("[[clip]]\nsource = 'none/*.mp4'\nstyle = 'styles/one'", 66, "line 2: no file is like 'none/*.mp4'"),
        (
            "[[clip]]\nsource = '~no one/a.mp4'\nstyle = 'styles/one'",
            2,
            "line 2: '~no one/a.mp4': there is no such user",
        ),
        (CLIPS.replace("styles/one", "~no one/ink"), 2, "line 1: '~no one/ink': there is no such user"),
        *(
            (f"[[clip]]\nsource = '{text}'\nstyle = 'styles/one'", 2, f"line 2: '{text}' is a folder")
            for text in ("", ".", "/", "shots")
        ),
        (CLIPS + "encoder-opt = { tune = true }", 2, "line 4: [clip.0] encoder-opt must be a single text or number"),
    ],
)
def test_mistakes_are_told_with_their_line(
    refused: Callable[[str], tuple[int, str]], text: str, code: int, said: str
) -> None:
    got, err = refused(text)
    assert (got, said in err) == (code, True), err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python takes it for a single star")
def test_a_glob_that_is_none_is_told_with_its_line(refused: Callable[[str], tuple[int, str]]) -> None:
    code, err = refused("[[clip]]\nsource = 'shots/**.mp4'\nstyle = 'styles/one'")
    assert code == 2 and "line 2: 'shots/**.mp4' is no glob\n  ** stands alone between slashes" in err


def test_a_missing_job_file_is_66(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", "none.toml"]) == 66
    assert "there is no file 'none.toml'" in capsys.readouterr().err


def test_a_link_does_not_lead_out_either(refused: Callable[[str], tuple[int, str]]) -> None:
    Path("out").mkdir()
    Path("out/away").symlink_to(Path.cwd() / "shots")
    code, err = refused("output = 'out'\n" + CLIPS + "name = 'away/{stem}{suffix}'")
    assert code == 2 and "leads out of the output folder" in err
    Path("out/film.mp4").symlink_to(Path.cwd() / "precious.mp4")
    assert refused("output = 'out'\n" + CLIPS + "name = 'film.mp4'")[0] == 2


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["..", ".", "a", "link", "/", "~", "C:", "b\\..", ""]), max_size=6), st.booleans())
def test_no_name_leads_out(tmp_path: Path, steps: list[str], rooted: bool) -> None:
    folder = tmp_path / "films"
    folder.mkdir(exist_ok=True)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to(tmp_path / "elsewhere")
    name = ("/" if rooted else "") + "/".join(steps)
    try:
        path = inside(folder, name)
    except UsageError:
        return
    assert os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep)


@given(st.text(st.sampled_from("{}stemyl!:.[]0_"), max_size=12))
def test_a_name_that_is_accepted_can_be_filled_in(name: str) -> None:
    try:
        check_template(name)
    except UsageError:
        return
    name.format(**dict.fromkeys(FIELDS, "x"))


def test_a_style_may_come_from_the_settings(films: Films, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[[clip]]\nsource = "shots/a.mp4"'
    Path("vidfx.toml").write_text('[render]\nstyle = "styles/two"\n')
    assert Path(films(text)[0]["style"]).name == "two"
    monkeypatch.setenv("VIDFX_STYLE", "styles/one")
    assert Path(films(text)[0]["style"]).name == "one"
    assert Path(films('[defaults]\nstyle = "styles/two"\n' + text)[0]["style"]).name == "two"
