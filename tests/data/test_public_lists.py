"""The comparison with public lists of dangerous actions, and its page."""

from pathlib import Path

import pytest
import yaml

from data.__main__ import TABLE
from data.public_lists import LISTS, PAGE, PublicList, compare, main, reasoned, risk_rows
from data.sources import HERE
from jitney.core.actions import ActionTable

ACTIONS = ActionTable.load(TABLE.read_bytes())
TERRAFORM = """
resource "aws_iam_policy" "privesc" {
  policy = jsonencode({ Statement = [{ Action = [
    "iam:PassRole",
    "ec2:RunInstances" ] }] })
}
resource "aws_iam_role" "r" { assume_role_policy = jsonencode({ Statement = [{ Action = "sts:AssumeRole" }] }) }
"""
JSON_TERRAFORM = """
resource "aws_iam_policy" "privesc" {
  policy = jsonencode({ "Statement": [{ "Action": "iam:PassRole" }, { "Action": ["ec2:RunInstances"] }] })
}
"""
README = """
## 1. First
### Required Permission(s)
- `iam:PassRole`
- `lambda:CreateFunction`
- `dynamodb:PutItem` (possibly)
### Potential Impact
`s3:GetObject`
"""
CONSTANTS = """
raise RuntimeError("read, and never run")
PRIVILEGE_ESCALATION_METHODS = {"One": ["iam:createaccesskey"]}
ACTIONS_THAT_RETURN_CREDENTIALS = ["ecr:getauthorizationtoken"]
READ_ONLY_DATA_EXFILTRATION_ACTIONS = ["s3:GetObject"]
"""


def write(folder: Path, path: str, text: str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = {"id": "iam-001", "permissions": {"required": [{"permission": "iam:CreatePolicyVersion"}]}}
    write(tmp_path, "pathfinding.cloud/data/paths/iam/iam-001.yaml", yaml.safe_dump(path))
    write(tmp_path, "AWS-IAM-Privilege-Escalation/README.md", README)
    write(tmp_path, "iam-vulnerable/modules/free-resources/privesc-paths/privesc3-A.tf", TERRAFORM)
    write(tmp_path, "iam-vulnerable/modules/free-resources/privesc-paths/privesc4-B.tf", JSON_TERRAFORM)
    write(tmp_path, "cloudsplaining/shared/constants.py", CONSTANTS)
    for name in ("privilege-escalation", "credentials-exposure", "resource-exposure"):
        write(tmp_path, f"policy_sentry/shared/data/audit/{name}.txt", "\n")
    listed = {"PrivEsc": ["iam:PutUserPolicy"], "CredentialExposure": [], "ResourceExposure": ["s3:PutBucketPolicy"]}
    actions = {name: {"Actions": names} for name, names in (listed | {"DataAccess": ["dynamodb:Scan"]}).items()}
    write(tmp_path, "sensitive_iam_actions/actions.yaml", yaml.safe_dump(actions))
    return tmp_path


def test_pol_05_each_list_is_read(folder: Path):
    entries = {each.name: list(each.read(folder)) for each in LISTS}
    assert entries["pathfinding.cloud"] == [("iam-001", ("iam:CreatePolicyVersion",))]
    assert entries["Rhino Security Labs"] == [("method 1", ("iam:PassRole", "lambda:CreateFunction"))]
    assert entries["BishopFox iam-vulnerable"] == [
        (name, ("iam:PassRole", "ec2:RunInstances")) for name in ("privesc3-A", "privesc4-B")
    ]
    assert entries["cloudsplaining, methods"] == [("One", ("iam:createaccesskey",))]
    assert entries["primeharbor, DataAccess"] == [("dynamodb:Scan", ("dynamodb:Scan",))]
    results = [compare(each, entries[each.name], ACTIONS) for each in LISTS]
    assert [each.name for each in results if each.unknown or each.missing] == []
    assert sum(each.found for each in results) == sum(map(len, entries.values())) == 10


@pytest.mark.parametrize(
    ("kind", "actions", "found", "unknown", "missing"),
    [
        ("escalations", ("iam:PassRole", "lambda:CreateFunction"), 1, (), ()),
        ("escalations", ("s3:PutObject", "s3:GetObject"), 0, (), ("x",)),
        ("escalations", ("iam:PassRole", "codestar:CreateProjectFromTemplate"), 0, ("x",), ()),
        ("escalations", (), 0, ("x",), ()),
        ("credentials", ("secretsmanager:GetSecretValue",), 1, (), ()),
        ("credentials", ("s3:GetObject",), 0, (), ("x",)),
        ("exposure", ("kinesis:PutResourcePolicy",), 1, (), ()),
        ("exposure", ("kinesis:PutRecord",), 0, (), ("x",)),
        ("data", ("sqs:ReceiveMessage",), 1, (), ()),
        ("data", ("sqs:GetQueueUrl",), 0, (), ("x",)),
    ],
)
def test_pol_05_an_entry_is_found_by_a_risk_of_its_kind(kind, actions, found, unknown, missing):
    listed = PublicList("a list", kind, lambda _: [("x", actions)])
    assert compare(listed, listed.read(Path()), ACTIONS) == ("a list", kind, found, unknown, missing)


def test_an_entry_without_a_reason_and_a_reason_without_an_entry_are_faults():
    counts, faults = reasoned(["a:X", "b:Y"], {"Gone.": ["a:*", "c:*"]})
    assert dict(counts) == {"Gone.": 1}
    assert faults == ["b:Y is not found and has no reason", "c:* matches no entry"]


def test_a_comparison_with_faults_leaves_the_page(folder: Path, capsys: pytest.CaptureFixture[str]):
    before = PAGE.read_text("utf-8")
    assert main(folder) == 1  # the reasons match none of these entries
    assert "matches no entry" in capsys.readouterr().out
    assert PAGE.read_text("utf-8") == before


def test_pol_04_the_page_has_the_counts_of_the_table_and_each_list():
    page = PAGE.read_text("utf-8")
    assert [row for row in risk_rows(ACTIONS) if row not in page] == []
    assert [each.name for each in LISTS if f"| {each.name} | {each.kind} |" not in page] == []
    names = yaml.safe_load((HERE / "public_lists.yaml").read_text("utf-8"))
    assert names.keys() <= {each.name for each in LISTS}
