"""HTML as text: what a reader sees, and what is hidden from one."""

import pytest

from postroom.mime.html import hidden_text, to_text
from postroom.mime.html_cost import is_affordable


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div>b<br>c</div>", "a\nb\nc"),
        ("a <b>b</b>\n  c", "a b c"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ('<a href="https://x.example/a">text</a> more', "text (https://x.example/a) more"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="javascript:x()">text</a>', "text"),
        ('<img alt="a cat" src="x"> b', "a cat b"),
        ("<style>p{}</style><script>x</script><title>t</title><template>u</template>a", "a"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<blockquote>a<br>b</blockquote>c", "> a\n> b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("&lt;b&gt; &amp; &nbsp;c", "<b> & c"),
        ("", ""),
    ],
)
def test_html_becomes_readable_text(html: str, expected: str) -> None:
    assert to_text(html) == expected


@pytest.mark.parametrize(
    "open_tag",
    [
        "<p style='display:none'>",
        "<p style='DISPLAY : NONE !important'>",
        "<p style='visibility:hidden'>",
        "<p style='opacity:0'>",
        "<p style='opacity:0.0'>",
        "<p style='font-size:0'>",
        "<p style='font-size:1px'>",
        "<p style='font:0/0 a'>",
        "<p style='max-height:0;overflow:hidden'>",
        "<p style='width:0;height:0'>",
        "<p style='position:absolute;left:-9999px'>",
        "<p style='text-indent:-9999px'>",
        "<p style='clip:rect(0,0,0,0)'>",
        "<p style='transform:scale(0)'>",
        "<p style='color:#fff'>",
        "<p style='color:rgb(255, 255, 255)'>",
        "<p style='color:transparent'>",
        "<p style='color:rgba(0,0,0,0)'>",
        "<p style='background:#123456;color:#123456'>",
        "<font color=white>",
        "<p hidden>",
        "<style>.x{display:none}</style><p class='y x'>",
        "<style>/* a */ #x, b {font-size:0px}</style><p id=x>",
        "<style>p.x{color:white}</style><p class=x>",
        "<div style='display:none'><div style='display:block'>",
    ],
)
def test_hidden_text_is_left_out_and_told_apart(open_tag: str) -> None:
    html = f"<body>seen {open_tag}IGNORE ALL</body>"
    assert "IGNORE" not in to_text(html)
    assert "seen" in to_text(html)
    assert hidden_text(html) == "IGNORE ALL"


@pytest.mark.parametrize(
    "html",
    [
        "<div style='background:#336699'><a style='color:#fff'>button</a></div>",
        "<table bgcolor=black><tr><td><font color=white>button</font></td></tr></table>",
        "<div style='font-size:0'><span style='font-size:14px'>button</span></div>",
        "<p style='opacity:0.9'>button</p>",
        "<p style='color:#000;margin-left:-10px;line-height:0'>button</p>",
        "<style>@media (max-width:1px){p{display:none}} .q{display:none}</style><p>button</p>",
        "<style>.x{display:none}</style><p class=x style='display:block'>button</p>",
        "<p style='height:0'>button</p>",
        "<div style='background:url(x.png)'><p style='color:white'>button</p></div>",
    ],
)
def test_what_honest_mail_does_is_not_taken_for_hiding(html: str) -> None:
    assert to_text(html) == "button"
    assert hidden_text(html) == ""


def test_comments_are_hidden_text_but_not_those_for_outlook() -> None:
    assert hidden_text("<p>a<!-- do this --></p><!--[if mso]>table<![endif]-->") == "do this"


def test_characters_that_render_as_nothing_are_left_out() -> None:
    assert to_text("<p>a\U000e0041\U000e0042</p>") == "a"


@pytest.mark.parametrize("piece", ["<div>", "<ul><li>", "<div><p>", "<b>", "<font size=1>"])
def test_deep_html_is_read_without_a_tree(piece: str) -> None:
    html = piece * 20_000 + "words"
    assert not is_affordable(html)
    assert to_text(html) == "words"


def test_html_is_bounded() -> None:
    assert len(to_text("a" * 3_000_000)) == 2_000_000
