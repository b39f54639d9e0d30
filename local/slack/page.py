"""The workspace as a page: messages and an open modal, with the buttons that Slack would show."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slack - Jitney on this machine</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem }}
article {{ border: 1px solid #bbb; border-radius: .5rem; margin: 1rem 0; padding: .5rem 1rem }}
article.reply {{ margin-left: 2rem }} article.alone {{ background: #fff6d8 }}
code {{ overflow-wrap: anywhere }} blockquote {{ border-left: 4px solid #bbb; margin-left: 0; padding-left: 1rem }}
.rich {{ white-space: pre-wrap; overflow-wrap: anywhere }} .error {{ color: #a00 }}</style>
<main><h1>Slack</h1>{main}</main></html>
"""
_INTRODUCTION = (
    "<p>What was posted, newest thread first. Choose a person, then press a button. "
    'The same as JSON: <a href="/messages">/messages</a></p>'
)


def posted(messages: Iterable[Mapping[str, Any]], people: Iterable[str], places: Mapping[str, str]) -> str:
    """Return the page of all messages. Replies are below their message. `places` are the names of channels."""
    names = list(people)
    threads: dict[tuple[str, str], list[str]] = {}
    for message in messages:
        thread = (message["channel"], message.get("thread_ts", message["ts"]))
        threads.setdefault(thread, []).append(_article(message, names, places))
    shown = ["".join(articles) for articles in threads.values()]
    return _PAGE.format(main=_INTRODUCTION + ("".join(reversed(shown)) or "<p>Nothing yet.</p>"))


def opened(modal: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    """Return the page of a modal, with the errors of its fields."""
    fields = "".join(_field(block, errors) for block in modal["blocks"])
    send = f"<button>{_plain(modal['submit'])}</button> " if "submit" in modal else ""
    form = (
        f'<form method="post" action="/modals/{escape(modal["id"])}">{fields}<p>{send}<a href="/">Close</a></p></form>'
    )
    return _PAGE.format(main=f"<h2>{_plain(modal['title'])}</h2><p>Open for {escape(modal['opened_for'])}</p>{form}")


def _article(message: Mapping[str, Any], people: list[str], places: Mapping[str, str]) -> str:
    kind = "alone" if "ephemeral_to" in message else "reply" if "thread_ts" in message else ""
    alone = f", only for {escape(message['ephemeral_to'])}" if kind == "alone" else ""
    blocks = "".join(_block(block, message, people) for block in message.get("blocks", ()))
    at = datetime.fromtimestamp(float(message["ts"]), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    place = f"{escape(places[message['channel']])}, {at}{alone}"
    return f'<article class="{kind}"><small>{place}</small>{blocks or escape(message.get("text", ""))}</article>'


def _block(block: Mapping[str, Any], message: Mapping[str, Any], people: list[str]) -> str:
    match block["type"]:
        case "header":
            return f"<h2>{_plain(block['text'])}</h2>"
        case "section":
            return f"<p>{_plain(block['text'])}</p>"
        case "divider":
            return "<hr>"
        case "rich_text":
            return f'<div class="rich">{"".join(_rich(each) for each in block["elements"])}</div>'
        case "actions":
            return _buttons(block, message, people)
    return f"<pre>{escape(str(block))}</pre>"


def _rich(element: Mapping[str, Any]) -> str:
    tags = {"rich_text_list": "ul", "rich_text_quote": "blockquote", "rich_text_section": "div"}
    if element["type"] == "text":
        shown = escape(element["text"])
        for style, tag in (("bold", "b"), ("code", "code")):
            shown = f"<{tag}>{shown}</{tag}>" if element.get("style", {}).get(style) else shown
        return shown
    within = [_rich(each) for each in element["elements"]]
    if element["type"] == "rich_text_list":
        within = [f"<li>{each}</li>" for each in within]
    tag = tags[element["type"]]
    return f"<{tag}>{''.join(within)}</{tag}>"


def _buttons(block: Mapping[str, Any], message: Mapping[str, Any], people: list[str]) -> str:
    links = [
        f'<a href="{escape(each["url"])}">{_plain(each["text"])}</a>' for each in block["elements"] if "url" in each
    ]
    names = [(each["action_id"], _plain(each["text"])) for each in block["elements"] if "url" not in each]
    if not names:
        return f"<p>{' '.join(links)}</p>"
    options = "".join(f"<option>{escape(each)}</option>" for each in people)
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(message[name])}">' for name in ("channel", "ts")
    )
    presses = " ".join(f'<button name="action" value="{escape(name)}">{label}</button>' for name, label in names)
    choice = f"<label>as <select name=user>{options}</select></label>"
    return f'<form method="post" action="/press">{hidden}{choice} {presses} {" ".join(links)}</form>'


def _field(block: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    if block["type"] != "input":
        return f"<p>{_plain(block['text'])}</p>"
    name, element = escape(block["block_id"]), block["element"]
    wrong = f'<p class="error">{escape(errors[block["block_id"]])}</p>' if block["block_id"] in errors else ""
    if element["type"] == "checkboxes":
        boxes = "".join(_boxes(name, element["options"]))
        return f"<fieldset><legend>{_plain(block['label'])}</legend>{boxes}</fieldset>{wrong}"
    value = escape(str(element.get("initial_value", "")))
    return f'<p><label>{_plain(block["label"])}<br><input name="{name}" value="{value}"></label></p>{wrong}'


def _boxes(name: str, options: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield f'<input type="hidden" name="{name}" value="">'
    for option in options:
        text = _plain(option["text"]) + (_plain(option["description"]) if "description" in option else "")
        box = f'<input type="checkbox" name="{name}" value="{escape(option["value"])}" checked>'
        yield f"<label>{box} <code>{text}</code></label><br>"


def _plain(text: Mapping[str, Any]) -> str:
    return escape(str(text["text"]))
