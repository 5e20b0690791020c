"""`vidfx train` as a user meets it: nothing of theirs is lost, and what cannot go on says so."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from commands import Run
from toy_training import RECIPE, make_data

from vidfx import disk
from vidfx.parts.lock import locked
from vidfx.training.data import TrainingData
from vidfx.training.loop import Trainer

SHORT = RECIPE.replace("steps = 3", "steps = 1").replace("steps = 5", "steps = 1")
TRAIN = ["train", "recipe.toml", "--data", "data", "--out", "run", "--threads", 1, "--device", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def place(alone: None, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recipe and its data in it."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "data").symlink_to(data)
    (folder / "recipe.toml").write_text(SHORT)
    return folder


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture may be read: that takes minutes."""

    def read(*_: object) -> None:
        raise AssertionError("pictures were read")

    monkeypatch.setattr(TrainingData, "__init__", read)


# --- the export folder ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.safetensors", "recipe.toml", "preview.jpg"])
def test_an_export_overwrites_nothing_unasked(run: Run, unread: None, name: str) -> None:
    Path("style").mkdir()
    (Path("style") / name).write_text("mine")
    code, _, err = run(*TRAIN, "--export", "style")
    assert code == 73 and name in err and "-y" in err
    assert [path.read_text() for path in Path("style").iterdir()] == ["mine"]
    assert not Path("run").exists()


def test_a_recipe_may_lie_where_its_style_goes(run: Run) -> None:
    Path("style").mkdir()
    text = "# by hand\r\n" + SHORT
    Path("style/recipe.toml").write_bytes(text.encode())
    again = ["train", "style/recipe.toml", *TRAIN[2:], "--export", "style"]
    assert run(*again)[0] == 0
    assert Path("style/recipe.toml").read_bytes() == text.encode()
    assert sorted(path.name for path in Path("style").iterdir()) == [
        "README.md",
        "model.safetensors",
        "preview.jpg",
        "recipe.toml",
    ], "nothing half-written stays"
    assert run(*again)[0] == 73
    assert run(*again, "-y")[0] == 0
    assert Path("style/recipe.toml").read_bytes() == text.encode()


@pytest.mark.parametrize("where", ["elsewhere", "there"])
def test_what_is_exported_is_the_recipe_that_was_trained(run: Run, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    Path("style").mkdir()
    recipe = Path("recipe.toml") if where == "elsewhere" else Path("style/recipe.toml")
    recipe.write_text(SHORT)
    train = Trainer.run

    def edited(self: Trainer, *args: Any, **named: Any) -> Any:
        recipe.write_text(SHORT + "# for the next run\n")
        return train(self, *args, **named)

    monkeypatch.setattr(Trainer, "run", edited)
    code, _, err = run("train", recipe, *TRAIN[2:], "--export", "style")
    assert code == 0
    if where == "elsewhere":
        assert Path("style/recipe.toml").read_text() == SHORT
    else:
        assert recipe.read_text() == SHORT + "# for the next run\n", "an author's edit is never lost"
        assert "was changed since the training began" in err


@pytest.mark.parametrize("option", ["--out", "--export"])
@pytest.mark.parametrize("below", ["", "/deeper/still"])
def test_a_file_where_a_folder_should_be(run: Run, unread: None, option: str, below: str) -> None:
    Path("taken").write_text("mine")
    code, _, err = run(*TRAIN, option, f"taken{below}")
    assert code == 73 and "taken" in err and option in err
    assert Path("taken").read_text() == "mine"


# --- the run folder ------------------------------------------------------------------------------------------------


def test_one_run_at_a_time_in_a_folder(run: Run, unread: None) -> None:
    Path("run").mkdir()
    with locked(Path("run/.lock")) as ours:
        assert ours
        code, _, err = run(*TRAIN)
    assert code == 75 and "run" in err and "--out" in err


def damaged(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    "make",
    [
        damaged(b""),
        damaged(b"no checkpoint at all\n" * 9),
        damaged(pickle.dumps({"recipe": Path})),
        lambda path: path.write_bytes(path.read_bytes()[:4000]),
        lambda path: torch.save({"state_dict": {"x": torch.zeros(3)}}, path),
        lambda path: torch.save(torch.zeros(3), path),
        lambda path: torch.save(torch.load(path, weights_only=True) | {"generator": {}}, path),
        lambda path: torch.save(torch.load(path, weights_only=True) | {"steps": "many"}, path),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), os.mkfifo(path)),
    ],
    ids=["empty", "text", "pickle", "cut", "another tool", "a tensor", "no weights", "no count", "folder", "pipe"],
)
def test_a_broken_checkpoint_is_unreadable(
    run: Run, trained: Path, unread: None, make: Callable[[Path], object]
) -> None:
    shutil.copytree(trained, "run")
    make(Path("run/checkpoint.pt"))
    code, _, err = run(*TRAIN)
    assert code == 65, err
    assert "checkpoint.pt" in err and "another --out, or delete the checkpoint" in err


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is done."""
    from vidfx.training.recipe import read_recipe

    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.toml").write_text(SHORT)
    Trainer(read_recipe(folder / "recipe.toml"), data=data, out=folder / "run", budget=0.0, notify=str).run()
    return folder / "run"


@pytest.mark.parametrize(
    "full", ["checkpoint.pt", "sample_000002.png", "model.safetensors", "recipe.toml", "preview.jpg"]
)
def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    def put(temporary: Path, path: Path) -> None:
        if path.name == full:
            raise OSError(errno.ENOSPC, "No space left on device")
        temporary.replace(path)

    monkeypatch.setattr(disk, "put_in_place", put)
    code, _, err = run(*TRAIN, "--export", "style")
    assert code == 75 and "disk is full" in err and full in err
    assert not list(Path().glob(f"*/{full}")) and not list(Path().glob("*/.*.tmp"))


def test_the_preview_is_a_picture(run: Run) -> None:
    assert run(*TRAIN, "--export", "style")[0] == 0
    assert cv2.imread("style/preview.jpg") is not None
    assert cv2.imread("run/sample_000002.png") is not None


# --- the recipe ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('name = "toy"', 'name = "toy"\nseed = -1'), "seed"),
        (('name = "toy"', 'name = "toy"\nseed = 4294967296'), "seed"),
        (('name = "toy"', 'name = "toy"\nduotone = [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]'), "duotone"),
        (('name = "toy"', 'name = "toy"\nduotone = [[1, 0, 0], [0, 0.5094, 0]]'), "equally light"),
        (("crop = 64", "crop = 32000000"), "crop"),
        (("crop = [64, 80]", "crop = [64, 100000000000000000000]"), "crop"),
        (("scale = [0.8, 1.2]", "scale = [0.8, inf]"), "scale"),
        (("scale = [0.8, 1.2]", "scale = [0.8, 1e9]"), "scale"),
        (("height = 160", "height = 160\nshare = inf"), "share"),
        (("height = 160", "height = 160\nshare = nan"), "share"),
        (("height = 160", "height = 1000000000"), "height"),
        (('treat = "line"', 'treat = "line"\nhold_out = [""]'), "hold_out"),
        (('treat = "line"', 'treat = "line"\nleave_out = ["."]'), "leave_out"),
        (("[warm_start]", "[warm_start]\nlearning_rate = inf"), "learning_rate"),
        (("steps = 1\n", "steps = 1" + 400 * "0" + "\n"), "steps"),
        (('path = "style"', 'path = "/style/*.png"'), "'/style/*.png'"),
        (('path = "style"', 'path = "style/**.png"'), "'style/**.png'"),
        (('path = "content"', 'path = "**.png"'), "'**.png'"),
        (('path = "content"', f'path = "{300 * "x"}"'), "xxx"),
        (('treat = "line"', 'treat = "line"\nhold_out = ["*"]'), "no picture is left"),
    ],
)
def test_values_that_cannot_be_trained_with_are_refused(run: Run, change: tuple[str, str], said: str) -> None:
    Path("recipe.toml").write_text(SHORT.replace(*change))
    code, _, err = run(*TRAIN)
    assert code == 2, err
    assert said in err and "unexpected" not in err


def test_a_missing_style_to_begin_with_is_said_before_any_picture_is_read(run: Run, unread: None) -> None:
    Path("recipe.toml").write_text(SHORT.replace("[warm_start]", '[warm_start]\nmodel = "./gone"'))
    code, _, err = run(*TRAIN)
    assert code == 66 and "gone" in err
