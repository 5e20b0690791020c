"""vidfx.toml: what wins over what, and how mistakes in it are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from commands import Run

from vidfx import job
from vidfx.cli import cli, main
from vidfx.cli.group import _all_variables
from vidfx.config import read_config
from vidfx.errors import UsageError, VidfxError
from vidfx.settings import Job

Calls = list[dict[str, Any]]


@pytest.fixture
def calls(alone: None, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What `vidfx render` asks of the renderer, in an empty project and an empty home."""
    made: Calls = []

    def remember(asked: Job) -> None:
        made.append({"look": asked.look, "wanted": asked.wanted, "encode": asked.encode, "machine": asked.machine})
        made[-1] |= {"style": asked.style, "overwrite": asked.overwrite, "strict": asked.strict}
        raise VidfxError("far enough")

    monkeypatch.setattr(job, "Render", remember)
    Path("project").mkdir()
    monkeypatch.chdir("project")
    return made


def write_project(text: str) -> None:
    Path("vidfx.toml").write_text(text)


def write_user(text: str) -> None:
    path = Path("../home/vidfx/vidfx.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def strength(calls: Calls, *args: str) -> float:
    assert main(["render", "clip.mp4", "--style", "ink", *args]) == 1, "the fake renderer was not reached"
    return float(calls[-1]["look"].strength)


def test_flag_over_variable_over_project_over_user_over_default(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    assert strength(calls) == 1.0
    write_user("[render]\nstrength = 0.1")
    assert strength(calls) == 0.1
    write_project("[render]\nstrength = 0.2")
    assert strength(calls) == 0.2
    monkeypatch.setenv("VIDFX_STRENGTH", "0.3")
    assert strength(calls) == 0.3
    assert strength(calls, "--strength", "0.4") == 0.4


def test_files_add_up_key_by_key(calls: Calls) -> None:
    write_user("[render]\ncodec = 'libx265'\nsmooth = 0.5")
    write_project("[render]\nsmooth = 0.25\n[preview]\nstrength = [0.5, 1]\n")
    strength(calls)
    assert calls[-1]["encode"].codec == "libx265"
    assert calls[-1]["look"].smooth == 0.25


def test_keys_with_dash_or_underscore_and_every_kind_of_value(calls: Calls) -> None:
    write_project(
        """
        [render]
        keep-color = true
        pix_fmt = "yuv444p"
        start = 00:01:02.5
        end = 70
        crf = 18
        tile = "off"
        batch = 4
        no-audio = true
        encoder-opt = { tune = "film", bf = 0 }
        """
    )
    strength(calls)
    made = calls[-1]
    assert made["look"].keep_color is True
    assert (made["wanted"].start, made["wanted"].end) == (62.5, 70)
    assert (made["machine"].tile, made["machine"].batch) == (0, 4)
    assert made["encode"].audio is False
    assert (made["encode"].crf, made["encode"].pix_fmt) == (18, "yuv444p")
    assert made["encode"].options == {"tune": "film", "bf": "0"}


def test_a_style_in_the_project_need_not_be_typed(calls: Calls) -> None:
    write_project("[render]\nstyle = 'ink'")
    assert main(["render", "clip.mp4"]) == 1
    assert calls[-1]["style"] == "ink"


def test_a_flag_that_a_file_switched_on_can_be_switched_off(calls: Calls) -> None:
    write_project("[render]\nkeep-color = true\naudio = false")
    strength(calls, "--no-keep-color", "--audio")
    assert calls[-1]["look"].keep_color is False
    assert calls[-1]["encode"].audio is True


@pytest.mark.parametrize(("name", "value"), [("VIDFX_AUDIO", "0"), ("VIDFX_NO_AUDIO", "1")])
def test_sound_off_by_variable(calls: Calls, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    strength(calls)
    assert calls[-1]["encode"].audio is False


@pytest.mark.parametrize("name", ["VIDFX_AUDIO", "VIDFX_NO_AUDIO"])
@pytest.mark.usefixtures("alone")
def test_a_variable_that_says_neither_yes_nor_no_is_named(monkeypatch: pytest.MonkeyPatch, run: Run, name: str) -> None:
    monkeypatch.setenv(name, "maybe")
    code, _, err = run("render", "clip.mp4", "--style", "ink")
    assert code == 2 and f"(from {name})" in err


@pytest.mark.parametrize("name", ["VIDFX_STRENGHT", "VIDFX_NO_AUDOI", "VIDFX_SMOOTH_WINDOWS"])
def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch, run: Run, name: str) -> None:
    monkeypatch.setenv(name, "0")
    code, _, err = run("render", "in.mp4", "--style", "ink")
    assert code == 2 and f"no setting is called {name}" in err and "did you mean VIDFX_" in err


@pytest.mark.parametrize("command", [["render", "in.mp4", "-o", "x.mp4"], ["styles", "list"], ["doctor"]])
def test_variables_of_other_commands_and_of_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, run: Run, command: list[str]
) -> None:
    for name in (*_all_variables(cli, click.Context(cli)), "VIDFX_HOME", "VIDFX_DEBUG"):
        monkeypatch.setenv(name, "")
    assert "no setting is called" not in run(*command)[2]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[render]\nstrenght = 1", "[render] strenght is no setting", "did you mean strength?"),
        ("[rendr]\nstrength = 1", "no table [rendr]", "did you mean render?"),
        ("[styles.lst]\njson = true", "no table [styles.lst]", "did you mean list?"),
        ("strength = 1", "no key 'strength' outside of a table", "render"),
        ("[render]\nkeep-color = 1", "must be true or false, not 1", ""),
        ("[render]\ncodec = true", "must be a single text or number", ""),
        ("[render]\nencoder-opt = { tune = true }", "must be a single text or number", ""),
        ("[render]\ncrf = [1, 2]", "must be a single text or number", ""),
        ("[render\n", "is not valid TOML", ""),
        ("[render]\nsource = 'x'", "[render] source is no setting", ""),
        ("[render]\naudio = true\nno-audio = true", "no-audio says again what 'audio' says", "leave one"),
        ("[render]\nkeep-color = true\nkeep_color = false", "keep_color says again what 'keep-color' says", ""),
    ],
)
def test_mistakes_name_the_file_and_the_key(tmp_path: Path, text: str, said: str, hint: str) -> None:
    path = tmp_path / "vidfx.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_config(cli, [path])
    assert str(path) in str(caught.value) and said in str(caught.value)
    assert hint in caught.value.hint


def test_a_bad_value_is_told_with_the_file_it_stands_in(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    write_project("[render]\nstrength = 2")
    assert main(["render", "clip.mp4", "--style", "ink"]) == 2
    assert capsys.readouterr().err.startswith("vidfx: --strength: must be between 0 and 1, not 2 (from vidfx.toml)\n")
    assert not calls


def test_help_and_version_come_even_where_the_file_is_broken(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    write_project("[broken")
    assert main(["render", "--help"]) == 0
    assert main(["--version"]) == 0
    assert main([]) == 0
    assert main(["styles", "list"]) == 2
    assert "vidfx.toml" in capsys.readouterr().err


def test_a_missing_file_is_no_mistake(tmp_path: Path) -> None:
    assert read_config(cli, [tmp_path / "none.toml", tmp_path / "no" / "folder.toml"]).values == {}
