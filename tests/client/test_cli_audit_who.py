"""`jitney audit who`: one question about an agent or a resource. DuckDB runs the SQL that Athena gets (row AUD 10)."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jitney.audit_database.definitions import QUERIES
from jitney.audit_database.views import first_comment
from jitney.client.audit import athena as athena_module
from jitney.client.audit.athena import NamedQuery, QueryResult
from jitney.client.audit.audit_names import concerns, resource_arn
from jitney.client.commands.audit_options import read_day
from jitney.core.access.request import Permission
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.times import iso
from jitney.core.trail.gaps import TrailWatch, change_of_gap
from jitney.core.trail.join import CallVerdict, Purpose
from tests.cli import invoke
from tests.client.test_cli_audit_show import DAY, Ledger
from tests.core.report.recorded_grants import EXPLAINED, RecordedGrant, call, requested
from tests.core.report.test_builder import CALLS, reviewed
from tests.fakes import GRANT, NOW
from tests.identities import identity

OTHER = replace(
    GRANT,
    id="g-dddddddddddddd",
    principal="local.writer-agent",
    subject="writer-agent",
    permissions=(Permission(("sqs:SendMessage",), ("arn:aws:sqs:eu-west-1:444455556666:jobs",)),),
)
BEYOND = CallVerdict(Purpose.GRANT, GRANT.id, ("action_not_granted",))


class Queries(Ledger):
    """The ledger with the named queries."""

    def named(self) -> Sequence[NamedQuery]:
        texts = {path.stem: path.read_text(encoding="utf-8") for path in QUERIES.glob("*.sql")}
        return [NamedQuery(name, first_comment(sql), sql) for name, sql in texts.items()]

    def run(self, sql: str, parameters: Sequence[str] = (), progress: Callable[..., None] | None = None) -> QueryResult:
        return super().run(sql, parameters)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queries:
    found = Queries(tmp_path)
    denied = requested(replace(OTHER, id="g-eeeeeeeeeeeeee"), Outcome.DENIED)
    found.publish("records", [*reviewed().lines, *requested(OTHER).lines, *denied.lines])
    beyond = call(90, BEYOND, service="iam", operation="CreateUser", actions=("iam:CreateUser",), resources=())
    found.publish("calls", [{**each, "source_identity": GRANT.principal} for each in (*CALLS, beyond)])
    monkeypatch.setattr(athena_module, "connected", lambda _: found)
    return found


def audit(*arguments: str) -> Any:
    return invoke(["audit", *arguments, "--since", DAY, "--until", DAY], env={"COLUMNS": "250"})


def who(*arguments: str) -> list[Mapping[str, Any]]:
    result = audit("who", *arguments, "--json")
    assert result.exit_code == 0, result.stdout
    return list(json.loads(result.stdout)["rows"])


def problem(*arguments: str) -> tuple[str, str]:
    result = audit(*arguments, "--json")
    assert result.exit_code == 2, result.stdout
    document = json.loads(result.stdout or result.stderr)
    return document["code"], document["fix"]


def test_aud_10_one_table_says_what_was_asked_granted_used_and_denied_and_who_approved_it(ledger: Queries):
    rows = who("--agent", "reader-agent", "--resource", "s3://reports/2026")
    whats = [(row["what"], row["result"], row["by"]) for row in rows]
    assert whats[0][:2] == ("requested", "review")
    assert {row["what"] for row in rows} >= {"requested", "decided", "used", "ended"}
    approved = next(row for row in rows if row["what"] == "decided")
    assert (approved["result"], approved["by"].partition(".")[0]) == ("approved", "staff")
    assert {row["agent"] for row in rows if row["what"] in ("requested", "decided")} == {GRANT.principal}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    everything = {(row["what"], row["result"]) for row in who("--agent", "reader-agent")}
    assert ("used", "beyond_grant") in everything
    printed = audit("who", "--resource", "reports")
    assert printed.exit_code == 0
    assert GRANT.id in printed.stdout
    assert "Any agent on arn:aws:s3:::reports, from" in printed.stderr


def test_aud_10_equal_calls_have_the_times_of_the_first_and_the_last(ledger: Queries):
    calls = [call(each, time=NOW + each * 600) for each in range(1, 4)]
    ledger.publish("calls", [{**each, "source_identity": GRANT.principal} for each in calls])
    (used,) = (row for row in who("--agent", "reader-agent") if row["what"] == "used")
    assert (used["time"], used["last_time"], used["times"]) == (iso(NOW + 600), iso(NOW + 1800), 3)


def test_aud_10_an_end_has_the_time_at_which_access_ended_and_not_that_of_its_record(ledger: Queries):
    expired, moved = requested(OTHER), requested(replace(OTHER, id="g-eeeeeeeeeeeeee"))
    expired.write(AuditEvent.EXPIRY, Outcome.EXPIRED, OTHER.expires_at + 3000)
    detail = {"by": "staff.olga", "ended_at": iso(NOW + 7)}
    moved.write(AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 900, detail=detail)
    ledger.publish("records", [*expired.lines, *moved.lines])
    ends = {row["result"]: row["time"] for row in who("--agent", "writer-agent") if row["what"] == "ended"}
    assert ends == {"expired": iso(OTHER.expires_at), "revoked": iso(NOW + 7)}


def test_aud_10_a_vote_that_decides_nothing_yet_says_so(ledger: Queries):
    asked = requested(OTHER, Outcome.REVIEW)
    for later, state in enumerate(("pending", "active"), start=1):
        asked.write(AuditEvent.VOTE, Outcome.APPROVED, NOW + later, detail={"by": "staff.bob", "state": state})
    ledger.publish("records", asked.lines)
    results = [row["result"] for row in who("--agent", "writer-agent") if row["what"] == "decided"]
    assert results == ["approved, still pending", "approved"]


def test_aud_05_the_rows_of_who_are_csv_without_formulas(ledger: Queries):
    ledger.publish("records", requested(replace(OTHER, reason="=1+1")).lines)
    printed = audit("who", "--agent", "writer-agent", "--csv")
    (row,) = csv.DictReader(io.StringIO(printed.stdout))
    assert (row["what"], row["why"], json.loads(row["actions"])) == ("requested", "'=1+1", ["sqs:SendMessage"])
    assert "local.writer-agent on any resource" in printed.stderr
    assert problem("who", "--agent", "writer-agent", "--csv")[0] == "usage"


@pytest.mark.parametrize("name", ["local.writer-agent", "writer-agent"])
def test_aud_10_an_agent_is_found_by_its_short_name(ledger: Queries, name: str):
    rows = who("--agent", name)
    assert {row["agent"] for row in rows} == {"local.writer-agent"}
    assert sorted(row["result"] for row in rows if row["what"] == "requested") == ["allowed", "denied"]


@pytest.mark.parametrize(
    ("typed", "arn"),
    [
        ("s3://reports/2026/q3.csv", "arn:aws:s3:::reports/2026/q3.csv"),
        ("s3://reports/", "arn:aws:s3:::reports"),
        ("reports", "arn:aws:s3:::reports"),
        ("reports/2026", "arn:aws:s3:::reports/2026"),
        ("arn:aws:sqs:eu-west-1:444455556666:jobs", "arn:aws:sqs:eu-west-1:444455556666:jobs"),
    ],
)
def test_aud_10_a_resource_is_named_as_people_type_it(typed: str, arn: str):
    assert resource_arn(typed, "aws") == arn
    assert resource_arn(typed, "aws-cn") == (arn.replace(":aws:s3:", ":aws-cn:s3:") if ":s3:" in arn else arn)


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_aud_10_an_object_is_found_in_each_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partition: str):
    found = Queries(tmp_path)
    found.partition = partition
    lines = json.loads(json.dumps(list(reviewed().lines)).replace("arn:aws:", f"arn:{partition}:"))
    found.publish("records", lines)
    found.publish("calls", [])
    monkeypatch.setattr(athena_module, "connected", lambda _: found)
    assert {row["agent"] for row in who("--resource", "s3://reports/2026/q3.csv")} == {GRANT.principal}
    assert problem("who", "--resource", "s3://reprots/2026") == ("resource_unknown", "Did you mean s3://reports?")


def test_aud_10_a_resource_includes_what_is_below_it_and_what_wildcards_cover():
    arn = "arn:aws:s3:::reports/2026"
    assert concerns(arn, ["arn:aws:s3:::reports/2026/a.csv"])
    assert concerns(arn, ["arn:aws:s3:::rep*"])
    assert concerns(arn, ["*"])
    assert not concerns(arn, ["arn:aws:s3:::reports/2025/a.csv", "arn:aws:s3:::reports/20260"])


def test_aud_10_an_unknown_name_is_an_error_with_suggestions(ledger: Queries):
    assert problem("who", "--agent", "reeder-agent") == (
        "agent_unknown",
        f"Did you mean {GRANT.principal} or {OTHER.principal}?",
    )
    assert problem("who", "--resource", "s3://reprots/2026") == ("resource_unknown", "Did you mean s3://reports?")
    for resource in ("s3://reprots/a", "arn:aws:sqs:eu-west-1:444455556666:none"):
        assert problem("query", "who_accessed", "--param", resource)[0] == "resource_unknown"
    assert problem("query", "timeline_of_grant", "--param", "g-aaaaaaaaaaaaab") == (
        "grant_unknown",
        f"Did you mean {GRANT.id}?",
    )
    assert problem("query", "agents_of_human", "--param", "corp.nomen")[0] == "human_unknown"
    assert problem("query", "decisions_of_person", "--param", "corp.nomen")[0] == "person_unknown"
    assert problem("who")[0] == "usage"


def test_aud_10_a_name_is_unknown_if_only_the_pattern_for_everything_matches(ledger: Queries):
    """Requests and calls on "*" are usual, such as those that list buckets."""
    listing = Permission(("s3:ListAllMyBuckets",), ("*",))
    wide = [replace(OTHER, id=f"g-{each * 14}", permissions=(listing,)) for each in "gh"]
    lines = [*requested(wide[0]).lines, *requested(wide[1], Outcome.DENIED).lines]
    ledger.publish("records", [*reviewed().lines, *lines])
    ledger.publish("calls", [*CALLS, call(95, service="s3", operation="ListBuckets", resources=("*",))])
    unknown = ("resource_unknown", "Did you mean s3://reports?")
    assert problem("who", "--resource", "s3://reprots/2026") == unknown
    assert problem("query", "who_accessed", "--param", "s3://reprots/2026") == unknown
    listed = {each["grant_id"] for each in who("--resource", "s3://reports/2026")}
    assert listed >= {GRANT.id, wide[0].id}  # a known name also has the rows for "*"
    assert {each["grant_id"] for each in who("--resource", "*")} >= {wide[0].id}


def test_aud_10_parameters_of_queries_are_named_as_people_type_them(ledger: Queries):
    def rows(*arguments: str) -> list[Mapping[str, Any]]:
        result = audit("query", *arguments, "--json")
        assert result.exit_code == 0, result.stdout
        return list(json.loads(result.stdout)["rows"])

    reached = rows("who_accessed", "--param", "s3://reports/2026/q3.csv")
    assert {row["grant_id"] for row in reached} >= {GRANT.id}
    assert {row["grant_id"] for row in rows("agents_of_human", "--param", "hal")} >= {GRANT.id}
    assert rows("calls_of_grant", "--param", GRANT.id) == []  # it is known, and has none


def test_aud_10_a_day_may_be_some_days_ago():
    assert read_day("7d").date() == datetime.now(UTC).date() - timedelta(days=7)
    assert read_day("2026-11-26").date() == date(2026, 11, 26)


def test_aud_10_an_answer_that_lists_calls_says_when_cloudtrail_was_silent(ledger: Queries):
    """An empty answer does not prove that no call was made."""

    def warned(*arguments: str) -> list[str]:
        return list(json.loads(audit(*arguments, "--json").stdout)["warnings"])

    who_reader = ("who", "--agent", "reader-agent")
    assert (warned(*who_reader), warned("query", "bypasses")) == ([], [])
    began = change_of_gap(TrailWatch("analytics-prod", NOW), "r-1", GRANT.account, NOW + 2000)
    assert began
    ended = change_of_gap(began.after._replace(seen_at=NOW + 5000), "r-1", GRANT.account, NOW + 5300)
    assert ended
    old = change_of_gap(TrailWatch("other", NOW - 9 * 86_400), "r-2", "", NOW - 9 * 86_400 + 2000)
    assert old
    over = change_of_gap(old.after._replace(seen_at=NOW - 8 * 86_400), "r-2", "", NOW - 8 * 86_400 + 300)
    assert over
    ledger.publish("records", [json.loads(each.record.text) for each in (old, over)], "2026-11-16")
    ledger.publish("records", [*reviewed().lines, *(json.loads(each.record.text) for each in (began, ended))])
    (words,) = warned(*who_reader)
    assert words.startswith("CloudTrail was silent from 2026-11-24T12:00:00Z to 2026-11-24T13:23:20Z, for target an")
    assert (warned("query", "bypasses"), warned("query", "who_approved")) == ([words], [])
    assert f"Warning: {words}" in audit("query", "bypasses", "--csv").stderr


def test_aud_10_the_days_are_those_of_the_events(ledger: Queries):
    """A record of the last second of a day is published on the next day."""
    midnight = int(datetime.fromisoformat(f"{DAY}T23:59:59+00:00").timestamp())
    before, after = (replace(GRANT, id=f"g-{each * 14}") for each in "jk")
    late = RecordedGrant(before).write(AuditEvent.REQUEST, Outcome.ALLOWED, midnight)
    other = RecordedGrant(after).write(AuditEvent.REQUEST, Outcome.ALLOWED, midnight + 1)
    ledger.publish("records", [*late.lines, *other.lines], "2026-11-25")
    found = {row["grant_id"] for row in who("--agent", "reader-agent")}
    assert (before.id in found, after.id in found) == (True, False)


def test_aud_10_a_short_name_of_two_agents_is_ambiguous(ledger: Queries):
    twin = replace(OTHER, id="g-ffffffffffffff", principal="corp.writer-agent")
    ledger.publish("records", [*requested(OTHER).lines, *requested(twin).lines])
    code, fix = problem("who", "--agent", "writer-agent")
    assert (code, fix) == ("agent_ambiguous", "Name one of them, such as corp.writer-agent.")


def test_aud_10_a_short_name_of_two_people_is_ambiguous(ledger: Queries):
    grants = [replace(OTHER, id=f"g-{each[0] * 14}", human=identity(f"{each}.eve")) for each in ("gg", "hh")]
    ledger.publish("records", [line for each in grants for line in requested(each).lines])
    code, fix = problem("query", "agents_of_human", "--param", "eve")
    assert (code, fix) == ("human_ambiguous", "Name one of them, such as gg.eve.")


def test_aud_10_a_call_through_the_gateway_beyond_its_grant_is_listed_as_such(ledger: Queries):
    beyond = BEYOND._replace(purpose=Purpose.READS, call_id="c-aaaaaaaaaaaaaa", match="recorded")
    ledger.publish("calls", [{**call(90, beyond), "source_identity": GRANT.principal}])
    assert [row["result"] for row in who("--agent", "reader-agent") if row["what"] == "used"] == ["beyond_grant"]


def test_aud_10_a_call_that_the_gateway_did_not_send_was_not_used(ledger: Queries):
    lines = requested().write(AuditEvent.CALL, Outcome.REFUSED, code="suspended", detail={"call": {}}).lines
    ledger.publish("records", lines)
    ledger.publish("calls", [])
    assert [(row["what"], row["result"]) for row in who("--agent", "reader-agent")][1:] == [
        ("denied", "refused (suspended)")
    ]


def test_aud_10_a_call_that_the_gateway_did_not_send_is_found_by_its_resource(ledger: Queries):
    arn, identity_of = "arn:aws:s3:::payroll/a", {"service": "sts", "operation": "GetCallerIdentity", "status": 200}
    tried = {"call": {"service": "s3", "operation": "GetObject"}}
    record = requested().write(AuditEvent.CALL, Outcome.REFUSED, code="x", detail=tried, resources=(arn,))
    of_nothing = {"actions": ("sts:GetCallerIdentity",), "resources": ("*",)}
    other = requested(OTHER).write(AuditEvent.CALL, Outcome.ANSWERED, detail={"call": identity_of}, **of_nothing)
    ledger.publish("records", [*record.lines, *other.lines])
    ledger.publish("calls", [])
    found = {(each["grant_id"], each["what"]) for each in who("--resource", "s3://payroll")}
    assert found == {(GRANT.id, "requested"), (GRANT.id, "denied")}  # sts:GetCallerIdentity is about no resource
    result = audit("query", "who_accessed", "--param", "s3://payroll", "--json")
    assert [(each["access_type"], each["outcome"]) for each in json.loads(result.stdout)["rows"]] == [
        ("gateway", "refused")
    ]


def test_aud_10_a_call_through_the_gateway_that_names_no_resource_is_listed_for_each(ledger: Queries):
    """Such calls are kms:Decrypt, tag:UntagResources and secretsmanager:BatchGetSecretValue."""
    made = {"call": {"service": "kms", "operation": "Decrypt", "status": 200}}
    of_any = {"actions": ("kms:Decrypt",), "resources": ("*",)}
    ledger.publish("records", requested().write(AuditEvent.CALL, Outcome.ANSWERED, detail=made, **of_any).lines)
    key = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    seen = {"call_id": "c-aaaaaaaaaaaaaa", "purpose": Purpose.CALL, "match": "recorded"}
    used = call(90, EXPLAINED._replace(**seen), service="kms", operation="Decrypt", resources=(key,))
    ledger.publish("calls", [{**used, "source_identity": GRANT.principal}])
    assert [row["what"] for row in who("--resource", key)] == ["requested", "used"]
    result = audit("query", "who_accessed", "--param", key, "--json")
    assert "gateway" in {each["access_type"] for each in json.loads(result.stdout)["rows"]}


def test_aud_10_a_call_through_the_gateway_counts_once(ledger: Queries):
    made = {"call": {"service": "s3", "operation": "GetObject", "status": 200}}
    lines = requested().write(AuditEvent.CALL, Outcome.ANSWERED, detail=made).lines
    ledger.publish("records", lines)
    ledger.publish("calls", [])
    assert [(row["what"], row["result"]) for row in who("--agent", "reader-agent") if row["what"] == "used"] == [
        ("used", "answered 200")
    ]
