"""Steadiness is learnt on a film's own frames: what came of a picture is found, carried and weighed rightly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clips import make_clip
from numpy.typing import NDArray
from toy_training import RECIPE, make_data

from vidfx.training.crops import TwoViews
from vidfx.training.data import Batch, TrainingData, to_tensor
from vidfx.training.neighbours import Later
from vidfx.training.pictures import SOON, read_content
from vidfx.training.recipe import ContentSource, read_recipe

EDGE = 160
SHIFT = (3, -2)  # px by which the camera moved, across and down


@pytest.fixture
def wide() -> NDArray[np.uint8]:
    """Blobs of several sizes that flow can hold on to."""
    random = np.random.default_rng(1)
    noise = [cv2.GaussianBlur(random.normal(0, 1, (480, 720, 3)), (0, 0), size) * size for size in (2, 6, 20)]
    return np.asarray(np.clip(127 + 60 * sum(noise), 0, 255), np.uint8)


def panned(wide: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    x, y = SHIFT
    return wide[20:420, 20:660].copy(), wide[20 + y : 420 + y, 20 + x : 660 + x].copy()


def film_batch(picture: NDArray[np.uint8], later: Later) -> Batch:
    came, flow, trust = later.crop(200, 100, EDGE)
    content = to_tensor([picture[100 : 100 + EDGE, 200 : 200 + EDGE]])
    return Batch(
        content=content,
        answer=content,
        style=content,
        later=to_tensor([came]),
        flow=torch.from_numpy(flow).permute(2, 0, 1)[None],
        trust=torch.from_numpy(trust)[None, None],
    )


def test_motion_is_found_and_cut_out_with_the_crop(wide: NDArray[np.uint8]) -> None:
    picture, later = panned(wide)
    came, flow, trust = Later.of(picture, later).crop(200, 100, EDGE)
    assert np.array_equal(came, later[100 : 100 + EDGE, 200 : 200 + EDGE])
    assert np.abs(flow - SHIFT).mean() < 0.1
    assert trust.mean() > 0.95


def test_a_place_in_the_crop_is_the_same_place_in_the_maps(wide: NDArray[np.uint8]) -> None:
    """A thing that alone moves has its trust and flow where it is, to the pixel of the maps."""
    picture = wide[:400, :640].copy()
    later = picture.copy()
    later[200:264, 320:384] = 255 - later[200:264, 320:384]  # nothing that was there before
    neighbour = Later.of(picture, later)
    whole = neighbour.crop(120, 0, 400)[2]
    assert whole[210:254, 210:254].mean() < 0.2, "trusted where all is new"
    assert whole[:175].min() > 0.9  # 25 px off; at 22 the rough way back doubts a few pixels
    assert whole[290:].min() > 0.9
    assert np.array_equal(neighbour.crop(220, 100, EDGE)[2][5:-5, 5:-5], whole[105 : 95 + EDGE, 105 : 95 + EDGE])


def test_a_painter_who_follows_the_film_is_steady_and_another_is_not(wide: NDArray[np.uint8]) -> None:
    picture, later = panned(wide)
    views = TwoViews.of(film_batch(picture, Later.of(picture, later)), torch.Generator().manual_seed(0))
    follows = views.unsteadiness(1 - views.seen, 1 - views.moved).item()
    stays = views.unsteadiness(1 - views.seen, 1 - views.seen).item()
    assert follows < 0.02 * stays
    assert follows <= 1
    wall = torch.full_like(views.seen, 0.5)
    assert views.unsteadiness(wall, wall).item() < 1e-6
    assert views.unsteadiness(wall, wall + 0.1).item() > 10


def test_it_is_counted_in_changes_of_the_film(wide: NDArray[np.uint8]) -> None:
    """Whoever doubles the film's noise has four times its mean square, whether there is little of it or much."""
    picture = wide[:400, :640].copy()
    random = np.random.default_rng(0)
    for strength in (4, 12):
        noisy = np.clip(picture + random.normal(0, strength, picture.shape), 0, 255).astype(np.uint8)
        views = TwoViews.of(film_batch(picture, Later.of(picture, noisy)), torch.Generator().manual_seed(0))
        assert views.unsteadiness(views.seen, views.moved).item() == pytest.approx(1, abs=0.2)
        assert views.unsteadiness(2 * views.seen, 2 * views.moved).item() == pytest.approx(4, abs=0.8)


def test_what_is_new_is_free(wide: NDArray[np.uint8]) -> None:
    """After a cut nothing is known, so nothing is asked."""
    picture = wide[:400, :640].copy()
    batch = film_batch(picture, Later.of(picture, np.ascontiguousarray(255 - wide[-400:, -640:][::-1])))
    views = TwoViews.of(batch, torch.Generator().manual_seed(0))
    assert views.unsteadiness(views.seen, views.moved).item() < 0.1


def test_a_clip_gives_each_picture_and_one_soon_after(tmp_path: Path) -> None:
    pictures = [np.full((64, 96, 3), 10 * number, np.uint8) for number in range(24)]
    make_clip(tmp_path / "film.mp4", pictures=pictures, options={"crf": "1"})
    pairs = list(read_content(ContentSource(path="film.mp4", every=5), tmp_path, print))
    numbers = [
        (round(first.mean() / 10), None if later is None else round(later.mean() / 10)) for first, later in pairs
    ]
    expected = [(n, n + gap) for n, gap in zip(range(0, 24, 5), (*SOON, SOON[0]), strict=True)]
    assert sorted(numbers, key=str) == sorted([(a, b if b < 24 else None) for a, b in expected], key=str)


def test_a_batch_of_film_and_photographs_mirrors_motion_with_the_picture(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    random = np.random.default_rng(0)
    wide = cv2.resize(random.integers(0, 256, (40, 80, 3), np.uint8), (640, 320), interpolation=cv2.INTER_CUBIC)
    make_clip(data / "pan.mp4", pictures=[np.asarray(wide[:256, 4 * n : 4 * n + 384], np.uint8) for n in range(24)])
    (data / "recipe.toml").write_text(RECIPE + '[[content]]\npath = "pan.mp4"\nevery = 8\nheight = 256\n')
    loaded = TrainingData(read_recipe(data / "recipe.toml"), data, print)
    films = photographs = 0
    signs = set()
    for step in range(12):
        batch = loaded.batch(step)
        for n in range(len(batch.trust)):
            if not batch.trust[n].any():
                photographs += 1
                assert torch.equal(batch.later[n], batch.content[n])
                continue
            films += 1
            signs.add(bool(batch.flow[n, 0].median() > 0))
        views = TwoViews.of(batch, torch.Generator().manual_seed(step))
        dull = torch.full_like(views.seen, 0.5)
        moving = views.unsteadiness(views.seen, views.moved).item()
        assert moving < 1.2, "motion goes with the picture"
        assert views.unsteadiness(dull, views.moved).item() > 20 * moving
    assert films > 3
    assert photographs > 3
    assert signs == {True, False}, "mirrored and not"
