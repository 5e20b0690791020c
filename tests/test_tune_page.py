"""The page of `vidfx tune` in a real browser: what a person sees, does and may not reach.

Long, because one browser and one server for the whole page.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import make_clip, picture
from tiny_style import make_style
from tune_server import Client, running

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested with playwright")


SIZE = (320, 192)
FRAMES = 300
HOLD = 20
"""The frame that is shown for 0.6 s; all others for 0.04 s."""
TIMES = [i * 512 + (i > HOLD) * 7168 for i in range(FRAMES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("page")
    pictures = [picture(index, SIZE, cuts=(24,)) for index in range(48)]
    make_clip(top / "clip.mp4", pictures=pictures * 6 + pictures[:12], pts=TIMES, time_base=Fraction(1, 12800), gop=25)
    (top / "mattes").mkdir()
    assert cv2.imwrite(str(top / "mattes" / "left.png"), np.repeat([[0, 255]], 32, 0).repeat(32, 1).astype(np.uint8))
    return top


@pytest.fixture(scope="module")
def client(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    styles = tmp_path_factory.mktemp("styles")
    made = [str(make_style(styles / name, name=name, seed=seed)) for seed, name in enumerate(("tiny", "other"))]
    with running(folder / "clip.mp4", [folder / "mattes"], styles=made) as found:
        yield found


@pytest.fixture
def page(browser: Any, client: Client) -> Iterator[Any]:
    """A fresh page that has shown its first picture; it must not have complained when it ends."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(20_000)
    found = context.new_page()
    complaints: list[str] = []
    found.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.goto(client.address)
    shown(found, 0)
    yield found
    context.close()
    refusals = ("400", "403", "404")  # the browser says so too
    assert not [text for text in complaints if not any(code in text for code in refusals)]


def shown(page: Any, frame: int, level: str = "") -> None:
    """Waits until the picture of this very frame is there, at a level if one is given."""
    level = f'[data-level="{level}"]' if level else ""
    page.locator(f'#stage[data-index="{frame}"][data-pts="{TIMES[frame]}"]{level}').wait_for()


def pixel(page: Any, across: float, down: float) -> list[int]:
    """What the canvas shows at a share of its size, once what is to be drawn is."""
    found: list[int] = page.evaluate(
        """async ([x, y]) => {
            await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
            const canvas = document.getElementById("picture");
            const pen = canvas.getContext("2d");
            return [...pen.getImageData(Math.round(x * canvas.width), Math.round(y * canvas.height), 1, 1).data];
        }""",
        [across, down],
    )
    return found[:3]


def command(page: Any) -> str:
    return str(page.locator("#command").inner_text())


# --- what a person does ------------------------------------------------------------------------------------------


def test_it_opens_with_a_picture_and_hides_the_token(page: Any, client: Client) -> None:
    assert page.url == f"http://127.0.0.1:{client.port}/"
    assert page.title() == "clip.mp4 · vidfx tune"
    assert "320 × 192 · 300 frames" in page.locator("#clip-facts").inner_text()
    page.locator(".card img:visible").nth(1).wait_for()
    assert page.locator(".card").count() >= 2
    shown(page, 0, "settled")
    assert page.locator("#level").inner_text() == "as rendered"


def test_scrubbing_shows_exactly_the_frame(page: Any) -> None:
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    shown(page, 2)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    shown(page, 11)
    page.locator("#frame").fill("137")
    page.keyboard.press("Enter")
    shown(page, 137)
    assert page.locator("#time").inner_text() == f"{TIMES[137] / 12800:.3f} s"
    assert page.locator("#scrub").get_attribute("aria-valuetext").startswith("frame 137")
    page.locator("#scrub").focus()
    page.keyboard.press("ArrowRight")
    shown(page, 138)
    page.locator("#clip-name").click()
    page.keyboard.press("Home")
    shown(page, 0)


def test_a_slider_that_never_rests_still_shows_something_and_ends_right(page: Any) -> None:
    chance = random.Random(7)
    places = [chance.randrange(FRAMES) for _ in range(25)]
    drag(page, places, pause=30)
    shown(page, places[-1], "settled")


def drag(page: Any, places: list[int], *, pause: int) -> None:
    page.evaluate(
        """async ([places, pause]) => {
            const scrub = document.getElementById("scrub");
            for (const place of places) {
                scrub.value = String(place);
                scrub.dispatchEvent(new Event("input"));
                await new Promise((resolve) => setTimeout(resolve, pause));
            }
        }""",
        [places, pause],
    )


def test_the_wipe_shows_the_source_on_its_left(page: Any) -> None:
    page.locator("#frame").fill("5")
    page.keyboard.press("Enter")
    shown(page, 5)
    handle = page.locator("#wipe")
    box = handle.bounding_box()
    stage = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.75, box["y"] + 20, steps=4)
    page.mouse.up()
    playwright.expect(handle).to_have_attribute("aria-valuenow", re.compile("^(6[5-9]|7.|8[0-5])$"))
    source = picture(5, SIZE)[SIZE[1] // 2, SIZE[0] // 2]
    assert np.abs(np.array(pixel(page, 0.5, 0.5)) - source).max() <= 12
    handle.focus()
    page.keyboard.press("Home")
    playwright.expect(handle).to_have_attribute("aria-valuenow", "0")  # it follows with the next picture drawn
    assert np.abs(np.array(pixel(page, 0.5, 0.5)) - source).max() > 12, "right of the handle is the painting"


def test_style_look_and_command_go_together(page: Any, folder: Path) -> None:
    usual = command(page)
    assert usual.startswith(f"vidfx render {folder / 'clip.mp4'} --style ")
    page.locator('.card input[value="other"]').check()
    page.locator("#strength-number").fill("0.35")
    page.locator("#keep-color").check()
    playwright.expect(page.locator("#command")).to_contain_text("--strength 0.35 --keep-color")
    assert "/other/" in command(page)
    page.locator("#clip-name").click()
    page.keyboard.press("k")
    page.keyboard.press("Shift+J")
    playwright.expect(page.locator("#command")).to_contain_text("--strength 0.4 --smooth 0.95")
    shown(page, 0)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("y")
    playwright.expect(page.locator("#copy")).to_have_text("Copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == command(page)
    page.locator("#reset").click()
    playwright.expect(page.locator("#command")).not_to_contain_text("--strength")


def test_frames_that_are_none_are_refused_in_their_fields(page: Any) -> None:
    first, last = page.locator("#first"), page.locator("#last")
    page.evaluate("() => document.getElementById('first').closest('details')?.setAttribute('open', '')")
    first.fill("30")
    playwright.expect(page.locator("#command")).to_contain_text("--frames 30-299")
    last.fill("10")
    playwright.expect(first).to_have_attribute("aria-invalid", "true")
    playwright.expect(page.locator("#notice")).to_contain_text("there are no frames 30 to 10")
    last.fill("40")
    playwright.expect(page.locator("#command")).to_contain_text("--frames 30-40")
    playwright.expect(first).not_to_have_attribute("aria-invalid", "true")


def test_a_matte_from_the_named_folder_and_a_sentence_for_others(page: Any) -> None:
    page.locator("#matte").fill("left.png")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#command")).to_contain_text("--matte")
    shown(page, 0)
    page.locator("#matte").fill("../clip.mp4")
    page.keyboard.press("Tab")
    notice = page.locator("#notice")
    playwright.expect(notice).to_contain_text("not in a folder that was named on the command line")
    playwright.expect(notice).to_contain_text("start again as `vidfx tune CLIP FOLDER`")
    page.locator("#notice-close").click()
    playwright.expect(notice).to_be_hidden()


def test_kept_looks_come_back_beside_each_other_and_on_a_sheet(page: Any, tmp_path: Path) -> None:
    page.keyboard.press("1")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("2")
    assert page.locator(".slot .recall.filled").count() == 2
    page.keyboard.press("1")
    playwright.expect(page.locator("#command")).not_to_contain_text("--strength")
    page.locator("text=All kept").locator("..").locator("input").check()
    playwright.expect(page.locator("#labels span")).to_have_count(2)
    assert page.locator("#labels span").all_inner_texts() == ["A · tiny", "B · tiny · 90 %"]
    with page.expect_download() as waiting:
        page.keyboard.press("g")
    waiting.value.save_as(tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape[0] > 2 * SIZE[1]
    page.reload()
    shown(page, 0)
    assert page.locator(".slot .recall.filled").count() == 2
    assert page.locator("#labels span").count() == 2


def test_zoom_and_pan_move_both_pictures(page: Any) -> None:
    page.keyboard.press("z")
    playwright.expect(page.locator("#zoom-says")).to_have_text("100 %")
    assert page.locator("#zoom-one").get_attribute("aria-pressed") == "true"
    for _ in range(6):
        page.keyboard.press("+")
    playwright.expect(page.locator("#stage")).to_have_attribute("data-pans", "true")
    page.wait_for_timeout(100)
    before = pixel(page, 0.3, 0.5), pixel(page, 0.7, 0.5)
    for _ in range(3):
        page.keyboard.press("d")
        page.keyboard.press("s")
    page.wait_for_timeout(100)
    after = pixel(page, 0.3, 0.5), pixel(page, 0.7, 0.5)
    assert before[0] != after[0]
    assert before[1] != after[1]
    page.keyboard.press("z")
    assert page.locator("#zoom-fit").get_attribute("aria-pressed") == "true"


def test_a_loop_keeps_the_films_times(page: Any) -> None:
    page.locator("#frame").fill(str(HOLD))
    page.keyboard.press("Enter")
    shown(page, HOLD)
    page.locator("#clip-name").click()
    page.evaluate(
        """() => {
            window.seen = [];
            const stage = document.getElementById("stage");
            new MutationObserver(() => window.seen.push([stage.dataset.pts, performance.now()]))
                .observe(stage, { attributeFilter: ["data-pts"] });
        }"""
    )
    page.keyboard.press("Space")
    page.locator('#stage[data-loop="playing"]').wait_for()
    playwright.expect(page.locator("#work")).to_have_text("", timeout=30_000)  # all frames are there
    page.evaluate("() => { window.seen = []; }")
    page.wait_for_timeout(3300)
    assert page.locator("#labels span").all_inner_texts() == ["tiny, smoothing off", "tiny"]
    seen = [(int(pts), at) for pts, at in page.evaluate("() => window.seen")]
    holds = [then - now for (pts, now), (_, then) in pairwise(seen) if pts == TIMES[HOLD]]
    assert holds, "the frame that is held came by"
    assert all(540 <= hold <= 900 for hold in holds), holds
    others = sorted(then - now for (pts, now), (_, then) in pairwise(seen) if pts != TIMES[HOLD])
    assert 20 <= others[len(others) // 2] <= 120
    page.keyboard.press("Space")
    shown(page, HOLD)


def test_the_film_strip_marks_the_shots(page: Any) -> None:
    page.locator('#scan-says[data-finished="true"]').wait_for()
    assert page.locator("#scan-says").inner_text() == "13 shots"
    page.keyboard.press("]")
    shown(page, 24)
    page.keyboard.press("]")
    shown(page, 48)
    page.keyboard.press("[")
    shown(page, 24)


def test_a_render_is_started_watched_stopped_and_taken_up_again(
    page: Any, folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, slow in (("VIDFX_PRESET", "placebo"), ("VIDFX_RUNTIME", "torch"), ("VIDFX_BATCH", "1")):
        monkeypatch.setenv(name, slow)  # else it may be over before it is stopped
    page.locator("#strength-number").fill("0.5")
    playwright.expect(page.locator("#command")).to_contain_text("--strength 0.5")
    page.locator("#render").click()
    says = page.locator("#render-says")
    playwright.expect(says).to_contain_text(re.compile(r"frame \d+ of 300 · .* left"), timeout=40_000)
    again = page.context.new_page()  # a closed tab changes nothing
    page.close()
    again.goto(client.address)
    playwright.expect(again.locator("#stop")).to_be_visible()
    assert again.locator("#strength-number").input_value() == "0.5"
    again.locator("#stop").click()
    playwright.expect(again.locator("#rendering")).to_have_attribute("data-state", "stopped", timeout=30_000)
    assert not (folder / "clip.tiny.mp4").exists()
    playwright.expect(again.locator("#render")).to_have_text("Resume")
    again.locator("#render").click()
    playwright.expect(again.locator("#rendering")).to_have_attribute("data-state", "done", timeout=90_000)
    assert (folder / "clip.tiny.mp4").is_file()


# --- for everybody -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, theme", [((1280, 800), "dark"), ((375, 812), "light")])
def test_axe_finds_nothing_serious(page: Any, size: tuple[int, int], theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with it").Axe()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    page.locator("details summary").click()
    page.keyboard.press("1")
    for dialog in (False, True):
        if dialog:
            page.locator("#help").click()
        found = axe.run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
        assert not serious


def test_a_phone_scrolls_only_down(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    page.wait_for_timeout(100)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 375
    page.locator("#render").scroll_into_view_if_needed()
    assert page.locator("#stage").bounding_box()["y"] >= -1, "the picture stays in sight"


def test_the_keys_are_listed_and_can_be_switched_off(page: Any) -> None:
    page.keyboard.press("?")
    rows = page.locator("#keys dt")
    assert rows.count() >= 20
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")  # no character: still works
    shown(page, 1)


def test_every_control_is_reached_by_tab_and_shows_it(page: Any) -> None:
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate(
            """() => {
                const here = document.activeElement;
                const around = here.closest(".strip, .card") ?? here;
                const shows = [around, here.nextElementSibling, here.firstElementChild].filter(Boolean);
                const outlined = shows.some((element) => getComputedStyle(element).outlineStyle !== "none");
                return [here.id || here.value || here.className, outlined];
            }"""
        )
        if name:
            reached.add(name)
            assert outlined, name
    wanted = {"wipe", "scrub", "frame", "strength", "smooth", "keep-color", "matte", "loop", "copy", "render", "help"}
    assert wanted <= reached


# --- and for nobody else -----------------------------------------------------------------------------------------


def test_another_page_in_the_same_browser_gets_nothing(page: Any, client: Client) -> None:
    html = f"""<!doctype html><body><script>
        const at = "http://127.0.0.1:{client.port}";
        const json = {{ "content-type": "application/json" }};
        const body = JSON.stringify({{ settings: {{ style: "tiny" }} }});
        Promise.allSettled([
            fetch(at + "/api/clip", {{ credentials: "include" }}).then((r) => r.text()),
            fetch(at + "/api/render", {{ method: "POST", credentials: "include", headers: json, body }}),
            fetch(at + "/api/render", {{ method: "POST", credentials: "include", mode: "no-cors", body }}),
            new Promise((onload, onerror) => {{
                Object.assign(new Image(), {{ onload, onerror, src: at + "/api/thumb/2" }});
            }}),
        ]).then((all) => {{ document.title = all.map((one) => one.status).join(" "); }});
    </script>""".encode()

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Evil) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        before = client.get("/api/render")["command"]
        asked: list[str] = []
        other = page.context.new_page()
        other.on("request", lambda request: asked.append(request.url))
        other.goto(f"http://127.0.0.1:{server.server_port}/")
        playwright.expect(other).to_have_title(re.compile("rejected rejected rejected rejected"))
        assert sum(f":{client.port}/api/" in url for url in asked) >= 4, "it did ask"
        assert client.get("/api/render")["command"] == before
        server.shutdown()


def test_the_page_without_its_token_is_a_sentence(browser: Any, client: Client) -> None:
    context = browser.new_context()
    stranger = context.new_page()
    stranger.goto(f"http://127.0.0.1:{client.port}/")
    assert "open the address that vidfx tune printed" in stranger.locator("body").inner_text()
    context.close()


# --- for long ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_memory_is_bounded_after_a_thousand_scrubs(page: Any, client: Client) -> None:
    def resident() -> int:
        text = Path("/proc/self/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

    tools = page.context.new_cdp_session(page)

    def heap() -> int:
        tools.send("HeapProfiler.collectGarbage")
        return int(tools.send("Runtime.getHeapUsage")["usedSize"])

    chance = random.Random(5)
    marks = []
    for _ in range(10):
        places = [chance.randrange(FRAMES) for _ in range(100)]
        drag(page, places, pause=120)
        shown(page, places[-1])
        marks.append((resident(), heap()))
    print([(round(server / 1e6), round(page_ / 1e6, 1)) for server, page_ in marks])
    assert client.tuning.painter.kept_bytes <= 2 * 256 * 2**20
    assert marks[-1][0] - marks[2][0] < 300e6
    assert marks[-1][1] - marks[2][1] < 20e6
