"""How the app comes into each state that is worth a picture: by what a person does, or what befalls the machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, expect

from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.learn.pile import pile
from goldenlayers_core.tasks.questions import PileQuestion, SweepQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.trace import trace
from goldenlayers_core.tasks.truth.sweep import sweep
from tests.browser.running import SLOW, main, settled, visit

PART: Final = DatasetChoice("bundled", "proxy", 6, known_only=True)
PATIENT: Final = 4 * SLOW
BUSY: Final = ("Home", "Layer scores", "Ground truth", "Edit", "Runs")


def press(page: Page, key: str) -> None:
    """Press a button by its key."""
    page.locator(f".st-key-{key}").get_by_role("button").first.click()


def compute(cache: Path) -> None:
    """Runs that a visitor would wait minutes for: scores both ways, a sweep, a causal trace."""
    bench = open_workbench(cache)
    quick = {"steps": 8, "n_templates": 0}
    score(bench, ScoreQuestion(choice=PART, method="edit-aware"), Progress())
    score(bench, ScoreQuestion(choice=PART), Progress())
    trace(bench, TraceQuestion(choice=replace(PART, limit=3)), Progress())
    sweep(bench, SweepQuestion(choice=PART, settings=quick, layers=tuple(range(0, 30, 3))), Progress())
    pile(
        bench,
        PileQuestion(choice=replace(PART, limit=8), settings=quick, layers=(4, 25), sizes=(0, 2, 4), facts=4),
        Progress(),
    )
    bench.close()


def ask_side_by_side(page: Page) -> None:
    """Two prompts to every stack."""
    page.locator(".st-key-edit-prompts textarea").fill(
        "The Eiffel Tower is located in the city of\nThe capital of France is"
    )
    press(page, "sides-ask")
    page.locator(".gl-sides").wait_for(timeout=SLOW)


def upload_nonsense(page: Page) -> None:
    """A table that cannot be read."""
    nonsense = {"name": "facts.csv", "mimeType": "text/csv", "buffer": b"\x00\xff\x00 no table at all"}
    uploads = main(page).locator('[data-testid="stFileUploaderDropzone"] input')
    if not uploads.count():
        main(page).get_by_role("radio", name="Your own file", exact=True).click()
        settled(page)
    uploads.first.set_input_files(nonsense)  # type: ignore[arg-type]
    page.wait_for_timeout(800)
    settled(page)


def edit_aware(page: Page) -> None:
    """The way to score that takes longer."""
    page.locator(".st-key-scores-method").get_by_role("radio", name="Edit-aware", exact=True).click()
    settled(page)


class Visitor:
    """One browser that does things, and whose cookie shows what it did in other windows."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._context: BrowserContext | None = None
        self._url = ""

    @property
    def page(self) -> Page:
        assert self._context is not None
        return self._context.pages[0]

    def kept(self) -> Any:
        """The cookie."""
        assert self._context is not None
        return self._context.storage_state()

    def arrive(self, url: str) -> None:
        """Open the app."""
        self._context, self._url = self._browser.new_context(viewport={"width": 1440, "height": 900}), url
        self._context.set_default_timeout(SLOW)
        self._context.new_page().goto(url)
        settled(self.page)

    def work(self, cache: Path) -> None:
        """Everything done once: tour, runs of every kind, two edits in stack A, both in B, a panel."""
        compute(cache)
        self._tour()
        visit(self.page, "Edit")
        self._load()
        self._edits()

    def _tour(self) -> None:
        """The first minute."""
        visit(self.page, "Home")
        press(self.page, "tour-go")
        self.page.locator(".st-key-tour-ways").wait_for(timeout=PATIENT)
        settled(self.page)

    def _load(self) -> None:
        if self.page.locator(".st-key-edit-load").count():
            press(self.page, "edit-load")
        expect(self.page.locator(".st-key-edit")).to_be_visible(timeout=PATIENT)
        settled(self.page)

    def _edits(self) -> None:
        page = self.page
        rows = page.locator("[class*='st-key-stack-row-']")
        for place in range(2):
            if place:
                self._example()
            press(page, "edit-layer-early")
            settled(page)
            press(page, "edit")
            rows.nth(place).wait_for(timeout=PATIENT)
            settled(page)
        press(page, "stack-copy")
        settled(page)
        rows.first.locator("[class*='st-key-stack-on-'] label").click()
        page.get_by_text("Stack A · 1 on").wait_for(timeout=SLOW)
        settled(page)
        page.locator(".st-key-edit-view").get_by_role("radio", name="Blast radius", exact=True).click()
        press(page, "panel")
        page.locator(".st-key-panel-guard").wait_for(timeout=PATIENT)
        settled(page)

    def _example(self) -> None:
        """A request of one's own, filled in. A click in the instant of a rerun is lost; a person clicks again."""
        page = self.page
        example, edit = page.locator(".st-key-edit-example button"), page.locator(".st-key-edit button").first
        main(page).get_by_text("Write your own", exact=True).click()
        example.wait_for(timeout=SLOW)
        for _ in range(5):
            settled(page)
            example.click()
            page.wait_for_timeout(1500)
            settled(page)
            if edit.is_enabled():
                return

    def busy_states(self) -> tuple[tuple[str, tuple[str, ...], Callable[[], None]], ...]:
        """(state, pages, what brings it about), in order."""
        return (("working", BUSY, self._start), ("cancelled", BUSY[1:], self._cancel))

    def _start(self) -> None:
        """A score run and a long edit at once, and a sweep that waits for the score run."""
        page = self.page
        visit(page, "Edit")
        self._load()
        visit(page, "Dataset")
        limit = page.locator("[class*='st-key-part-limit-'] input").first
        limit.fill("150")
        limit.press("Enter")
        settled(page)
        press(page, "use-dataset")
        settled(page)
        visit(page, "Layer scores")
        edit_aware(page)
        press(page, "score")
        page.locator(".st-key-cancel-score").wait_for(timeout=SLOW)
        visit(page, "Ground truth")
        more = main(page).get_by_text("Measure more", exact=True)
        if more.count() and not page.locator(".st-key-truth-go").is_visible():
            more.click()
        self._until("truth-go", "cancel-sweep")
        visit(page, "Edit")
        main(page).get_by_text("Settings of ROME").click()
        for label, value in (("Steps", "300"), ("Context templates", "20")):
            box = page.get_by_role("spinbutton", name=label, exact=True)
            box.fill(value)
            box.press("Tab")
            settled(page)
        press(page, "edit")
        page.locator(".st-key-cancel-edit").wait_for(timeout=SLOW)

    def _until(self, key: str, wanted: str) -> None:
        """Press a button until what it brings is there: a click in the instant of a rerun is lost."""
        page = self.page
        for _ in range(4):
            press(page, key)
            page.wait_for_timeout(3000)
            if page.locator(f".st-key-{wanted}").count():
                return
        page.locator(f".st-key-{wanted}").wait_for(timeout=SLOW)

    def _cancel(self) -> None:
        """Everything under way is cancelled where it stands."""
        page = self.page
        for name, slot in (("Edit", "edit"), ("Layer scores", "score"), ("Ground truth", "sweep")):
            visit(page, name)
            button = page.locator(f".st-key-cancel-{slot}").get_by_role("button")
            if button.count():
                button.click()
                expect(page.locator(f".st-key-resume-{slot}")).to_be_visible(timeout=PATIENT)
                settled(page)

    def break_things(self, cache: Path) -> None:
        """A stored sweep loses its data file, and a model is asked for that is nowhere."""
        for frame in cache.glob("runs/sweep-*/*/frames/*.parquet"):
            frame.unlink()
        page = self.page
        visit(page, "Model")
        page.locator(".st-key-model-kind").get_by_role("radio", name="hub", exact=False).first.click()
        settled(page)
        page.locator(".st-key-model-hub input").fill("nobody/no-such-model")
        press(page, "model-load")
        page.locator(".st-key-resume-load").wait_for(timeout=PATIENT)

    def start_what_will_be_killed(self) -> None:
        """Work that the server does not live to finish."""
        page = self.page
        visit(page, "Layer scores")
        page.get_by_role("button", name="Settings").click()
        page.locator(".st-key-scores-scope").get_by_role("combobox").click()
        page.get_by_role("option").nth(3).click()
        settled(page)
        page.keyboard.press("Escape")
        press(page, "score")
        page.locator(".st-key-cancel-score").wait_for(timeout=SLOW)
