"""Training: recipes are checked, runs go on where they were killed, and the losses see what they are named for.

Long, because one small set of data and features serves every test.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from clips import make_clip
from fftools import needs_ffmpeg
from odd_clips import ODD
from toy_training import RECIPE, make_data

from vidfx import (
    CannotWrite,
    MissingInput,
    Unavailable,
    UnreadableInput,
    UsageError,
    VidfxError,
    find_style,
    load_style,
)
from vidfx.evaluation.style import kernel_distance
from vidfx.features import BLOCKS, Vgg16, load_features, style_features
from vidfx.settings import Machine
from vidfx.source import open_clip, read_frames
from vidfx.stills import read_picture
from vidfx.styles.card import NetworkShape
from vidfx.styles.generator import Generator
from vidfx.styles.weights import read_weights
from vidfx.training.data import VERSIONS, TrainingData
from vidfx.training.export import export_style, write_model
from vidfx.training.folders import check_export, is_left_off
from vidfx.training.grade import between_two_colours, more_colourful
from vidfx.training.log import Log
from vidfx.training.loop import Trainer
from vidfx.training.losses import (
    flat_loss,
    grid_loss,
    line_loss,
    own_kernel,
    plain_loss,
    range_loss,
    signature,
    statistics_loss,
    tone_loss,
)
from vidfx.training.pictures import read_content, read_style, treat_style
from vidfx.training.recipe import ContentSource, StyleSource, read_recipe
from vidfx.training.teachers import TEACHERS, ink


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a few drawn pictures and a feature network of random weights."""
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each look of a feature network saw."""
    seen: list[int] = []
    see = Vgg16.forward
    monkeypatch.setattr(Vgg16, "forward", lambda self, x: (seen.append(len(x)), see(self, x))[1])
    return seen


def recipe_file(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def weights_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    content = torch.load(checkpoint, weights_only=True)
    kept = {}
    for part in ("generator", "average", "discriminator"):
        kept |= {f"{part}.{name}": tensor for name, tensor in content[part].items()}
    return kept


RUN = """
import sys
from pathlib import Path
from typing import Any
import torch
from vidfx.training import loop
from vidfx.training.recipe import read_recipe
torch.set_num_threads(1)
loop.CHECKPOINT_EVERY = 2
recipe, data, out = map(Path, sys.argv[1:])
loop.Trainer(read_recipe(recipe), data=data, out=out, notify=lambda s: print(s, flush=True)).run()
"""


def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(data: Path, tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path)
    command = [sys.executable, "-c", RUN, str(recipe), str(data)]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)

    broken = tmp_path / "broken"
    process = subprocess.Popen([*command, str(broken)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step 4/"):
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    assert torch.load(broken / "checkpoint.pt", weights_only=True)["steps"] < 5
    again = subprocess.run([*command, str(broken)], check=True, capture_output=True, text=True)
    assert "goes on after" in again.stdout

    whole, resumed = weights_of(tmp_path / "whole" / "checkpoint.pt"), weights_of(broken / "checkpoint.pt")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_run_names_what_it_skipped_logs_and_exports(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    text = RECIPE.replace("steps = 3", "steps = 8").replace("steps = 5", "steps = 2")
    trainer = Trainer(read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "out", notify=said.append)
    before = {k: v.clone() for k, v in trainer.state.generator.state_dict().items()}
    generator = trainer.run()
    assert any("broken.png" in line and "skipped" in line for line in said)
    assert any(not torch.equal(before[k], v) for k, v in trainer.state.generator.state_dict().items())
    entries = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert entries and entries[-1]["step"] == 10
    assert {"adversarial", "style", "content", "tone", "steady", "grid", "judge"} <= entries[-1].keys()
    assert list((tmp_path / "out").glob("sample_*.png"))
    path = export_style(trainer, tmp_path / "style", recipe_text=text)
    assert "8 steps after the teacher and 2 adversarial" in find_style(str(path)).card.trained
    assert (path.parent / "recipe.toml").read_text() == text
    assert cv2.imread(str(path.parent / "preview.jpg")) is not None
    card = (path.parent / "README.md").read_text()
    assert "8 steps after the teacher and 2 adversarial" in card and "lattice of 4 px" in card
    painted = load_style(str(path), machine=Machine(device="cpu", precision="fp32")).stylize(
        np.full((1, 40, 56, 3), 128, np.uint8)
    )
    with torch.no_grad():
        x = torch.full((1, 3, 40 + 32, 56 + 32), 128 / 255)
        expected = generator(x)[0, :, 16:-16, 16:-16].clamp(0, 1).permute(1, 2, 0).numpy() * 255
    assert np.abs(painted[0] - expected).max() <= 1.5  # half precision in the file, and rounding


def test_a_card_that_somebody_wrote_on_is_kept(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    text = RECIPE.replace("steps = 3", "steps = 1").replace("steps = 5", "steps = 1")
    trainer = Trainer(read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "out", notify=said.append)
    card = export_style(trainer, tmp_path / "style", recipe_text=text).with_name("README.md")
    trainer.run()
    export_style(trainer, tmp_path / "style", recipe_text=text)
    assert "1 adversarial" in card.read_text(), "nobody touched it, so it is written anew"
    assert "Licence of the weights: not said" in card.read_text(), "the recipe names none"
    by_hand = card.read_text() + "\nIt cannot draw hands.\n"
    card.write_text(by_hand)
    export_style(trainer, tmp_path / "style", recipe_text=text)
    assert card.read_text() == by_hand
    assert "1 adversarial" in card.with_name("README.new.md").read_text()
    assert any("README.new.md" in line for line in said)


def test_an_export_that_was_killed_may_be_done_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = RECIPE.replace("steps = 3", "steps = 1").replace("steps = 5", "steps = 1")
    recipe = recipe_file(tmp_path, text)
    trainer = Trainer(read_recipe(recipe), data=data, out=tmp_path / "out", notify=lambda _: None)
    with monkeypatch.context() as patched:
        patched.setattr("vidfx.training.export.write_papers", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export_style(trainer, tmp_path / "style", recipe_text=text)
    with pytest.raises(CannotWrite):
        check_export(tmp_path / "style", recipe, overwrite=False)
    assert is_left_off(tmp_path / "out", tmp_path / "style")
    assert not is_left_off(tmp_path / "out", tmp_path / "another")
    card = export_style(trainer, tmp_path / "out", recipe_text=text).with_name("README.md")
    assert not is_left_off(tmp_path / "out", tmp_path / "style")
    card.write_text("by hand")
    export_style(trainer, tmp_path / "out", recipe_text=text)
    assert card.read_text() == "by hand", "kept where run and export share a folder, too"


def test_what_the_card_says_may_change_and_other_pictures_are_told(data: Path, tmp_path: Path) -> None:
    mine = tmp_path / "data"
    shutil.copytree(data, mine)
    text = RECIPE.replace("steps = 3", "steps = 1").replace("steps = 5", "steps = 1")
    Trainer(read_recipe(recipe_file(tmp_path, text)), data=mine, out=tmp_path / "out", notify=lambda _: None).run()
    said: list[str] = []
    text = text.replace('path = "style"', 'path = "style"\nlicence = "CC0"')
    Trainer(read_recipe(recipe_file(tmp_path, text)), data=mine, out=tmp_path / "out", notify=said.append)
    assert any(line.startswith("goes on after 1 + 1") for line in said)
    assert not any("other pictures" in line for line in said)
    (mine / "content" / "0.png").rename(mine / "content" / "7.png")
    Trainer(read_recipe(recipe_file(tmp_path, text)), data=mine, out=tmp_path / "out", notify=said.append)
    assert any("other pictures than before: content/0.png, content/7.png" in line for line in said)


def test_pictures_are_read_as_a_render_reads_them(tmp_path: Path) -> None:
    make_clip(tmp_path / "turned.mp4", size=(200, 120), frames=3, rotation=90)
    [(upright, _)] = read_content(ContentSource(path="turned.mp4"), tmp_path, print)
    assert upright.shape == (200, 120, 3)
    clear = np.zeros((40, 40, 4), np.uint8)
    clear[..., 2] = 255
    clear[:, 20:, 3] = 255
    assert cv2.imwrite(str(tmp_path / "clear.png"), clear)
    [picture] = read_style(StyleSource(path="clear.png"), tmp_path, print)
    np.testing.assert_array_equal(picture, read_picture(tmp_path / "clear.png"))


def test_a_picture_with_a_false_header_is_skipped_and_one_of_nothing_but_rim_is_no_fault(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    whole = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )
    (tmp_path / "huge.png").write_bytes(whole)
    said: list[str] = []
    assert list(read_style(StyleSource(path="huge.png"), tmp_path, said.append)) == []
    assert "huge.png" in said[0]
    source = StyleSource(path="x", treat="line", trim=0.3)
    assert treat_style(np.zeros((2, 2, 3), np.uint8), source, TEACHERS["none"]).size == 0


def test_a_missing_feature_network_is_said_before_any_picture_is_read(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    recipe = read_recipe(recipe_file(tmp_path, RECIPE.replace("features.safetensors", "elsewhere.safetensors")))
    with pytest.raises(MissingInput, match="elsewhere"):
        Trainer(recipe, data=data, out=tmp_path / "out", notify=said.append)
    assert not said


def test_a_budget_ends_the_run_and_leaves_a_checkpoint(data: Path, tmp_path: Path) -> None:
    text = RECIPE.replace("steps = 3", "steps = 100000")
    trainer = Trainer(
        read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "out", budget=1.0, notify=lambda _: None
    )
    began = time.monotonic()
    trainer.run()
    assert time.monotonic() - began < 20
    assert (tmp_path / "out" / "checkpoint.pt").exists()
    last = max((tmp_path / "out").glob("sample_*.png"))
    assert int(last.stem.removeprefix("sample_")) == trainer.state.warm_steps + trainer.state.steps


def test_the_warm_start_takes_nothing_of_the_games_progress(data: Path, tmp_path: Path) -> None:
    trainer = Trainer(read_recipe(recipe_file(tmp_path)), data=data, out=tmp_path / "o", budget=100.0, notify=print)
    state = trainer.state
    state.warm_seconds = state.seconds = 60.0
    assert trainer.progress() == 0
    state.seconds = 80.0
    assert trainer.progress() == pytest.approx(0.5)
    state.save(tmp_path / "kept.pt")
    state.warm_seconds = 0.0
    state.load(tmp_path / "kept.pt")
    assert trainer.progress() == pytest.approx(0.5), "and so after a restart"


def test_two_colours_are_all_that_a_duotone_paints() -> None:
    torch.manual_seed(0)
    generator = Generator(NetworkShape(quarter=8, eighth=8, blocks=1, half=8)).eval()
    torch.nn.init.normal_(generator.leave.weight, 0, 0.1)
    dark, light = (0.1, 0.12, 0.2), (0.95, 0.9, 0.8)
    with torch.no_grad():
        x = torch.rand(1, 3, 32, 32)
        before, after = generator(x), between_two_colours(generator, dark, light)(x)
    luma = torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    assert before.std() > 0.05
    assert torch.allclose((before * luma).sum(1), (after * luma).sum(1), atol=1e-5), "as light as before"
    share = [(after[:, c] - dark[c]) / (light[c] - dark[c]) for c in range(3)]
    assert torch.allclose(share[0], share[1], atol=1e-4)
    assert torch.allclose(share[0], share[2], atol=1e-4)


def test_weights_that_are_not_finite_get_no_name(tmp_path: Path) -> None:
    generator = Generator(NetworkShape(quarter=8, eighth=8, blocks=1, half=8))
    with torch.no_grad():
        generator.leave.weight[0, 0, 0, 0] = 1e6  # infinite in half precision
    with pytest.raises(VidfxError, match="not all finite") as caught:
        write_model(generator, tmp_path / "style", name="toy", description="for tests", trained="not at all")
    assert "duotone" in caught.value.hint
    assert not list(tmp_path.glob("style/*"))


def test_some_of_the_warm_start_is_kept_in_what_is_exported(data: Path, tmp_path: Path) -> None:
    text = RECIPE.replace('name = "toy"', 'name = "toy"\nkeep_warm_start = 0.25')
    trainer = Trainer(read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "out", notify=lambda _: None)
    ends: dict[int, dict[str, torch.Tensor]] = {}

    def keep(done: int, total: int) -> None:
        if done in (trainer.recipe.warm_start.steps, total):
            ends[done] = {name: values.clone() for name, values in trainer.state.average.state_dict().items()}

    trainer.run(on_step=keep)
    warmed, played = (ends[done] for done in sorted(ends))
    path = export_style(trainer, tmp_path / "toy", recipe_text=text)
    for name, values in read_weights(find_style(str(path.parent))).items():
        wanted = 0.75 * played[name] + 0.25 * warmed[name]
        torch.testing.assert_close(torch.from_numpy(values), wanted.half().float(), rtol=2e-3, atol=1e-6)
        assert not torch.equal(warmed[name], played[name])


@pytest.mark.parametrize("saturation", [0.0, 0.7, 1.4])
def test_saturation_moves_colours_about_the_grey_of_their_luma(saturation: float) -> None:
    torch.manual_seed(0)
    generator = Generator(NetworkShape(quarter=8, eighth=8, blocks=1, half=8)).eval()
    torch.nn.init.normal_(generator.leave.weight, 0, 0.1)
    with torch.no_grad():
        x = torch.rand(1, 3, 32, 32)
        before, after = generator(x), more_colourful(generator, saturation)(x)
    grey = (before * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    assert torch.allclose(after, grey + saturation * (before - grey), atol=1e-5)


def test_another_recipe_does_not_go_on_with_this_ones_checkpoint(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Trainer(read_recipe(recipe_file(tmp_path)), data=data, out=out, budget=0.0, notify=lambda _: None).run()
    other = recipe_file(tmp_path, RECIPE.replace("seed", "#").replace('name = "toy"', 'name = "toy"\nseed = 9'))
    with pytest.raises(UsageError, match="another recipe"):
        Trainer(read_recipe(other), data=data, out=out, notify=lambda _: None)
    graded = recipe_file(tmp_path, RECIPE.replace('name = "toy"', 'name = "toy"\nsaturation = 1.4'))
    Trainer(read_recipe(graded), data=data, out=out, budget=0.0, notify=lambda _: None)  # what is exported may change


def test_a_loss_that_explodes_stops_at_the_last_good_checkpoint(data: Path, tmp_path: Path) -> None:
    text = RECIPE.replace("steps = 3", "steps = 3\nlearning_rate = 1e30")
    trainer = Trainer(read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "o", notify=lambda _: None)
    with pytest.raises(VidfxError, match="no longer finite"):
        trainer.run()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("[generator]", "[generater]"), "generater"),
        (("crop = 64", "crop = 65"), "crop"),
        (('name = "toy"', 'name = "Toy!"'), "name"),
        (("batch = 2", "batch = 0"), "batch"),
        (("batch = 2", "batch ="), "TOML"),
        (('treat = "line"', 'treat = "fry"'), "treat"),
        (("crop = [64, 80]", "crop = [80, 64]"), "crop"),
        (("scale = [0.8, 1.2]", "scale = [1.2, 0.8]"), "scale"),
        (("[warm_start]", '[warm_start]\nteacher = "cubism"'), "'cubism'; there are .*manga, none"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, change: tuple[str, str], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        read_recipe(recipe_file(tmp_path, RECIPE.replace(*change)))


def test_a_warm_start_that_is_not_there_cannot_be_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is none"):
        read_recipe(recipe_file(tmp_path, "keep_warm_start = 0.5\n" + RECIPE.replace("steps = 3", "steps = 0")))


def test_no_recipe_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (('path = "style"', 'path = "nowhere"'), MissingInput),
        (("crop = [64, 80]", "crop = [400, 500]"), UsageError),
        (("features.safetensors", "absent.safetensors"), MissingInput),
        (('features = "features.safetensors"', 'features = "style/0.png"'), UnreadableInput),
    ],
)
def test_wrong_data_is_named_before_training(
    data: Path, tmp_path: Path, change: tuple[str, str], error: type[VidfxError]
) -> None:
    recipe = read_recipe(recipe_file(tmp_path, RECIPE.replace(*change)))
    with pytest.raises(error):
        Trainer(recipe, data=data, out=tmp_path / "out", notify=lambda _: None)


def test_features_are_vgg_in_plain_numpy(data: Path) -> None:
    """The first tap against a convolution written out by hand."""
    network = Vgg16(data / "features.safetensors")
    x = torch.rand(1, 3, 16, 16)
    rgb = x[0].numpy()
    bgr = rgb[::-1] * 255 - np.array([104.007, 116.669, 122.679], np.float32)[:, None, None]
    for name in ("conv1_1", "conv1_2"):
        kernel, bias = getattr(network, name).weight.numpy(), getattr(network, name).bias.numpy()
        padded = np.pad(bgr, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        bgr = np.maximum(np.einsum("chwij,ocij->ohw", windows, kernel) + bias[:, None, None], 0)
    assert np.allclose(network(x)["relu1_2"][0].numpy(), bgr / 255, atol=1e-3)


def test_grid_loss_sees_a_lattice_and_not_a_texture() -> None:
    torch.manual_seed(0)
    texture = torch.rand(2, 3, 256, 256)
    for period in (2, 4, 8):
        lattice = torch.full((2, 3, 256, 256), 0.5)
        lattice[..., ::period, ::period] += 0.05
        assert grid_loss(lattice) > 4 * grid_loss(0.5 + 0.05 * (texture - 0.5))
    assert grid_loss(torch.full((1, 3, 64, 64), 0.3)) < 1e-4


def test_flat_loss_asks_for_calm_only_where_the_source_is_calm() -> None:
    torch.manual_seed(0)
    scribble, sky, grass = torch.rand(1, 3, 64, 64), torch.full((1, 3, 64, 64), 0.7), torch.rand(1, 3, 64, 64)
    assert flat_loss(scribble, sky) > 100 * flat_loss(scribble, grass)
    assert flat_loss(sky, sky) == 0


def test_line_loss_makes_an_unsure_line_better_drawn_than_left_out() -> None:
    def apart(picture: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        return (picture - teacher).abs().mean() + 4 * line_loss(picture, teacher)

    paper = torch.full((1, 3, 32, 32), 0.9)
    drawn = paper.clone()
    drawn[..., 15:17] = 0.15
    # The line is in every third of the teacher's pictures: by the plain mean it would pay to leave it out.
    leave_out = apart(paper, drawn) + 2 * apart(paper, paper)
    draw_it = apart(drawn, drawn) + 2 * apart(drawn, paper)
    assert draw_it < leave_out
    assert line_loss(drawn, drawn) == 0


def test_plain_loss_looks_at_the_middle_of_a_wall() -> None:
    def frame_of_black(walls: torch.Tensor) -> torch.Tensor:
        painted = walls / 2
        painted[..., :8, :], painted[..., -8:, :], painted[..., :8], painted[..., -8:] = 0, 0, 0, 0
        return painted

    colours = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    assert plain_loss(frame_of_black, 8, colours, colours / 2) == pytest.approx(0, abs=1e-6)
    assert plain_loss(frame_of_black, 8, colours, colours / 2 + 0.1) == pytest.approx(0.1, abs=1e-6)


def test_range_and_tone() -> None:
    assert range_loss(torch.tensor([[[[0.0, 1.0, 0.5]]]])) == 0
    assert range_loss(torch.tensor([[[[-0.5, 1.5]]]])) == pytest.approx(0.5)
    a = torch.rand(1, 3, 32, 32)
    assert tone_loss(a, a) == 0
    assert tone_loss(a, a + 0.1) == pytest.approx(0.1, abs=1e-5)


def test_statistics_loss_is_the_distance_that_evaluate_measures() -> None:
    random = torch.Generator().manual_seed(0)
    painted, style = (signature([torch.rand(n, 8, 6, 6, generator=random) ** p]) for n, p in ((4, 1), (7, 3)))
    found = statistics_loss(painted, style, own_kernel(style).item()).item()
    sets = [[row[None].double().numpy() for row in side] for side in (painted, style)]
    assert found == pytest.approx(kernel_distance(*sets)[0], rel=1e-4)
    assert signature([torch.zeros(1, 3, 4, 4, requires_grad=True)]).sum().isfinite()


def test_a_second_network_may_tell_the_statistics(data: Path, tmp_path: Path) -> None:
    losses = "[adversarial.losses]\nstatistics = 1.0\n"
    values = {}
    for name, second, more in (
        ("same", "", "plain = 1.0\n"),
        ("second", 'statistics_features = "features.safetensors"\n', ""),
    ):
        recipe = read_recipe(recipe_file(tmp_path, second + RECIPE + losses + more))
        trainer = Trainer(recipe, data=data, out=tmp_path / name, notify=lambda text: None)
        batch = trainer.data.batch(0)
        values[name] = trainer.game_step(batch, torch.Generator().manual_seed(0))["statistics"]
    assert values["same"] == pytest.approx(values["second"], rel=0.05), "a crop of 64 px is its own window"
    with pytest.raises(UsageError, match="two"):
        read_recipe(recipe_file(tmp_path, RECIPE.replace("batch = 2", "batch = 1") + losses))


def test_a_loss_of_no_weight_costs_nothing_at_the_start(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: list[int]
) -> None:
    walls: list[tuple[int, ...]] = []
    monkeypatch.setitem(TEACHERS, "ink", lambda picture: (walls.append(picture.shape), ink(picture))[1])

    def start(losses: str) -> Trainer:
        recipe = read_recipe(recipe_file(tmp_path, RECIPE + f"[adversarial.losses]\n{losses}"))
        return Trainer(recipe, data=data, out=tmp_path / "out", notify=lambda _: None)

    trainer = start("style = 0\n")
    assert not looks
    drawn = len(walls)
    trainer.game_step(trainer.data.batch(0), torch.Generator().manual_seed(0))
    assert len(walls) == drawn, "no plain colours either"
    start("style = 0\nstatistics = 1\n")
    assert looks
    assert start("style = 1\n").sight.style_grams["relu1_2"].dtype == torch.float32


def test_a_step_computes_no_more_than_it_is_asked_for(data: Path, tmp_path: Path, looks: list[int]) -> None:
    recipe = read_recipe(recipe_file(tmp_path, RECIPE + "[adversarial.losses]\nstyle = 0\ncontent = 0\nsteady = 0\n"))
    trainer = Trainer(recipe, data=data, out=tmp_path / "out", notify=lambda _: None)
    painted: list[int] = []
    trainer.state.generator.register_forward_hook(lambda module, given, made: painted.append(len(given[0])))
    values = trainer.game_step(trainer.data.batch(0), torch.Generator().manual_seed(0))
    assert painted == [recipe.batch], "no second view"
    assert not looks
    assert values["steady"] == values["style"] == 0


@pytest.mark.parametrize("sources", [1, 2])
@pytest.mark.parametrize(("count", "expected"), [(2, 2), (9, 3)])
def test_no_photograph_is_shown_twice(data: Path, tmp_path: Path, sources: int, count: int, expected: int) -> None:
    """Each is kept at several exposures; as grey pictures of one size those of one photograph are alike."""
    text = RECIPE if sources == 1 else RECIPE + '[[content]]\npath = "style/*.png"\nheight = 160\n'
    pictures = TrainingData(read_recipe(recipe_file(tmp_path, text)), data, lambda _: None).examples(count)
    small = [cv2.resize(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA) for p in pictures]
    alike = np.corrcoef([one.ravel() for one in small]) - np.eye(len(small))
    assert alike.max() < 0.5
    assert len(pictures) == min(count, expected * sources)


def test_content_that_cannot_be_read_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no clip")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    said: list[str] = []
    recipe = read_recipe(recipe_file(tmp_path, RECIPE.replace('path = "content"', f'path = "{tmp_path}"')))
    with pytest.raises(UsageError, match="no picture can be trained on"):
        TrainingData(recipe, data, said.append)
    assert any("broken.mp4" in line for line in said) and any("broken.png" in line for line in said)


def test_a_link_to_nothing_is_skipped_and_named(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    for kind in ("style", "content"):
        (tmp_path / "data" / kind / "gone.png").symlink_to("nowhere.png")
    said: list[str] = []
    Trainer(read_recipe(recipe_file(tmp_path)), data=tmp_path / "data", out=tmp_path / "out", notify=said.append)
    assert sum("gone.png: not a readable picture" in line for line in said) == 2


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((7000, 100), "too long and thin: cut it into pieces"),
        ((5000, 3), "too small for a crop of 64 px"),
        ((30, 20), "too small for a crop of 64 px"),
    ],
)
def test_content_that_is_no_use_is_skipped_and_named(
    data: Path, tmp_path: Path, size: tuple[int, int], why: str
) -> None:
    shutil.copytree(data, tmp_path / "data")
    width, height = size
    assert cv2.imwrite(str(tmp_path / "data" / "content" / "odd.png"), np.zeros((height, width, 3), np.uint8))
    said: list[str] = []
    recipe = read_recipe(recipe_file(tmp_path, RECIPE.replace("height = 160", "height = 360")))
    prepared = TrainingData(recipe, tmp_path / "data", said.append)
    assert len(prepared.content[0]) == 3 * VERSIONS
    assert any("odd.png" in line and why in line for line in said)


@pytest.mark.parametrize("treat", ["line", "teacher"])
def test_a_style_that_is_too_small_is_refused_before_a_teacher_draws_it(
    data: Path, tmp_path: Path, treat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draws(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("vidfx.training.data.treat_style", draws)
    text = RECIPE.replace("crop = [64, 80]", "crop = [400, 420]").replace('treat = "line"', f'treat = "{treat}"')
    said: list[str] = []
    with pytest.raises(UsageError, match="no picture is left to train on") as caught:
        TrainingData(read_recipe(recipe_file(tmp_path, text)), data, said.append)
    assert "the lines above" in caught.value.hint and "hold_out" not in caught.value.hint
    assert sum("200 × 180 px is smaller than the crop of 400 px" in line for line in said) == 3


def test_walls_are_drawn_before_time_is_counted(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = RECIPE + "[adversarial.losses]\nplain = 5.0\n"
    trainer = Trainer(read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "out", notify=print)
    monkeypatch.setattr("vidfx.training.data.plain_colours", lambda *_: pytest.fail("drawn while time is counted"))
    trainer.run()
    assert trainer.state.steps == 5


def test_a_run_that_goes_on_tells_no_step_twice(data: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file(tmp_path, RECIPE.replace("steps = 5", "steps = 20")))
    out = tmp_path / "out"

    def stop(done: int, _: int) -> None:
        if done == 15:
            raise KeyboardInterrupt

    trainer = Trainer(recipe, data=data, out=out, notify=print)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(stop)
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "sec')  # as a kill leaves it
    Trainer(recipe, data=data, out=out, notify=print).run()
    assert [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()] == [10, 20]


def test_the_ink_teacher_draws_dark_lines_on_light_paper() -> None:
    scene = np.full((160, 160, 3), 235, np.uint8)
    cv2.circle(scene, (80, 80), 50, (40, 60, 40), 3, cv2.LINE_AA)
    drawn = ink(scene)
    assert drawn.shape == scene.shape and drawn.dtype == np.uint8
    corner, ring = drawn[:20, :20].mean(), drawn[78:83, 28:33].min()
    assert corner > 215 and ring < 90
    red, green, blue = drawn[:20, :20].reshape(-1, 3).mean(0)
    assert red >= green >= blue  # warm paper


def test_a_run_can_begin_with_a_trained_style(data: Path, tmp_path: Path) -> None:
    first = Trainer(read_recipe(recipe_file(tmp_path)), data=data, out=tmp_path / "a", budget=0.0, notify=str)
    first.run()
    model = export_style(first, tmp_path / "style", recipe_text="")
    text = RECIPE.replace("[warm_start]", f'[warm_start]\nmodel = "{model}"')
    second = Trainer(read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "b", notify=str)
    for name, tensor in second.state.generator.state_dict().items():
        assert torch.equal(tensor, first.state.average.state_dict()[name].half().float()), name
    wider = text.replace("half = 8", "half = 12")
    with pytest.raises(UsageError, match="another generator"):
        Trainer(read_recipe(recipe_file(tmp_path, wider)), data=data, out=tmp_path / "c", notify=str)


def test_a_trained_style_may_teach(data: Path, model: Path, tmp_path: Path) -> None:
    """Its paintings are the answers, another width learns from them, and the card says whose pupil it is."""
    text = RECIPE.replace("[warm_start]\nsteps = 3", f'[warm_start]\nteacher_style = "{model}"\nsteps = 30')
    recipe = read_recipe(recipe_file(tmp_path, text.replace("steps = 5", "steps = 0")))
    trainer = Trainer(recipe, data=data, out=tmp_path / "out", notify=str)
    painted = load_style(str(model), machine=Machine(device="cpu", precision="fp32"))
    for content in trainer.data.content[0]:
        assert np.abs(content.answer.astype(int) - painted.stylize(content.picture[None])[0]).max() <= 1
    trainer.run()
    losses = [json.loads(line)["teacher"] for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    card = (export_style(trainer, tmp_path / "style", recipe_text=text).parent / "README.md").read_text()
    assert f"Warm start on the trained style `{model}`." in card and "discriminators" not in card


def test_a_teacher_that_is_not_there_is_missed_before_the_pictures(data: Path, tmp_path: Path) -> None:
    text = RECIPE.replace("[warm_start]", '[warm_start]\nteacher_style = "inkk"')
    said: list[str] = []
    with pytest.raises(MissingInput, match="inkk"):
        Trainer(read_recipe(recipe_file(tmp_path, text)), data=data, out=tmp_path / "out", notify=said.append)
    assert not any("draws" in line for line in said)


@needs_ffmpeg
def test_film_is_trained_on_as_a_render_sees_it(tmp_path: Path) -> None:
    """HDR brought into its range, interlaced film one picture a frame, and from wherever the recipe says."""
    for name in ("pq.mp4", "interlaced.mkv"):
        path = ODD[name](tmp_path)
        seen = list(read_style(StyleSource(path=str(path), every=2), tmp_path / "no", print))
        rendered = [frame.source for frame in read_frames(open_clip(path)) if frame.index % 2 == 0]
        assert len(seen) == len(rendered) > 1
        assert all(np.array_equal(a, b) for a, b in zip(seen, rendered, strict=True))


def test_pictures_are_held_and_left_out_by_name(data: Path, tmp_path: Path) -> None:
    source = StyleSource(path="style", hold_out=("1.png",), leave_out=("2.png", "broken*"))
    assert len(list(read_style(source, data, print))) == 1
    assert len(list(read_style(source, data, print, held_out=True))) == 1


def test_a_film_clip_is_a_style(data: Path, tmp_path: Path) -> None:
    make_clip(data / "style.mp4", frames=12, size=(160, 96))
    source = StyleSource(path="style.mp4", every=5)
    frames = list(read_style(source, data, print))
    assert [frame.shape for frame in frames] == [(96, 160, 3)] * 3


def torchvisions(ours: Vgg16) -> dict[str, torch.Tensor]:
    """The same filters in the layout and scaling of torchvision's file."""
    places = iter((0, 2, 5, 7, 10, 12, 14, 17, 19, 21))
    deviation = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)
    theirs = {}
    for name in (name for block in BLOCKS for name in block):
        place, layer = next(places), getattr(ours, name)
        weight = layer.weight if name != "conv1_1" else layer.weight.flip(1) * 255 * deviation
        theirs |= {f"features.{place}.weight": weight, f"features.{place}.bias": layer.bias}
    return theirs | {"classifier.0.weight": torch.zeros(2, 2)}


@pytest.fixture
def fetched(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of torchvision's form where vidfx would fetch it from, with its SHA-256 in its name."""
    made = tmp_path / "made.pth"
    torch.save(torchvisions(Vgg16(data / "features.safetensors")), made)
    named = made.rename(tmp_path / f"vgg16-{hashlib.sha256(made.read_bytes()).hexdigest()[:8]}.pth")
    monkeypatch.setattr("vidfx.features.VGG16_URL", named.as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return named


def test_torchvisions_features_are_the_same_network(data: Path, fetched: Path) -> None:
    """Fetched, or named as a file, they see the same in a picture as our own file does."""
    ours = Vgg16(data / "features.safetensors")
    x = torch.rand(1, 3, 32, 32)
    for network in (style_features("torchvision", data), Vgg16(fetched), load_features(fetched)):
        network.mean.copy_(ours.mean)  # they subtract ImageNet's mean, our file another
        for name, tap in ours(x).items():
            assert torch.allclose(network(x)[name], tap, rtol=1e-3, atol=1e-4), name


def test_where_nothing_can_be_fetched_nothing_weaker_takes_its_place(data: Path, fetched: Path) -> None:
    fetched.rename(fetched.with_suffix(".away"))
    with pytest.raises(Unavailable, match="cannot be fetched") as caught:
        style_features("torchvision", data)
    assert "vgg16-" in caught.value.hint and "`features`" in caught.value.hint


def test_what_came_damaged_is_not_taken(data: Path, fetched: Path) -> None:
    fetched.write_bytes(fetched.read_bytes() + b"0")
    with pytest.raises(UnreadableInput, match="damaged"):
        style_features("torchvision", data)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04"])
def test_a_pth_that_is_none_is_refused_and_runs_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(UnreadableInput, match="not a feature file"):
        Vgg16(tmp_path / "x.pth")

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "run",))

    torch.save({"features.0.weight": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(UnreadableInput, match="not a feature file"):
        Vgg16(tmp_path / "bomb.pth")
    assert not (tmp_path / "run").exists()


def test_without_tensorboard_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(Unavailable) as caught:
        Log(tmp_path, tensorboard=True)
    assert "vidfx[train]" in caught.value.hint
