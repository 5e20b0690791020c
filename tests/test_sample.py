"""The sample film is what its page says it is, and the code beside it can make it again."""

import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
FILM = ROOT / "samples" / "valley.mp4"

BT709 = 1  # matrix, primaries and transfer all have this number in ISO/IEC 23091-2
LIMITED = 1  # AVCOL_RANGE_MPEG


def small_greys() -> np.ndarray:
    with av.open(str(FILM)) as source:
        return np.stack([f.reformat(160, 90, format="gray").to_ndarray() for f in source.decode(video=0)]).astype(float)


def test_size_length_and_sound() -> None:
    assert FILM.stat().st_size <= 4_000_000
    with av.open(str(FILM)) as source:
        picture, sound = source.streams.video[0], source.streams.audio[0]
        assert (picture.width, picture.height) == (1280, 720)
        assert picture.codec_context.pix_fmt == "yuv420p"
        assert sound.codec_context.layout.name == "stereo"
        pictures = [f.pts * f.time_base for f in source.decode(picture)]
        source.seek(0)
        heard = [
            (f.pts * f.time_base, f.samples / f.sample_rate, np.abs(f.to_ndarray()).max()) for f in source.decode(sound)
        ]
    seconds = float(pictures[-1] - pictures[0] + 1 / picture.average_rate)
    assert seconds >= 4.0
    assert float(heard[-1][0]) + heard[-1][1] == pytest.approx(seconds, abs=0.1)
    assert 0.05 < max(peak for *_, peak in heard) <= 1.0  # neither silence nor clipping


def test_colour_is_tagged_on_every_frame() -> None:
    with av.open(str(FILM)) as source:
        for frame in source.decode(video=0):
            assert (int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)) == (BT709,) * 3
            assert int(frame.color_range) == LIMITED


def test_the_index_comes_first() -> None:
    data = FILM.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_one_hard_cut_and_motion_throughout() -> None:
    change = np.abs(np.diff(small_greys(), axis=0)).mean(axis=(1, 2))
    cut = int(change.argmax())
    rest = np.delete(change, cut)
    assert cut + 1 == 66
    assert change[cut] > 5 * rest.max()
    assert rest.min() > 0.1  # nothing ever stands still


def test_the_code_draws_both_shots_and_repeats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    shots = pytest.importorskip("sample_film.shots")
    terrain = sys.modules["sample_film.terrain"]

    def draw() -> list[np.ndarray]:
        film = shots.Film(terrain.Place(seed=3, cells=256), fineness=0.2)
        return [film.frame(k, 96, 54) for k in (10, shots.SHOTS[0] + 10)]

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        once, again = draw(), draw()
    finally:
        cv2.setNumThreads(threads)
    for a, b in zip(once, again, strict=True):
        assert a.shape == (54, 96, 3)
        assert a.std() > 10
        np.testing.assert_array_equal(a, b)
    assert np.abs(once[0].astype(float) - once[1]).mean() > 10


def test_the_sound_repeats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    sound = pytest.importorskip("sample_film.sound")
    once = sound.compose(1.0, 0.5)
    assert once.shape == (2, sound.RATE)
    np.testing.assert_array_equal(once, sound.compose(1.0, 0.5))
