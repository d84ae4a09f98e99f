"""The pages that a person sees, as HTML without script. All that comes from outside is escaped here, and only here."""

import base64
import hashlib
import re
from html import escape
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from postroom.service import toolsets
from postroom.service.oauth import ALL, Question

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a}"
    "h1{font-size:1.3rem}code{overflow-wrap:anywhere}label{display:block;margin:.4rem 0}"
    "input[type=password],select{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}"
    "fieldset{border:1px solid #ccc;margin:1rem 0}button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}"
    ".said{color:#8a1f11}small{color:#555}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")


def key_page(question: Question, action: str) -> HTMLResponse:
    """Return the first page: who asks, and a field for the key."""
    body = (
        f"{_who(question)}"
        f'<form method="post" action="{escape(action)}">{_hidden(question, "key")}'
        "<label>Your Postroom API key: the owner key, or one that may create keys"
        '<input type="password" name="api_key" required autofocus autocomplete="off" maxlength="200"></label>'
        "<p><button>Continue</button></p></form>"
        f"{_deny(question, action)}"
        "<p><small>The key stays here. The client gets a key of its own, which you can delete at any time.</small></p>"
    )
    return _page("Let a client in?", body, question.redirect_uri)


def choice_page(question: Question, action: str) -> HTMLResponse:
    """Return the second page: which inbox, and what the client may do there."""
    body = (
        f"{_who(question)}"
        f'<form method="post" action="{escape(action)}">{_hidden(question, "allow")}'
        f"{_inboxes(question)}<fieldset><legend>It may</legend>{_toolsets(question)}</fieldset>"
        f"<p><button>Allow</button></p></form>{_deny(question, action)}"
    )
    return _page("What may it do?", body, question.redirect_uri)


def problem_page(message: str, back: str | None = None, status: int = 400) -> HTMLResponse:
    """Return the page that says what is wrong; who wants to goes back to the client, nobody is sent there."""
    link = ""
    if back is not None:
        name = urlsplit(back).netloc or "the client"
        link = f'<p><a rel="noreferrer" href="{escape(back)}">Go back to {escape(name)}</a></p>'
    body = f'<p class="said" role="alert">{escape(message)}</p>{link}'
    return _page("This does not work", body, None, status)


def _who(question: Question) -> str:
    known = (
        f"It is known by <code>{escape(question.client_id)}</code>."
        if question.client_id.startswith("https://")
        else "It registered itself: nobody has checked its name."
    )
    return (
        f"<h1>{escape(question.name)} asks for access to your mail</h1>"
        f"<p>The answer goes to <strong>{escape(question.host)}</strong>"
        f" (<code>{escape(question.redirect_uri)}</code>). {known} Go on only if you started this.</p>"
    )


def _inboxes(question: Question) -> str:
    options = [
        '<option value="">Choose…</option>',
        *(f'<option value="{escape(address)}">{escape(address)}</option>' for address in question.inboxes),
        f'<option value="{ALL}">All that your key reaches, later ones too</option>',
    ]
    listed = f'<label>Inbox<select name="inbox_id" required>{"".join(options)}</select></label>'
    if not question.has_more:
        return listed
    return f'{listed}<label>or another one, by its address<input name="other" maxlength="320"></label>'


def _toolsets(question: Question) -> str:
    return "".join(
        f'<label><input type="checkbox" name="toolset" value="{name}"{" checked" if name in question.scope else ""}> '
        f"<strong>{name}</strong>: {toolsets.SAYS[name]}</label>"
        for name in question.toolsets
    )


def _hidden(question: Question, step: str) -> str:
    return (
        f'<input type="hidden" name="ticket" value="{escape(question.ticket)}">'
        f'<input type="hidden" name="step" value="{step}">'
    )


def _deny(question: Question, action: str) -> str:
    return f'<form method="post" action="{escape(action)}">{_hidden(question, "deny")}<button>Deny</button></form>'


def _page(title: str, body: str, redirect: str | None, status: int = 200) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>'
    )
    return HTMLResponse(html, status, headers=_headers("" if redirect is None else _source(redirect)))


def _headers(target: str) -> dict[str, str]:
    # Browsers hold the redirect after a form against form-action as well, so the client's place stands there.
    policy = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "content-security-policy": f"{policy}; form-action 'self' {target}".rstrip(),
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
    }


def _source(redirect: str) -> str:
    """Return a redirect address as a source of a policy: its origin, or its scheme where that has no such form."""
    parts = urlsplit(redirect)
    if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
