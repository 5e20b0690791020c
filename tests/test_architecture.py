"""docs/architecture.md is drawn from the code: layers from the imports, and every name on it is there."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

from imports import ROOT, cycle, imports, modules

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def layers() -> list[list[list[str]]]:
    """The drawing, from the top: lines of boxes of names."""
    drawing = re.search(r"## Layers.*?^```text\n(.*?)^```$", PAGE, re.M | re.S)
    assert drawing
    return [[box.split() for box in line.split("|")] for line in drawing[1].splitlines()]


def places() -> dict[str, tuple[int, int]]:
    """Line and box of every module: a name stands for all that is in it and is not drawn by itself."""
    drawn = {
        name: (line, box) for line, boxes in enumerate(layers()) for box, names in enumerate(boxes) for name in names
    }
    return {module: drawn[max((n for n in drawn if f"{module}.".startswith(f"{n}.")), key=len)] for module in modules()}


def test_every_module_is_drawn_once_and_nothing_else() -> None:
    drawn = [name for boxes in layers() for names in boxes for name in names]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) <= set(modules())
    undrawn = [m for m in modules() if not any(f"{m}.".startswith(f"{name}.") for name in drawn)]
    assert not undrawn


def test_imports_go_down_only() -> None:
    place = places()
    wrong = [
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in others
        if place[other][0] < place[name][0] or (place[other][0] == place[name][0] and place[other] != place[name])
    ]
    assert not wrong


def test_stages_know_no_front_end() -> None:
    """Said apart from the drawing, so that no redrawing can lose it."""
    front = {"cli", "farm", "tune"}
    stages = ("source", "shots", "stylize", "trust", "ahead", "steady", "screentone", "composite", "sink", "pipeline")
    seen, todo = set[str](), list(stages)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += imports()[name]
    assert not {name for name in seen if name.split(".")[0] in front}


def test_nothing_imports_in_a_ring() -> None:
    assert not cycle()


def test_training_and_evaluation_take_what_the_table_says() -> None:
    for package in ("training", "evaluation"):
        row = re.search(rf"^\| `{package}` \| (.*) \|$", PAGE, re.M)
        assert row
        inside = {name for name in modules() if f"{name}.".startswith(f"{package}.")}
        taken = {other.split(".")[0] for name in inside for other in imports()[name]} - {package}
        assert taken == set(re.findall(r"`(.+?)`", row[1])), package


def test_every_name_on_the_page_is_in_the_code() -> None:
    names = set(re.findall(r"(?:`|-->\|)([a-z_]+(?:\.[A-Za-z_]+)+)[`|]", PAGE)) - {
        "model.safetensors",
        "recipe.toml",
        "preview.jpg",
        "checkpoint.pt",
    }
    assert len(names) > 40
    for name in names:
        parts = name.split(".")
        cut = next(n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in modules())
        value = import_module(f"vidfx.{'.'.join(parts[:cut])}")
        for part in parts[cut:]:
            assert hasattr(value, part) or part in getattr(value, "__annotations__", {}), name
            value = getattr(value, part, None)


def test_the_drawn_stages_are_the_pipelines_in_its_order() -> None:
    stages = "mark_shots|stylize|mark_motion|steady_both_ways|screentone|composite"
    body = (ROOT / "vidfx" / "pipeline.py").read_text("utf-8").split("def paint_frames(")[1].split("\ndef ")[0]
    drawn = re.findall(rf"-->\|[a-z]+\.({stages})\|", PAGE)
    assert drawn == re.findall(rf"\b({stages})\(", body) != []


def test_the_map_of_a_package_has_all_of_its_modules() -> None:
    """Where a package's first lines list its modules."""
    mapped = 0
    for init in (ROOT / "vidfx").rglob("__init__.py"):
        listed = set(re.findall(r"\b(\w+\.py)\b", docstring(init)))
        if listed:
            mapped += 1
            assert listed == {path.name for path in init.parent.glob("*.py")} - {"__init__.py"}, init
    assert mapped >= 3


def docstring(init: Path) -> str:
    return ast.get_docstring(ast.parse(init.read_text("utf-8"))) or ""


def test_files_are_short_or_say_why_not() -> None:
    files = [path for folder in ("vidfx", "tests", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    files += (ROOT / "vidfx").rglob("*.js")
    lengths = {path: path.read_text("utf-8").count("\n") for path in files}
    assert sorted(lengths.values())[len(files) // 2] <= 150
    for path, length in lengths.items():
        head = "".join(path.read_text("utf-8").splitlines()[:10])
        assert length <= 300 or "Long, because" in head, path
