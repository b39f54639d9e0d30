"""OPS 4: what a check's outcome becomes, and that a failing check fails the command."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance import __main__ as command
from conformance.check import Check, CheckFailedError, CheckState, Observation, run_check
from conformance.checks.firewall import corpus, is_blocked
from conformance.report import aws_report, documented_rows, page
from conformance.system import ConformanceSystem
from conformance.table import CHECKS
from conformance.tokens import Identities, SigningKey

REASON = "The emulator has no web ACL."
DOCUMENTED = Path(__file__).parents[2] / "docs" / "conformance.md"


def system(*, on_aws: bool, folder: Path) -> ConformanceSystem:
    identities = Identities(SigningKey.in_file(folder / "issuer.pem"), "https://idp.example.com")
    return ConformanceSystem(
        on_aws=on_aws, account="111122223333", region="eu-west-1", second_region="eu-central-1", api_url="", outputs={},
        role_arn="", bucket="", identities=identities, deploy_seconds={}, environment={},
    )  # fmt: skip


def well(_: ConformanceSystem) -> Observation:
    return Observation({"seen": "arn:aws:iam::111122223333:role/a"}, {"seconds": 1.5})


def ill(_: ConformanceSystem) -> Observation:
    raise CheckFailedError("it was blocked", {"seen": "403"})


def broken(_: ConformanceSystem) -> Observation:
    raise KeyError("grant")


def check(run: Any, only_aws: str = "", **more: Any) -> Check:
    return Check("sample", "OPS 4", "it works", run, only_aws=only_aws, **more)


@pytest.mark.parametrize(
    ("run", "only_aws", "emulator", "aws"),
    [
        (well, "", CheckState.PASSED, CheckState.PASSED),
        (ill, "", CheckState.FAILED, CheckState.FAILED),
        (broken, "", CheckState.FAILED, CheckState.FAILED),
        (well, REASON, CheckState.UNVERIFIED, CheckState.PASSED),
        (ill, REASON, CheckState.UNVERIFIED, CheckState.FAILED),
        (broken, REASON, CheckState.FAILED, CheckState.FAILED),
    ],
)
def test_ops_04_what_only_aws_can_answer_never_passes_in_the_emulator(
    run: Any, only_aws: str, emulator: CheckState, aws: CheckState, tmp_path: Path
):
    for on_aws, state in ((False, emulator), (True, aws)):
        result = run_check(check(run, only_aws), system(on_aws=on_aws, folder=tmp_path))
        assert result.state is state
        assert bool(result.reason) is (state is not CheckState.PASSED)


def test_ops_04_a_check_that_the_emulator_cannot_run_is_unverified(tmp_path: Path):
    result = run_check(check(broken, REASON, runs_locally=False), system(on_aws=False, folder=tmp_path))
    assert (result.state, result.reason) == (CheckState.UNVERIFIED, f"not run: {REASON}")


@pytest.mark.parametrize(("run", "code"), [(well, 0), (ill, 1), (broken, 1)])
def test_ops_04_a_failing_check_fails_the_command(
    run: Any, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(command, "FOLDER", tmp_path / "out")
    place = system(on_aws=False, folder=tmp_path)
    assert command.main(["--json"], (check(run), check(well, REASON)), lambda _: nullcontext(place)) == code
    printed = json.loads(capsys.readouterr().out)
    states = [each["state"] for each in printed["checks"]]
    assert states == ["failed" if code else "passed", "unverified"]
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == printed
    assert f"| `sample` | OPS 4 | {states[0]} |".replace("`", "") in (tmp_path / "out" / "report.md").read_text("utf-8")


def test_ops_04_a_report_names_no_account_and_lists_what_differs_from_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "FOLDER", tmp_path / "out")
    place = system(on_aws=True, folder=tmp_path)
    assert command.main([], (check(well),), lambda _: nullcontext(place)) == 0
    text = (tmp_path / "out" / "report.json").read_text("utf-8")
    assert "111122223333" not in text
    made = json.loads(text)
    assert made["differences"] == [
        {"check": "sample", "fact": "seen", "emulator": None, "here": "arn:aws:iam::ACCOUNT:role/a"}
    ]
    assert '`sample`, seen: "arn:aws:iam::ACCOUNT:role/a", in the emulator null' in page(made)


def test_an_unknown_check_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert command.main(["--only", "samples"], (check(well),)) == 2
    assert "samples" in capsys.readouterr().err
    assert command.main(["--list"], (check(well),)) == 0
    assert "sample" in capsys.readouterr().err


def test_ops_04_the_page_lists_what_only_aws_can_say_as_it_stands():
    text = DOCUMENTED.read_text("utf-8")
    table = [line for line in text.splitlines() if line.startswith("| `") and not line.startswith("| `--")]
    assert table == documented_rows(CHECKS, aws_report())


def test_ops_04_the_status_of_a_row_is_that_of_the_kept_report():
    (row,) = documented_rows((check(well, REASON),), None)
    assert row.endswith("| unverified |")
    report = {"day": "2026-12-01", "checks": [{"name": "sample", "state": "passed"}]}
    (row,) = documented_rows((check(well, REASON),), report)
    assert row.endswith("| passed, 2026-12-01 |")
    assert documented_rows((check(well),), None) == []


def test_ops_04_the_page_counts_the_requests_that_the_firewall_must_not_block():
    names = [each["name"] for each in corpus()]
    assert len(names) == len(set(names))
    assert f"The firewall's corpus has {len(names)} requests and one large call." in DOCUMENTED.read_text("utf-8")


PROBLEM, JSON, HTML = "application/problem+json", "application/json", "text/html"


@pytest.mark.parametrize(
    ("status", "kind", "text", "blocked"),
    [
        (200, JSON, '{"decision": "allow"}', False),
        (403, PROBLEM, '{"code": "policy_denied"}', False),
        (404, HTML, "<title>Not found</title>", False),
        (403, PROBLEM, '{"code": "request_blocked"}', True),  # API Gateway, after WAF blocked the request
        (413, JSON, '{"code": "body_too_large"}', True),  # WAF
        (403, JSON, '{"message": "Forbidden"}', True),
        (403, HTML, "<html>Forbidden</html>", True),
    ],
)
def test_ops_04_the_firewalls_answers_are_distinguished_from_those_of_functions(
    status: int, kind: str, text: str, blocked: bool
):
    assert is_blocked(httpx.Response(status, headers={"Content-Type": kind}, text=text)) is blocked


def test_checks_have_unique_names_and_prove_a_row():
    names = [each.name for each in CHECKS]
    assert len(set(names)) == len(names)
    assert all(each.proves.split()[0].isupper() and each.proves.split()[1].isdigit() for each in CHECKS)
    assert all(each.only_aws for each in CHECKS if not each.runs_locally)
