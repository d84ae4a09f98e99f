"""Links that do something for a reader: which are reported, as what, and with which warning."""

import pytest

from postroom.mime.links import find_links


def test_a_link_that_shows_another_host_says_so() -> None:
    html = '<a href="https://evil.example/verify?token=abc123def4567890aa">www.bank.example/verify</a>'
    (link,) = find_links(None, html)
    assert link.url == "https://evil.example/verify?token=abc123def4567890aa"
    assert link.reason.endswith("its text names another host: bank.example")


def test_a_link_to_a_subdomain_of_the_shown_host_is_no_warning() -> None:
    html = '<a href="https://id.bank.example/verify?token=abc123def4567890aa">bank.example</a>'
    (link,) = find_links(None, html)
    assert "another host" not in link.reason


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Verify your email", "verify"),
        ("Reset password", "reset"),
        ("Sign in to Acme", "magic_link"),
        ("Accept invitation", "invite"),
        ("Passwort zurücksetzen", "reset"),
        ("E-Mail bestätigen", "verify"),
        ("ログイン", "magic_link"),
    ],
)
def test_the_words_of_a_link_tell_its_kind(words: str, kind: str) -> None:
    (link,) = find_links(None, f'<a href="https://acme.example/x/abc123def4567890aa">{words}</a>')
    assert link.kind == kind


@pytest.mark.parametrize(
    "html",
    [
        '<a href="javascript:verify(1)">Verify email</a>',
        '<a href="mailto:verify@acme.example?token=abc123def4567890">Verify email</a>',
        '<a href="//acme.example/verify?token=abc123def4567890">Verify email</a>',
        '<a href="https:///verify?token=abc123def4567890">Verify email</a>',
        '<a href="https://[bad/verify?token=abc123def4567890">Verify email</a>',
        f'<a href="https://acme.example/verify?token={"a1" * 1100}">Verify email</a>',
        '<a href="https://acme.example/unsubscribe?token=abc123def4567890">Confirm unsubscribe</a>',
        '<a href="https://acme.example/login">Log in</a>',
    ],
)
def test_what_is_no_action_link_is_not_reported(html: str) -> None:
    assert find_links(None, html) == ()


def test_a_link_in_text_loses_the_punctuation_after_it() -> None:
    (link,) = find_links("Confirm here (https://acme.example/confirm?token=abc123def4567890).", None)
    assert link.url == "https://acme.example/confirm?token=abc123def4567890"


def test_at_most_ten_links_are_reported() -> None:
    anchors = (f'<a href="https://acme.example/verify/abc123def4567890{n}">Verify</a>' for n in range(40))
    assert len(find_links(None, "".join(anchors))) == 10
