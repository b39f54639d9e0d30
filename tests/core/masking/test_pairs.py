"""The name of a secret makes the value beside it a secret (row MASK 1)."""

import json

import pytest

from jitney import resources
from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.pairs import KINDS, NamesBeside, is_named_by
from jitney.core.masking.table import MaskTable
from jitney.core.masking.text import mask_text
from tests.core.gateway.test_answer_masking import TAGS, masked, masked_json
from tests.cpu_time import within_cpu_seconds

MASKS = MaskTable.load(resources.MASKS.read_bytes())
SECRET = "tr0ub4dor-And-3xtra"
PAIRS = [
    ("Name", "Value"),
    ("key", "value"),
    ("ParameterKey", "ParameterValue"),
    ("ParameterKey", "ResolvedValue"),
    ("ParameterKey", "DefaultValue"),
    ("Name", "BeforeValue"),
    ("Name", "AfterValue"),
    ("OutputKey", "OutputValue"),
    ("outputKey", "outputValue"),
    ("OptionName", "Value"),
    ("TagKey", "TagValue"),
    ("HeaderName", "HeaderValue"),
    ("AttributeName", "AttributeValue"),
    ("name", "resolvedValue"),
    ("name", "defaultValue"),
    ("id", "stringValue"),
    ("field", "value"),
    ("Header", "Value"),
    ("setting_name", "setting_value"),
]
NO_PAIRS = [("AlarmName", "StateValue"), ("Username", "FeedbackValue"), ("Description", "Value"), ("Name", "Status")]


@pytest.mark.parametrize(("name", "value"), PAIRS)
@pytest.mark.parametrize("order", [1, -1], ids=["name first", "value first"])
def test_mask_01_a_value_is_masked_by_the_name_beside_it(name: str, value: str, order: int):
    pair = dict([(name, "DB_PASSWORD"), (value, SECRET)][::order])
    plain = {name: "Zone", value: SECRET}
    in_json = masked_json("ssm", "DescribeDocument", [pair, plain])
    assert json.loads(in_json.body) == [pair | {value: TAGS.mask(SECRET, "credential")}, plain]
    elements = "".join(f"<{each}>{text}</{each}>" for each, text in pair.items())
    in_xml = masked("cloudformation", "DescribeStacks", f"<a><b>{elements}</b></a>".encode())
    assert in_xml.masked == (f"b.{value}",)
    recorded = AwsMasker(MASKS, TAGS).call("ssm", "NoSuchOperation", CallDirection.INPUT, {"x": [pair, plain]})
    assert recorded.paths == (f"x[0].{value}",)


@pytest.mark.parametrize(("name", "value"), NO_PAIRS)
def test_mask_01_members_that_are_no_pair_are_kept(name: str, value: str):
    pair = {name: "api-token", value: "ALARM"}
    assert json.loads(masked_json("cloudwatch", "DescribeAlarms", pair).body) == pair


def test_mask_01_dynamodb_writes_the_types_of_names_and_values():
    item = {"Item": {"name": {"S": "DB_PASSWORD"}, "value": {"S": SECRET}}}
    assert masked_json("dynamodb", "GetItem", item).masked == ("Item.value.S",)
    kept = {"Item": {"name": {"S": "zone"}, "value": {"S": SECRET}, "key": {"M": {}}}}
    assert masked_json("dynamodb", "GetItem", kept).masked == ()


@pytest.mark.parametrize(
    "text",
    [
        '{{"OutputKey": "DbPassword", "OutputValue": "{}"}}',
        '{{"OptionName":"DB_PASSWORD","Value":"{}"}}',
        "- OutputKey: DbPassword\n  OutputValue: {}\n",
        "<OutputKey>DbPassword</OutputKey><OutputValue>{}</OutputValue>",
        "<OptionName>DB_PASSWORD</OptionName>\n<Value>{}</Value>",
        '"command": ["app", "--db-password", "{}", "--verbose"]',
        "Parameters:\n  DbPassword:\n    Type: String\n    NoEcho: true\n    Default: {}\n",
        '{{"DbPassword": {{"Type": "String", "Description": "of the database, long", "Default": "{}"}}}}',
    ],
)
def test_mask_01_pairs_in_texts_are_found(text: str):
    assert mask_text(text.format(SECRET), TAGS) == text.format(TAGS.mask(SECRET, "credential"))


RANDOM = "k3v7q2M5x4TbcA9dLw0z"
HINTS = [
    ({"name": "GITHUB_PAT", "value": RANDOM}, "value"),
    ({"Key": "ci-token", "Value": RANDOM}, "Value"),
    ({"OutputKey": "STRIPE_KEY", "OutputValue": RANDOM}, "OutputValue"),
    ({"hf_token": RANDOM}, "hf_token"),
    ({"STRIPE_KEY": {"S": RANDOM}}, "STRIPE_KEY.S"),
]
NO_HINTS: list[dict[str, object]] = [
    {"name": "GITHUB_PAT", "value": "production"},
    {"name": "partition_key", "value": RANDOM},
    {"MarkerToken": RANDOM},
    {"ZoneKey": RANDOM},
    {"hf_token": 7},
    {"next_token": RANDOM},
]


@pytest.mark.parametrize(("value", "path"), HINTS)
def test_mask_01_a_random_value_is_masked_by_a_chosen_name_that_hints_at_a_secret(value, path: str):
    assert masked_json("ecs", "DescribeTaskDefinition", value).masked == (path,)
    assert masked_json("ecs", "DescribeTaskDefinition", value, reveal=True).masked == ()
    if all(isinstance(text, str) for text in value.values()) and len(value) > 1:
        elements = "".join(f"<{each}>{text}</{each}>" for each, text in value.items())
        body = f"<a><b>{elements}</b></a>".encode()
        assert masked("cloudformation", "DescribeStacks", body).masked == (f"b.{path}",)
        assert masked("cloudformation", "DescribeStacks", body, reveal=True).masked == ()


@pytest.mark.parametrize("value", NO_HINTS)
def test_mask_03_words_and_the_tokens_of_aws_are_kept(value):
    assert masked_json("ecs", "DescribeTaskDefinition", value).masked == ()


ARGUMENTS = ["app", "--db-password", SECRET, "--verbose", SECRET, "-token", "changeme", "--password"]


def test_mask_01_the_argument_of_an_option_is_masked_by_its_name():
    expected = [*ARGUMENTS[:2], TAGS.mask(SECRET, "credential"), *ARGUMENTS[3:]]
    answer = masked_json("ecs", "DescribeTaskDefinition", {"command": ARGUMENTS})
    assert json.loads(answer.body) == {"command": expected}
    assert answer.masked == ("command[2]",)
    asked = {"overrides": {"containerOverrides": [{"command": ARGUMENTS}]}}
    recorded = AwsMasker(MASKS, TAGS).call("ecs", "RunTask", CallDirection.INPUT, asked)
    assert recorded.value == {"overrides": {"containerOverrides": [{"command": expected}]}}
    assert json.loads(masked_json("ecs", "DescribeTaskDefinition", ["--password", 7]).body) == ["--password", 7]


def test_mask_01_with_reveal_only_arguments_with_aws_keys_are_masked():
    arguments = ["--password", SECRET, "--secret-access-key", SECRET]
    answer = masked_json("ecs", "DescribeTaskDefinition", arguments, reveal=True)
    assert json.loads(answer.body) == [*arguments[:3], TAGS.mask(SECRET, "credential")]


def test_mask_01_each_name_of_an_object_is_judged_about_once():
    """An agent chooses the names in a map, such as the tags or the environment of its own resource."""
    judged: list[str] = []
    of_any_name = [form for kind in KINDS for form in (f"{kind}Value", f"{kind.title()}Value", f"{kind}_value")]
    names = {f"a{number}Name": f"zone{number}" for number in range(1000)}
    values = [*of_any_name, "Value", "value", *(f"a{number}Value" for number in range(1000))]
    beside = NamesBeside(names | dict.fromkeys(values, "x"), lambda text: judged.append(text) or 0)
    assert not any(map(beside.highest, values))
    assert len(judged) <= 2 * len(names)


def test_mask_01_many_elements_take_linear_time():
    names, values = [f"a{number}Name" for number in range(4_000)], [f"a{number}Value" for number in range(4_000)]
    elements = "".join(f"<{name}>token</{name}>" for name in (*names, *values)) + f"<Value>{SECRET}</Value>"
    with within_cpu_seconds(1.25):
        masked("cloudformation", "DescribeStacks", f"<a><b>{elements}</b></a>".encode())


def test_mask_01_a_value_needs_a_name_of_its_kind():
    assert is_named_by("Value", {"OptionName"})
    assert is_named_by("OutputValue", {"OutputKey"})
    assert not is_named_by("StateValue", {"AlarmName", "Name"})
    assert not is_named_by("Value", set())
