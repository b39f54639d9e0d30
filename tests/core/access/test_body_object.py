"""Bodies that are no JSON object: the detail says what is wrong with this one."""

import gzip

import pytest

from jitney.core import strict_json
from jitney.core.access.body_object import parse_object
from jitney.core.problems import Problem


def as_api_gateway_passes(body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode()


GZIP = gzip.compress(b'{"target": "analytics-prod"}')
REFUSED = {
    "nothing": (b"", "The request has no body."),
    "spaces": (b" \n ", "The request has no body."),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', "The body begins with a byte order mark."),
    "gzip": (GZIP, "The body is compressed with gzip."),
    "gzip through API Gateway": (as_api_gateway_passes(GZIP), "The body is compressed with gzip."),
    "UTF-16": ('{"a": 1}'.encode("utf-16-le"), "The body is not UTF-8."),
    "UTF-16 with its mark": ('{"a": 1}'.encode("utf-16"), "The body is not UTF-8."),
    "UTF-16 through API Gateway": (as_api_gateway_passes('{"a": 1}'.encode("utf-16")), "The body is not UTF-8."),
    "Latin-1": ('{"a": "é"}'.encode("latin-1"), "The text is not UTF-8."),
    "a member twice": (b'{"a": 1, "b": 1, "b": 2}', "The member 'b' appears more than once in one object."),
    "an inner member twice": (b'{"a": [{"b": 1, "b": 2}]}', "The member 'b' appears more than once in one object."),
    "no colon": (b'{\n"a" 1}', "The JSON is malformed at line 2, column 5."),
    "a form": (b"target=analytics-prod", "The JSON is malformed at line 1, column 1."),
    "NaN": (b'{"a": NaN}', "NaN is not a JSON number."),
    "minus infinity": (b'{"a": -Infinity}', "-Infinity is not a JSON number."),
    "half of a pair": (b'{"a": "\\ud800"}', "A \\u escape is half of a surrogate pair."),
    "many digits": (b'{"a": ' + b"9" * 5000 + b"}", "A number has too many digits."),
    "deep": (b"[" * 100_000, "Objects or arrays are nested too deeply."),
    "a list": (b"[]", "The body is not a JSON object."),
}


@pytest.mark.parametrize(("body", "detail"), REFUSED.values(), ids=REFUSED)
def test_the_detail_says_what_is_wrong_with_the_body(body, detail):
    with pytest.raises(Problem) as refused:
        parse_object(body)
    assert (refused.value.code, refused.value.detail) == ("body_malformed", detail)
    assert "UTF-8" in refused.value.fix or body == b"[]"


def test_the_detail_quotes_a_name_in_ascii_and_no_more_than_a_part_of_it():
    name = "\u202e" + "x" * 1000
    with pytest.raises(strict_json.NotStrictJson) as refused:
        strict_json.loads(f'{{"{name}": 1, "{name}": 2}}'.encode())
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 150


def test_a_body_with_many_names_is_refused_at_once():
    names = ",".join(f'"{number}": 0' for number in range(300_000))
    with pytest.raises(strict_json.NotStrictJson, match="'299999'"):
        strict_json.loads(f'{{{names}, "299999": 1}}'.encode())
