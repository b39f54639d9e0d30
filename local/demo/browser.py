"""A reviewer's browser without scripts.

It signs in, reads a request's page, unchecks resources, presses a button and confirms the second step.

It is run as `python browser.py LINK VERDICT [UNCHECKED ARN…]`, with JITNEY_PERSON and JITNEY_PASSWORD. The program
prints the page's text and its own actions. An unexpected page ends it with an error.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from html import unescape

import httpx

MOST_HOPS = 12
_SELECT = re.compile(r'<select[^>]* name="(\w+)">\s*<option value="(\w+)"')


def main(link: str, verdict: str, unchecked: Sequence[str]) -> None:
    """Sign in, and vote on the request whose page the link opens."""
    with httpx.Client(timeout=30, trust_env=False) as http:
        page = _signed_in(http, _followed(http, http.get(link)))
        _say(f"# {_text(_one(r'<h1>(.*?)</h1>', page.text))}")
        for name, value in re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.text, re.DOTALL):
            _say(f"{_text(name)}: {_text(value)}")
        form = _ballot(page.text, f"{verdict}_selected" if unchecked else verdict, unchecked)
        for name, value in re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', page.text, re.DOTALL):
            _say(f"{_text(name)}: {_text(value)}")
        _say(f"[{verdict}]")
        answer = _sent(http, page.url, form)
        if step := _second_step(answer.text):
            _say(f"# {_text(_one(r'<h1>(.*?)</h1>', answer.text))}")
            answer = _sent(http, page.url, step)
        _say(f"-> {_text(_one(r'<span class="state[^>]*>(.*?)</span>', answer.text))}")


def _sent(http: httpx.Client, url: httpx.URL, form: Mapping[str, str | list[str]]) -> httpx.Response:
    """Return the page after a form was sent from a page of the same site."""
    return _followed(http, http.post(url, data=form, headers={"Origin": str(url.join("/")).rstrip("/")}))


def _signed_in(http: httpx.Client, page: httpx.Response) -> httpx.Response:
    """Return the page that the provider redirects to after the sign-in."""
    action = unescape(_one(r'<form method="post" action="(/interaction/[^"]+)"', page.text))
    person = {"username": os.environ["JITNEY_PERSON"], "password": os.environ["JITNEY_PASSWORD"]}
    return _followed(http, http.post(page.url.join(action), data=person))


def _followed(http: httpx.Client, answer: httpx.Response) -> httpx.Response:
    for _ in range(MOST_HOPS):
        if not answer.is_redirect:
            return answer.raise_for_status()
        answer = http.get(answer.url.join(answer.headers["location"]))
    raise SystemExit("redirected without end")


def _ballot(text: str, verdict: str, unchecked: Sequence[str]) -> dict[str, str | list[str]]:
    """Return the form as a browser sends it, without the check boxes of the unchecked ARNs."""
    form = next(each for each in _forms(text) if f'name="verdict" value="{verdict}"' in each)
    sent: dict[str, str | list[str]] = {"comment": "", "verdict": verdict, **dict(_SELECT.findall(form))}
    for label, box in re.findall(r'<label class="box">((<input[^>]*>).*?)</label>', form, re.DOTALL):
        given = _attributes(box)
        if any(f"<code>{arn}</code>" in label for arn in unchecked):
            _say(f"[ ] {_text(label)}")
            continue
        _say(f"[x] {_text(label)}")
        values = sent.setdefault(given["name"], [])
        if isinstance(values, list):
            values.append(given["value"])
    for field in re.findall(r"<input[^>]*>", form):
        given = _attributes(field)
        if given["type"] != "checkbox":
            sent[given["name"]] = given["value"]
    return sent


def _second_step(text: str) -> dict[str, str | list[str]]:
    """Return the form of the second step as its button sends it, or {} for another page."""
    form = next((each for each in _forms(text) if 'name="confirmed"' in each), "")
    sent: dict[str, str | list[str]] = {"comment": ""} if form else {}
    for field in re.findall(r"<input[^>]*>", form):
        given = {"name": "read", "value": "on", **_attributes(field)}
        several = given["name"] in ("action", "resource")
        sent[given["name"]] = [*sent.get(given["name"], ()), given["value"]] if several else given["value"]
    return sent | dict(re.findall(r'name="(confirmed)" value="(\w+)"', form))


def _forms(text: str) -> list[str]:
    return re.findall(r"<form.*?</form>", text, re.DOTALL)


def _attributes(tag: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    if found is None:
        raise SystemExit(f"the page does not have {pattern}: {_text(text)[:500]}")
    return found[1]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _text(html: str) -> str:
    """Return the text of the page that a person can read."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
