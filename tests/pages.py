"""The pages people read, taken apart: their blocks of code, their links, the headings one can link to."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "samples" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "models").glob("*/README.md")),
]
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
_INDENTED = re.compile(r"(?:^ {4,}.*\n)+", re.M)


@dataclass(frozen=True)
class Block:
    """One block of code on a page."""

    page: Path
    line: int
    """Of its first line, from 1."""
    kind: str
    """`sh`, `python`, `toml`, `text`; empty where it is set off by spaces."""
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 2, match[1], textwrap.dedent(match[2]))
    prose = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in _INDENTED.finditer(prose):
        kept = "".join(line.strip() + "\n" for line in match[0].splitlines())
        yield Block(page, prose.count("\n", 0, match.start()) + 1, "", kept)


def shell_blocks() -> Iterator[Block]:
    """Everything a reader is told to type: fenced as `sh`, or set off by spaces and beginning with a command."""
    for page in PAGES:
        for block in blocks(page):
            if block.kind == "sh" or (not block.kind and re.match(r"(vidfx [a-z]+|pip|python|pytest) ", block.text)):
                yield block


def lines(block: Block) -> list[str]:
    """The commands of a shell block, each on one line, without comments and what a program answers."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    kept = (re.sub(r"\s{2,}(#.*|[a-z ,]+)$", "", line).strip() for line in joined.splitlines())
    return [line for line in kept if line and not re.match(r"\^C|vidfx:|#", line)]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """What GitHub lets one link to: lower case, spaces as hyphens, punctuation gone, a number behind a repeated one."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return set(found)
