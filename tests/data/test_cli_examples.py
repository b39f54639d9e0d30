"""The AWS CLI's own examples: how many are read, and that they are read as the AWS CLI reads them."""

import re
import shlex
from typing import Any

import pytest

from data.cli_examples import NotPlainError, examples_of, words_of
from data.example_report import (
    IN_FILE,
    NOT_PLAIN,
    PAGE,
    PLACE,
    REASONS,
    ExampleReport,
    example_folder,
    explain_example,
    read_examples,
    report_examples,
    requests_of,
)
from jitney.core.calls.call import UNKNOWN_VALUE
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.explainer import explain_line
from jitney.core.calls.operations import Operation, OperationTable
from jitney.core.calls.options import first_word
from jitney.core.calls.parser import read_command
from jitney.core.calls.shell_words import MAX_LINE
from jitney.core.calls.templates import members_of, templates_of
from jitney.core.problems import Problem
from jitney.resources import OPERATIONS

TABLE = OperationTable.load(OPERATIONS.read_bytes())
NUMBER = re.compile(r"\| (\d+) \|")


@pytest.fixture(scope="module")
def report() -> ExampleReport:
    return report_examples(example_folder(), TABLE)


@pytest.mark.slow
def test_the_page_counts_the_examples(report: ExampleReport):
    rows = {line.split(" | ")[0].strip("| "): line for line in PAGE.read_text("utf-8").splitlines() if "|" in line}
    assert number(rows["all"]) == report.total
    assert number(rows["accepted"]) == report.accepted
    assert number(rows["accepted with a file"]) == report.from_files
    assert number(rows["accepted with the ARN of a resource"]) == report.with_arn
    for reason, refused in report.refused.items():
        assert number(rows[reason]) == len(refused), reason


def test_nearly_all_valid_examples_are_accepted(report: ExampleReport):
    """The AWS CLI refuses some of the others too; the page counts them."""
    complete = report.total - len(report.refused[NOT_PLAIN]) - len(report.refused[IN_FILE])
    assert report.accepted / complete > 0.97
    assert report.accepted / report.total > 0.97
    assert report.with_arn / report.accepted > 0.6


def number(row: str) -> int:
    found = NUMBER.search(f"{row} |")
    assert found
    return int(found[1])


def test_every_reason_has_examples(report: ExampleReport):
    assert {reason for reason, refused in report.refused.items() if refused} == set(REASONS.values())


@pytest.mark.slow
def test_pol_13_examples_are_read_as_the_aws_cli_reads_them():
    """Every parameter that names a resource, or decides what is needed, has the value that the AWS CLI would send."""
    plain, _ = read_examples(example_folder(), TABLE)
    chosen = [*plain[::45], *[each for each in plain if each.files][::7]]
    sample = [each.whole for each in chosen if each.words[1] != "s3"]
    compared = 0
    for words, request in zip(sample, requests_of(sample), strict=True):
        service, rest = first_word(words[1:])
        try:
            call = read_command(service, rest, TABLE)
        except Problem:
            continue
        if "error" not in request and call.operation.words is None:
            _, name, sent = request["calls"][0]
            assert name == call.operation.name, words
            assert not {each for each in call.parameters if each not in sent}, words
            for parameter in deciding(call.operation):
                read, wanted = call.parameters.get(parameter, "absent"), sent.get(parameter, "absent")
                if isinstance(read, dict):  # the CLI adds the value of --recording-group to another parameter
                    wanted = {name: wanted[name] for name in read}
                assert read is UNKNOWN_VALUE or as_text(read) == as_text(wanted), words
                assert (read is UNKNOWN_VALUE) <= ("file://" in str(wanted)), words
            compared += 1
    assert compared > 80


def test_pol_13_no_example_requests_all_resources_where_a_parameter_names_one():
    """The table knows the parameters that name a resource of each action."""
    plain, _ = read_examples(example_folder(), TABLE)
    wide, checked = [], 0
    for words in (each.whole for each in plain):
        service, rest = first_word(words[1:])
        try:
            call = read_command(service, rest, TABLE) if service != "s3" else None
            explained = explain_call(call, PLACE) if call else ()
        except Problem:
            continue
        for each in explained:
            needs = [need for need in call.operation.needs if need.action == each.action] if call else []
            named = [name for need in needs for template in templates_of(need) for name, _ in members_of(template)]
            given = [name for name in named if call and name in call.parameters]
            checked += bool(given)
            wide += [(*words, each.action, *given)] if given and each.resources == ("*",) else []
    assert wide == []
    assert checked > 2000


def test_pol_13_what_is_taken_of_files_explains_as_much_as_the_files():
    """`insert_contents` compares its own steps. This compares with the command that holds the whole files."""
    plain, _ = read_examples(example_folder(), TABLE)
    compared = 0
    for example in plain:
        if example.files:
            try:
                explained = explain_example(example, TABLE)
            except Problem:
                continue
            if len(shlex.join(example.whole)) <= MAX_LINE:
                assert explained == explain_line(shlex.join(example.whole), PLACE, TABLE), example.words
                compared += 1
    assert compared > 100


def deciding(operation: Operation) -> set[str]:
    """Return the parameters whose value names a resource, or decides what is needed."""
    named = {name for need in operation.needs for template in templates_of(need) for name, _ in members_of(template)}
    conditions = {each.removeprefix("!") for need in operation.needs for each in need.when.split()}
    return named | {each.partition("|")[0] for each in conditions if "|" in each}


FORMS = """
aws ec2 start-instances --instance-id i-1
aws ec2 start-instances --instance-ids i-1,i-2
aws ec2 start-instances --instance-ids '["i-1"]'
aws ec2 start-instances --instance-ids '{i-1}'
aws ec2 --region us-east-1 start-instances --instance-ids=i-1
aws ec2 modify-subnet-attribute --subnet-id s --map-public-ip-on-launch
aws ec2 modify-subnet-attribute --subnet-id s --map-public-ip-on-launch Value=true
aws ec2 modify-subnet-attribute --subnet-id s --no-map-public-ip-on-launch
aws ec2 modify-subnet-attribute --subnet-id s --no-map-public-ip
aws ec2 create-image --instance-id i-1 --name n --reboot
aws ec2 run-instances --image-id ami-1 --count 2 --launch-template LaunchTemplateId='lt-1'
aws iam tag-role --role-name r --tags '{"Key": "a", "Value": "b"}'
aws iam tag-role --role-name r --tags '{"Key": "a", "Value": "b"}' '{"Key": "c", "Value": "d"}'
aws dynamodb scan --cli-input-json '{"TableName": "x"}'
aws dynamodb scan --table-name y --cli-input-json '{"TableName": "x"}'
aws cloudfront create-invalidation --distribution-id D --paths / /a
aws s3api delete-objects --bucket b --delete 'Objects=[{Key=2026 q3.csv},{Key="a,b",VersionId=v}],Quiet=true'
aws s3api delete-objects --bucket b --delete "Objects={Key='a'}"
aws s3api put-object --bucket b --key k --content-type '--a b'
aws deploy list-application-revisions --application-name a --s-3-bucket b
aws ecs update-service --service s --disable-execute-command
aws lambda publish-version --function-name f --code-sha-256 x
aws dynamodb transact-write-items --transact-items 'Put={TableName=orders,Item={id={S=a b}}}' '{"Put": 1}'
aws dynamodb scan --table-name x --endpoint https://a.test
aws dynamodb scan --t x
aws dynamodb scan --table-name
aws s3api create-bucket --bucket b --object-lock-enabled-for-bucket true
aws s3api get-object --bucket b --key k --cli-input-json '{}' out
aws ec2 modify-instance-attribute --instance-id i --disable-api-termination true
aws s3api delete-objects --bucket b --delete 'Objects=[{Key=a]'
"""


@pytest.mark.slow
def test_pol_13_each_form_of_parameters_is_read_as_the_aws_cli_reads_it():
    """The last ones are refused, most of them by the AWS CLI too."""
    lines = [shlex.split(line) for line in FORMS.split("\n") if line]
    refused = []
    for words, request in zip(lines, requests_of(lines), strict=True):
        service, rest = first_word(words[1:])
        try:
            call = read_command(service, rest, TABLE)
        except Problem:
            refused.append(shlex.join(words))
            continue
        _, name, sent = request["calls"][0] if "calls" in request else (None, None, {})
        assert name in (call.operation.name, None), (words, request)
        for parameter, value in call.parameters.items() if name else ():
            assert parameter in sent, words
            if parameter in deciding(call.operation):
                assert as_text(value) == as_text(sent[parameter]), words
    assert len(refused) == 7


def as_text(value: Any) -> str:
    """Return a value as text, with one item for a list of it, as the AWS CLI's models make one of the other."""
    return re.sub(r"[\[\]' ]", "", str(value)).lower()


FILES = """
Look at what ``a.json`` holds::

    aws x y --b file://a.json --c file://dir/b.json --d file://c.json

Contents of ``b.json``::

    {
        "aws": "b"
    }

The file ``xa.json``::

    {}

This is ``a.json``. ::

    ["a"]

Then::

    aws x z --b file://a.json --c file://b.json

``b.json`` now is::

    later

And without a name::

    aws x z --b file://<folder>/d.json

JSON file format::

    "d"
"""


def test_contents_of_files_are_found_in_a_page():
    assert [dict(each.files) for each in examples_of(FILES)] == [
        {"a.json": '["a"]', "dir/b.json": '{\n    "aws": "b"\n}'},
        {"a.json": '["a"]', "b.json": "later"},
        {"d.json": '"d"'},
    ]


EXAMPLES = """
To list things::

    aws ec2 describe-instances \\
        --filters Name=tag:Name,Values=a

    $ aws ec2 create-tags ^
        --resources i-1

Output::

    { "aws": "no command" }

    aws iam put-role-policy --policy-document '{
        "Version": "2012-10-17"
    }' --role-name r
"""


def test_commands_are_found_in_a_page():
    assert [each.command for each in examples_of(EXAMPLES)] == [
        "aws ec2 describe-instances --filters Name=tag:Name,Values=a",
        "aws ec2 create-tags --resources i-1",
        'aws iam put-role-policy --policy-document \'{\n        "Version": "2012-10-17"\n    }\' --role-name r',
    ]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("aws x --a 'b c' \"d\\\"e\" f\\ g ''", ["aws", "x", "--a", "b c", 'd"e', "f g", ""]),
        ("aws x [{a=b}] | jq .", ["aws", "x", "[{a=b}]"]),
        ("aws x > out", ["aws", "x"]),
        ("aws x # why", ["aws", "x"]),
        ('aws x a#b "\\$c"', ["aws", "x", "a#b", "$c"]),
    ],
)
def test_words_are_those_that_a_shell_passes(command: str, words: list[str]):
    assert words_of(command) == words


@pytest.mark.parametrize("command", ["aws x <next token>", "aws x $A", 'aws x "$(date)"', "aws x `id`", "aws x 'open"])
def test_what_only_a_shell_could_say_is_not_plain(command: str):
    with pytest.raises(NotPlainError):
        words_of(command)
