"""Writes docs/notebook.ipynb from the cells below: a notebook is JSON that nobody should edit by hand.

python scripts/make_notebook.py
"""

from __future__ import annotations

import json
from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"

CELLS = [
    """# vidfx in a notebook

Paint frames of your own, look at them, put the stages together by hand, and use a style of your own. It runs
on Colab, with or without a
GPU, and on a laptop; every cell takes seconds.""",
    """# On Colab: upload the wheel that `python -m build` leaves in dist/, and this cell installs it.
import importlib.util
import pathlib
import subprocess
import sys

if importlib.util.find_spec("vidfx") is None:
    wheel = next(pathlib.Path().glob("vidfx-*.whl"))
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"{wheel}[openvino]"], check=True)""",
    """## Your own frames

Any array of N × height × width × 3, RGB, uint8 or uint16 will do. Here two are drawn; `cv2.imread(path)[..., ::-1]`
reads one from a file.""",
    """import cv2
import numpy as np

import vidfx


def hill(number: int) -> np.ndarray:
    \"\"\"A hill, a sky and a sun that moves: 192 × 320.\"\"\"
    y, x = np.mgrid[:192, :320].astype(np.float32)
    sky = np.stack([150 + 60 * y / 192, 180 + 40 * y / 192, 235 - 20 * y / 192], axis=-1)
    ridge = 110 + 25 * np.sin(x / 50) + 12 * np.sin(x / 17)
    image = np.where((y > ridge)[..., None], np.stack([60 + y / 4, 95 + y / 5, 55 + y / 6], axis=-1), sky)
    image = image.astype(np.uint8)
    cv2.circle(image, (60 + 4 * number, 45), 18, (250, 225, 150), -1, cv2.LINE_AA)
    return image


def show(*pictures: np.ndarray):
    \"\"\"Pictures beside each other, as a notebook shows them.\"\"\"
    from IPython.display import Image, display

    display(Image(cv2.imencode(".png", np.hstack(pictures)[..., ::-1])[1].tobytes()))


frames = np.stack([hill(number) for number in range(8)])
painter = vidfx.load_style("ink")  # finds the best device and runtime that are here
painted = painter.stylize(frames)  # N × H × W × 3 in, the same out
print(painter.describe(192, 320), "|", painted.shape, painted.dtype)
show(frames[0], painted[0])""",
    """## Held still

Painted one by one, strokes flicker. `steady_both_ways` averages along the motion of the source. A stage takes an
iterator of frames and gives one;
a `Frame` is a picture with its time.""",
    """from fractions import Fraction

from vidfx.ahead import steady_both_ways
from vidfx.composite import composite
from vidfx.screentone import screentone
from vidfx.shots import mark_shots
from vidfx.stylize import stylize


def as_frames(pictures):
    for index, picture in enumerate(pictures):
        time = {"pts": index, "time_base": Fraction(1, 24), "duration": 1}
        yield vidfx.Frame(index=index, image=picture, source=picture, **time)


def held(stages, painter, look):
    \"\"\"All that a render does between reading and writing.\"\"\"
    stages = stylize(mark_shots(stages), painter)
    stages = steady_both_ways(stages, amount=look.smooth, window=look.smooth_window)
    if painter.card.finish == "screentone":  # manga: greys become dots, after they are held still
        stages = screentone(stages)
    return composite(stages, look=look)


look = vidfx.Look(strength=0.9, keep_color=True)
still = [frame.image for frame in held(as_frames(frames), painter, look)]
print(len(still), "frames")
show(painted[-1], still[-1])""",
    """## A film

`render` does all of it from file to file, with sound, times and subtitles as they were. Put a path of your
own into `film`; without one,
the frames above become a small film.""",
    """import av

film = pathlib.Path("hill.mp4")
if not film.exists():
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))

vidfx.preview(film, at=0.2, styles=["ink", "oil"], output="sheet.png", overwrite=True)
show(cv2.imread("sheet.png")[..., ::-1])
done = vidfx.render(film, "hill.ink.mp4", style="ink", look=look, overwrite=True)
print(done.path, done.frames, "frames on", done.ran_on)""",
    """## A film, stage by stage

The same stages as above on the film's own frames, to look at or to do with as you like: `read_frames` gives them with
their exact times.""",
    """from vidfx.source import open_clip, read_frames

clip = open_clip(film)
for frame in held(read_frames(clip), painter, look):
    if frame.index in (0, 7):
        print(frame.index, float(frame.time), "s", frame.image.shape)
        show(frame.source, frame.image)""",
    """## A style of your own

`vidfx train` makes one from a recipe in an hour ([training](training.md)). A style is a folder with a
`model.safetensors`; name the
folder where a style is asked for. Here the shipped `oil` stands in for yours.""",
    """yours = vidfx.find_style("oil").path.parent  # put the folder of your style here
mine = vidfx.load_style(str(yours))
print(mine.card.name, "-", mine.card.description)
show(frames[3], mine.stylize(frames[3:4])[0])""",
]


def notebook() -> dict[str, object]:
    cells: list[dict[str, object]] = []
    for number, text in enumerate(CELLS):
        code = not text.startswith("#") or text.startswith("# On Colab")
        cell: dict[str, object] = {"cell_type": "code" if code else "markdown", "id": f"cell-{number}", "metadata": {}}
        cell["source"] = text.splitlines(keepends=True)
        cells.append(cell | ({"execution_count": None, "outputs": []} if code else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "colab": {"provenance": []}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def text() -> str:
    return json.dumps(notebook(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    NOTEBOOK.write_text(text(), "utf-8")
    print(NOTEBOOK)
