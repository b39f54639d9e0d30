"""Row POL 12: the conditions that calls determine, written by hand."""

from typing import Any

import pytest

from jitney.core.access.conditions import conditions_view
from jitney.core.calls.explainer import explain_calls, explain_line
from tests.core.calls.conftest import OPERATIONS, PLACE

GET = "aws dynamodb get-item --table-name t --key"
QUERY = "aws dynamodb query --table-name t --key-condition-expression"
ONE = """--expression-attribute-values '{":a": {"S": "x"}, ":b": {"S": "y"}}'"""
CONDITIONS: dict[str, dict[str, list[str]]] = {
    "aws s3 ls s3://bkt/p/": {"s3:prefix": ["p/"]},
    "aws s3 ls s3://bkt/p --recursive": {"s3:prefix": ["p"]},
    "aws s3 ls bkt/p/": {"s3:prefix": ["p/"]},
    "aws s3 ls s3://bkt": {},
    "aws s3 cp s3://bkt/p . --recursive": {"s3:prefix": ["p/"]},
    "aws s3 sync s3://bkt/p/ .": {"s3:prefix": ["p/"]},
    "aws s3 sync . s3://bkt/p": {"s3:prefix": ["p/"]},
    "aws s3 sync . s3://bkt": {},
    "aws s3 rm s3://bkt/p --recursive": {"s3:prefix": ["p/"]},
    "aws s3 rb s3://bkt --force": {},
    "aws s3api list-objects-v2 --bucket b --prefix p/": {"s3:prefix": ["p/"]},
    "aws s3api list-objects --bucket b --prefix p/": {"s3:prefix": ["p/"]},
    "aws s3api list-object-versions --bucket b --prefix p/": {"s3:prefix": ["p/"]},
    "aws s3api list-objects-v2 --bucket b": {},
    "aws s3api list-objects-v2 --bucket b --prefix 'p*'": {},
    "aws s3api list-objects-v2 --bucket b --prefix file://prefix": {},
    "aws s3api head-bucket --bucket b": {},
    """aws dynamodb get-item --table-name t --key '{"id": {"S": "x"}}'""": {"dynamodb:LeadingKeys": ["x"]},
    """aws dynamodb delete-item --table-name t --key '{"id": {"S": "x"}}'""": {"dynamodb:LeadingKeys": ["x"]},
    f"""{GET} '{{"a": {{"S": "x"}}, "b": {{"S": "y"}}}}'""": {"dynamodb:LeadingKeys": ["x", "y"]},
    f"""{GET} '{{"a": {{"S": "x"}}, "b": {{"N": "7"}}}}'""": {},
    f"""{GET} '{{"a": {{"S": "x*"}}}}'""": {},
    f"{GET} file://key.json": {},
    f"{QUERY} 'a = :a' {ONE}": {"dynamodb:LeadingKeys": ["x"]},
    f"{QUERY} 'a = :a AND begins_with(b, :b)' {ONE}": {"dynamodb:LeadingKeys": ["x"]},
    f"{QUERY} 'b <= :b AND a = :a' {ONE}": {"dynamodb:LeadingKeys": ["x"]},
    f"{QUERY} 'a = :a AND b = :b' {ONE}": {"dynamodb:LeadingKeys": ["x", "y"]},
    f"{QUERY} '(#a=:a) AND b = :b' {ONE}": {"dynamodb:LeadingKeys": ["x", "y"]},
    f"{QUERY} ':a = a AND b = :b' {ONE}": {},
    f"{QUERY} ':a=a AND b=:b' {ONE}": {},
    f"{QUERY} '(a) = :a AND b = :b' {ONE}": {},
    f"{QUERY} 'b = :b AND :a = a' {ONE}": {},
    f"{QUERY} 'a = :c' {ONE}": {},
    f"{QUERY} 'a = :a' {ONE} --index-name i": {},
    f"{QUERY} 'a = :a'": {},
    "aws dynamodb scan --table-name t": {},
}


@pytest.mark.parametrize("line", CONDITIONS)
def test_pol_12_a_call_is_limited_to_the_prefix_or_partition_key_that_it_names(line: str):
    (first, *others) = explain_line(line, PLACE, OPERATIONS)
    assert conditions_view(first.conditions) == CONDITIONS[line]
    assert all(not each.conditions for each in others)


def test_pol_12_a_copy_within_a_bucket_lists_both_prefixes():
    explained = explain_line("aws s3 sync s3://bkt/p s3://bkt/q", PLACE, OPERATIONS)
    listed = [conditions_view(each.conditions) for each in explained if each.action == "s3:ListBucket"]
    assert listed == [{"s3:prefix": ["q/"]}, {"s3:prefix": ["p/"]}]


def test_pol_12_a_call_object_is_limited_too():
    call: dict[str, Any] = {"service": "s3", "operation": "ListObjectsV2", "parameters": {"Bucket": "b", "Prefix": "p"}}
    (explained,) = explain_calls([call], PLACE, OPERATIONS)
    assert conditions_view(explained.conditions) == {"s3:prefix": ["p"]}
    assert explained.view()["conditions"] == {"s3:prefix": ["p"]}
    assert explained.why.endswith("only with exactly this prefix")


def test_pol_13_the_explanation_says_why_a_listing_is_not_limited():
    for line, why in {
        "aws s3 ls s3://bkt": "for the whole bucket, because no prefix is named",
        "aws s3api list-objects-v2 --bucket b --prefix 'p*'": "IAM cannot name the prefix exactly",
        f"{GET} file://key.json": "for all partition keys, because the call does not name one as a string",
    }.items():
        assert why in explain_line(line, PLACE, OPERATIONS)[0].why
