"""The contents of files in a call: what the explanation depends on is inserted, and nothing else."""

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.calls.explainer import explain_line
from jitney.core.calls.file_contents import MAX_DEPTH, MAX_TRIALS, UnreadFileError, insert_contents
from jitney.core.calls.shell_words import MAX_LINE
from jitney.core.problems import Problem
from tests.core.calls.conftest import OPERATIONS, PLACE
from tests.examples import examples

SECRET = "wJalrXUtnFEMI"


def reading(files: Mapping[str, Any]) -> Callable[[str], str]:
    def read(path: str) -> str:
        if path not in files:
            raise UnreadFileError(f"{path} cannot be read: No such file or directory.")
        return files[path] if isinstance(files[path], str) else json.dumps(files[path])

    return read


def inserted(line: str, **files: Any) -> list[str]:
    """Return the words of the line with the contents of files, named like keyword arguments."""
    return shlex.split(insert_contents(line, reading(files), OPERATIONS))


PUT = {"Put": {"TableName": "orders", "Item": {"id": {"S": SECRET}, "n": {"N": "7"}}}}
CASES: Mapping[str, tuple[Any, str]] = {
    # The transaction's tables and kinds decide. Its items are left out.
    "aws dynamodb transact-write-items --transact-items file://f": (
        [PUT, PUT, {"Delete": {"TableName": "old", "Key": {"id": {"S": SECRET}}}}],
        '--transact-items=[{"Put":{"TableName":"orders"}},{"Delete":{"TableName":"old"}}]',
    ),
    "aws dynamodb batch-write-item --request-items file://f": (
        {"orders": [{"PutRequest": {"Item": {"id": {"S": SECRET}}}}], "old": []},
        '--request-items={"orders":[],"old":[]}',
    ),
    # The partition key becomes a condition, so its value is needed.
    "aws dynamodb get-item --table-name orders --key file://f": ({"id": {"S": "7"}}, '--key={"id":{"S":"7"}}'),
    "aws dynamodb execute-statement --statement file://f": (
        f"SELECT * FROM \"orders\" WHERE id = '{SECRET}' AND b = 2",  # noqa: S608
        '--statement=SELECT * FROM "orders"',
    ),
    "aws s3api put-object --bucket reports --key file://f": ("2026/q3.csv", "--key=2026/q3.csv"),
    "aws s3api put-object --bucket reports --key=file://f": ("--2026", "--key=--2026"),
    "aws s3api delete-objects --bucket reports --delete file://f": (
        {"Objects": [{"Key": "a", "ETag": SECRET}, {"Key": "b"}], "Quiet": True},
        '--delete={"Objects":[{"Key":"a"},{"Key":"b"}]}',
    ),
    # A parameter stays, since the explanation shows which are given. Its value is replaced.
    "aws dynamodb put-item --cli-input-json file://f": (
        {"TableName": "orders", "Item": {"id": {"S": SECRET}}, "ReturnValues": SECRET},
        '--cli-input-json={"TableName":"orders","Item":{},"ReturnValues":"masked"}',
    ),
    "aws lambda create-function --cli-input-json file://f": (
        {
            "FunctionName": "f",
            "Role": "arn:aws:iam::444455556666:role/r",
            "Code": {"ZipFile": SECRET},
            "MemorySize": 512,
        },
        '--cli-input-json={"FunctionName":"f","Role":"arn:aws:iam::444455556666:role/r","Code":{},"MemorySize":0}',
    ),
    # Nothing of these is needed.
    "aws iam put-role-policy --role-name r --policy-name p --policy-document file://f": ({"Version": SECRET}, ""),
    "aws ec2 run-instances --image-id ami-1 --user-data file://f": (f"#!/bin/sh\nexport A={SECRET}", ""),
    "aws secretsmanager create-secret --name n --secret-string file://f": (SECRET, ""),
    "aws dynamodb put-item --table-name orders --item file://f": ({"id": {"S": SECRET}}, ""),
    # The AWS CLI reads none of these.
    "aws s3 cp file://f s3://reports/a": (SECRET, ""),
    "aws lambda invoke --function-name f --payload fileb://f o": (SECRET, ""),
}


@pytest.mark.parametrize("line", CASES)
def test_pol_13_a_call_gets_what_it_needs_of_its_file(line: str):
    content, expected = CASES[line]
    words = inserted(line, f=content)
    assert SECRET not in shlex.join(words)
    if expected:
        assert [word for word in words if word.startswith(expected.partition("=")[0])] == [expected]
    else:
        assert words == shlex.split(line)


@pytest.mark.parametrize("line", [line for line, (_, expected) in CASES.items() if expected.startswith("--")])
def test_pol_13_the_explanation_is_the_one_of_the_whole_file(line: str):
    content = CASES[line][0]
    text = content if isinstance(content, str) else json.dumps(content)
    whole = [word.replace("file://f", text) for word in shlex.split(line)]
    if not text.startswith("--"):
        assert explain_line(insert_contents(line, reading({"f": content}), OPERATIONS), PLACE, OPERATIONS) == (
            explain_line(shlex.join(whole), PLACE, OPERATIONS)
        )


LEAVES = (
    st.text("abc *", max_size=4)
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
)
DOCUMENTS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner))


@settings(max_examples=examples(200))
@given(DOCUMENTS, st.lists(st.sampled_from(["orders", "old", "new"]), min_size=1, max_size=6))
def test_pol_13_nothing_but_tables_and_kinds_is_taken_of_any_transaction(noise: Any, tables: list[str]):
    items = [{"Update": {"Key": {SECRET: noise}, "TableName": table, SECRET: noise}} for table in tables]
    (*_, word) = inserted("aws dynamodb transact-write-items --transact-items file://f", f=items)
    taken = json.loads(word.removeprefix("--transact-items="))
    assert sorted(json.dumps(each) for each in taken) == sorted(
        json.dumps({"Update": {"TableName": table}}) for table in set(tables)
    )


def test_pol_13_other_options_take_precedence_over_the_file():
    words = inserted("aws dynamodb scan --table-name new --cli-input-json file://f", f={"TableName": "old"})
    assert words == ["aws", "dynamodb", "scan", "--table-name", "new", "--cli-input-json={}"]


def refusal(line: str, **files: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        insert_contents(line, reading(files), OPERATIONS)
    return raised.value


def test_pol_13_a_file_that_is_needed_and_unread_refuses_the_call():
    problem = refusal("aws dynamodb scan --cli-input-json file://absent")
    assert problem.code == "call_invalid"
    assert problem.detail.endswith("absent cannot be read: No such file or directory.")


def test_pol_13_a_file_that_is_not_needed_may_be_absent():
    line = "aws dynamodb put-item --table-name orders --item file://absent"
    assert insert_contents(line, reading({}), OPERATIONS) == line


def test_pol_13_a_malformed_file_refuses_the_call():
    assert "is not a JSON object" in refusal("aws dynamodb scan --cli-input-json file://f", f="{").detail
    assert "no parameter 'A'" in refusal("aws dynamodb scan --cli-input-json file://f", f={"A": 1}).detail


def test_pol_13_a_file_that_names_a_file_is_not_followed():
    problem = refusal("aws s3api put-object --bucket b --key file://f", f="file:///etc/passwd")
    assert "the call does not contain its value" in problem.detail


def test_pol_13_a_call_is_explained_in_the_account_that_it_names():
    arn = "arn:aws-us-gov:dynamodb:us-gov-west-1:222233334444:table/orders"
    words = inserted("aws dynamodb scan --cli-input-json file://f", f={"TableName": arn, "Limit": 111122223333})
    assert json.loads(words[-1].partition("=")[2]) == {"TableName": arn, "Limit": 0}


def test_pol_13_a_call_in_two_accounts_is_refused():
    arns = [f"arn:aws:dynamodb:eu-west-1:{account}:table/t" for account in ("111122223333", "222233334444")]
    line = "aws dynamodb batch-get-item --request-items file://f"
    assert refusal(line, f={arn: {"Keys": []} for arn in arns}).code == "account_mismatch"


DELETE = "aws s3api delete-objects --bucket b --delete file://f"


def test_pol_13_more_names_than_a_line_holds_are_refused():
    problem = refusal(DELETE, f={"Objects": [{"Key": f"{at:04}" * 20} for at in range(100)]})
    assert f"Use at most {MAX_LINE} characters" in problem.fix


def test_pol_13_what_is_repeated_is_left_out_in_few_steps():
    objects = [{"Key": "k", "VersionId": f"{at}"} for at in range(1000)]
    (*_, word) = inserted(DELETE, f={"Objects": [*objects, {"Key": "l"}]})
    assert json.loads(word.removeprefix("--delete=")) == {
        "Objects": [{"Key": "k", "VersionId": "masked"}, {"Key": "l"}]
    }


def test_pol_13_a_file_among_other_values_is_not_read():
    """The AWS CLI reads a file only if it is the option's only value."""
    assert "InstanceIds names" in refusal("aws ec2 start-instances --instance-ids i-1 file://f", f="i-2").detail


def test_pol_13_a_search_without_end_is_refused():
    statement = " ".join(["-"] * (MAX_TRIALS + 10))
    problem = refusal("aws s3api put-object --bucket b --key file://f", f=f"{statement}k")
    assert problem.detail == "The files are too large to find what the call needs of them."


@pytest.mark.parametrize("depth", [MAX_DEPTH, 5000])
def test_pol_13_deep_json_is_refused(depth: int):
    line = "aws rds add-option-to-option-group --option-group-name g --options file://f"
    text = '[{"RoleArn":' + '{"RoleArn":' * depth + '"arn:aws:iam::444455556666:role/r"' + "}" * depth + "}]"
    assert "levels deep" in refusal(line, f=text).detail
