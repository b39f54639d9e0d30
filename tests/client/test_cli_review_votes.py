"""`jitney review list`, `show`, `approve`, `reject` and `reject-all` against the deployed handlers (REV 17, 18)."""

import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import keyring
import pytest
from rich.cells import chop_cells
from rich.console import Console
from typer.testing import Result

from jitney.client.api.broker import Broker
from jitney.client.api.reviews import ApiShownReview, ListedReview
from jitney.client.commands import review_rejections
from jitney.client.login.sign_in import DeveloperSignIn
from jitney.client.terminal.review_screen import show_entries, show_review
from jitney.client.terminal.screen import Screen
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.request import Permission
from jitney.core.review import bulk_rejection
from jitney.core.review.content import content_hash
from jitney.core.review.sheet_document import sheet_document
from jitney.core.times import iso
from jitney.handlers.review.review_sheet import build_sheet
from tests.cli import invoke
from tests.client.login.keyring_double import MemoryBackend
from tests.handlers.api_app import ApiApp, handlers, with_ports
from tests.handlers.review_browser import STAFF, ReviewSystem
from tests.handlers.test_present_denials import frozen, shorter
from tests.handlers.test_review_pages import TWO, pending, stored
from tests.handlers.test_terminal_reviews import AUDIENCE, own_token, terminal_desk
from tests.identities import identity

READ = Permission(("s3:GetObject",), ("arn:aws:s3:::reports/a",))


class Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@dataclass
class Terminal:
    """A person at a terminal of their own, with a keyring."""

    desk: ReviewSystem
    backend: MemoryBackend
    url: str

    def sign_in(self, token: str | None = None) -> str:
        """Put a sign-in for reviews into the keyring, as `jitney login --review` does."""
        token = token or own_token(self.desk)
        kept = DeveloperSignIn("alice", "alice", token, int(time.time()) + 600, "")
        self.backend.set_password("jitney", f"{AUDIENCE} at {STAFF}", kept.text())
        return token

    def run(self, *words: str, typed: str = "") -> Result:
        return invoke(["review", *words], text=typed)


@pytest.fixture
def terminal(home: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    before, backend, desk = keyring.get_keyring(), MemoryBackend(), terminal_desk()
    keyring.set_keyring(backend)
    with with_ports(desk.system.ports):
        server = make_server("127.0.0.1", 0, ApiApp(handlers()), handler_class=Silent)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        for name, value in {
            "JITNEY_API_URL": url,
            "JITNEY_REVIEW_ISSUER": STAFF,
            "JITNEY_REVIEW_CLIENT_ID": AUDIENCE,
            # What an agent on this machine has. `jitney review` does not use it.
            "JITNEY_TOKEN": "canary-token-of-the-agent",
        }.items():
            monkeypatch.setenv(name, value)
        yield Terminal(desk, backend, url)
        server.shutdown()
        server.server_close()
        thread.join()
    keyring.set_keyring(before)


@pytest.fixture
def alice(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """alice, who is signed in and reads what is printed."""
    for command in ("review_votes", "review_rejections"):
        monkeypatch.setattr(f"jitney.client.commands.{command}.is_interactive", lambda: True)
    terminal.sign_in()
    return terminal


def untouched(terminal: Terminal, grant: Grant) -> bool:
    return stored(terminal.desk, grant) == grant


def low(terminal: Terminal) -> Grant:
    """A request whose approval needs no second step."""
    grant = replace(pending(terminal.desk), permissions=(READ,))
    terminal.desk.system.store.grants[grant.id] = grant
    return grant


def test_rev_17_a_reviewer_lists_and_shows(alice: Terminal):
    grant = pending(alice.desk, TWO)
    listed = alice.run("list")
    assert listed.exit_code == 0, listed.output
    for words in ("Waiting for you  1", "Decide within 1 hour", f"{grant.id}  severe", "agent: “monthly report”"):
        assert words in listed.stdout
    shown = alice.run("show", grant.id)
    assert shown.exit_code == 0, shown.output
    for words in ("Severe harm", "to delete and write s3 reports/a", "no person named", "DeleteObject, which deletes",
                  "arn:aws:s3:::reports/b (new)", "written by the agent and unverified", "“monthly report”",
                  content_hash(grant), f"jitney review approve {grant.id}"):  # fmt: skip
        assert words in shown.stdout
    document = json.loads(alice.run("show", grant.id, "--json").stdout)
    assert (document["content"], document["second_step"]) == (content_hash(grant), True)
    assert json.loads(alice.run("list", "--json").stdout)["waiting_for_you"][0]["id"] == grant.id


def test_rev_15_a_terminal_shows_the_worst_action_and_the_unusual_resources_first(alice: Terminal):
    """The agent chose the order of both. `--action` and `--resource` still select by the request's own positions."""
    reports = "arn:aws:s3:::reports"
    usual, new, revoked = (f"{reports}/usual", f"{reports}/new", f"{reports}/revoked")
    wanted = [{"actions": ["s3:PutObject"], "resources": [usual]},
              {"actions": ["s3:DeleteObject"], "resources": [usual, new, revoked]}]  # fmt: skip
    grant, store = pending(alice.desk, wanted), alice.desk.system.store
    obtained = replace(grant, state=State.RELEASED, starts_at=grant.created_at, unissued=False, reviews=())
    ended = GrantEnd(grant.created_at, "corp.olga", "leaked")
    for number, (arn, end) in enumerate(((usual, None), (revoked, ended))):
        deletes = (Permission(("s3:DeleteObject",), (arn,)),)
        before = replace(obtained, id=f"g-before{number:08d}".translate(str.maketrans("01", "ab")), permissions=deletes)
        store.grants[before.id] = replace(before, state=State.REVOKED, ending=end) if end else before
    lines = alice.run("show", grant.id).stdout.splitlines()
    shown = [line.split(maxsplit=1)[1] for line in lines if line.startswith(("  access ", "    on "))]
    assert shown == [
        "s3:DeleteObject, which deletes",
        f"{revoked} (revoked before)",
        f"{new} (new)",
        usual,
        "s3:PutObject, which writes",
        f"{usual} (new)",
    ]
    done = alice.run("approve", grant.id, "--action", "s3:PutObject", typed="yes\napprove\n")
    assert done.exit_code == 0, done.output
    assert stored(alice.desk, grant).permissions == (Permission(("s3:PutObject",), (usual,)),)


def test_rev_17_a_person_confirms_what_is_granted_by_a_word(alice: Terminal):
    grant = pending(alice.desk)
    done = alice.run("approve", grant.id, "--comment", "fine", typed="approve\n")
    assert done.exit_code == 0, done.output
    assert "Step 2 of 2. Nothing is granted yet." in done.stderr
    assert "may write s3 reports/a" in done.stdout
    assert "To grant it for 5m, type approve:" in done.stderr
    assert "Approved  " in done.stdout
    vote = stored(alice.desk, grant).votes[0]
    assert (vote.human.name, vote.via, vote.comment) == ("staff.alice", "terminal", "fine")
    assert alice.backend.entries == {}  # the sign-in was for one vote


SLIPS = {"Enter": "\n", "y": "y\n", "yes": "yes\n", "another word": "Approve\n", "nothing": ""}


@pytest.mark.parametrize("typed", SLIPS.values(), ids=SLIPS)
def test_rev_17_no_slip_approves(alice: Terminal, typed: str):
    grant = pending(alice.desk)
    done = alice.run("approve", grant.id, typed=typed)
    assert (done.exit_code, "Nothing was approved" in done.stderr) == (2, True)
    assert untouched(alice, grant)
    assert alice.backend.entries  # the token has not voted


def test_rev_17_a_request_of_low_harm_takes_one_question(alice: Terminal):
    grant = low(alice)
    assert alice.run("approve", grant.id, typed="\n").exit_code == 2
    assert untouched(alice, grant)
    done = alice.run("approve", grant.id, typed="yes\n")
    assert done.exit_code == 0, done.output
    assert "Step 2" not in done.stderr
    assert stored(alice.desk, grant).state is State.ACTIVE


def test_rev_17_nothing_is_approved_untyped_if_the_harm_is_gone_since_it_was_shown(
    alice: Terminal, monkeypatch: pytest.MonkeyPatch
):
    """As when the agent releases the grant that made the request harmful."""
    grant, shown = low(alice), Broker.review
    monkeypatch.setattr(Broker, "review", lambda *given: replace(shown(*given), second_step=True))
    assert alice.run("approve", grant.id, typed="\n").exit_code == 2
    assert untouched(alice, grant)
    done = alice.run("approve", grant.id, typed="approve\n")
    assert done.exit_code == 0, done.output
    assert stored(alice.desk, grant).state is State.ACTIVE


def test_rev_17_less_is_approved_by_name(alice: Terminal):
    grant = pending(alice.desk, TWO)
    less = ("--action", "s3:PutObject", "--resource", "arn:aws:s3:::reports/b", "--for", "1m")
    done = alice.run("approve", grant.id, *less, typed="yes\napprove\n")
    assert done.exit_code == 0, done.output
    assert "not granted s3:DeleteObject" in done.stdout
    after = stored(alice.desk, grant)
    assert (after.permissions, after.duration_seconds) == (
        (Permission(("s3:PutObject",), ("arn:aws:s3:::reports/b",)),),
        60,
    )


def test_rev_11_an_approval_for_this_time_only_says_so_and_is_confirmed(alice: Terminal):
    grant = pending(alice.desk, TWO)
    grants = alice.desk.system.store.grants
    grants[grant.id] = replace(grant, counts_again=True)
    done = alice.run("approve", grant.id, "--this-time-only", typed="yes\napprove\n")
    assert done.exit_code == 0, done.output
    assert "for 30 days, policy lets this agent" in done.stdout
    said = " ".join(done.stdout.split())
    assert "the same access is reviewed again, because a reviewer chose “this time only”." in said
    after = stored(alice.desk, grant)
    assert (after.counts_again, after.this_time_only, after.permissions) == (False, True, grant.permissions)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--action", "s3:PutObjekt", "Did you mean s3:PutObject?"),
        ("--resource", "*", "`jitney review show` lists each resource."),
        ("--for", "300", "--for 300 has no unit"),
        ("--for", "6m", "This is more than was requested."),
    ],
)
def test_rev_17_a_selection_adds_nothing(alice: Terminal, option: str, value: str, said: str):
    grant = pending(alice.desk)
    done = alice.run("approve", grant.id, option, value, typed="yes\napprove\n")
    assert done.exit_code != 0
    assert said in done.stderr
    assert untouched(alice, grant)


@pytest.mark.parametrize("flags", [(), ("--yes", "--content", "CONTENT")], ids=["a person", "a program"])
def test_rev_10_a_request_that_cannot_be_decided_is_refused_before_a_question(alice: Terminal, flags: tuple[str, ...]):
    grant, ports = pending(alice.desk), alice.desk.system.ports
    ports.config = replace(ports.config, targets={})
    with with_ports(ports):
        shown = alice.run("show", grant.id)
        assert f"jitney review reject {grant.id}" in shown.stdout
        assert f"jitney review approve {grant.id}" not in shown.stdout
        words = [content_hash(grant) if each == "CONTENT" else each for each in flags]
        done = alice.run("approve", grant.id, *words, typed="approve\n")
        assert (done.exit_code, "type approve" in done.output) == (2, False)
        assert "The request cannot be approved any more: reject it" in done.stderr
        assert untouched(alice, grant)
        assert alice.backend.entries  # the token has not voted
        assert alice.run("reject", grant.id, "--comment", "the target is gone").exit_code == 0


def test_rev_10_a_request_in_a_freeze_is_refused_with_the_time_from_which_it_can_be_approved(alice: Terminal):
    grant = pending(alice.desk)
    frozen(alice.desk, -60, 300)
    with with_ports(alice.desk.system.ports):
        shown = " ".join(alice.run("show", grant.id).stdout.split())
        assert f"later jitney review approve {grant.id}" in shown
        done = alice.run("approve", grant.id, typed="approve\n")
        assert done.exit_code == 2
        assert f"Run this command again from {iso(alice.desk.system.now + 300)} on." in " ".join(done.stderr.split())
        assert untouched(alice, grant)


def test_rev_10_a_request_that_is_too_long_now_is_approved_for_less_in_a_terminal(alice: Terminal):
    grant = pending(alice.desk, duration_seconds=600)
    shorter(alice.desk)
    with with_ports(alice.desk.system.ports):
        shown = alice.run("show", grant.id)
        assert "Only a part of it can be approved: for at most 8 minutes." in " ".join(shown.stdout.split())
        assert f"jitney review approve {grant.id} --for DURATION --action ACTION" in shown.stdout
        done = alice.run("approve", grant.id, typed="approve\n")
        assert (done.exit_code, "type approve" in done.output) == (2, False)
        assert "for at most 8 minutes" in " ".join(done.stderr.split())
        assert untouched(alice, grant)
        assert alice.run("approve", grant.id, "--for", "8m", typed="yes\napprove\n").exit_code == 0
        assert stored(alice.desk, grant).state is State.ACTIVE


PIPES: dict[str, tuple[str, ...]] = {
    "no flag": (),
    "--yes alone": ("--yes",),
    "--content alone": ("--content", "CONTENT"),
    "--json": ("--json", "--content", "CONTENT"),
    "--yes with another hash": ("--yes", "--content", "0" * 64),
}


@pytest.mark.parametrize("flags", PIPES.values(), ids=PIPES)
def test_rev_17_no_pipe_approves_without_yes_and_the_hash_of_what_was_shown(terminal: Terminal, flags: tuple[str, ...]):
    grant = pending(terminal.desk)
    terminal.sign_in()
    words = [content_hash(grant) if each == "CONTENT" else each for each in flags]
    done = terminal.run("approve", grant.id, *words, typed="approve\nyes\napprove\n")
    assert done.exit_code != 0
    assert untouched(terminal, grant)
    assert "Nothing was approved" in done.output or "The request changed" in done.output


def test_rev_17_a_program_approves_what_it_was_shown(terminal: Terminal):
    grant = pending(terminal.desk)
    terminal.sign_in()
    done = terminal.run("approve", grant.id, "--yes", "--content", content_hash(grant), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["state"] == "active"


def test_rev_17_a_program_confirms_less_by_the_hash_of_less(terminal: Terminal):
    grant = pending(terminal.desk)
    terminal.sign_in()
    words = ("approve", grant.id, "--for", "1m", "--yes", "--content", content_hash(grant), "--json")
    refused = json.loads(terminal.run(*words).stdout)
    assert refused["code"] == "confirmation_required"
    assert untouched(terminal, grant)
    done = terminal.run(*words, "--confirmed", refused["review"]["content"])
    assert done.exit_code == 0, done.output
    assert stored(terminal.desk, grant).duration_seconds == 60


def test_rev_17_a_rejection_needs_a_comment(terminal: Terminal):
    grant = pending(terminal.desk)
    terminal.sign_in()
    assert terminal.run("reject", grant.id).exit_code == 2
    done = terminal.run("reject", grant.id, "--comment", "Read the weekly report.")
    assert done.exit_code == 0, done.output
    assert "Rejected  " in done.stdout
    assert stored(terminal.desk, grant).votes[0].comment == "Read the weekly report."


def test_rev_17_a_sign_in_is_for_one_vote(alice: Terminal):
    first, second = pending(alice.desk), pending(alice.desk, reason="another")
    token = alice.sign_in()
    assert alice.run("approve", first.id, typed="approve\n").exit_code == 0
    again = alice.run("reject", second.id, "--comment", "no")
    assert (again.exit_code, "Run `jitney login --review`." in again.stderr) == (5, True)
    alice.sign_in(token)  # as if it were captured
    replayed = alice.run("reject", second.id, "--comment", "no")
    assert (replayed.exit_code, "a sign-in is for one vote" in replayed.stderr) == (5, True)
    assert untouched(alice, second)


def test_rev_17_the_token_of_an_agent_is_never_used(terminal: Terminal):
    """Neither when there is no sign-in for reviews, nor when one client is for both."""
    grant = pending(terminal.desk)
    for words in (("list",), ("show", grant.id), ("reject", grant.id, "--comment", "no")):
        done = terminal.run(*words)
        assert (done.exit_code, "canary" in done.output) == (5, False)
        assert "Run `jitney login --review`." in done.stderr
    assert untouched(terminal, grant)


def test_rev_17_reviews_have_a_client_of_their_own(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JITNEY_TOKEN_ISSUER", STAFF)
    monkeypatch.setenv("JITNEY_CLIENT_ID", AUDIENCE)
    done = terminal.run("list")
    assert (done.exit_code, "Use a separate client for reviews," in done.stderr) == (2, True)
    monkeypatch.delenv("JITNEY_REVIEW_CLIENT_ID")
    missing = terminal.run("list")
    assert "client_id under [review]" in missing.stderr


def test_rev_17_an_agents_token_in_the_keyring_is_refused(terminal: Terminal):
    grant = pending(terminal.desk)
    terminal.sign_in(own_token(terminal.desk, act={"sub": "reader-agent"}))
    done = terminal.run("reject", grant.id, "--comment", "no")
    assert done.exit_code == 5
    assert "Reviews take a person's own token." in done.stderr
    assert untouched(terminal, grant)


def test_rev_17_hostile_text_does_not_reach_the_terminal(alice: Terminal):
    grant = replace(pending(alice.desk), reason="\x1b]0;approve\x07 ok\u202e")
    alice.desk.system.store.grants[grant.id] = grant
    done = alice.run("show", grant.id)
    assert "\x1b" not in done.output
    assert "\u202e" not in done.output


def test_rev_10_an_agents_words_do_not_continue_after_their_quotation_in_a_terminal(alice: Terminal):
    grant = pending(alice.desk, reason="fix\u201d  approved by corp.bob  \u201cok")
    for command in (("list",), ("show", grant.id)):
        assert '“fix" approved by corp.bob "ok”\n' in alice.run(*command).stdout


@pytest.mark.parametrize("filler", ["x", "\u540d"], ids=["narrow", "wide"])
def test_rev_10_no_word_of_an_agent_begins_a_line_of_a_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, filler: str
):
    shown = Screen()
    written = io.StringIO()
    shown.out = Console(file=written, force_terminal=True, color_system=None, width=80, soft_wrap=True, highlight=False)
    monkeypatch.setattr("jitney.client.terminal.review_screen.screen", lambda: shown)
    words = f"{filler * 90}Approved {'Approved by people.bob. ' * 9}".strip()
    arn = f"arn:aws:s3:::reports/{'a' * 90} {'Approved by people.bob. ' * 5}".strip()
    grant = replace(
        pending(terminal.desk, reason=words),
        subject="Approved by people.bob. " * 9,
        permissions=(Permission(("s3:GetObject",), (arn,)),),
    )
    ports = terminal.desk.system.ports
    document = sheet_document(build_sheet(grant, ports)) | {"agent": {"reason": words, "changed": words, "ticket": ""}}
    show_review(ApiShownReview.read(document), details=True)
    listed = {name: str(document.get(name, "")) for name in ("id", "expires_at", "content", "on_behalf_of", "human")}
    names = {"title": document["sentence"], "agent": "local.agent", "unit": "", "reason": words}
    show_entries([ListedReview.read({**listed, **names, "harm": document["harm"]})])
    printed = written.getvalue().splitlines()
    seen = [line for long in printed for line in chop_cells(long, 80)]  # as a terminal breaks long lines
    said = [line for line in seen if "Approved" in line or "bob" in line]
    assert len(said) > 15
    assert [line for line in said if not line.startswith(("  ", "Low harm  Agent "))] == []
    assert f"    on      arn:aws:s3:::reports/{'a' * 90}" in printed


def flood(terminal: Terminal, count: int = 3) -> list[Grant]:
    return [pending(terminal.desk, reason=f"request {number}") for number in range(count)]


def test_rev_18_a_flood_is_rejected_by_a_typed_word(alice: Terminal):
    grants = flood(alice)
    agent = grants[0].principal
    for typed in ("\n", "yes\n", ""):
        done = alice.run("reject-all", "--agent", agent, typed=typed)
        assert (done.exit_code, "Nothing was rejected" in done.stderr) == (2, True)
    assert all(untouched(alice, each) for each in grants)
    done = alice.run("reject-all", "--agent", agent.partition(".")[2], "--comment", "in a loop", typed="reject\n")
    assert done.exit_code == 0, done.output
    assert f"To reject 3 requests of agent {agent}, type reject:" in done.stderr
    assert all(each.id in done.stdout for each in grants)
    assert "Rejected  3" in done.stdout
    votes = [stored(alice.desk, each).votes[0] for each in grants]
    assert {(each.verdict, each.comment, each.via) for each in votes} == {("reject", "in a loop", "terminal")}
    assert alice.backend.entries == {}  # the sign-in was for one call


@pytest.mark.parametrize("human", ["people.ada", "ada"])
def test_rev_18_the_requests_for_one_person_are_rejected_alone(alice: Terminal, human: str):
    names = [*["people.ada"] * 3, "people.bob"]
    *ada, bob = (replace(each, human=identity(name)) for each, name in zip(flood(alice, 4), names, strict=True))
    alice.desk.system.store.grants |= {each.id: each for each in (*ada, bob)}
    done = alice.run("reject-all", "--agent", ada[0].principal, "--human", human, typed="reject\n")
    assert done.exit_code == 0, done.output
    assert f"To reject 3 requests of agent {ada[0].principal} on behalf of people.ada, type reject:" in done.stderr
    assert "on behalf of people.ada." in stored(alice.desk, ada[0]).votes[0].comment
    assert untouched(alice, bob)


def test_rev_18_the_requests_for_no_named_person_are_rejected_alone(alice: Terminal):
    *own, other = flood(alice, 4)
    other = replace(other, human=identity("people.ada"))
    alice.desk.system.store.grants[other.id] = other
    done = alice.run("reject-all", "--agent", other.principal, "--human", "-", typed="reject\n")
    assert done.exit_code == 0, done.output
    assert f"To reject 3 requests of agent {other.principal}, no person named, type reject:" in done.stderr
    assert all(stored(alice.desk, each).votes for each in own)
    assert untouched(alice, other)


def test_rev_18_a_program_rejects_many_with_yes_and_sees_what_is_left(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("jitney.client.commands.review_rejections.MOST_REJECTIONS", 2)
    grants = flood(terminal)
    terminal.sign_in()
    unit = grants[0].unit
    assert json.loads(terminal.run("reject-all", "--unit", unit, "--json").stdout)["code"] == "rejection_not_confirmed"
    assert all(untouched(terminal, each) for each in grants)
    listed = Broker.reviews

    def later(broker: Broker) -> Any:
        found = listed(broker)
        changed = replace(grants[0], duration_seconds=200)
        terminal.desk.system.store.grants[changed.id] = changed  # after the person's list was read
        return found

    monkeypatch.setattr(Broker, "reviews", later)
    done = terminal.run("reject-all", "--unit", unit, "--yes", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["remaining"], len(document["rejected"])) == (1, 1, 1)
    assert [(each["id"], each["code"]) for each in document["not_rejected"]] == [(grants[0].id, "review_changed")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Name one agent with --agent, or one unit with --unit."),
        (("--agent", "a", "--unit", "b"), "Name one agent with --agent, or one unit with --unit."),
        (("--agent", "corp.reader-agnet"), "Did you mean corp.reader-agent?"),
        (("--unit", "corp.other"), "No request of unit corp.other waits for you."),
        (("--unit", "corp.reader-agent", "--human", "people.ada"), "Name one agent with --agent"),
        (("--agent", "reader-agent", "--human", "ada"), "No request of agent corp.reader-agent on behalf of ada waits"),
    ],
)
def test_rev_18_an_unknown_owner_rejects_nothing(alice: Terminal, options: tuple[str, ...], said: str):
    grants = flood(alice)
    done = alice.run("reject-all", *options, "--yes")
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert all(untouched(alice, each) for each in grants)
    assert alice.backend.entries  # the token has not voted


def test_rev_18_the_limits_of_the_command_and_of_the_broker_are_one():
    assert review_rejections.MOST_REJECTIONS == bulk_rejection.MOST_REJECTIONS
