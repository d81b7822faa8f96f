"""Pictures are small, complete and safe to show."""

import base64
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.validation.kpis.distributions import Distribution
from capflow_assets.validation.plots import draw_distribution, group_bars, png_markdown


def shape(counts, limit=1096, note="") -> Distribution:
    return Distribution("recency", "Recency", "days since last visit", "users", limit, tuple(counts), note)


WORLDS = {
    "none": shape([], note="No sale has a time: map tables.line_items.columns.ts."),
    "one": shape([(0, 1)]),
    "at the limit": shape([(1096, 5)]),
    "wide": shape([(day, 10_000_000 - day) for day in range(1097)]),
    "negative": shape([(-3, 2), (4, 1)]),
    "repeats": shape([(bills, 1000 // bills) for bills in range(1, 51)], limit=50),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_picture_is_a_png_of_six_by_three_inches_under_25_kb(name):
    png = draw_distribution(WORLDS[name], "a$b$ <b>c</b>")
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (600, 300)
    assert len(png) < 25_000
    assert png == draw_distribution(WORLDS[name], "a$b$ <b>c</b>")


def test_drawing_leaves_no_pyplot_behind():
    import subprocess

    code = (
        "import sys; from capflow_assets.validation import plots; assert 'matplotlib' not in sys.modules;"
        "from capflow_assets.validation.kpis.distributions import Distribution as D;"
        "plots.draw_distribution(D('n', 't', 'x', 'y', 9, ((1, 2),))); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 1096), st.integers(1, 1000), min_size=1), st.sampled_from([1096, 366, 50]))
def test_bars_hold_everyone_once(counts, limit):
    clipped = {}
    for value, count in counts.items():
        clipped[min(value, limit)] = clipped.get(min(value, limit), 0) + count
    drawn = shape(sorted(clipped.items()), limit)
    width, heights, beyond = group_bars(drawn)
    assert sum(height for _, height in heights) + beyond == drawn.total
    assert len(heights) <= 34
    for start, height in heights:
        inside = sum(n for value, n in clipped.items() if start <= value < start + width and value < limit)
        assert height == inside


def test_markdown_carries_the_picture_and_a_safe_title():
    text = png_markdown(b"\x89PNG", 'a](javascript:1) <img src=x onerror="alert(1)">\n`')
    head, body = text.split("](data:image/png;base64,")
    assert base64.b64decode(body.removesuffix(")")) == b"\x89PNG"
    assert not set(head.removeprefix("![")) & set('[]<>"`\n')
