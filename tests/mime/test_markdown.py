"""HTML as Markdown and as plain elements: what a reader needs stays, what can act or is hidden goes."""

import pytest

from postroom.mime.markdown import to_clean_html, to_markdown


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h2>Hi <b>you</b></h2><p>there</p>", "## Hi **you**\n\nthere"),
        ('<p>See <a href="https://e.example/a(b)">here</a>.</p>', "See [here](https://e.example/a%28b%29)."),
        ('<a href="https://e.example"><img src="cid:1"></a>', "[link](https://e.example)"),
        ('<a href="javascript:x">js</a>', "js"),
        ("<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>", "- a\n  1. b\n  2. c\n- d"),
        ("<blockquote>one<br>two</blockquote>", "> one\n> two"),
        ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
        ("<p>![x](http://e) `a` *b* &lt;img&gt;</p>", "!\\[x\\](http://e) \\`a\\` \\*b\\* \\<img>"),
        ("<p>a<b></b>c</p>", "ac"),
    ],
)
def test_a_page_reads_as_markdown(html: str, expected: str) -> None:
    assert to_markdown(html).text == expected


def test_a_table_of_data_keeps_its_rows_and_one_that_lays_out_a_page_is_none() -> None:
    rows = "<tr><th>A</th><th>B</th></tr><tr><td>1|2</td><td><p>x</p><p>y</p></td></tr><tr><td></td><td>z</td></tr>"
    shown = to_markdown(f"<table>{rows}</table><p>after</p>").text
    assert shown == "| A | B |\n| --- | --- |\n| 1\\|2 | x y |\n|  | z |\n\nafter"
    layout = "<table><tr><td><table><tr><td>left</td><td>right</td></tr></table></td></tr></table>"
    assert to_markdown(layout).text == "left right"


@pytest.mark.parametrize("read", [to_markdown, to_clean_html])
def test_what_is_hidden_goes_and_is_counted(read: object) -> None:
    html = (
        '<p>seen\U000e0041</p><div style="display:none">no <b>no</b></div><!-- no -->'
        '<img src="https://e.example/p.gif" width="1" alt="no"><img src="//e.example/l.png" alt="Logo">'
    )
    seen = read(html)  # type: ignore[operator]
    assert "no" not in seen.text
    assert "Logo" in seen.text
    assert (seen.blocks, seen.characters, seen.images) == (3, 1, 2)


def test_clean_html_has_plain_elements_and_no_attribute_but_addresses() -> None:
    html = (
        '<p onclick="x" style="color:red">a &lt;b&gt;</p><script>no</script><a href="https://e.example/?a=1&amp;b=%22x">l'
        '</a><a href="data:text/html,x">m</a><iframe src="https://e.example"></iframe><form action="/x"><input></form>'
    )
    assert to_clean_html(html).text == ('<p>a &lt;b&gt;</p><a href="https://e.example/?a=1&amp;b=%22x">l</a><a>m</a>')


def test_a_page_too_deep_for_a_tree_is_escaped_text() -> None:
    deep = "<div>" * 5000 + "*words* <x" + "</div>" * 5000
    assert to_markdown(deep).text.startswith("\\*words\\*")
    assert "<x" not in to_clean_html(deep).text
