"""The built site, a prepared state and a real browser, once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from sandbox.course import Course
from sandbox.runtime import Stack, prepare_model
from sandbox.runtime import site as course_site
from sandbox.runtime.progress import Silent
from tests.unit.docs.conftest import ROOT, build_site

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("built") / "site")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with what `lab start` makes when it finds nothing: the model, and the site.

    Training is most of the work of a first start. Tests that start a sandbox of their own begin with a copy of this; that a
    start from nothing works is what `test_bare_machine.py` proves.
    """
    state = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_STATE", str(state))
        settings = Stack(Course(ROOT)).settings
        prepare_model(settings, Silent())
        course_site.build(settings)
    return state


# For a module only: while it runs, Playwright keeps an event loop in this thread, in which others could not start theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("SANDBOX_CHROMIUM") or next(
        found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def open_page(browser: Browser, scheme: str = "light", width: int = 1280) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    # A loaded machine is slow, and a test that waits for what comes is no slower for it.
    page.set_default_timeout(120_000)
    return page
