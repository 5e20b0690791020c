"""The film's sound: wind, water, a bird or two and a plucked string, all from seeded noise and sines."""

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]
RATE = 48000


def _coloured(n: int, rng: np.random.Generator, low: float, high: float, tilt: float) -> Wave:
    """Noise between `low` and `high` hertz, falling as frequency to the power -`tilt`; about unit level."""
    hertz = np.fft.rfftfreq(n, 1.0 / RATE)
    shape = np.exp(-((low / np.maximum(hertz, 1.0)) ** 4)) * np.exp(-((hertz / high) ** 4))
    shape *= np.maximum(hertz, low) ** -tilt
    wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
    return np.asarray(wave / wave.std())


def _pluck(hertz: float, seconds: float, rng: np.random.Generator, bend: float) -> Wave:
    """A silk string: harmonics that die the sooner the higher they are, and a sliding pitch."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * hertz * (t + bend * (1 - np.exp(-5 * t)) / 5)
    wave = np.zeros_like(t)
    for k in range(1, 13):
        if hertz * k > 9000:
            break
        strength = abs(np.sin(np.pi * k * 0.17)) / k**1.25
        stretch = np.sqrt(1 + 0.00025 * k * k)
        wave += strength * np.exp(-t * (1.1 + 0.55 * k)) * np.sin(k * stretch * phase + rng.uniform(0, 0.4))
    return np.asarray(wave * np.minimum(t / 0.003, 1.0))


def _whistle(rng: np.random.Generator, top: float) -> Wave:
    """A soft two-note bird."""
    t = np.arange(int(0.42 * RATE)) / RATE
    hertz = top * np.where(t < 0.16, 1.0 + 0.5 * t, 0.80 - 0.15 * (t - 0.16)) * (1 + 0.012 * np.sin(2 * np.pi * 23 * t))
    phase = 2 * np.pi * np.cumsum(hertz) / RATE + rng.uniform(0, 1)
    gate = np.exp(-(((t - 0.08) / 0.05) ** 2)) + 0.8 * np.exp(-(((t - 0.28) / 0.08) ** 2))
    return np.asarray(gate * np.sin(phase))


def compose(seconds: float, cut: float, seed: int = 9) -> NDArray[np.float32]:
    """Stereo, 2 × samples at 48 kHz, within ±1. The river is near until `cut`, then the wind and birds are."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    later = 1.0 / (1.0 + np.exp(-(t - cut) / 0.02))
    out = np.zeros((2, n))
    for side in range(2):
        gust = 0.6 + 0.4 * np.sin(2 * np.pi * 0.23 * t + 0.8 * side)
        out[side] += (0.012 + 0.014 * later) * gust * _coloured(n, rng, 90.0, 900.0, 0.8)
        lap = np.clip(_coloured(n, rng, 0.8, 5.0, 0.0), 0.0, 3.0)
        out[side] += (0.020 - 0.012 * later) * lap * _coloured(n, rng, 350.0, 3800.0, 0.5)

    def add(wave: Wave, at: float, level: float, pan: float) -> None:
        start = int(at * RATE)
        for side, gain in ((0, np.cos(pan * np.pi / 2)), (1, np.sin(pan * np.pi / 2))):
            for delay, share in ((0.0, 1.0), (0.083 + 0.011 * side, 0.30), (0.197 - 0.013 * side, 0.20), (0.37, 0.11)):
                first = start + int(delay * RATE)  # the cliffs answer
                part = wave[: max(n - first, 0)]
                out[side, first : first + len(part)] += level * gain * share * part

    tonic = 220.0  # A, in the yu mode: A C D E G
    for at, ratio, level in (
        (0.25, 1.0, 0.16), (0.95, 3 / 2, 0.13), (1.40, 16 / 9, 0.11), (1.80, 2.0, 0.15),
        (2.75, 4 / 3, 0.16), (2.78, 2 / 3, 0.10), (3.30, 6 / 5, 0.12), (3.75, 1.0, 0.15), (3.76, 0.5, 0.10),
    ):  # fmt: skip
        add(_pluck(tonic * ratio, 3.0, rng, 0.010), at, level, 0.42)
    for at, top, pan in ((2.05, 3100.0, 0.8), (3.05, 3300.0, 0.25), (4.05, 2900.0, 0.7)):
        add(_whistle(rng, top), at, 0.035, pan)
    out *= np.minimum(1.0, np.minimum(t / 0.05, (seconds - t) / 0.35))
    return np.asarray(np.tanh(1.4 * out) * 0.85, np.float32)
