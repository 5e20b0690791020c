"""docs/notebook.ipynb does what it says, cell by cell, in a kernel of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_it_is_what_its_script_writes() -> None:
    namespace: dict[str, object] = {"__name__": "make_notebook", "__file__": str(ROOT / "scripts" / "make_notebook.py")}
    exec((ROOT / "scripts" / "make_notebook.py").read_text("utf-8"), namespace)
    assert NOTEBOOK.read_text("utf-8") == namespace["text"](), "run `python scripts/make_notebook.py`"  # type: ignore[operator]


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
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 6
    assert (tmp_path / "hill.ink.mp4").stat().st_size > 1000
