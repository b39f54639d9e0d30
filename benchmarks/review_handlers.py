"""`make bench`: the time that a function takes for a reviewer's click, on the page and in Slack.

Handlers, policies and templates are the deployed ones. DynamoDB, Step Functions and Slack answer at once, from memory.
So the figures are Jitney's own time, without its clients' time. A click in Slack includes making its signature, which
takes microseconds. Prints one JSON object in milliseconds.
"""

import contextlib
import importlib
import io
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

RUNS = 200
WARM_UP = 20

type Prepare = Callable[[], Callable[[], Any]]


def main() -> None:
    """Measure and print."""
    with contextlib.redirect_stdout(io.StringIO()):  # what the handlers log goes to a pipe in AWS
        figures = {name: _measured(prepare) for name, prepare in (_in_slack() | _on_the_page()).items()}
    print(json.dumps(figures, indent=2))


def _measured(prepare: Prepare) -> dict[str, float]:
    """Return the median wall and processor times of an action. It is prepared again before each run."""
    runs = []
    for number in range(WARM_UP + RUNS):
        act = prepare()
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        if number >= WARM_UP:
            runs.append(((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000))
    walls, cpus = zip(*runs, strict=True)
    return {
        "p50_ms": round(statistics.median(walls), 2),
        "p99_ms": round(statistics.quantiles(walls, n=100)[98], 2),
        "own_cpu_p50_ms": round(statistics.median(cpus), 2),
    }


def _in_slack() -> dict[str, Prepare]:
    office = importlib.import_module("tests.handlers.slack_workspace").SlackSystem()

    def pressing(action: str) -> Prepare:
        def prepare() -> Callable[[], Any]:
            _emptied(office.system.store)
            payload = office.press(office.pending(), action)
            return lambda: _done(office.send(payload)[0])

        return prepare

    def sending(action: str) -> Prepare:
        def prepare() -> Callable[[], Any]:
            _emptied(office.system.store)
            sent = office.submission(office.open(office.pending(), action), comment="measured", seconds="60")
            return lambda: _done(office.send(sent)[0])

        return prepare

    return {
        "slack_approve": pressing("approve"),
        "slack_open_approve_selected": pressing("approve_selected"),
        "slack_send_approve_selected": sending("approve_selected"),
        "slack_send_reject": sending("reject"),
    }


def _on_the_page() -> dict[str, Prepare]:
    browsing, conftest = (importlib.import_module(f"tests.handlers.{name}") for name in ("review_browser", "conftest"))
    create_grant = importlib.import_module("jitney.handlers.grants").create_grant
    desk = browsing.review_system()
    browser = browsing.Browser(desk)
    browser.sign_in("alice")

    def asked() -> str:
        _emptied(desk.system.store)
        _, body, _ = desk.system.call(create_grant, conftest.REQUEST_BODY | {"permissions": conftest.WRITE})
        return str(body["grant"]["id"])

    def show() -> Callable[[], Any]:
        path = f"/reviews/{asked()}"
        return lambda: _done(browser.send("GET", path).status)

    def vote() -> Callable[[], Any]:
        grant_id = asked()
        form = browser.form_of(grant_id)
        return lambda: _done(browser.send("POST", f"/reviews/{grant_id}", form).status)

    return {"page_show": show, "page_vote": vote}


def _emptied(store: Any) -> None:
    """Empty the store, so that each run is the first of its agent."""
    for kept in (store.grants, store.links, store.taken, store.lists):
        kept.clear()


def _done(status: int) -> None:
    if status not in (200, 303):
        raise SystemExit(f"answered {status}")


if __name__ == "__main__":
    main()
