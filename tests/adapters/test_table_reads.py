"""Reads of many items: every page of a query, and a Problem when DynamoDB does not answer."""

from itertools import islice
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from jitney.adapters.table_reads import query_pages
from jitney.core.problems import Problem
from tests.adapters.test_store import client  # noqa: F401 - fixture

IN_PARTITION = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "A"}}}


class Counting:
    """Counts queries, and fails after `most`."""

    def __init__(self, client: Any, most: int) -> None:  # noqa: F811
        self.client, self.most, self.count = client, most, 0

    def query(self, **request: Any) -> Any:
        self.count += 1
        if self.count > self.most:
            raise ConnectionClosedError(endpoint_url="https://dynamodb.example")
        return self.client.query(**request)


@pytest.fixture
def table(client: Any) -> Any:  # noqa: F811
    for pk, sk in (("A", "1"), ("A", "2"), ("A", "3"), ("B", "1")):
        client.put_item(TableName="state", Item={"pk": {"S": pk}, "sk": {"S": sk}})
    return client


def pages(table: Any) -> Any:
    return (
        [each["sk"]["S"] for each in page]
        for page in query_pages(table, "The store", TableName="state", Limit=2, **IN_PARTITION)
    )


def test_each_page_of_a_query_is_read_when_it_is_needed(table: Any):
    counting = Counting(table, 9)
    assert list(pages(counting)) == [["1", "2"], ["3"]]
    assert counting.count == 2
    assert list(islice(pages(counting), 1)) == [["1", "2"]]
    assert counting.count == 3


def test_a_page_that_cannot_be_read_is_never_left_out(table: Any):
    with pytest.raises(Problem, match="The store did not answer") as raised:
        list(pages(Counting(table, 1)))
    assert raised.value.code == "unavailable"
