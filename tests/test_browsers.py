"""A browser that hangs must not hold up the tests."""

from __future__ import annotations

import os

import pytest
from browsers import Browsers, below, installed


def test_a_browser_that_hangs_is_ended_and_the_next_test_has_a_new_one(capfd: pytest.CaptureFixture[str]) -> None:
    browsers = installed()
    try:
        with pytest.raises(Exception, match="has been closed"), browsers.watched(patience=4) as hung:
            page = hung.new_page()
            page.goto("data:text/html,")
            page.evaluate("() => { for (;;); }")
        with browsers.watched() as fresh:
            assert fresh.new_page().evaluate("1 + 1") == 2
    finally:
        browsers.close()
    assert "the browser hangs and is ended:" in capfd.readouterr().err


def test_a_browser_that_has_been_closed_leaves_no_process() -> None:
    browsers: Browsers = installed()
    before = {child.pid for child in below(os.getpid())}
    with browsers.watched() as chromium:
        chromium.new_page().goto("data:text/html,")
        begun = {child.pid for child in below(os.getpid())} - before
        assert begun
    browsers.close()
    assert not begun & {child.pid for child in below(os.getpid())}
