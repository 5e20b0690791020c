"""Writes docs/files.md: what becomes of every odd file, as ffprobe sees it before and after.

    python scripts/make_files_table.py [--only WORD]

Each file is rendered by `vidfx.render` at strength 0 (the untouched picture through the whole path) into its own
container, or Matroska where vidfx does not write that. A row that is not right must say why: else this exits with 1.
Files of tests/odd_clips.py are made; real ones in ../shared/media/odd, if there are any, come first.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import odd_clips  # noqa: E402 - tests/ is no package
import witness  # noqa: E402
from tiny_style import make_style  # noqa: E402

import vidfx  # noqa: E402
from vidfx.choice import CONTAINERS  # noqa: E402

REAL = ROOT.parent / "shared" / "media" / "odd"
PAGE = ROOT / "docs" / "files.md"
HEAD = """# What becomes of odd files

One row a file, each rendered at `--strength 0` and compared by ffprobe with its source; made by
`python scripts/make_files_table.py`. Time: the greatest difference of any frame. Streams: packets compared byte for
byte. A row that differs from its source says why.

"""
COLUMNS = (
    *("file", "what it is", "to", "frames", "time", "streams", "chapters, tags", "picture", "colour tags"),
    *("vidfx said", "why it differs"),
)
REASONS = {
    "wrap.ts": "its first frames lie before 0, which no container shows: all of it moves",
    "no_moov.mp4": "the index of all pictures is missing: nothing can be found in it",
    "nothing_decodes.mkv": "no picture is left",
    "photos.mkv": "its pictures stand as their EXIF says, which the witness here does not read",
    "size_changes.ts": "a film has one size: later pictures are scaled to the first",
    "repeated_times.mkv": "two frames cannot share a time: the second comes one tick later",
}
"""What no rule below explains."""


@dataclass
class Row:
    """One line of the table, and whether all of its differences have a reason."""

    name: str
    what: str
    to: str = ""
    frames: str = ""
    time: str = ""
    streams: str = ""
    tags: str = ""
    picture: str = ""
    colour: str = ""
    said: str = ""
    why: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    def differs(self, what: str, reason: str | None) -> None:
        """Notes a difference; without a reason of its own it must be in `REASONS`."""
        reason = reason or REASONS.get(self.name)
        if reason is None:
            self.unexplained.append(what)
        elif reason not in self.why:
            self.why.append(reason)

    def __str__(self) -> str:
        cells = (self.to, self.frames, self.time, self.streams, self.tags, self.picture, self.colour, self.said)
        why = "; ".join(self.why + [f"**unexplained: {what}**" for what in self.unexplained])
        return "| " + " | ".join((f"`{self.name}`", self.what, *cells, why)).replace("\n", " ") + " |"


def main() -> int:
    """Makes the page; 1 where a row differs without a reason."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="only files whose name holds this; prints, and writes no page")
    only = parser.parse_args().only
    real = sorted(REAL.iterdir()) if REAL.is_dir() else []
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        style = str(make_style(place / "tiny"))
        for path in real:
            if only in path.name:
                rows.append(row(path, "a real file: " + path.stem.replace("_", " "), place / "out", style))
                print(rows[-1], flush=True)
        for name, maker in odd_clips.ODD.items():
            if only in name:
                what = (maker.__doc__ or "").strip().rstrip(".")
                rows.append(row(maker(place), what, place / "out", style))
                print(rows[-1], flush=True)
    if not only:
        head = f"{HEAD}| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n"
        PAGE.write_text(head + "\n".join(map(str, rows)) + "\n", encoding="utf-8")
    return int(any(row.unexplained for row in rows))


def row(path: Path, what: str, folder: Path, style: str) -> Row:
    """Renders one file and compares."""
    folder.mkdir(exist_ok=True)
    suffix = path.suffix if path.suffix in CONTAINERS else ".mkv"
    output = folder / f"{path.stem}{suffix}"
    line = Row(path.name, what, suffix)
    quick = {".webm": {"cpu-used": "8"}, ".nut": {}}.get(suffix)
    encode = vidfx.Encode(options=quick) if quick is not None else vidfx.Encode(preset="ultrafast")
    if path.name == "alpha.mov":
        encode = vidfx.Encode()  # ProRes, which keeps it, has no presets
    machine = vidfx.Machine(device="cpu", precision="fp32", threads=1)
    look = vidfx.Look(strength=0, smooth=0)
    try:
        done = vidfx.render(path, output, style=style, look=look, machine=machine, encode=encode, overwrite=True)
    except vidfx.VidfxError as error:
        line.said = f"exit {error.exit_code}: {_brief(str(error), path)}"
        line.differs("not rendered", None)
        return line
    line.said = "; ".join(_brief(notice, path) for notice in done.notices)
    before = witness.see(path)
    after = witness.see(output)
    output.unlink()
    compare_time(line, before, after)
    compare_streams(line, before, after, done.notices)
    compare_tags(line, before, after)
    compare_picture(line, before, after, line.said)
    return line


def _brief(text: str, path: Path) -> str:
    return text.replace(f"'{path}'", "it").replace(str(path), "it").replace("|", "/")


def compare_time(line: Row, before: witness.Seen, after: witness.Seen) -> None:
    """Frames counted, and each at its own time."""
    line.frames = f"{len(before.frames)} → {len(after.frames)}"
    difference = witness.worst(before, after)
    if difference is None:
        line.differs("frames", None)
        return
    tick = Fraction(1, 1000) if line.to in (".mkv", ".webm") else Fraction(0)
    line.time = f"{float(difference) * 1000:.2g} ms" if difference else "0"
    if line.to == ".avi" and difference:
        line.differs("time", "AVI shows its first frame from the beginning")
    elif difference > tick:
        line.differs("time", None)
    elif difference:
        line.differs("time", "Matroska counts milliseconds")


def compare_streams(line: Row, before: witness.Seen, after: witness.Seen, notices: tuple[str, ...]) -> None:
    """Every packet of every other stream, in the order of the streams."""
    said, left = [], list(after.others)
    for stream in before.others:
        notice = next((n for n in notices if f"stream {stream.index} (" in n and "does not fit" in n), None)
        if notice is not None:
            said.append(f"{stream.codec}: {notice.rpartition(': ')[2]}")
            if "converted" in notice:
                left = left[1:]
            line.differs("stream", "the container cannot hold that stream")
            continue
        ours = next((other for other in left if other.codec == stream.codec), None)
        if ours is None:
            made_anew = stream.kind == "data" and (not stream.packets or "timecode" in stream.says.get("tags", {}))
            said.append(f"{stream.codec}: {'kept as a tag' if made_anew else 'missing'}")
            line.differs("stream", "chapters and time code are tags there, not streams" if made_anew else None)
            continue
        left.remove(ours)
        same = [data for _, data in stream.packets] == [data for _, data in ours.packets]
        if not same and line.name.endswith(".ts") and stream.codec == "aac":
            same = _without_adts(before.path, stream.index, len(stream.packets)) == len(ours.packets)
            lost = f"damaged packets of stream {stream.index} " in "; ".join(notices)
            same = same or lost
            if lost:
                line.differs("stream", "what no longer parses as AAC is left out")
            line.differs("stream", "AAC leaves its ADTS headers in the transport stream" if same else None)
            said.append(f"aac: {len(ours.packets)} of {len(stream.packets)}, less their headers")
            continue
        said.append(f"{stream.codec}: {len(stream.packets)} identical" if same else f"{stream.codec}: differs")
        if not same:
            line.differs("stream", None)
    line.streams = ", ".join(said) or "none"


def _without_adts(path: Path, index: int, most: int) -> int:
    """How many AAC packets ffmpeg itself can carry over without their headers."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:{index}", "-c", "copy", "-bsf:a", "aac_adtstoasc"]
    done = subprocess.run([*command, "-f", "framecrc", "-"], capture_output=True, text=True)
    return min(most, sum(not line.startswith("#") for line in done.stdout.splitlines()))


def compare_tags(line: Row, before: witness.Seen, after: witness.Seen) -> None:
    """Chapters and the container's tags."""
    chapters = before.chapters == after.chapters
    lost = {key for key, value in before.tags.items() if key != "software" and value not in after.tags.get(key, "")}
    line.tags = f"{len(before.chapters)} and {len(before.tags)}" + ("" if chapters and not lost else ", differ")
    if not chapters:
        line.differs("chapters", None)
    if lost:
        line.differs(f"tags {lost}", None)


def compare_picture(line: Row, before: witness.Seen, after: witness.Seen, said: str) -> None:
    """Size, orientation and colour tags."""
    size = before.picture["width"], before.picture["height"]
    expected = size[::-1] if before.rotation in (90, -90, 270, -270) else size
    ours = after.picture["width"], after.picture["height"]
    line.picture = (
        f"{ours[0]}×{ours[1]}" + (" upright" if before.rotation else "") + (" with alpha" if after.alpha else "")
    )
    if before.alpha and not after.alpha:
        line.differs("alpha", None if "alpha" in said else "all of it is opaque")
    if ours != expected or after.rotation:
        line.differs("picture", None)
    theirs, tags = (" ".join(tag or "–" for tag in seen.colours) for seen in (before, after))
    line.colour = tags if theirs == tags else f"{theirs} → {tags}"
    if theirs == tags:
        return
    stored = before.picture.get("pix_fmt", "")
    reason = None
    changed = [(a, b) for a, b in zip(before.colours, after.colours, strict=True) if a != b]
    if all(pair in (("tv", None), (None, "tv")) for pair in changed):
        reason = "limited range is what no tag means"
    elif "HDR" in said:
        reason = "HDR is tone-mapped"
    elif before.colours[0] == "gbr" or stored.startswith(("rgb", "bgr", "gbr", "pal", "gray")):
        reason = "the source stores no YUV: its matrix is named where YUV is made"
    elif line.to == ".webm":
        reason = "VP9 names its matrix and range"
    line.differs("colour tags", reason)


if __name__ == "__main__":
    sys.exit(main())
