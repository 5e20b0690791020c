"""Make samples/valley.mp4: five seconds of a river that exists nowhere, drawn and scored from arithmetic.

    python scripts/make_sample.py [OUT.mp4]

Needs numpy, opencv and PyAV. The same seeds give the same pictures and the same sound.
"""

import multiprocessing
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sample_film.shots import RATE, SHOTS, Film
from sample_film.sound import RATE as HERTZ
from sample_film.sound import compose

FILM = Film()


def to_yuv420(rgb: np.ndarray) -> np.ndarray:
    """8-bit R'G'B' as BT.709 limited-range planar 4:2:0, chroma sited on the left, as (3/2 height) × width."""
    height, width = rgb.shape[:2]
    r, g, b = (rgb[..., k].astype(np.float32) for k in range(3))
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    planes = [y * (219.0 / 255.0) + 16.0]
    for colour, span in ((b, 1.8556), (r, 1.5748)):
        c = (colour - y) / span * (224.0 / 255.0)
        c = c.reshape(height // 2, 2, width).mean(axis=1)
        left = np.concatenate([c[:, :1], c[:, :-1]], axis=1)
        right = np.concatenate([c[:, 1:], c[:, -1:]], axis=1)
        planes.append((0.25 * left + 0.5 * c + 0.25 * right)[:, ::2] + 128.0)
    flat = np.concatenate([p.ravel() for p in planes])
    return np.asarray(np.clip(np.rint(flat), 0, 255), np.uint8).reshape(height * 3 // 2, width)


def draw(number: int) -> np.ndarray:
    """Frame `number`, ready for the encoder."""
    return to_yuv420(FILM.frame(number))


def write(path: Path) -> None:
    """Draw, encode and mux the film."""
    total = sum(SHOTS)
    sound = compose(total / RATE, SHOTS[0] / RATE)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        picture = out.add_stream(
            "libx264", rate=RATE, options={"crf": "21", "preset": "slow", "maxrate": "7M", "bufsize": "7M"}
        )
        picture.width, picture.height, picture.pix_fmt = 1280, 720, "yuv420p"
        context = picture.codec_context
        context.thread_count = 2
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        track = out.add_stream("aac", rate=HERTZ, layout="stereo")
        track.bit_rate = 128_000
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for number, planes in enumerate(pool.imap(draw, range(total))):
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
                frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
                out.mux(picture.encode(frame))
                print(f"\r{number + 1}/{total}", end="", file=sys.stderr, flush=True)
        out.mux(picture.encode(None))
        for start in range(0, sound.shape[1], 1024):
            block = np.ascontiguousarray(sound[:, start : start + 1024])
            heard = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            heard.sample_rate, heard.pts, heard.time_base = HERTZ, start, Fraction(1, HERTZ)
            out.mux(track.encode(heard))
        out.mux(track.encode(None))


def main() -> None:
    home = Path(__file__).resolve().parent.parent / "samples" / "valley.mp4"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else home
    path.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    cv2.setNumThreads(1)  # also because OpenCV's own threads do not survive a fork
    _ = FILM.world, FILM.air, FILM.pine, FILM.tower  # before the fork, so that both processes share them
    write(path)
    print(f"\n{path.name}: {path.stat().st_size} bytes in {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
