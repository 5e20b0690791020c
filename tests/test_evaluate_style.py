"""Distance to a style: known answers, an interval that covers, and paintings that are nearer to paintings."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clips import MEDIA
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from vidfx.errors import MissingInput, UnreadableInput, UsageError
from vidfx.evaluation import style as measured
from vidfx.evaluation.style import StyleReference, kernel_distance, squares_of, style_distance
from vidfx.features import BLOCKS, load_features

DATA = MEDIA.parent / "data"
NETWORK = DATA / "features" / "efficientnet_lite0.safetensors"
needs_network = pytest.mark.skipif(not NETWORK.is_file(), reason="no trained feature network beside the repository")


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow VGG16 of random weights: enough to tell stripes from blobs."""
    torch.manual_seed(0)
    weights, channels = {}, 3
    for block, width in zip(BLOCKS, (8, 8, 12, 12), strict=True):
        for name in block:
            weights[f"{name}.weight"] = torch.randn(width, channels, 3, 3) * (2 / channels / 9) ** 0.5
            weights[f"{name}.bias"] = torch.zeros(width)
            channels = width
    path = tmp_path_factory.mktemp("features") / "narrow.safetensors"
    save_file(weights, path)
    return path


def stripes(seed: int, strength: float = 1) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    angle = random.uniform(0.4, 0.8)
    wave = 127 + 90 * strength * np.sin((x * np.cos(angle) + y * np.sin(angle)) / 3 + random.uniform(0, 6))
    return np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)


def blobs(seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 1, (256, 256, 3))
    soft = cv2.GaussianBlur(noise, (0, 0), 12)
    return np.clip(127 + 60 * soft / soft.std(), 0, 255).astype(np.uint8)


def test_a_style_is_near_itself_and_far_from_another(features: Path) -> None:
    reference = StyleReference((stripes(i) for i in range(6)), features)
    same = reference.distance(stripes(i) for i in range(10, 16))
    other = reference.distance(blobs(i) for i in range(6))
    assert same.low <= 0.02 and abs(same.kernel) < 0.05 * other.kernel
    assert other.low > same.high and same.frechet < 0.1 * other.frechet
    assert (other.pictures, other.style_pictures) == (6, 6)
    assert reference.distance(stripes(i) for i in range(6)).frechet == pytest.approx(0, abs=1e-6)


def test_distance_grows_as_pictures_leave_the_style(features: Path) -> None:
    reference = StyleReference([stripes(i) for i in range(5)], features)
    sets = [[cv2.addWeighted(stripes(i + 9), 1 - t, blobs(i), t, 0) for i in range(5)] for t in (0, 0.3, 0.6, 1)]
    distances = [reference.distance(some) for some in sets]
    for before, after in pairwise(distances):
        assert after.kernel > before.kernel and after.frechet > before.frechet


def test_the_kernel_distance_is_the_plain_double_sum() -> None:
    random = np.random.default_rng(1)
    some, others = ([random.normal(m, 0.3, (1, 4)) for _ in range(n)] for m, n in ((0, 7), (0.3, 5)))

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        return float((x[0] @ y[0] + 1) ** 3)

    def within(items: list[NDArray[np.float64]]) -> float:
        return float(np.mean([kernel(x, y) for i, x in enumerate(items) for j, y in enumerate(items) if i != j]))

    expected = within(some) + within(others) - 2 * np.mean([kernel(x, y) for x in some for y in others])
    assert kernel_distance(some, others)[0] == pytest.approx(expected)


@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_the_interval_covers_the_truth(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "_RESAMPLES", 200)
    random = np.random.default_rng(2)

    def draw(count: int, mean: float) -> list[NDArray[np.float64]]:
        return [random.normal(mean, 0.3, (1, 3)) for _ in range(count)]

    truth = kernel_distance(draw(3000, 0), draw(3000, shift))[0]
    intervals = [kernel_distance(draw(25, 0), draw(25, shift)) for _ in range(60)]
    covered = np.mean([low <= truth <= high for _, low, high in intervals])
    assert covered >= 0.85
    assert np.mean([d for d, _, _ in intervals]) == pytest.approx(truth, abs=0.03)  # unbiased


def test_the_frechet_distance_of_two_gaussians() -> None:
    """For covariances that share their axes: |m − m'|² + Σ (σ − σ')², here over |m'|² + Σ σ'²."""
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))
    means = np.arange(5.0), np.ones(5)
    deviations = np.array([1, 2, 0, 3, 0.5]), np.array([2, 2, 1, 1, 0])
    moments = [measured._Moments(m, turn @ np.diag(s**2) @ turn.T) for m, s in zip(means, deviations, strict=True)]
    apart = ((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    energy = (means[1] ** 2).sum() + (deviations[1] ** 2).sum()
    assert measured.frechet_distance(*moments) == pytest.approx(apart / energy)


@pytest.mark.parametrize("size", [(256, 256), (720, 1280), (1600, 900), (100, 300), (1, 1), (257, 513)])
def test_pictures_of_any_size_give_squares(size: tuple[int, int]) -> None:
    squares = squares_of(np.zeros((*size, 3), np.uint8))
    assert 1 <= len(squares) <= 4
    assert all(square.shape == (256, 256, 3) for square in squares)


def test_bad_input_is_named(features: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two at least"):
        StyleReference([stripes(0)], features)
    with pytest.raises(MissingInput):
        style_distance([stripes(0)] * 2, [blobs(0)] * 2, tmp_path / "absent.safetensors")
    (tmp_path / "noise.safetensors").write_bytes(b"no weights")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    save_file({"conv1_1.weight": torch.zeros(1)}, tmp_path / "half.safetensors")
    save_file({"_conv_stem.weight": torch.zeros(1)}, tmp_path / "stem.safetensors")
    for name in ("noise", "other", "half", "stem"):
        with pytest.raises(UnreadableInput):
            load_features(tmp_path / f"{name}.safetensors")


def pictures(folder: str, every: int, count: int = 8, first: int = 0) -> list[NDArray[np.uint8]]:
    paths = sorted((DATA / folder).glob("*.jpg"))[first::every][:count]
    return [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in paths]


@needs_network
def test_the_classifier_names_photographs() -> None:
    """That its layers are put together rightly shows in what it makes of photographs, one a class, in class order."""
    network, head = load_features(NETWORK), load_file(NETWORK)
    names = sorted((DATA / "content_imagenet").glob("*.jpg"))
    right = 0
    chosen = range(0, len(names), 60)
    for number in chosen:
        picture = cv2.resize(cv2.imread(str(names[number]), cv2.IMREAD_COLOR_RGB), (256, 256))[16:240, 16:240]
        x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
        scores = network(x)["head"].mean((2, 3)) @ head["_fc.weight"].float().T + head["_fc.bias"].float()
        right += number <= int(scores.argmax()) <= number + 1000 - len(names)  # some classes have no photograph
    assert right >= 0.8 * len(chosen)


@needs_network
def test_half_a_scroll_is_nearer_to_the_other_half_than_photographs_or_prints() -> None:
    half = StyleReference(pictures("bluegreen", 4, 8), NETWORK)
    rest = [
        cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in sorted((DATA / "bluegreen").glob("*.jpg"))[2::4][:8]
    ]
    near = half.distance(rest)
    for folder in ("content_bsds", "woodblock"):
        far = half.distance(pictures(folder, 1))
        assert far.low > near.high and near.frechet < 0.3 * far.frechet
