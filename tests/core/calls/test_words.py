"""Shell syntax is refused, and plain words are split as a shell splits them."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.calls.shell_words import MAX_LINE, split_words
from jitney.core.problems import Problem


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("aws s3 cp s3://b/k .", ["aws", "s3", "cp", "s3://b/k", "."]),
        ("aws  x   --y 'a b'", ["aws", "x", "--y", "a b"]),
        ('aws x "a b"c', ["aws", "x", "a bc"]),
        (r"aws x a\ b \| \$HOME", ["aws", "x", "a b", "|", "$HOME"]),
        ("aws x '$(rm -rf /) `id` | * ? ; & > <'", ["aws", "x", "$(rm -rf /) `id` | * ? ; & > <"]),
        ('aws x "|;&<>*?[]{}()!#"', ["aws", "x", "|;&<>*?[]{}()!#"]),
        (r'aws x "a\"b"', ["aws", "x", 'a"b']),
        ("aws x ''", ["aws", "x", ""]),
        ("aws a~ s3://b/c~d a~=b", ["aws", "a~", "s3://b/c~d", "a~=b"]),
        (r"""aws '~' "~/a" '~'/b \~ ''~/c --y='~/d' ':'~""", ["aws", "~", "~/a", "~/b", "~", "~/c", "--y=~/d", ":~"]),
        ('aws x \'{\n\t"a": 1}\' "b\nc"', ["aws", "x", '{\n\t"a": 1}', "b\nc"]),
        ("", []),
    ],
)
def test_a_plain_line_is_read_as_a_shell_reads_it(line, words):
    assert split_words(line) == words


SHELL = [
    "aws s3 ls | cat",
    "aws s3 ls > out",
    "aws s3 ls < in",
    "aws s3 ls; id",
    "aws s3 ls && id",
    "aws s3 ls &",
    "aws s3 ls $(id)",
    "aws s3 ls `id`",
    "aws s3 ls $BUCKET",
    'aws s3 ls "$BUCKET"',
    'aws s3 ls "`id`"',
    "aws s3 ls ${IFS}x",
    "aws s3 cp s3://b/* .",
    "aws s3 cp s3://b/a? .",
    "aws s3 cp s3://b/[ab] .",
    "aws s3 cp s3://b/{a,b} .",
    "aws s3 ls #x",
    "aws s3 cp ~ s3://b/",
    "aws s3 cp ~/a s3://b/",
    "aws s3 cp ~root/a s3://b/",
    "aws s3 cp a:~/a s3://b/",
    "aws x --y=~/a",
    "aws x --y~=~/a",
    "aws x a '' ~",
    "~",
    "aws s3 ls !!",
    "(aws s3 ls)",
    "aws s3 ls\nid",
    "aws s3 ls\tid",
    "aws s3 ls 'a\n'\nid",
    "aws s3 ls \\\nid",
    "aws s3 ls 'a\rb'",
    'aws s3 ls "a\\\nb"',
    "aws s3 ls 'a\x1bb'",
    "aws s3 ls\r",
    "aws s3 ls\0",
    "aws s3 ls \u202etxt",
    "aws s3 ls 'open",
    'aws s3 ls "open',
    "aws s3 ls \\",
    "aws " + "x" * MAX_LINE,
]


@pytest.mark.parametrize("line", SHELL)
def test_shell_syntax_is_refused_with_a_fix(line):
    with pytest.raises(Problem) as raised:
        split_words(line)
    assert raised.value.code == "call_invalid"
    assert raised.value.fix


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=30), max_size=6))
def test_words_that_the_client_quotes_arrive_unchanged(words):
    assert split_words(shlex.join(words)) == words


@given(st.text(max_size=80))
def test_any_line_yields_words_or_a_problem(line):
    try:
        words = split_words(line)
    except Problem as problem:
        assert problem.code == "call_invalid"
    else:
        assert words == shlex.split(line)
