"""Which HTML is not made a tree of: deep, or crowded with attributes; and that honest pages are."""

import pytest

from postroom.mime.html_cost import is_affordable


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 50_000,
        "<DIV><p>" * 300,
        "<blockquote>" * 200 + "x<br>" * 40_000,
        "<div title='</div>'>" * 300,
        "<div><!--</div>-->" * 300,
        "<p " + "".join(f"a{n} " for n in range(2_000)) + ">",
    ],
)
def test_a_tree_that_would_cost_minutes_is_not_built(html: str) -> None:
    assert not is_affordable(html)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<table><tr><td><p>x<br></td></tr></table>" * 5_000,
        "<div>x</div>" * 20_000,
        "<p>x" * 60_000,
        "<!--" + "<div>" * 1_000 + "-->",
        "<p style='" + "a:b;" * 10_000 + "'>x",
    ],
)
def test_a_long_page_that_nests_little_is_affordable(html: str) -> None:
    assert is_affordable(html)
