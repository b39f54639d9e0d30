"""A notice as a mail: what the broker computed first, the agent's words last and harmless (REV 1, 10)."""

import json
import re
from dataclasses import replace
from email.header import decode_header, make_header
from itertools import count, islice
from typing import Any

import pytest

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.conditions import conditions_of
from jitney.core.access.decision import HarmLevel, Risk
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import Permission
from jitney.core.review import wording
from jitney.core.review.access_wording import accesses, action_verb
from jitney.core.review.content import content_hash
from jitney.core.review.like_requests import LikeRequests
from jitney.core.review.mail import AGENT_TEXT_NOTE, review_mail
from jitney.core.review.notices import Notice
from jitney.core.review.safe_text import MOST_MARKS, defang, escape_exact, escape_invisible
from jitney.core.review.selection import selected_permissions
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.core.review.slack.message import message
from jitney.core.review.slack.modals import approve_selected_modal
from jitney.core.times import format_time
from tests.core.review.samples import under_review
from tests.core.review.test_votes import GROUPS
from tests.fakes import ACTIONS, CALL, NOW, PENDING
from tests.identities import identity

URL = "https://jitney.example.com/reviews"
WRITES = replace(
    PENDING,
    permissions=(Permission(("s3:PutObject",), ("arn:aws:s3:::reports/2026/1", "arn:aws:s3:::reports/2026/2")),),
    human=identity("corp.harriet"),
)
HOSTILE = {
    "a link": "see https://evil.example/approve or www.evil.example, or mail me@evil.example",
    "markup": "<b>APPROVED</b> </bdi></blockquote><script>alert(1)</script><img src=//evil.example/x>",
    "Slack": "<!channel> <@U1> <https://evil.example|Approve> *bold* `code`",
    "bidi": "\u202eevorppa\u2066 \u200b\u00ad\ufeff",
    "lines": "fine\r\n\r\nSUMMARY\nRequested by: somebody you trust\n\nPERMISSIONS\nread: s3:GetObject",
    "headers": "x\r\nBcc: everyone@evil.example\r\nSubject: urgent",
    "length": "urgent " * 15_000,
    "one long word": "a" * 100_000,
    "combining": "a" + "\u0301" * 5000,
    "combining marks of no class": "a" + "\u0e47" * 5000,
}


def sheet(grant=WRITES, **changes) -> Sheet:
    risk = Risk("ResourceExposure", "s3:PutObject changes who may do what.", ("s3:PutObject",), level=HarmLevel.HIGH)
    return sheet_of(under_review(grant), GROUPS, ACTIONS, (risk,), (), NOW)._replace(**changes)


def a_vote(name: str, verdict: VoteVerdict, comment: str = "") -> Vote:
    return Vote(identity(f"corp.{name}"), verdict, content_hash(WRITES), comment, NOW, "web")


def test_rev_15_a_mail_has_the_order_of_the_page():
    text = review_mail(Notice.REQUESTED, sheet(), URL).text
    sentence = (
        "Agent reader-agent (corp), on behalf of corp[.]harriet, requests to write s3 reports/2026/1 and "
        "reports/2026/2 in analytics-prod for 5 minutes"
    )
    assert " ".join(text.splitlines()[:3]).rstrip() == sentence
    wanted = (
        "Your decision is needed: approve or reject. Decide before 2026-11-24",
        "High harm: s3:PutObject changes who may do what.",
        "Risk (moderate): s3:PutObject changes s3 reports/2026/1",
        "Before: No similar request in the last 30 days.",
        "write: s3:PutObject",
        "  arn:aws:s3:::reports/2026/1",
        AGENT_TEXT_NOTE.split(".", maxsplit=1)[0],
        "> monthly report",
        "> Ticket: OPS-12",
        f"{URL}/{PENDING.id}",
        "Subject: reader-agent",
        "On behalf of: corp.harriet",
        "AWS account 444455556666",
        "Target role:\n  arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod",
        "New access: all of it",
        "Duration: 5 minutes",
        "corp.alice",
        "Review ends at: 2026-11-24 13:00 UTC",
        "Issuer: https[:]//idp[.]example[.]com",
        "Source identity: local[.]reader-agent",
    )
    places = [text.find(each) for each in wanted]
    assert -1 not in places, dict(zip(wanted, places, strict=True))
    assert places == sorted(places)


def test_rev_03_it_says_that_what_was_approved_before_counts_no_longer():
    written = review_mail(Notice.REVIEW_RESTARTED, sheet(), URL)
    assert written.subject.startswith("Review restarted: ")
    assert "Earlier votes no longer count" in written.introduction


def test_rev_07_it_says_that_a_reviewer_approved_less():
    written = review_mail(Notice.NARROWED, sheet(), URL)
    assert written.subject.startswith("Narrowed: ")
    assert "Earlier votes no longer count" in written.introduction


def test_rev_06_the_approvals_needed_are_named_once():
    (needs,) = [row.value for row in review_mail(Notice.REQUESTED, sheet(), URL).rows if row.name == "Approvals needed"]
    assert needs == "2 approvals from owners (corp.alice, corp.bob, corp.carol)"
    either = wording.required_approvals(sheet()._replace(any_of=(("owners",), ("owners", "gone"))))
    assert either == f"{needs}, or {needs} and gone"


@pytest.mark.parametrize("action", ["s3:DeleteObject", "ec2:TerminateInstances", "dynamodb:BatchDeleteItem"])
def test_rev_10_deleting_is_called_deleting(action: str):
    grant = replace(WRITES, permissions=(*WRITES.permissions, Permission((action,), ("arn:aws:s3:::reports/1",))))
    assert " requests to delete and write " in review_mail(Notice.REQUESTED, sheet(grant), URL).title
    assert "delete" not in review_mail(Notice.REQUESTED, sheet(), URL).title
    does = {line.action: action_verb(line) for line in sheet(grant).actions}
    assert does == {"s3:PutObject": "writes", action: "deletes"}
    exact = [each.title for each in accesses(sheet(grant))]
    assert exact == [f"delete: {action}", "write: s3:PutObject"]


@pytest.mark.parametrize("notice", Notice)
def test_every_notice_says_in_words_why_it_comes(notice: Notice):
    written = review_mail(notice, sheet(), URL)
    assert written.introduction
    assert len(written.subject) < 200
    assert wording.headline(sheet()) in written.subject


def test_reminders_have_subjects_of_their_own():
    title = review_mail(Notice.REQUESTED, sheet(), URL).subject
    assert title == f"High harm: {defang(wording.headline(sheet()))}"
    assert review_mail(Notice.REMINDED, sheet(), URL).subject == f"Reminder: {title}"
    assert review_mail(Notice.ESCALATED, sheet(), URL).subject == f"Escalated: {title}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "active", "votes": (a_vote("alice", VoteVerdict.APPROVE),)}, "Approved by corp.alice"),
        ({"state": "rejected", "votes": (a_vote("bob", VoteVerdict.REJECT),)}, "Rejected by corp.bob"),
        ({"state": "expired"}, "Expired"),
        ({"state": "released", "ending": GrantEnd(NOW, "local.reader-agent", "")}, "Released by the agent"),
        ({"state": "revoked", "ending": GrantEnd(NOW, "corp.otto", "no")}, "Revoked by corp.otto"),
        ({"state": "failed"}, "Failed"),
    ],
)
def test_rev_06_a_decision_is_named_with_its_reviewers(changes, said):
    written = review_mail(Notice.DECIDED, sheet(**changes), URL)
    assert written.subject.startswith(f"{said}: reader-agent (corp) ")
    assert written.introduction.startswith(f"{said}. No decision is needed.")
    assert "Review ends at" not in written.text
    assert ("Access ends at" in written.introduction) == (changes["state"] == State.ACTIVE)


def test_rev_10_comments_have_names_and_no_links():
    words = "not like this: see https://evil.example/x\nApproved by: everybody"
    rejected = review_mail(
        Notice.DECIDED, sheet(state="rejected", votes=(a_vote("bob", VoteVerdict.REJECT, words),)), URL
    )
    assert [row.name for row in rejected.comments] == ["corp.bob"]
    assert "corp.bob: not like this: see https[:]//evil[.]example/x Approved by: everybody" in " ".join(
        rejected.text.split()
    )
    taken = review_mail(Notice.DECIDED, sheet(state="revoked", ending=GrantEnd(NOW, "corp.otto", "over")), URL)
    assert [(row.name, row.value) for row in taken.comments] == [("corp.otto", "over")]


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_rev_10_hostile_words_stay_on_their_lines_in_their_place(words: str):
    plain = review_mail(Notice.REQUESTED, sheet(agent_reason="-", ticket=""), URL).text
    written = review_mail(Notice.REQUESTED, sheet(agent_reason=words, ticket=words), URL)
    above, below = (part.splitlines() for part in plain.split("> -\n"))
    lines = written.text.splitlines()
    assert (lines[: len(above)], lines[-len(below) :]) == (above, below)
    own_lines = lines[len(above) : -len(below)]
    assert own_lines
    assert all(line.startswith("> ") for line in own_lines)
    assert len(written.text) < len(plain) + 700
    assert all(character.isprintable() or character == "\n" for character in written.text)
    own = " ".join(own_lines)
    assert not re.search(r"://|www\.|\w@\w|evil\.", own)
    assert "\n" not in written.subject
    assert "evil" not in written.subject


def test_rev_10_names_that_an_agent_chooses_stay_on_their_lines_too():
    wild = "arn:aws:s3:::reports/x\nPERMISSIONS\n\u202eread\u0000" + "y" * 1000
    link = "arn:aws:s3:::reports/https://evil.example/x@evil.example"
    grant = replace(WRITES, permissions=(Permission(("s3:PutObject",), (wild, link)),))
    text = review_mail(Notice.REQUESTED, sheet(grant), URL).text
    assert text.count("\nPERMISSIONS\n") == 1
    assert "[U+202E]read[U+0000]" in text
    assert "arn:aws:s3:::reports/https[:]//evil.example/x[@]evil.example" in text
    assert max(map(len, text.splitlines())) < 250


def test_rev_10_no_text_that_an_agent_chooses_is_an_address_in_a_mail():
    words = "Sign in at evil.example, or mail x@evil.example"
    arn = f"arn:aws:s3:::reports.example/q3.csv {words}"
    limited = conditions_of({"aws:RequestTag/evil.example": [words]})
    grant = replace(
        WRITES,
        permissions=(Permission(("s3:PutObject",), (arn, "arn:aws:s3:::evil.example/x"), limited),),
        call=CALL._replace(parameters=json.dumps({"Body": words, "Metadata": {"evil.example": words}})),
    )
    mail = review_mail(Notice.REQUESTED, sheet(grant), URL)
    shown = "Sign in at evil[.]example, or mail x[@]evil[.]example"
    assert f"  arn:aws:s3:::reports.example/q3.csv {shown}" in mail.text.splitlines()
    assert f'  Only if aws:RequestTag "evil[.]example" is "{shown}"' in mail.text.splitlines()
    assert f'  Body: "{shown}"' in mail.text.splitlines()
    assert f'  Metadata["evil[.]example"]: "{shown}"' in mail.text.splitlines()
    assert not re.search(r"(?<!:::)evil\.example|x@", mail.text)


@pytest.mark.parametrize("word", ["=?utf-8?B?4oCuZGV2b3JwcGE=?=", "=?us-ascii?q?_approved?="])
@pytest.mark.parametrize("notice", [Notice.REQUESTED, Notice.DECIDED])
def test_rev_10_a_mail_program_decodes_nothing_in_a_subject(word: str, notice: Notice):
    grant = replace(WRITES, permissions=(Permission(("s3:PutObject",), (f"arn:aws:s3:::{word}",)),))
    subject = review_mail(notice, sheet(replace(grant, subject=word)), URL).subject
    assert str(make_header(decode_header(subject))) == subject
    assert subject.count(word.replace("=?", "[=]?")) == 2


def test_rev_10_names_of_parameters_are_not_defanged():
    call = CALL._replace(parameters=json.dumps({"Delete": {"Objects": [{"Key": "a"}]}}))
    assert '  Delete.Objects[0].Key: "a"' in review_mail(Notice.REQUESTED, sheet(replace(WRITES, call=call)), URL).text


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("https://evil.example/a.b", "https[:]//evil[.]example/a[.]b"),
        ("me@evil.example", "me[@]evil[.]example"),
        ("evil\u3002example", "evil[\u3002]example"),
        ("evi\u0301l\u0301.example", "evi\u0301l\u0301[.]example"),
        ("evil|.example evil`.example", "evil|[.]example evil`[.]example"),
        (".NET [.]example", ".NET [.]example"),
        ("version 1.2.3, for 3.5 hours. Done.", "version 1.2.3, for 3.5 hours. Done."),
        ("10.0.0.1/x", "10.0.0.1/x"),
        ("", ""),
    ],
)
def test_rev_10_addresses_are_shown_and_lead_nowhere(words: str, shown: str):
    assert defang(words) == shown
    assert defang(shown) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("q3.csv", "q3.csv"),
        ("q3 report.csv", "q3 report.csv"),
        ("q3.csv  ", "q3.csv[U+0020][U+0020]"),
        (" q3.csv", "[U+0020]q3.csv"),
        ("q3  report", "q3[U+0020][U+0020]report"),
        ("q3\treport\n", "q3[U+0009]report[U+000A]"),
        ("q3.csv[U+0020]", "q3.csv[U+005B]U+0020]"),
        ("q3.csv[U+005B]U+0020]", "q3.csv[U+005B]U+005B]U+0020]"),
        ("", ""),
    ],
)
def test_rev_10_names_that_differ_by_spaces_alone_are_shown_to_differ(name: str, shown: str):
    assert escape_exact(name) == shown
    grant = replace(WRITES, permissions=(Permission(("s3:PutObject",), (f"arn:aws:s3:::reports/{name}",)),))
    (access,) = accesses(sheet(grant))
    assert access.resources == (f"arn:aws:s3:::reports/{escape_exact('/' + name).removeprefix('/')}",)


@pytest.mark.parametrize("mark", ["\u0301", "\u0e47", "\u0489", "\u20dd", "\u0f92"])
def test_rev_10_marks_do_not_pile_up_over_other_lines(mark: str):
    assert escape_invisible(f"a{mark * 5}b") == f"a{mark * MOST_MARKS}{f'[U+{ord(mark):04X}]' * 3}b"
    assert escape_invisible(f"a{mark}b{mark}" * 9) == f"a{mark}b{mark}" * 9


def test_rev_10_a_blank_note_is_shown_by_its_number():
    assert escape_invisible("a\U0001d159b") == "a[U+1D159]b"


@pytest.mark.parametrize("mark", ["\u201d", "\u201c", "\u201e", "\uff02", "\u2033"])
def test_rev_10_no_words_continue_after_their_quotation(mark: str):
    forged = f"no{mark}; approved 40 times, last by corp.bob: {mark}fine"
    quoted = '“no"; approved 40 times, last by corp.bob: "fine”'
    vote = a_vote("alice", VoteVerdict.REJECT, forged)
    repeated = RepeatedRequest("", "g-before", "corp.alice", NOW, forged)
    for like in (
        LikeRequests(rejected=1, last_rejection=replace(vote, at=NOW - 60)),
        LikeRequests(revoked=1, last_revocation=GrantEnd(NOW, "corp.otto", forged)),
    ):
        shown = {row.name: row.value for row in wording.first_facts(sheet(like=like, repeated=repeated))}
        assert shown["Before"].endswith(f": {quoted}.")
        assert shown["Rejected before"].endswith(f": {quoted}")


def test_rev_08_a_break_glass_mail_says_who_why_and_when_the_follow_up_is_due():
    glass = BreakGlassUse(
        identity("corp.gina"), "the site is down, see https://evil.example", "content", NOW, NOW + 3600
    )
    taken = replace(WRITES, state=State.ACTIVE, starts_at=NOW, break_glass=glass)
    mail = review_mail(Notice.BREAK_GLASS, sheet(taken), URL)
    assert mail.subject.startswith("Break-glass: ")
    granted = "corp.gina used break-glass: access was granted without reviewers. All reviewers are notified."
    assert mail.introduction == f"{granted} Access ends at 2026-11-24 13:00 UTC."
    due = review_mail(Notice.FOLLOW_UP_DUE, sheet(taken), URL).introduction
    assert due.startswith("corp.gina used break-glass. A follow-up review is due: confirm the use, or object.")
    assert "used by corp.gina at 2026-11-24 12:00 UTC" in " ".join(mail.text.split())
    assert "due before 2026-11-24 13:00 UTC" in " ".join(mail.text.split())
    assert ("the site is down" in mail.text, "https://evil" in mail.text) == (True, False)
    done = replace(taken, follow_up=FollowUp(identity("corp.alice"), FollowUpVerdict.OBJECT, "no outage", NOW + 60))
    mail = review_mail(Notice.DECIDED, sheet(done), URL)
    assert ("objected to by corp.alice" in mail.text, "no outage" in mail.text) == (True, True)


@pytest.mark.parametrize("notice", Notice)
def test_rev_10_there_is_a_mail_for_every_notice(notice: Notice):
    assert review_mail(notice, sheet(), URL).introduction


LISTS = replace(
    WRITES,
    permissions=(
        Permission(("s3:ListBucket",), ("arn:aws:s3:::reports",), conditions_of({"s3:prefix": ["2026/*", ""]})),
    ),
)


def test_pol_12_each_channel_shows_conditions():
    assert '  Only if s3:prefix matches "" or "2026/*"' in review_mail(Notice.REQUESTED, sheet(LISTS), URL).text.split(
        "\n"
    )
    shown = json.dumps(message(sheet(LISTS), URL).blocks)
    assert "Only if: " in shown
    assert r"s3:prefix matches \"\" or \"2026/*\"" in shown
    assert wording.shows_all(sheet(LISTS))


def test_rev_10_each_channel_shows_each_space_in_conditions():
    spaced = replace(LISTS.permissions[0], conditions=conditions_of({"s3:prefix": ["a  b"]}))
    grant = replace(LISTS, permissions=(spaced,))
    words = 's3:prefix matches "a[U+0020][U+0020]b"'
    mail = review_mail(Notice.REQUESTED, sheet(grant), URL)
    assert f"  Only if {words}" in mail.text.split("\n")
    for blocks in (
        message(sheet(grant), URL).blocks,
        approve_selected_modal(grant, under_review(grant).requester)["blocks"],
    ):
        assert json.dumps(words)[1:-1] in json.dumps(blocks)


def test_pol_12_a_message_that_cannot_show_a_condition_offers_no_approval():
    long = conditions_of({"s3:prefix": ["a" * 250]})
    hidden = replace(LISTS, permissions=(replace(LISTS.permissions[0], conditions=long),))
    assert not wording.shows_all(sheet(hidden))
    pressed = [
        each.get("action_id") for block in message(sheet(hidden), URL).blocks for each in block.get("elements", ())
    ]
    assert ("reject" in pressed, "approve" in pressed) == (True, False)


READS = (
    *("GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold"),
    *("GetObjectRetention", "GetObjectTagging", "GetObjectVersion"),
)


def of_objects(*wanted: tuple[int, int]) -> Grant:
    """Return a request for so many actions, each on so many objects. No action occurs twice."""
    names, folders = iter(f"s3:{name}" for name in (*READS, "PutObject", "DeleteObject", "RestoreObject")), count()
    return replace(
        WRITES,
        permissions=tuple(
            Permission(
                tuple(sorted(islice(names, actions))),
                tuple(f"arn:aws:s3:::reports/{folder}/{number}" for number in range(objects)),
            )
            for (actions, objects), folder in zip(wanted, folders, strict=False)
        ),
    )


@pytest.mark.parametrize(
    ("most", "more"),
    [
        (of_objects((1, 1), (1, 4)), of_objects((1, 1), (1, 5))),
        (of_objects((6, 1), (1, 1)), of_objects((7, 1), (1, 1))),
        (of_objects(*[(1, 1)] * 4), of_objects(*[(1, 1)] * 5)),
    ],
    ids=["resources", "actions", "accesses"],
)
def test_rev_03_a_message_that_leaves_out_one_thing_does_not_show_all(most: Grant, more: Grant):
    assert wording.shows_all(sheet(most))
    assert not wording.shows_all(sheet(more))


def test_rev_10_the_duration_names_an_end_only_if_there_is_one():
    assert wording.duration(sheet()) == "5 minutes from the approval"
    latest = f"5 minutes from the approval, until {format_time(NOW)} at the latest"
    assert wording.duration(sheet(ends_by=NOW)) == latest


def test_rev_10_the_outcome_names_only_the_people_who_decided():
    votes = a_vote("alice", VoteVerdict.APPROVE), a_vote("bob", VoteVerdict.REJECT)
    rejected = replace(WRITES, state=State.REJECTED, votes=votes)
    assert wording.outcome(sheet(rejected)) == "Rejected by corp.bob"


@pytest.mark.parametrize("state", [State.PENDING, State.ACTIVE, State.RELEASED])
def test_rev_10_the_approval_of_an_earlier_version_did_not_approve_the_grant(state: State):
    earlier, counted = a_vote("alice", VoteVerdict.APPROVE), a_vote("bob", VoteVerdict.APPROVE)
    votes = replace(earlier, content="of an earlier version"), replace(counted, content=content_hash(WRITES))
    shown = sheet(replace(WRITES, state=state, votes=votes))
    if state is State.ACTIVE:
        assert wording.outcome(shown) == "Approved by corp.bob"
    assert wording.votes(shown) == ("approved by corp.bob", "approved by corp.alice, no longer counted")


def test_rev_03_a_vote_covers_the_conditions():
    other = replace(LISTS, permissions=(replace(LISTS.permissions[0], conditions=()),))
    assert content_hash(other) != content_hash(LISTS)


def test_rev_11_access_under_weaker_conditions_is_new():
    def new(before: dict[str, list[str]]) -> tuple[str, ...]:
        held = replace(LISTS, id="g-before", starts_at=NOW)
        held = replace(held, permissions=(replace(LISTS.permissions[0], conditions=conditions_of(before)),))
        return sheet_of(under_review(LISTS), GROUPS, ACTIONS, (), (held,), NOW).actions[0].new

    assert new({}) == ()
    assert new({"s3:prefix": ["", "2026/*"]}) == ()
    assert new({"s3:prefix": ["2026/*"]}) == ("arn:aws:s3:::reports",)
    assert new({"s3:delimiter": ["/"]}) == ("arn:aws:s3:::reports",)


def test_rev_07_a_reviewer_who_removes_resources_keeps_conditions():
    buckets = replace(LISTS.permissions[0], resources=("arn:aws:s3:::reports", "arn:aws:s3:::other"))
    whole = Permission(("s3:ListBucket",), ("arn:aws:s3:::reports",))
    grant = replace(LISTS, permissions=(buckets, whole))
    assert selected_permissions(grant, ["0"], ["0.0", "1.0"]) == LISTS.permissions
    assert selected_permissions(grant, ["1"], ["0.0", "1.0"]) == (whole,)


def test_rev_10_a_mail_says_that_a_request_cannot_be_approved():
    gone = review_mail(Notice.REMINDED, sheet(undecidable="See evil.example/x."), URL)
    assert gone.introduction.endswith(
        "See evil[.]example/x. "
        "The request cannot be approved any more: reject it, and the agent can make another request."
    )
    some = tuple(each._replace(denied=each.resources[1:]) for each in sheet().actions)
    part = review_mail(Notice.REMINDED, sheet(part_only="It is kept.", most_seconds=60, actions=some), URL)
    limits = "for at most 1 minute, and without s3:PutObject on arn:aws:s3:::reports/2026/2"
    assert part.introduction.endswith(f"It is kept. Only a part of it can be approved: {limits}.")
    whole = tuple(each._replace(denied=each.resources) for each in sheet().actions)
    lost = review_mail(Notice.REMINDED, sheet(part_only="It is kept.", most_seconds=300, actions=whole), URL)
    assert lost.introduction.endswith("Only a part of it can be approved: without s3:PutObject.")


@pytest.mark.parametrize(
    ("changes", "decisions"),
    [
        ({}, "approve or reject"),
        ({"part_only": "It is kept.", "most_seconds": 60}, "approve a part, or reject"),
        ({"undecidable": "Changes wait.", "approvable_from": NOW + 60}, "only a rejection is possible now"),
        ({"undecidable": "Changes wait.", "approvable_from": PENDING.expires_at}, "only a rejection is possible"),
        ({"undecidable": "It is gone."}, "only a rejection is possible"),
    ],
)
def test_rev_10_a_mail_offers_the_decisions_that_are_possible(changes: dict[str, Any], decisions: str):
    for notice, still in ((Notice.REQUESTED, ""), (Notice.REMINDED, "still ")):
        words = review_mail(notice, sheet(**changes), URL).introduction
        assert words.startswith(f"Your decision is {still}needed: {decisions}. Decide before ")


def test_rev_10_what_a_message_leaves_out_is_not_said_to_be_on_other_resources():
    """The actions that are left out may be of another level only, on the same resources."""
    assert accesses(sheet(of_objects(*[(1, 1)] * 5)))[-1].title == "and 1 more action: see the page"
    assert accesses(sheet(of_objects(*[(2, 1)] * 5)))[-1].title == "and 5 more actions: see the page"
