"""New content of replies: the corpus read by a person, and what crafted bodies may cost."""

from pathlib import Path

import pytest

from postroom.mime.quote import extract_text
from postroom.mime.quote_html import _HTML_MARKERS, _is_marked, extract_html
from tests.mime.cost import least_cost

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "reply" / "crisp"

# New text is the first lines of the file, all else is history: file -> how many lines.
FIRST_LINES = {
    **{f"email_{n}.txt": 5 for n in (8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 22, 23, 24, 25, 26)},
    **dict.fromkeys(
        (
            "email_danish_dash_separator.txt",
            "email_en_multiline_2.txt",
            "email_finnish.txt",
            "email_fr_multiline.txt",
            "email_french_2.txt",
            "email_french_dash_separator.txt",
            "email_german.txt",
            "email_german_2.txt",
            "email_german_outlook.txt",
            "email_gmail_split_line_from.txt",
            "email_italian.txt",
            "email_msn.txt",
            "email_norwegian_gmail.txt",
            "email_original_message.txt",
            "email_original_message_2.txt",
            "email_outlook_split_line_from.txt",
            "email_portuguese.txt",
            "email_russian.txt",
            "email_tricky_10_special_chars_in_name.txt",
            "email_tricky_12_no_space_after_header.txt",
            "email_tricky_14_long_quote_header.txt",
            "email_tricky_15_original_message_variations.txt",
            "email_tricky_5_mixed_languages.txt",
        ),
        5,
    ),
    "email_ios_outlook.txt": 7,
    "email_ios_outlook_fr.txt": 7,
    "email_19.txt": 3,
    "email_2_1.txt": 1,
    "email_20.txt": 1,
    "email_4.txt": 1,
    "email_6.txt": 3,
    "email_customer_quote_header_2.txt": 1,
    "email_customer_quote_header_3.txt": 3,
    "email_one_is_not_on.txt": 5,
    "email_sent_from.txt": 3,
    "email_thread.txt": 1,
    "email_tricky_20_html_entities.txt": 3,
    "email_tricky_9_nested_quotes.txt": 1,
    "email_unquoted_reply.txt": 1,
    "email_zoho.txt": 2,
}
# Nothing of these is history: signatures and forwarded messages stay.
WHOLE = (
    "correct_sig.txt",
    "email_1.txt",
    "email_5.txt",
    "email_15.txt",
    "email_21.txt",
    "email_blackberry.txt",
    "email_emoji.txt",
    "email_german_3.txt",
    "email_not_a_signature.txt",
    "email_not_a_signature_2.txt",
    "email_tricky_1_on_false_positive.txt",
    "email_tricky_2_url_with_wrote.txt",
    "email_tricky_3_code_block.txt",
    "email_tricky_4_from_in_body.txt",
    "email_tricky_7_multiple_dashes.txt",
    "email_tricky_13_timestamp_variations.txt",
    "email_tricky_17_forward_header.txt",
    "sig_no_empty_line.txt",
)
EXACT = {
    "email_tricky_18_inline_reply.txt": (
        "I think option A is great.\n\nOption B has some drawbacks.\n\nOption C is not suitable for our use case."
    ),
    "email_tricky_19_quote_without_header.txt": (
        "I wanted to respond to your points:\n\nMy response to the quoted text above.\n\nAnd my final thoughts."
    ),
    "email_custom_quote_header.txt": "Thank you!\n\n-- \nGyőrvári Gábor - Scr34m\nscr34m@gmail.com",
}


def _read(name: str) -> str:
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus of replies is not at {CORPUS}")
    return (CORPUS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(FIRST_LINES))
def test_history_below_is_taken_away(name: str) -> None:
    text = _read(name)
    assert extract_text(text) == "\n".join(text.split("\n")[: FIRST_LINES[name]]).rstrip()


@pytest.mark.parametrize("name", WHOLE)
def test_a_text_without_history_is_returned_whole(name: str) -> None:
    text = _read(name)
    assert extract_text(text) == text.rstrip()


@pytest.mark.parametrize("name", sorted(EXACT))
def test_answers_between_quotes_are_kept(name: str) -> None:
    assert extract_text(_read(name)) == EXACT[name]


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("email_2.txt", "Hi,\n\nYou can list the keys", "riak-users_lists.basho.com"),
        ("email_3.txt", "Oh thanks.", "riak-users_lists.basho.com"),
        ("email_7.txt", "Fusce bibendum", "_" * 60),
        ("email_reply_header.txt", "This is the latest reply.", "--\nMy name is Stranger"),
        ("email_bullets.txt", "test 2 this should list second", "*Joe Smith | Director, Product Management*"),
    ],
)
def test_what_stands_below_the_quote_is_kept(name: str, begin: str, end: str) -> None:
    new = extract_text(_read(name))
    assert new.startswith(begin)
    assert new.endswith(end)
    assert not any(line.startswith(">") or line.endswith("wrote:") for line in new.split("\n"))


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, 9 Mar 2026 at 10:00, Ann <a@b.example> wrote:",
        "Am 09.03.2026 um 10:00 schrieb Ann <a@b.example>:",
        "Am Mo., 9. März 2026 um 10:00 Uhr schrieb Ann Muster\n<a@b.example>:",
        "Le lun. 9 mars 2026 à 10:00, Ann <a@b.example> a\nécrit :",
        "El lun, 9 mar 2026 a las 10:00, Ann (<a@b.example>) escribió:",
        "Il giorno lun 9 mar 2026 alle ore 10:00 Ann <a@b.example> ha scritto:",
        "Em seg., 9 de mar. de 2026 às 10:00, Ann <a@b.example> escreveu:",
        "Op ma 9 mrt 2026 om 10:00 schreef Ann <a@b.example>:",
        "Den mån 9 mars 2026 kl 10:00 skrev Ann <a@b.example>:",
        "W dniu 9.03.2026 o 10:00, Ann napisała:",
        "пн, 9 мар. 2026 г. в 10:00, Ann <a@b.example>:",
        "09.03.2026 10:00, Ann <a@b.example> пишет:",
        "2026年3月9日(月) 10:00 Ann <a@b.example>:",
        "2026年3月9日 10:00、Ann <a@b.example>のメール:",
        "Ann <a@b.example> 于2026年3月9日周一 10:00写道：",
        "在 2026年3月9日，10:00，Ann <a@b.example> 写道：",
        "2026년 3월 9일 (월) 오전 10:00, Ann <a@b.example>님이 작성:",
        "9 Mar 2026 Pzt, 10:00 tarihinde Ann <a@b.example> şunu yazdı:",
        "po 9. 3. 2026 v 10:00 odesílatel Ann <a@b.example> napsal:",
    ],
)
def test_an_attribution_in_any_language_is_taken_away(attribution: str) -> None:
    assert extract_text(f"new words\n\n{attribution}\n\n> old words\n") == "new words"


@pytest.mark.parametrize(
    "block",
    [
        "From: Ann <a@b.example>\nSent: Monday\nTo: Bob\nSubject: Hi",
        "*Von:* Ann <a@b.example>\n*Gesendet:* Montag\n*An:* Bob\n*Betreff:* Hallo",
        "De : Ann\nEnvoyé : lundi\nÀ : Bob\nObjet : Salut",
        "De: Ann\nEnviado el: lunes\nPara: Bob\nAsunto: Hola",
        "Da: Ann\nInviato: lunedì\nA: Bob\nOggetto: Ciao",
        "Van: Ann\nVerzonden: maandag\nAan: Bob\nOnderwerp: Hoi",
        "Från: Ann\nSkickat: måndag\nTill: Bob\nÄmne: Hej",
        "Od: Ann\nWysłano: poniedziałek\nDo: Bob\nTemat: Cześć",
        "От: Ann\nОтправлено: понедельник\nКому: Bob\nТема: Привет",
        "差出人: Ann\n送信日時: 月曜日\n宛先: Bob\n件名: こんにちは",
        "发件人: Ann\n发送时间: 星期一\n收件人: Bob\n主题: 你好",
        "보낸 사람: Ann\n보낸 날짜: 월요일\n받는 사람: Bob\n제목: 안녕",
    ],
)
def test_a_block_of_header_fields_ends_the_new_text(block: str) -> None:
    assert extract_text(f"new words\n\n________________________________\n{block}\n\nold words\n") == "new words"


def test_a_timetable_with_from_and_to_is_no_header_block() -> None:
    text = "Your trip:\nFrom: Berlin\nTo: Munich\nDate: 5 May\n\nHave a good journey"
    assert extract_text(text) == text


def test_a_forwarded_message_is_kept_whole() -> None:
    text = "See below.\n\n---------- Forwarded message ----------\nFrom: A <a@b.c>\nSubject: x\n\n> quoted\nbody"
    assert extract_text(text) == text


def test_a_text_of_nothing_but_history_is_returned_whole() -> None:
    text = "On 1 Jan 2026, Ann <a@b.example> wrote:\n> old"
    assert extract_text(text) == text


def test_lines_ended_by_crlf_are_read_as_well() -> None:
    assert extract_text("new\r\n\r\nOn 1 Jan 2026, Ann wrote:\r\n> old\r\n") == "new"


def test_a_sentence_with_a_year_and_a_colon_is_not_history() -> None:
    text = "Two things:\n\nIn 2019 he wrote to us.\nOn Monday we will write again:\n- one\n- two"
    assert extract_text(text) == text


CRAFTED_TEXT = {
    "starts of attributions": "On 1:\n" * 36_000,
    "header fields": "From: a@b\n" * 21_000,
    "blank lines": "\n" * 216_000 + ">",
    "one line": ">" * 216_000,
    "spaces": " " * 216_000 + ":\n",
    "long attributions": ("On " + "1:1 " * 95 + ":\n") * 560,
    "addresses": ("On @" + "@a" * 195 + ":\n") * 560,
    "dashes": ("-" * 398 + "\n") * 540 + ":\n",
    "quotes broken late": (">" + "a " * 30 + "\nb\n") * 3_300,
}


@pytest.mark.parametrize("name", sorted(CRAFTED_TEXT))
def test_a_crafted_text_costs_less_than_half_a_second(name: str) -> None:
    assert least_cost(lambda: extract_text(CRAFTED_TEXT[name])) < 0.5


GMAIL = (
    '<div dir="ltr">New words</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, Jan 5, 2026 '
    'Ann &lt;<a href="mailto:a@b.example">a@b.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote">old'
    "</blockquote></div>"
)
OUTLOOK_WEB = (
    '<html><body><div>New words</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Ann</div>'
    "<div>old</div></body></html>"
)
OUTLOOK = (
    '<html><body><div class="WordSection1"><p>New words</p><div><div style="border:none;border-top:solid #E1E1E1">'
    "<p><b>Von:</b> Ann &lt;a@b.example&gt;<br><b>Gesendet:</b> Montag<br><b>An:</b> Bob<br><b>Betreff:</b> Hallo</p>"
    "</div></div><p>old</p></div></body></html>"
)
RULE = "<p>New words</p><hr><p><b>From:</b> Ann<br><b>Sent:</b> Monday<br><b>Subject:</b> Hi</p><p>old</p>"
THUNDERBIRD = (
    '<p>New words</p><div class="moz-cite-prefix">Am 05.01.26 schrieb Ann:<br></div>'
    '<blockquote type="cite">old</blockquote>'
)
APPLE = '<div>New words</div><blockquote type="cite"><div>On 5 Jan 2026, Ann wrote:</div><div>old</div></blockquote>'
YAHOO = '<div>New words</div><div class="yahoo_quoted"><div>On Monday, Ann wrote:</div><div>old</div></div>'
PROTON = '<div>New words</div><div class="protonmail_quote">On Monday, Ann wrote:<br><blockquote>old</blockquote></div>'
PLAIN = "<p>New words</p>On 5 Jan 2026, Ann &lt;<a>a@b.example</a>&gt; wrote:<br><blockquote>old</blockquote>"


@pytest.mark.parametrize("html", [GMAIL, OUTLOOK_WEB, OUTLOOK, RULE, THUNDERBIRD, APPLE, YAHOO, PROTON, PLAIN])
def test_html_loses_its_history_and_keeps_what_is_new(html: str) -> None:
    new = extract_html(html)
    assert "New words" in new
    assert "old" not in new
    assert "Ann" not in new
    assert ("<html" in new) == ("<html" in html)


def test_html_answers_between_quotes_are_kept() -> None:
    new = extract_html(
        '<div class="gmail_quote"><div class="gmail_attr">On Mon Ann wrote:</div><blockquote class="gmail_quote">q1'
        '</blockquote><div>answer 1</div><blockquote class="gmail_quote">q2</blockquote><div>answer 2</div></div>'
    )
    assert "answer 1" in new
    assert "answer 2" in new
    assert "q1" not in new
    assert "q2" not in new


def test_a_forwarded_message_in_html_is_kept_with_its_own_quotes() -> None:
    html = (
        '<div>See</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>'
        'From: A</div>body<blockquote class="gmail_quote">quoted there</blockquote></div>'
    )
    assert extract_html(html) == html


def test_a_quotation_that_nobody_wrote_in_a_mail_stays_in_html() -> None:
    html = "<p>My favourite lines:</p><blockquote>Two roads diverged</blockquote>"
    assert extract_html(html) == html


@pytest.mark.parametrize("mark", [*_HTML_MARKERS, "<hr", "<HR"])
def test_every_mark_of_history_in_html_is_seen(mark: str) -> None:
    assert _is_marked(f"<p>New</p>{mark}")
    assert not _is_marked("<p>New</p>")


def test_html_of_nothing_but_history_is_returned_whole() -> None:
    html = '<blockquote type="cite">old</blockquote>'
    assert extract_html(html) == html


CRAFTED_HTML = {
    "depth": "<div>" * 50_000 + "<hr>",
    "quotes": "<blockquote type=cite>" * 12_000,
    "rules": "<hr>" * 60_000,
    "formatting left open": "".join(f"<p><font a={i}></p>" for i in range(12_000)) + "<hr>",
    "paragraphs under depth": "<div>" * 500 + "<p>" * 70_000 + "<hr>",
    "boxes": "<p style='border-top:1px'>" * 9_000,
    "angles": "<" * 256_000 + "<hr",
}


@pytest.mark.parametrize("name", sorted(CRAFTED_HTML))
def test_crafted_html_costs_less_than_half_a_second(name: str) -> None:
    assert least_cost(lambda: extract_html(CRAFTED_HTML[name])) < 0.5
