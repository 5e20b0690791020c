"""Writes docs/notebook.ipynb from the cells below, with what they print and show: nobody should edit JSON by hand.

python scripts/make_notebook.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import nbclient
import nbformat

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

    display(Image(cv2.imencode(".jpg", np.hstack(pictures)[..., ::-1])[1].tobytes()))


frames = np.stack([hill(number) for number in range(8)])
painter = vidfx.load_style("ink")  # finds the best device and runtime that are here
painted = painter.stylize(frames)  # N × H × W × 3 in, the same out
print(painter.describe(192, 320), "|", painted.shape, painted.dtype)
show(frames[0], painted[0])""",
    """## Held still

Painted one by one, strokes flicker. `paint_frames` does all that a render does between reading and writing: it paints,
averages along the
motion of the source, and composites. It takes an iterator of frames and gives one; a `Frame` is a picture with its
time.""",
    """from fractions import Fraction


def as_frames(pictures):
    for index, picture in enumerate(pictures):
        time = {"pts": index, "time_base": Fraction(1, 24), "duration": 1}
        yield vidfx.Frame(index=index, image=picture, source=picture, **time)


look = vidfx.Look(strength=0.9, keep_color=True)
still = [frame.image for frame in vidfx.paint_frames(as_frames(frames), painter, look=look)]
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

`read_frames` gives a film's own frames with their exact times. Before `paint_frames` may stand whatever you like; each
stage can be had by itself as well
([python.md](python.md)). Here every picture is mirrored before it is painted.""",
    """from dataclasses import replace

from vidfx.source import open_clip, read_frames

mirrored = (
    replace(frame, image=frame.image[:, ::-1].copy(), source=frame.image[:, ::-1].copy())
    for frame in read_frames(open_clip(film))
)
for frame in vidfx.paint_frames(mirrored, painter):
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


def executed() -> str:
    """The notebook as text, with what its cells put out."""
    book = nbformat.reads(json.dumps(notebook()), as_version=4)  # type: ignore[no-untyped-call]  # it ships without types
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": folder}}).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # the time of day
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]  # names this machine
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("text/plain", None)  # where an object lay in memory
    return str(nbformat.writes(book)) + "\n"  # type: ignore[no-untyped-call]  # it ships without types


if __name__ == "__main__":
    NOTEBOOK.write_text(executed(), "utf-8")
    print(NOTEBOOK)
