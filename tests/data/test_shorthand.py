"""The AWS CLI's shorthand is read here as the AWS CLI reads it, or not at all."""

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.__main__ import AWS_CLI
from jitney.core.calls.shorthand import read_shorthand
from tests.examples import examples

PARSER = """
import json, sys
from awscli.shorthand import ShorthandParser
for line in sys.stdin:
    try:
        print(json.dumps(ShorthandParser().parse(json.loads(line))), flush=True)
    except Exception as error:
        print(json.dumps(type(error).__name__), flush=True)
"""


@pytest.fixture(scope="module")
def aws_cli():
    """Yield the value that the AWS CLI reads in a word, or the name of its error."""
    with subprocess.Popen(
        [AWS_CLI, "-c", PARSER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", bufsize=1
    ) as parser:

        def parse(word):
            parser.stdin.write(f"{json.dumps(word)}\n")
            parser.stdin.flush()
            return json.loads(parser.stdout.readline())

        yield parse
        parser.stdin.close()


NAMES = st.sampled_from(["Key", "Objects", "EventBusName", "Item", "a-b.c", "x:y/z#1"])
TEXTS = st.sampled_from(["a", "q3.csv", "dt=2026/q3", "a:b", "$Latest", "é", "~x", "a@b", "a*?", "!-_"])
VALUES = st.recursive(
    TEXTS | st.lists(TEXTS.filter(lambda text: "=" not in text), min_size=2, max_size=3).map(",".join),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{','.join(each)}]")
        | st.lists(st.tuples(NAMES, inner).map("=".join), max_size=3).map(lambda each: f"{{{','.join(each)}}}")
    ),
    max_leaves=6,
)
WORDS = st.lists(st.tuples(NAMES, VALUES).map("=".join), min_size=1, max_size=3).map(",".join)
NOISE = st.sampled_from([*"\"'\\,=[]{}@ \t", "@=file://x", "\\,", "\n", "a"])


@st.composite
def spoilt(draw):
    """Draw a word that is shorthand with something added."""
    word, noise = draw(WORDS), draw(NOISE)
    at = draw(st.integers(0, len(word)))
    return word[:at] + noise + word[at:]


@settings(max_examples=examples(2000))
@given(word=WORDS | spoilt() | st.text("aK=,[]{}'\"\\@ ", max_size=12) | st.text(max_size=12))
def test_what_is_read_of_shorthand_is_what_the_aws_cli_reads(aws_cli, word):
    found, parsed = read_shorthand(word), aws_cli(word)
    assert found == (parsed if isinstance(parsed, dict) else None) or (found is None and "@" in word)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (
            "Objects=[{Key=a},{Key=dt=2026/b}],Quiet=true",
            {"Objects": [{"Key": "a"}, {"Key": "dt=2026/b"}], "Quiet": "true"},
        ),
        ("Source=a,Resources=b,c,EventBusName=d", {"Source": "a", "Resources": ["b", "c"], "EventBusName": "d"}),
        ("Put={TableName=orders,Item={id={S=1}}}", {"Put": {"TableName": "orders", "Item": {"id": {"S": "1"}}}}),
        ("Tags=[],Name={}", {"Tags": [], "Name": {}}),
        ("a=b c,d= e ", {"a": "b c", "d": "e"}),
        ("""a='b,c',d="e=f",g=[h i,'j\\'k'],l=""", {"a": "b,c", "d": "e=f", "g": ["h i", "j'k"], "l": ""}),
        (r"a=b\,c,d=e\f", {"a": "b,c", "d": r"e\f"}),
        ("a=b,'c',d=e", {"a": ["b", "c"], "d": "e"}),
        (r"a=b,\,d=[]", {"a": "b", "d": []}),
    ],
)
def test_shorthand_is_read(aws_cli, word, value):
    assert read_shorthand(word) == value == aws_cli(word)


@pytest.mark.parametrize(
    "word", ["", "a", "a=b,", "a='b", 'a="b', "a@=file://b", "a=b,a=c", "a=[", "a={b=c", "a=b,'c'd=e"]
)
def test_what_the_aws_cli_refuses_or_finds_in_files_is_not_read(word):
    assert read_shorthand(word) is None


def test_depth_is_bounded():
    assert read_shorthand("a=" + "[" * 4000 + "]" * 4000) is None
