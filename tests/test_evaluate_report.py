"""The report in a real browser: it needs nothing but itself, nothing overlaps, and every plot has its units."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip, picture

from vidfx.evaluation.plot import Line, make_plot, nice_step
from vidfx.evaluation.report import clock, number, short_names, write_report
from vidfx.evaluation.run import evaluate

SIZE = (96, 64)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two renders, one of them with a long and hostile name, and one that ends early."""
    root = tmp_path_factory.mktemp("report")
    film = [picture(i, SIZE, cuts=(8,)) for i in range(14)]
    make_clip(root / "source.mp4", pictures=film, audio="aac")
    styled = [np.ascontiguousarray(230 - one[..., ::-1] // 2) for one in film]
    make_clip(root / "good.mp4", pictures=styled, audio="aac")
    hostile = "a_render_with_a_very_long_name_" * 4 + "<b>&.mp4"
    make_clip(root / hostile, pictures=[one // 2 + 20 * (i % 2) for i, one in enumerate(styled[:11])])
    write_report(evaluate(root / "source.mp4", [root / "good.mp4", root / hostile]), root / "report.html")
    return root / "report.html"


def test_the_page_needs_nothing_but_itself(report: Path) -> None:
    text = report.read_text("utf-8")
    links = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"|url\(([^)]*)\)', text)
    assert links and all((a or b).startswith("data:image/jpeg;base64,") for a, b in links)
    assert "<script" not in text and "@import" not in text
    assert "<b>&.mp4" not in text and "&lt;b&gt;&amp;.mp4" in text
    assert len(text) < 1_500_000
    assert not list(report.parent.glob(".*.html"))  # nothing half-written is left

    class Balanced(HTMLParser):
        empty = frozenset({"meta", "img", "br", "line", "path", "i"})

        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in self.empty:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in self.empty:
                assert self.open.pop() == tag

    parser = Balanced()
    parser.feed(text)
    assert parser.open == []


def test_the_verdict_stands_first_and_in_words(report: Path) -> None:
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", report.read_text("utf-8"), flags=re.S)
    assert text.index("Steadiest first, at equal sharpness") < text.index("Fidelity:") < text.index("Side by side")
    assert "3 frames missing, 3 of them at the end" in text


OVERLAPS = """() => {
  const all = 'h1,h2,h3,p,li,figcaption,th,td,img,.tick,.axis,.frame svg,dt,dd,summary';
  const boxes = [...document.querySelectorAll(all)]
    .map(e => [e, e.getBoundingClientRect()]).filter(([e, b]) => b.width && b.height);
  const bad = [];
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, p] = boxes[i], [b, q] = boxes[j];
    if (a.contains(b) || b.contains(a)) continue;
    const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (across > 1 && down > 1) bad.push([a, b].map(e => e.tagName + ':' + e.textContent.slice(0, 30)));
  }
  return bad;
}"""
OUTSIDE = """() => [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg'))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.tagName + ':' + e.textContent.slice(0, 30))"""
CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('h1,h2,h3,p,b,li span,figcaption,th,td,small,.tick,.axis,dt,dd,summary,footer')]
    .filter(e => e.textContent.trim() && e.getBoundingClientRect().width).map(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), e.tagName + ':' + e.textContent.trim().slice(0, 30)]; })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 768, 1440])
def test_nothing_overlaps_at_any_width(report: Path, browser: Any, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(CONTRAST) == []
    plots = page.locator(".plot")
    assert plots.count() >= 6
    for i in range(plots.count()):
        plot = plots.nth(i)
        assert plot.locator(".unit").inner_text().strip() and plot.locator(".axis").inner_text() == "seconds"
        assert plot.locator(".tick.up").count() >= 2 and plot.locator(".tick.along").count() >= 2
        assert plot.locator("line.shot").count() == 1  # the cut
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).every(v => v < 60)")
    assert dark == (scheme == "dark")
    context.close()


# --- plots and numbers ---------------------------------------------------------------------------------------------


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


def test_a_line_is_drawn_to_scale_and_breaks_at_shots() -> None:
    nan = float("nan")
    plot = make_plot("x", "x", "px", [0, 1, 2, 3, 4], [0, 3], [Line("a", "c1", [0.0, nan, 10.0, 5.0, 10.0])])
    assert plot is not None
    [(_, path)] = plot.lines
    assert points(path) == [(0, 260), (500, 0), (750, 130), (1000, 0)]
    assert path.count("M") == 2 and plot.shots == (750.0,)
    assert [(tick.place, tick.text) for tick in plot.up] == [(0, "0"), (50, "5"), (100, "10")]
    assert plot.across[-1].place == 100


def test_small_numbers_get_a_power_of_ten_and_none_no_plot() -> None:
    plot = make_plot("x", "x", "mean square", [0, 1], [0], [Line("a", "c1", [1e-4, 3.7e-4])])
    assert plot is not None and plot.unit == "mean square × 10⁻⁴" and plot.up[-1].text == "4"
    below = make_plot("x", "x", "correlation", [0, 1, 2], [0], [Line("a", "c1", [-0.5, -0.4, -0.3])])
    assert below is not None
    assert max(tick.place for tick in below.up) == 100
    assert make_plot("x", "x", "px", [0, 1], [0], [Line("a", "c1", [float("nan")] * 2)]) is None
    assert make_plot("x", "x", "px", [0.0], [0], [Line("a", "c1", [0.0])]) is not None


def test_a_long_line_keeps_its_peaks() -> None:
    values = np.random.default_rng(0).random(20000)
    values[12345] = 9
    plot = make_plot("x", "x", "px", list(range(20000)), [0], [Line("a", "c1", list(values))])
    assert plot is not None
    drawn = points(plot.lines[0][1])
    assert len(drawn) <= 600 and min(y for _, y in drawn) == pytest.approx(260 * (1 - 9 / 10))


@pytest.mark.parametrize("span", [1e-9, 0.003, 0.7, 1, 4.2, 99, 12345])
def test_steps_are_nice(span: float) -> None:
    step = nice_step(span)
    assert round(step / 10 ** math.floor(math.log10(step)), 6) in (1, 2, 5, 10) and 1.5 <= span / step <= 4.0001


def test_numbers_for_people() -> None:
    assert [number(v) for v in (None, 0, 1e-18, 0.000123, 0.5, 12.0, 3.14159)] == [
        "–", "0", "0", "1.23 × 10⁻⁴", "0.5", "12", "3.14",
    ]  # fmt: skip
    assert (clock(0), clock(65.2)) == ("0:00.00", "1:05.20")
    assert short_names([Path("a/x.mp4"), Path("b/x.mp4"), Path("b/y.mp4")]) == ["a/x.mp4", "b/x.mp4", "b/y.mp4"]
    assert short_names([Path("a/x.mp4"), Path("b/y.mp4")]) == ["x.mp4", "y.mp4"]
