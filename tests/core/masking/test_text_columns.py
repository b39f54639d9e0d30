"""Cells of a text with columns are masked by the names in its first line (row MASK 1)."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.masking.named_secrets import judge_secret_name
from jitney.core.masking.text_columns import mask_cells
from tests.core.gateway.test_answer_masking import TAGS, mask, masked
from tests.cpu_time import within_cpu_seconds

SECRET = "hunter2xyz"
RANDOM = "k3v7q2M5x4TbcA9dLw0z"
TEXTS = {
    "commas": "id,password\n1,{}\n2,changeme\n3,\n",
    "carriage returns": "id,password\r\n1,{}\r\n",
    "no line at the end": "id,password\n1,{}",
    "semicolons": "id;password;note\n1;{};a,b\n",
    "tabs": "id\tpassword\n1\t{}\n",
    "bars": "id|db_password\n1|{}\n",
    "spaces after commas": "id, password\n1, {}\n",
    "names in quotation marks": '"id","User password"\n"1","{}"\n',
    "a byte order mark": "\ufeffPassword,id\n{},1\n",
    "quoted delimiters and lines": 'note,password\n"a,""b""\nc",{}\n',
    "a broken line": 'note,password\n"a"b,x\n1,{}\n',
    "an open quotation mark": 'note,password\n"a,{}\n',
    "AWS's file of credentials": "User name,Password,Access key ID,Console login link\nbob,{},AKIAIOSFODNN7EXAMPLE,https://x.signin.aws.amazon.com/console\n",
}
KEPT = {
    "no name of a secret": "id,note\n1,hunter2xyz\n",
    "one column": "password\nhunter2xyz\n",
    "no first line": "id,password",
    "prose": "Dear all, the password\nis changed, hunter2xyz\n",
    "sentences": "He said: no, password\nno, hunter2xyz\n",
    "another number of cells": "id,password\nhunter2xyz\n1,2,hunter2xyz\n",
    "words below a name that only hints": "id,ci_token\n1,production\n",
    "a placeholder": "id,password\n1,changeme\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_mask_01_a_cell_is_masked_by_the_name_of_its_column(text: str):
    assert masked("s3", "GetObject", text.format(SECRET).encode()).body.decode() == text.format(mask(SECRET))


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_mask_03_other_texts_are_kept(text: str):
    assert masked("s3", "GetObject", text.encode()).body.decode() == text


def test_mask_01_a_name_that_hints_at_a_secret_needs_random_cells():
    text = "id,ci_token\n1,{}\n2,production\n"
    assert masked("s3", "GetObject", text.format(RANDOM).encode()).body.decode() == text.format(mask(RANDOM))


def test_mask_01_with_reveal_only_columns_of_aws_keys_are_masked():
    text = "password,secret access key\n{},{}\n"
    answer = masked("s3", "GetObject", text.format(SECRET, RANDOM).encode(), reveal=True)
    assert answer.body.decode() == text.format(SECRET, mask(RANDOM))


cells = st.text(st.sampled_from('ab,;"\n\r xé'), max_size=6) | st.just(SECRET)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=5), st.sampled_from(",;\t|"))
def test_mask_01_what_csv_writes_is_masked_in_its_column_only(rows: list[list[str]], delimiter: str):
    def written(lines: list[list[str]]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter).writerows([["id", "password", "note"], *lines])
        return out.getvalue()

    text = mask_cells(written(rows), judge_secret_name, lambda _: "[masked]")
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]
    assert [row[::2] for row in read] == [row[::2] for row in rows]
    assert not any(SECRET in row[1] for row in read)


@pytest.mark.parametrize("line", ['"a', '"a"b,', "a,b,", '""""', '"a""', "\r", ","])
def test_mask_01_many_lines_take_linear_time(line: str):
    with within_cpu_seconds(0.5):
        mask_cells(
            "id,password\n" + f"{line}\n" * 50_000, judge_secret_name, lambda text: TAGS.mask(text, "credential")
        )
