"""How long a person waits on the page of `vidfx tune`: opening it, stepping a frame, a slider.

    python benchmarks/tune_latency.py [CLIP] [--style ink] [--rounds 9]

Starts the real server as a process and a real headless Chromium (playwright, and a chromium that is installed), and
times from the key or the click until the picture of that very frame stands on the page: first the draft, then the whole
frame. Medians; the server's start is not counted, for the page says that it is starting. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WATCH = """() => {
  window.came = [];
  const stage = document.getElementById("stage");
  new MutationObserver(() => window.came.push([performance.now(), stage.dataset.index, stage.dataset.level]))
    .observe(stage, {attributes: true});
}"""


def wait(page: Any, level: str, since: float) -> float:
    """Milliseconds from `since` until a picture of the level (`draft`: any) stood there."""
    levels = ["draft", "full", "settled"] if level == "draft" else ["full", "settled"]
    found = page.wait_for_function(
        """([since, levels]) => {
          const hit = window.came.find((entry) => entry[0] >= since && entry[1] !== "" && levels.includes(entry[2]));
          return hit ? [hit[0] - since] : null;
        }""",
        arg=[since, levels],
        polling=5,
        timeout=60_000,
    )
    return float(found.json_value()[0])


def measure(page: Any, rounds: int) -> dict[str, list[float]]:
    waits: dict[str, list[float]] = {"new frame, draft": [], "new frame, whole": [], "strength": []}
    for _ in range(rounds):
        since = page.evaluate("performance.now()")
        page.keyboard.press("ArrowRight")
        waits["new frame, draft"].append(wait(page, "draft", since))
        waits["new frame, whole"].append(wait(page, "full", since))
        time.sleep(0.5)
    slider = page.locator("#strength")
    for round_ in range(rounds):
        slider.focus()
        since = page.evaluate("performance.now()")
        page.keyboard.press("ArrowLeft" if round_ < rounds // 2 + 1 else "ArrowRight")
        waits["strength"].append(wait(page, "full", since))
        time.sleep(0.5)
    return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, default=ROOT / "samples" / "valley.mp4")
    parser.add_argument("--style", default="ink")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "vidfx", "tune", str(arguments.clip), "--no-browser", "--style", arguments.style]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        time.sleep(4)
        try:
            with sync_playwright() as started:
                path = shutil.which("chromium") or shutil.which("google-chrome")
                browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                began = time.perf_counter()
                page.goto(address)
                page.wait_for_selector('#stage[data-level="full"], #stage[data-level="settled"]', timeout=60_000)
                print(f"| opened to first painted picture | {1000 * (time.perf_counter() - began):.0f} ms |")
                page.evaluate(WATCH)
                time.sleep(2)
                for what, values in measure(page, arguments.rounds).items():
                    print(f"| {what} | {statistics.median(values):.0f} ms, at most {max(values):.0f} |")
                browser.close()
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
