"""What each module of vidfx imports of vidfx, read from the source: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vidfx"


@cache
def modules() -> dict[str, Path]:
    """Every module by its name without `vidfx.`, a package by its own; the façade `vidfx/__init__.py` is left out."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


@cache
def imports() -> dict[str, frozenset[str]]:
    """For each module the modules it imports, anywhere in it: at the top, inside a function, or for types alone."""
    return {name: frozenset(_imported(path)) - {name} for name, path in modules().items()}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            wanted = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in wanted:
            parts = name.split(".")
            if parts[0] != "vidfx":
                continue
            own, above = ".".join(parts[1:]), ".".join(parts[1:-1])
            if own in modules():
                yield own
            elif above in modules():
                yield above
            else:
                assert own in ("", "__version__"), f"{path} imports {name} through the façade"


def cycle() -> list[str]:
    """Modules that import each other in a ring, the first one found; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        done.add(name)
        return next((ring for other in sorted(imports()[name]) if (ring := walk(other, [*way, name]))), [])

    return next((ring for name in modules() if (ring := walk(name, []))), [])
