"""docs/notebook.ipynb does what it says, cell by cell, in a kernel of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_it_is_what_its_script_writes() -> None:
    pytest.importorskip("nbclient")
    namespace: dict[str, Any] = {"__name__": "make_notebook", "__file__": str(ROOT / "scripts" / "make_notebook.py")}
    exec((ROOT / "scripts" / "make_notebook.py").read_text("utf-8"), namespace)
    kept, written = json.loads(NOTEBOOK.read_text("utf-8")), namespace["notebook"]()
    told = [(cell["cell_type"], "".join(cell["source"])) for cell in kept["cells"]]
    assert told == [(cell["cell_type"], "".join(cell["source"])) for cell in written["cells"]], (
        "run `python scripts/make_notebook.py`"
    )


def test_its_pictures_can_be_seen_without_running_it() -> None:
    kept = json.loads(NOTEBOOK.read_text("utf-8"))
    outputs = [output for cell in kept["cells"] for output in cell.get("outputs", [])]
    assert sum("image/jpeg" in output.get("data", {}) for output in outputs) == 6
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert NOTEBOOK.stat().st_size < 500_000


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the kernel's own
def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/jpeg" in output.get("data", {}) for output in outputs) == 6
    assert (tmp_path / "hill.ink.mp4").stat().st_size > 1000
