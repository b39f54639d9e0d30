"""Forms of members that today's services do not have, or have once (rows GW 5 and MASK 1-4)."""

import base64
import json

import pytest
from botocore.model import OperationModel, ServiceModel

from jitney.core.gateway.answer_masking import AnswerMasker
from jitney.core.gateway.answer_shapes import answer_shapes
from jitney.core.gateway.aws_answer import AwsAnswer, MaskedAnswer
from jitney.core.gateway.mask_rules import MaskRules
from jitney.core.gateway.xml_answers import mask_xml
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import OperationShapes
from jitney.core.problems import Problem

TAGS = MaskTags(lambda: b"k" * 32)
TEXT = {"Text": {"type": "string"}, "Secret": {"type": "string", "sensitive": True}}


class NoTable:
    """A table of masks that knows no operation."""

    def of(self, _service: str, _operation: str) -> None:
        return None


def operation(protocol: str, members, shapes=None, **output) -> OperationModel:
    model = {
        "metadata": {"protocol": protocol, "protocols": [protocol], "serviceId": "x", "apiVersion": "1"},
        "operations": {
            "Get": {"name": "Get", "http": {"method": "GET", "requestUri": "/"}, "output": {"shape": "Out"}}
        },
        "shapes": {**TEXT, **(shapes or {}), "Out": {"type": "structure", "members": members, **output}},
    }
    return ServiceModel(model, "x").operation_model("Get")


def masked(made: OperationModel, body: str, headers=None) -> MaskedAnswer:
    return AnswerMasker(NoTable()).mask(AwsAnswer(200, headers or {}, body.encode()), made, TAGS)


def mask(value, kind: str = "sensitive") -> str:
    return TAGS.mask(value, kind)


def test_gw_05_a_marked_answer_is_masked_as_a_whole_but_for_its_names():
    made = operation("json", {"Name": {"shape": "Text"}}, sensitive=True)
    answer = masked(made, '{"Name": "a", "New": {"Deep": ["b", 7, true, null, ""]}}')
    new = {"Name": mask("a"), "New": {"Deep": [mask("b"), 0, False, None, ""]}}
    assert json.loads(answer.body) == new


def test_gw_05_marked_headers_are_masked_also_by_prefix_and_in_json():
    members = {
        "Plain": {"shape": "Secret", "location": "header", "locationName": "X-Plain"},
        "Many": {"shape": "Many", "location": "headers", "locationName": "X-Many-"},
        "Json": {"shape": "Secret", "location": "header", "locationName": "X-Json", "jsonvalue": True},
    }
    many = {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Secret"}, "sensitive": True}
    made = operation("rest-json", members, {"Many": many})
    encoded = base64.b64encode(b'{"a": ["b", 1]}').decode()
    answer = masked(made, "{}", {"x-plain": "a", "x-many-one": "b", "X-JSON": encoded, "Other": "c"})
    assert json.loads(base64.b64decode(answer.headers["X-JSON"])) == {"a": [mask("b"), 0]}
    assert answer.headers == {
        "x-plain": mask("a"),
        "x-many-one": mask("b"),
        "X-JSON": answer.headers["X-JSON"],
        "Other": "c",
    }
    assert set(answer.masked) == {"headers.x-plain", "headers.x-many-one", "headers.X-JSON"}


def test_gw_05_json_within_a_marked_text_stays_json():
    made = operation("json", {"Session": {"shape": "Secret", "jsonvalue": True}})
    answer = masked(made, json.dumps({"Session": '{"a": "b"}'}))
    assert json.loads(json.loads(answer.body)["Session"]) == {"a": mask("b")}
    answer = masked(made, json.dumps({"Session": "no json"}))
    assert json.loads(answer.body) == {"Session": mask("no json")}


def test_gw_05_marked_times_and_numbers_are_parsed_as_what_they_are():
    shapes = {
        "When": {"type": "timestamp", "sensitive": True},
        "Count": {"type": "integer", "sensitive": True},
        "Flag": {"type": "boolean", "sensitive": True},
    }
    members = {"Seconds": {"shape": "When"}, "Iso": {"shape": "When"}, "Http": {"shape": "When"}} | {
        name: {"shape": name} for name in ("Count", "Flag")
    }
    body = (
        "<R><Seconds>1795521600.5</Seconds><Iso>2026-11-24T12:05:00Z</Iso><Http>Tue, 24 Nov 2026 12:05:00 GMT</Http>"
        "<Count>7</Count><Flag>true</Flag></R>"
    )
    answer = masked(operation("rest-xml", members, shapes), body)
    assert answer.body.decode() == (
        "<R><Seconds>0</Seconds><Iso>1970-01-01T00:00:00Z</Iso><Http>Thu, 01 Jan 1970 00:00:00 GMT</Http>"
        "<Count>0</Count><Flag>false</Flag></R>"
    )


def test_gw_05_marked_keys_of_maps_are_masked_in_xml():
    for flattened in (True, False):
        a_map = {"type": "map", "key": {"shape": "Secret"}, "value": {"shape": "Text"}, "flattened": flattened}
        pair = "<key>a</key><value>b</value>"
        body = f"<R><Map>{pair if flattened else f'<entry>{pair}</entry>'}</Map></R>"
        answer = masked(operation("rest-xml", {"Map": {"shape": "Map"}}, {"Map": a_map}), body)
        assert answer.body.decode() == body.replace(">a<", f">{mask('a')}<")


def test_gw_05_a_marked_member_with_a_secret_name_is_masked_with_any_text():
    members = {"Password": {"shape": "Secret"}, "Token": {"shape": "Text"}}
    answer = masked(operation("rest-xml", members), "<R><Password>true</Password><Token>true</Token></R>")
    assert answer.body.decode() == f"<R><Password>{mask('true')}</Password><Token>true</Token></R>"


def test_gw_05_marked_attributes_are_masked():
    made = operation("rest-xml", {"Kind": {"shape": "Secret", "xmlAttribute": True, "locationName": "x:kind"}})
    answer = masked(made, "<R other='a' x:kind='b' last=\"c\"/>")
    assert answer.body.decode() == f"<R other='a' x:kind='{mask('b')}' last=\"c\"/>"


def test_gw_05_a_document_is_searched_or_masked_as_a_whole():
    shapes = {"Free": {"type": "structure", "document": True, "members": {}}}
    made = operation("json", {"One": {"shape": "Free"}, "Two": {"shape": "Free", "sensitive": True}}, shapes)
    answer = masked(made, '{"One": {"a": "b", "password": "c"}, "Two": {"a": ["b"]}}')
    assert json.loads(answer.body) == {
        "One": {"a": "b", "password": mask("c", "credential")},
        "Two": {"a": [mask("b")]},
    }


def test_gw_04_cognitos_secret_key_is_an_aws_key():
    members = {"AccessKeyId": {"shape": "Text"}, "SecretKey": {"shape": "Text"}, "Other": {"shape": "Text"}}
    table = OperationShapes(({"SecretKey": "c", "Other": "c"},), None, 0)
    shapes = answer_shapes(operation("json", members), table)
    assert shapes.shapes == ({"SecretKey": "k", "Other": "c"},)
    del members["AccessKeyId"]
    assert answer_shapes(operation("json", members), table).shapes == ({"SecretKey": "c", "Other": "c"},)


def test_gw_05_a_protocol_without_an_editor_is_refused():
    made = operation("smithy-rpc-v2-cbor", {"Name": {"shape": "Text"}})
    with pytest.raises(Problem) as raised:
        masked(made, "\x00")
    assert raised.value.code == "answer_unmaskable"


def test_a_secret_list_by_name_is_masked_in_xml():
    rules = MaskRules.of(TAGS, reveal=False)
    body, _ = mask_xml(b"<R><AuthToken><item>a</item><item>b</item></AuthToken></R>", (), None, rules)
    assert body.decode().count("[masked credential") == 2
