"""`vidfx train` as a user meets it: nothing of theirs is lost, and what cannot go on says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Run, no_settings
from toy_training import RECIPE, make_data

SHORT = RECIPE.replace("steps = 3", "steps = 1").replace("steps = 5", "steps = 1")
TRAIN = ["train", "recipe.toml", "--data", "data", "--out", "run", "--threads", 1, "--device", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def place(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recipe and its data in it."""
    no_settings(monkeypatch, tmp_path)
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "data").symlink_to(data)
    (folder / "recipe.toml").write_text(SHORT)
    return folder


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
