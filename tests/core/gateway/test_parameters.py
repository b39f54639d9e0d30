"""Parameters that AWS's model does not describe are refused, each with its place (rows GW 2 and GW 12)."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.gateway.parameters import MAX_DEPTH, MAX_ERRORS, checked_parameters
from jitney.core.problems import Problem
from tests.examples import examples

SHAPES = {
    "Text": {"type": "string"},
    "Key": {"type": "string"},
    "Bytes": {"type": "blob"},
    "Flag": {"type": "boolean"},
    "Count": {"type": "integer"},
    "Large": {"type": "long"},
    "Ratio": {"type": "double"},
    "Time": {"type": "timestamp"},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "Tags": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "Tree": {"type": "structure", "members": {"Left": {"shape": "Tree"}, "Name": {"shape": "Text"}}},
    "Choice": {"type": "structure", "union": True, "members": {"One": {"shape": "Text"}, "Two": {"shape": "Count"}}},
    "Free": {"type": "structure", "document": True, "members": {}},
    "Input": {
        "type": "structure",
        "required": ["Name", "Token"],
        "members": {
            "Name": {"shape": "Text"},
            "Token": {"shape": "Text", "idempotencyToken": True},
            "Object": {"shape": "Key", "location": "uri", "locationName": "Key"},
            "Header": {"shape": "Text", "location": "header", "locationName": "x-amz-header"},
            "Metadata": {"shape": "Tags", "location": "headers", "locationName": "x-amz-meta-"},
            "Bucket": {"shape": "Key", "location": "uri", "locationName": "Bucket"},
            "Mode": {"shape": "Text", "location": "querystring", "locationName": "mode"},
            "Query": {"shape": "Tags", "location": "querystring"},
            "Listed": {"shape": "Texts", "location": "header", "locationName": "x-amz-listed"},
            "Json": {"shape": "Text", "jsonvalue": True, "location": "header", "locationName": "x-amz-json"},
            **{
                name: {"shape": name}
                for name in (
                    "Bytes",
                    "Flag",
                    "Count",
                    "Large",
                    "Ratio",
                    "Time",
                    "Texts",
                    "Tags",
                    "Tree",
                    "Choice",
                    "Free",
                )
            },
        },
    },
}
OPERATIONS = {
    "Put": {"http": {"method": "PUT", "requestUri": "/{Bucket}/{Key+}?fixed=1"}, "input": {"shape": "Input"}},
    "List": {"http": {"method": "GET", "requestUri": "/"}},
}
SERVICE = ServiceModel({"metadata": {}, "operations": OPERATIONS, "shapes": SHAPES})
PUT = SERVICE.operation_model("Put")


def refused(parameters: Any, protocol: str = "rest-json") -> dict[str, Any]:
    with pytest.raises(Problem) as caught:
        checked_parameters(parameters, PUT, protocol)
    assert caught.value.code == "call_invalid"
    return {each["pointer"]: each for each in caught.value.extras["errors"]}


GIVEN = {
    "Name": "a",
    "Object": "folder/../x.csv".replace("..", "..."),
    "Header": "plain",
    "Metadata": {"owner-1": "ada"},
    "Json": {"any": [1, None]},
    "Bytes": base64.b64encode(b"\x00\xff").decode(),
    "Flag": False,
    "Count": -(2**31),
    "Large": 2**63 - 1,
    "Ratio": 1,
    "Time": "2026-11-24T13:05:00+01:00",
    "Texts": [],
    "Tags": {"": "ü"},
    "Tree": {"Left": {"Left": {}}},
    "Choice": {"Two": 2},
    "Free": {"anything": [True, None, {"x": 1.5}]},
}


def test_gw_02_each_type_is_read_as_the_serializer_takes_it():
    read = checked_parameters(GIVEN, PUT, "rest-json")
    moment = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
    assert read == GIVEN | {"Bytes": b"\x00\xff", "Time": moment}
    assert checked_parameters(GIVEN | {"Time": moment.timestamp()}, PUT, "rest-json")["Time"] == moment


# Values that are no value of their member, with the pointer of the error.
HOSTILE: list[tuple[str, Any, str]] = [
    *(("Name", value, "/Name") for value in (None, 1, True, ["a"], {"a": "b"})),
    *(("Bytes", value, "/Bytes") for value in ("%%%", "YQ", "YQ=", "YQ==\n", "YQ==YQ==", " YQ==", "é", 7, b"".hex, [])),
    *(("Flag", value, "/Flag") for value in ("true", 1, 0, None, "")),
    *(("Count", value, "/Count") for value in (True, "7", 1.0, 2**31, -(2**31) - 1, None, [1])),
    *(("Large", value, "/Large") for value in (2**63, -(2**63) - 1, 1e3, False)),
    *(("Ratio", value, "/Ratio") for value in ("1.5", True, float("nan"), float("inf"), 10**400, None)),
    *(
        ("Time", value, "/Time")
        for value in (
            "2026-11-24T12:05:00",
            "yesterday",
            "",
            True,
            10**15,
            float("nan"),
            -(10**15),
            [],
            "0000-01-01T00:00:00Z",
        )
    ),
    *(("Texts", value, "/Texts") for value in ("a", {"0": "a"}, None, 0)),
    ("Texts", ["a", 1], "/Texts/1"),
    ("Texts", ["a", None], "/Texts/1"),
    *(("Tags", value, "/Tags") for value in ([], "a", [{"Key": "a"}], None)),
    ("Tags", {"a": 1}, "/Tags/a"),
    ("Tags", {"a/b~": None}, "/Tags/a~1b~0"),
    *(("Tree", value, "/Tree") for value in ("a", [], None)),
    ("Tree", {"Left": {"Nam": "x"}}, "/Tree/Left/Nam"),
    ("Tree", {"left": {}}, "/Tree/left"),
    *(("Choice", value, "/Choice") for value in ({}, {"One": "a", "Two": 1})),
    *(("Object", value, "/Object") for value in ("", ".", "..", "a/../b", "../b", "a/.", "/..", 1, None)),
    *(("Header", value, "/Header") for value in ("a\r\nX: y", "a\x00", "ü", " a", "a ", "a\tb\x7f", 1)),
    ("Metadata", {"a b": "x"}, "/Metadata/a b"),
    ("Metadata", {"a:": "x"}, "/Metadata/a:"),
    ("Metadata", {"a\r\nX": "x"}, "/Metadata/a\\r\\nX"),
    ("Metadata", {"": "x"}, "/Metadata/"),
    ("Metadata", {"a": "x\ny"}, "/Metadata/a"),
    ("Metadata", {"a": ["x"]}, "/Metadata/a"),
    ("Metadata", {"owner": "x", "Owner": "y"}, "/Metadata/Owner"),
    *(("Query", {name: "x"}, f"/Query/{name}") for name in ("mode", "MODE", "fixed")),
    ("Query", {"a": "x", "A": "y"}, "/Query/A"),
    ("Query", {}, "/Query"),
    ("Listed", [], "/Listed"),
    *(("Listed", ["a", value], "/Listed/1") for value in ("b\r\nX: y", "é")),
    ("Bucket", "b/c", "/Bucket"),
    *(("Free", value, "/Free/a") for value in ({"a": float("nan")}, {"a": float("inf")})),
    ("Nmae", "a", "/Nmae"),
    ("name", "a", "/name"),
    ("__proto__", {}, "/__proto__"),
    ("Unknown/~" * 20, "a", "/" + "Unknown~1~0" * 6 + "Unknow"),
]


@pytest.mark.parametrize(("name", "value", "pointer"), HOSTILE)
def test_gw_12_a_value_of_another_type_is_refused_at_its_place(name: str, value: Any, pointer: str):
    error = refused({"Name": "a"} | {name: value})[pointer]
    assert error["detail"]
    assert error["fix"]


@pytest.mark.parametrize("value", [None, [], "a", 1, True])
def test_gw_12_parameters_are_an_object(value: Any):
    assert list(refused(value)) == [""]


def test_gw_02_a_missing_member_is_named_and_the_brokers_own_token_may_be_left_out():
    assert refused({}) == {
        "/Name": {"pointer": "/Name", "detail": "The member is missing.", "fix": "Send it.", "missing": True}
    }


def test_dx_a_number_out_of_range_has_the_range_for_programs():
    fault = refused({"Name": "a", "Count": 2**31})["/Count"]
    assert fault["bounds"] == {"minimum": -(2**31), "maximum": 2**31 - 1}


def test_a_near_miss_gets_a_suggestion():
    assert refused({"Name": "a", "Hedaer": "x"})["/Hedaer"]["alternatives"] == ["Header"]


def test_an_operation_without_input_takes_no_parameters():
    nothing = SERVICE.operation_model("List")
    assert checked_parameters({}, nothing, "query") == {}
    with pytest.raises(Problem, match="takes no parameters"):
        checked_parameters({"Name": "a"}, nothing, "query")


def test_gw_12_the_check_ends_after_some_errors_and_some_levels():
    assert len(refused({"Name": "a", "Texts": [1] * 100_000})) == MAX_ERRORS
    unknown = [f"Member{number}" for number in range(10_000)]
    assert list(refused(dict.fromkeys(unknown, 1))) == [f"/{name}" for name in unknown[:MAX_ERRORS]]
    tree: dict[str, Any] = {}
    for _ in range(MAX_DEPTH + 5):
        tree = {"Left": tree}
    (pointer,) = refused({"Name": "a", "Tree": tree})
    assert pointer == "/Tree" + "/Left" * MAX_DEPTH


@pytest.mark.parametrize("protocol", ["query", "ec2"])
@pytest.mark.parametrize(("name", "value"), [("Texts", []), ("Tags", {}), ("Tree", {}), ("Tree", {"Left": {}})])
def test_gw_02_what_a_form_cannot_express_is_refused(name: str, value: Any, protocol: str):
    """DeleteTags without Tags deletes all tags, and a form has no empty list."""
    assert refused({"Name": "a", name: value}, protocol)
    assert checked_parameters({"Name": "a", name: value}, PUT, "json")[name] == value


@pytest.mark.parametrize("text", ["a\r", "a\r\n", "\x00", "\x1b", "\ufffe"])
def test_gw_02_what_xml_does_not_keep_is_refused(text: str):
    assert list(refused({"Name": text}, "rest-xml")) == ["/Name"]
    assert list(refused({"Name": "a", "Texts": [text]}, "rest-xml")) == ["/Texts/0"]
    assert checked_parameters({"Name": text}, PUT, "json")["Name"] == text


def test_gw_12_a_free_value_is_bounded_in_depth():
    deep: Any = 1
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    (pointer,) = refused({"Name": "a", "Free": deep})
    assert pointer.startswith("/Free/0/0")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GIVEN, "x"]), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(300))
@given(st.dictionaries(st.sampled_from([*GIVEN, "Other"]), JSON, max_size=4))
def test_gw_02_any_json_is_refused_or_read_whole(parameters: dict[str, Any]):
    """What is accepted has every member that was sent, so that nothing is dropped without a word."""
    try:
        read = checked_parameters(parameters | {"Name": "a"}, PUT, "rest-json")
    except Problem as problem:
        assert problem.code == "call_invalid"
        json.dumps(problem.extras)
        return
    assert read.keys() == parameters.keys() | {"Name"}
    for name in parameters.keys() - {"Name", "Bytes", "Time"}:
        assert read[name] == parameters[name] or name in ("Json", "Free", "Tree", "Ratio")
