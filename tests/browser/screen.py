"""What a person sees of the Dagster UI, by its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect

SIZE: ViewportSize = {"width": 1400, "height": 900}
LOAD_MS = 60_000
DRAWN = "images => images.map(image => image.complete && image.naturalWidth)"


@dataclass(frozen=True)
class Screen:
    """A browser's window on the UI at `url`; pictures of it go to `folder`."""

    page: Page
    url: str
    folder: Path

    def open(self, path: str) -> None:
        """Go to a page of the UI."""
        self.page.goto(self.url + path)

    def graph(self, expanded: Sequence[str] = ()) -> None:
        """Go to the lineage of everything, with these groups expanded and the list of groups folded, zoomed to fit."""
        self.open("/asset-groups?expanded=" + ",".join(f"global@global:{group}" for group in expanded))
        self.press("panel_show_right")
        expect(self.page.get_by_text("Jump to…")).not_to_be_visible()
        expect(self.page.locator("svg foreignObject").first).to_be_visible()
        self.page.mouse.dblclick(100, SIZE["height"] - 30)

    def text(self, text: str) -> Locator:
        """The last visible place that says exactly this."""
        return self.page.get_by_text(text, exact=True).filter(visible=True).last

    def sees(self, *texts: str) -> None:
        """Each of the texts, perhaps within a longer one, is there for a person to read."""
        for text in texts:
            expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible(timeout=LOAD_MS)

    def tab(self, name: str) -> None:
        """Turn to a tab of the innermost row of tabs that has it."""
        self.page.get_by_role("tab", name=name, exact=True).last.click()

    def press(self, name: str) -> None:
        """Press the button whose label, or icon, has this name."""
        self.page.get_by_role("button", name=name).first.click()

    def opened(self, entry: str) -> Locator:
        """The dialog of a metadata entry that is formatted text."""
        row = self.page.get_by_role("row").filter(has=self.page.get_by_text(entry, exact=True))
        row.get_by_text("Show Markdown").click()
        return self.page.get_by_role("dialog")

    def widths(self, dialog: Locator, count: int) -> list[int]:
        """The widths in pixels of the `count` pictures that the dialog shows; 0 where one is broken."""
        pictures = dialog.get_by_role("img").and_(dialog.locator("img"))
        expect(pictures).to_have_count(count)
        for picture in pictures.all():
            expect(picture).to_be_visible()
        widths: list[int] = pictures.evaluate_all(DRAWN)
        return widths

    def backfill(self, asset: str, customers: list[str]) -> str:
        """Ask for a backfill of these customers in the asset's dialog, and return the backfill's id."""
        self.open(f"/assets/{asset}")
        self.press("Materialize")
        self.text("Select a partition or create one").click()
        for customer in customers:
            self.page.get_by_role("menuitem", name=customer).click()
        self.page.keyboard.press("Escape")
        self.press("Launch backfill")
        self.sees("Created backfill")
        self.text("View").click()
        self.page.wait_for_url("**/runs/b/*")
        return self.page.url.rsplit("/", 1)[1].split("?")[0]

    def picture(self, name: str) -> None:
        """Keep what is seen now, once all is still, as NAME.png."""
        self.page.wait_for_timeout(1500)
        self.page.screenshot(path=self.folder / f"{name}.png")
