"""Styles are found by name, by path and by folder, and no file but a whole vidfx model is ever loaded."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch_file
from tiny_style import make_style

from vidfx import MissingInput, UnreadableInput, find_style, list_styles, load_style
from vidfx.styles import library
from vidfx.styles.card import Card
from vidfx.styles.check import check_style
from vidfx.styles.runtimes import Batch


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_style(tmp_path / "tiny")


@pytest.mark.parametrize("name", [style.name for style in list_styles() if style.origin == "shipped"])
def test_a_shipped_style_is_in_order(name: str) -> None:
    style = find_style(name)
    assert style.origin == "shipped"
    assert style.path.stat().st_size <= 8 * 2**20
    assert style.card.border > 0
    assert len(style.hash) == 12
    for paper in ("README.md", "recipe.toml", "preview.jpg"):
        assert (style.path.parent / paper).is_file()


def test_found_by_file_and_by_folder(model: Path) -> None:
    for name in (str(model), str(model.parent)):
        style = find_style(name)
        assert (style.name, style.origin) == ("tiny", "path")


def test_a_damaged_style_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "user_folder", lambda: tmp_path)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"torn")
    assert find_style("ink").origin == "shipped"
    assert "ink" in [style.name for style in list_styles()]
    with pytest.raises(UnreadableInput, match="torn"):
        find_style("torn")


def test_no_card_and_no_pipe_spoils_the_others(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    styles = tmp_path / "styles"
    monkeypatch.setattr(library, "user_folder", lambda: styles)
    for number, card in enumerate(ENDLESS):
        (styles / str(number)).mkdir(parents=True)
        rewrite(model, styles / str(number) / "model.safetensors", card)
    (styles / "pipe").mkdir()
    os.mkfifo(styles / "pipe" / "model.safetensors")  # whoever opened it would wait for ever
    found, faults = library.styles_and_faults()
    assert "ink" in [style.name for style in found]
    assert len(faults) == 3 and "no regular file" in str(faults[-1])


def test_a_folder_hides_no_style_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ink").mkdir()  # of renders, say
    assert find_style("ink").origin == "shipped"
    with pytest.raises(MissingInput):
        find_style("./ink")
    make_style(tmp_path / "ink")
    assert find_style("ink").origin == "shipped"
    assert find_style("./ink").origin == "path"
    make_style(tmp_path / "mine")
    assert find_style("mine").origin == "path"


def test_the_users_own_styles_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "user_folder", lambda: tmp_path)
    make_style(tmp_path / "mine", name="mine")
    assert find_style("mine").origin == "user"
    assert "mine" in [style.name for style in list_styles()]


def test_of_two_styles_with_one_name_the_folder_called_so_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "user_folder", lambda: tmp_path)
    for seed, folder in enumerate(("mine", "mine-old", "a-backup")):
        make_style(tmp_path / folder, name="mine", seed=seed)
    assert find_style("mine").path.parent.name == "mine"
    _, faults = library.styles_and_faults()
    assert ["mine-old" in str(faults[1]), "a-backup" in str(faults[0])] == [True, True]
    assert all("is left out" in str(fault) for fault in faults)


def test_a_damaged_style_does_not_answer_for_a_typo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "user_folder", lambda: tmp_path)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(MissingInput) as caught:
        find_style("inkk")
    assert "did you mean 'ink'" in caught.value.hint
    assert "styles list" in caught.value.hint


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(MissingInput) as caught:
        find_style("inkk")
    assert "did you mean 'ink'" in caught.value.hint


def test_a_pickle_is_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))

    for name in ("model.pt", "model.safetensors"):
        path = tmp_path / name
        path.write_bytes(pickle.dumps(Trap()))
        with pytest.raises(UnreadableInput):
            load_style(str(path))
    assert not (tmp_path / "sprung").exists()


def rewrite(model: Path, target: Path, card: str | None) -> Path:
    """The same tensors under another card."""
    from safetensors import safe_open

    with safe_open(model, framework="np") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no iterator
    save_file(tensors, target, metadata=None if card is None else {"vidfx": card})
    return target


def test_an_unknown_architecture_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    card = find_style(str(model)).card.model_dump(mode="json") | {"architecture": "diffusion-9"}
    path = rewrite(model, tmp_path / "other.safetensors", json.dumps(card))
    with pytest.raises(UnreadableInput, match="diffusion-9"):
        find_style(str(path))


ENDLESS = ['{"name": ' + 5000 * "9" + "}", 100_000 * "["]
"""Cards that no parser should be brought down by."""


@pytest.mark.parametrize("card", [None, "", "not json", "[]", "{}", '{"name": 5}', "null", *ENDLESS], ids=range(9))
def test_a_file_without_good_papers_is_refused(model: Path, tmp_path: Path, card: str | None) -> None:
    path = rewrite(model, tmp_path / "bad.safetensors", card)
    with pytest.raises(UnreadableInput):
        find_style(str(path))


def test_a_card_with_a_key_too_many_is_refused(model: Path, tmp_path: Path) -> None:
    card = find_style(str(model)).card.model_dump(mode="json") | {"run": "rm -rf"}
    with pytest.raises(UnreadableInput):
        find_style(str(rewrite(model, tmp_path / "bad.safetensors", json.dumps(card))))


def test_weights_that_do_not_fit_the_card_are_refused(model: Path, tmp_path: Path) -> None:
    card = find_style(str(model)).card.model_dump(mode="json")
    card["generator"]["eighth"] = 32
    path = rewrite(model, tmp_path / "bad.safetensors", json.dumps(card))
    with pytest.raises(UnreadableInput, match="do not fit"):
        load_style(str(path))


def test_weights_that_are_not_numbers_are_refused(model: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    with safe_open(model, framework="np") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no iterator
        card = file.metadata()["vidfx"]
    tensors["enter.bias"] = np.full_like(tensors["enter.bias"], np.nan)
    path = tmp_path / "nan.safetensors"
    save_file(tensors, path, metadata={"vidfx": card})
    with pytest.raises(UnreadableInput, match="finite"):
        load_style(str(path))


@pytest.mark.parametrize("format", [torch.bfloat16, torch.float8_e4m3fn], ids=str)
def test_weights_in_a_format_that_numpy_lacks_are_refused(model: Path, tmp_path: Path, format: torch.dtype) -> None:
    tensors = {name: values.to(format) for name, values in load_file(model).items()}
    path = tmp_path / "other.safetensors"
    save_torch_file(tensors, path, metadata={"vidfx": find_style(str(model)).card.model_dump_json()})
    with pytest.raises(UnreadableInput, match="number format"):
        load_style(str(path))


@pytest.mark.parametrize("multiple", [1, 4, 12])
def test_a_size_that_the_network_does_not_take_is_refused(model: Path, tmp_path: Path, multiple: int) -> None:
    card = find_style(str(model)).card.model_dump(mode="json") | {"size_multiple": multiple}
    with pytest.raises(UnreadableInput, match="size_multiple"):
        find_style(str(rewrite(model, tmp_path / "bad.safetensors", json.dumps(card))))


def test_cut_short_at_any_length(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableInput):
            find_style(str(path))


def test_a_card_survives_its_own_file(model: Path) -> None:
    card = find_style(str(model)).card
    assert Card.model_validate_json(card.model_dump_json()) == card


def test_listing_needs_no_torch() -> None:
    code = "import sys, vidfx; vidfx.list_styles(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_check_measures_a_style(model: Path) -> None:
    said = run_check(str(model), "--json")
    assert said.returncode == 0, said.stderr
    findings = {finding["what"]: finding for finding in json.loads(said.stdout)["findings"]}
    assert findings["tiles against the whole frame"]["value"] == "0 of 255"
    assert findings["model file"]["good"]


def test_check_finds_a_lattice(tmp_path: Path) -> None:
    """A network whose last layer draws a pattern of 4 px over everything is not fit to be shipped."""
    painter = load_style(str(make_style(tmp_path / "tiny")))
    paint = painter.stylize

    def latticed(batch: Batch) -> Batch:
        painted = paint(batch).copy()
        painted[:, ::4] = 255 - painted[:, ::4] // 2
        return painted

    painter.stylize = latticed
    bad = [finding.what for finding in check_style(painter) if not finding.good]
    assert "lattice of 4 px" in bad


def run_check(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vidfx", "styles", "check", *args, "--threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
