"""HTML as text: what a reader sees, and what is hidden from one."""

from collections.abc import Callable
from time import process_time

import pytest

from postroom.mime.html import Seen, hidden_text, see, to_text
from postroom.mime.html_cost import is_affordable
from postroom.mime.markdown import to_clean_html, to_markdown


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
        "<p style='d\\69splay:none'>",
        "<p style='d\\000069 splay:none'>",
        "<p style='display/**/:none'>",
        "<p style='display:none /* x */ ! important'>",
        "<p style='display:none;content:\"; display:block\"'>",
        "<p style='display:none;x:(;display:block'>",
        '<style>p{background:url(a"b);display:none}</style><p>',
        "<style>@media screen{p{display:none}}</style><p>",
        "<style>@MEDIA all and (min-width:1px){p{display:none}}</style><p>",
        "<style>@media (color){p{display:none}}</style><p>",
        "<style media=screen>p{display:none}</style><p>",
        "<style>@supports (a:b){@layer x{p:not(.z){display:none}}}</style><p>",
        "<style>.q{display:none} @layer x{.q{display:block}}</style><p class=q>",
        "<style>.o{.q{display:none}}</style><div class=o><p class=q>",
        "<style>.o{&.q{display:none}}</style><p class='o q'>",
        "<style>p[data-x]{display:none}</style><p data-x=1>",
        "<style>body > p{display:none}</style><p>",
        "<style>p:nth-child(2){display:none}</style><p>",
        "<style>:is(.k){display:none}</style><p class=k>",
        "<style>p:lang(en){display:none}</style><p>",
        "<style>p::first-line{font-size:0}</style><p>",
        "<style>.\\31 0{display:none}</style><p class=10>",
        "<style>.a\\:b{display:none}</style><p class='a:b'>",
        "<style>.q{display:none!important}</style><p class=q style='display:block'>",
        "<style>.q{display:block}.a{display:none}</style><p class='a q'>",
        "<style>.a{display:block}.b{display:none}.a{color:red}</style><p class='b a'>",
        "<style>/*{*/ p{display:none}</style><p>",
        "<p><style>b{display:none</style><b>",
        "<p style='--d:none;display:var(--d)'>",
        "<p style='display:var(--unknown)'>",
        "<style>:root{--d:none} .q{display:var(--d, block)}</style><p class=q>",
        "<style>@keyframes z{to{opacity:0}} .q{animation:z 0s forwards}</style><p class=q>",
        "<p style='filter:opacity(0)'>",
        "<p style='filter:alpha(opacity=0)'>",
        "<p style='content-visibility:hidden'>",
        "<p style='mso-hide:all'>",
        "<p style='font:700 0px a'>",
        "<p style='font-size:16px;font:0/0 a'>",
        "<p style='font-size:calc(1px - 1px)'>",
        "<p style='font-size:0vmin'>",
        "<p style='opacity:0e3'>",
        "<p style='opacity:0.00000000000001'>",
        "<div style='font-size:0'><p style='font-size:1em'>",
        "<p style='color:hsla(0 0% 0% / 0)'>",
        "<p style='color:hsl(0,0%,100%)'>",
        "<p style='color:oklch(0.5 0.1 20 / 0)'>",
        "<p style='color:red;background:#f00'>",
        "<p style='background:#123456;color:#133557'>",
        "<div style='color:#fff'><p style='color:inherit'>",
        "<p style='-webkit-text-fill-color:transparent'>",
        "<p style='position:absolute;left:-100%'>",
        "<p style='transform:translateX(9999px)'>",
        "<p style='clip-path:polygon(0 0,0 0)'>",
        "<p style='scale:0'>",
        "<p popover>",
        "<dialog>",
        f"<p style='{'a:b;' * 100}display:none'>",
        f"<p style='--x:{'a' * 5000};display:none'>",
        f"<style>.q{{display:none;--a:{'x' * 5000}}}</style><p class='{'z ' * 30}q'>",
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
        "<style>@media only screen and (max-width:600px){p{display:none!important}}</style><p>button</p>",
        "<style>@media (width <= 600px), print{p{display:none}}</style><p>button</p>",
        "<style>@media (prefers-color-scheme:dark){p{background:#000;color:#fff}}</style><p>button</p>",
        "<style>.m{display:none} @media (min-width:1px){.m{display:block}}</style><p class=m>button</p>",
        "<style>a:hover{color:#fff} p::before{display:none} .x::after{opacity:0}</style><p class=x>button</p>",
        "<style>.a .b{display:none} u + .body .b{display:none}</style><p class=b>button</p>",
        "<style>td{color:#fff} .h td{background:#000}</style><table class=h><tr><td>button</table>",
        "<style>:root{--fg:#111;--s:14px} p{color:var(--fg);font-size:var(--s)}</style><p>button</p>",
        "<style>@keyframes f{from{opacity:0}to{opacity:1}} p{animation:f 1s}</style><p>button</p>",
        "<style>@font-face{font-family:x;src:url(x)} p{color:#333}</style><p>button</p>",
        "<p style='color:var(--none)'>button</p>",
        "<p style='background:transparent;color:currentColor'>button</p>",
        "<p style='font:bold 14px/20px Arial'>button</p>",
        "<p style='font-size:clamp(14px, 2vw, 18px)'>button</p>",
        "<p style='transform:rotate(-700deg);clip-path:inset(0);margin:0 auto'>button</p>",
        "<p style='background-clip:text;-webkit-text-fill-color:transparent'>button</p>",
    ],
)
def test_what_honest_mail_does_is_not_taken_for_hiding(html: str) -> None:
    assert to_text(html) == "button"
    assert hidden_text(html) == ""


def test_comments_are_hidden_text_but_not_those_for_outlook() -> None:
    assert hidden_text("<p>a<!-- do this --></p><!--[if mso]>table<![endif]-->") == "do this"


def test_what_outlook_alone_hides_is_shown_where_it_is_a_link() -> None:
    link = '<a href="https://x.example/" style="mso-hide:all"><span style="color:red">Log in</span></a>'
    assert to_text(link) == "Log in (https://x.example/)"


def test_characters_that_render_as_nothing_are_left_out() -> None:
    assert to_text("<p>a\U000e0041\U000e0042</p>") == "a"


@pytest.mark.parametrize("piece", ["<div>", "<ul><li>", "<div><p>", "<b>", "<font size=1>"])
def test_deep_html_is_read_without_a_tree(piece: str) -> None:
    html = piece * 20_000 + "words"
    assert not is_affordable(html)
    assert to_text(html).removeprefix("- ") == "words"


@pytest.mark.parametrize("form", [see, to_markdown, to_clean_html])
@pytest.mark.parametrize(
    "hiding",
    [
        '<p style="display:none">IGNORE',
        "<style>.q{display:none}</style><b class=q>IGNORE</b>",
        "<style>.a > .q{display:none}</style><b class=q>IGNORE</b>",
        '<b title=">" style=display:none>IGNORE</b>',
        "<font color=white>IGNORE</font>",
        '<p style="display&#58;none">IGNORE',
        "<!-- IGNORE -->",
    ],
)
def test_what_is_too_deep_for_a_tree_hides_no_less(form: Callable[[str], Seen], hiding: str) -> None:
    seen = form("<div class=w>" * 400 + f'seen <a href="https://x.example">link</a>{hiding}')
    assert "IGNORE" not in seen.text
    assert "seen" in seen.text
    assert "https://x.example" in seen.text
    assert seen.blocks == 1


@pytest.mark.parametrize(
    "html",
    [
        "<style>" + "url(" * 100_000 + "</style>x",
        "<style>" + "a{" * 100_000 + "</style>x",
        "<style>" + ".a .b{display:none}" * 20_000 + "</style>" + "<p class=b>" * 2_000,
        "<style>"
        + "".join(f".z{n} div div div div b{{display:none}}" for n in range(500))
        + "</style>"
        + "<div>" * 200,
        "<style>p" + ":not(" * 50_000 + "{display:none}</style><p>x",
        "<style>" + "div:has(u) b{display:none}" * 500 + "</style>" + "<div>" * 200 + "<b>x</b>" * 2_000,
        "<style>" + "u ~ i ~ i ~ i ~ b{display:none}" * 50 + "</style><p>" + "<i>x</i>" * 2_000 + "<b>x</b>" * 50,
        "<style>" + '"' * 200_000 + "{display:none}</style><p>x",
        '<p style="' + "a:b;" * 100_000 + '">x',
        '<p style="opacity:' + "0" * 500_000 + '">x',
        "<table class=x>" * 20_000,
        "<div>" * 300 + "<style>" * 50_000 + "</style>x",
        "<div hidden>" * 10_000 + "x<b>y</b>" * 10_000,
        "<div>" * 300 + "<a b='" * 100_000,
    ],
)
def test_style_sheets_and_depth_cost_no_more_than_their_length(html: str) -> None:
    begun = process_time()
    to_markdown(html)
    assert process_time() - begun < 6


def test_a_style_sheet_that_is_too_long_to_be_read_counts_as_a_hidden_part() -> None:
    long = "<style>" + ".a{color:red}" * 40_000 + "</style><p>seen</p>"
    assert see(long).blocks == 1
    assert see("<style>.a{color:red}</style><p>seen</p>").blocks == 0


def test_html_is_bounded() -> None:
    assert len(to_text("a" * 3_000_000)) == 2_000_000
