"""A tour over many services: through the gateway, clients get the answers that they get directly, but for a list."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from jitney import resources
from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview
from jitney.core.gateway.answer_masking import AnswerMasker
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import MaskTable
from local.agent_shell import AWS_CLI
from tests.client.gateway.aws_behind import ACCOUNT, MODELS, AwsBehindBroker
from tests.client.gateway.aws_directly import direct_aws
from tests.client.gateway.conftest import Served
from tests.client.gateway.tour import EXPECTED, MADE, MAY_MOVE, PASSWORD, REFUSED, REGION, SEEN, differences, with_queue
from tests.client.gateway.tour_clients import AWS_CLI_2, PACKAGES, api_name, touring

LEAST_SERVICES = 25
MISSING = {
    "aws-cli-1": ("" if AWS_CLI.exists() else "make .local/aws-cli/bin/aws"),
    "aws-cli-2": ("" if AWS_CLI_2.exists() or "JITNEY_AWS_CLI_2" in os.environ else "apt-get install awscli"),
}
QUICK = "aws-cli-2"
"""The one client that is not slow."""
CLIENTS = [
    pytest.param(
        name,
        marks=[
            pytest.mark.skipif(bool(MISSING.get(name)), reason=f"needs it: {MISSING.get(name)}"),
            *([] if name == QUICK else [pytest.mark.slow]),
        ],
    )
    for name in ("boto3", "aws-cli-1", QUICK, "javascript")
]


class MaskingBroker(AwsBehindBroker):
    """Masks AWS's answers as the deployed broker does."""

    masker = AnswerMasker(MaskTable.load(resources.MASKS.read_bytes()))

    def call(self, call: Mapping[str, Any], key: str) -> CallAnswer | CallUnderReview:
        answer = super().call(call, key)
        assert isinstance(answer, CallAnswer)
        operation = MODELS.operation(call["service"], call["operation"])
        tags = MaskTags(lambda: b"key of the owner")
        received = AwsAnswer(answer.status, dict(answer.headers), answer.body)
        masked = self.masker.mask(received, operation, tags, reveal=False)
        return replace(answer, status=masked.status, headers=dict(masked.headers), body=masked.body)


def hosts() -> dict[str, str]:
    """Return AWS's host by the name of each service of the tour in signatures."""
    found = {}
    for service, operation, _ in SEEN:
        modelled = MODELS.operation(service, api_name(service, operation))
        endpoint = MODELS.endpoint(modelled, "aws", REGION, ACCOUNT)
        found[endpoint.signing_name] = urlsplit(endpoint.url).netloc
    return found


@pytest.mark.parametrize("name", CLIENTS)
def test_gw_06_answers_through_the_gateway_equal_direct_ones_but_for_listed_differences(served: Served, name: str):
    masking = MaskingBroker()
    served.broker.instead = masking.call
    refused = [(each.service, each.operation) for each in REFUSED if each.client == name]
    known = PACKAGES if name == "javascript" else {service for service, _, _ in SEEN}
    made, seen = ([each for each in script if each[0] in known and each[:2] not in refused] for script in (MADE, SEEN))
    assert len({service for service, _, _ in seen}) >= LEAST_SERVICES
    with touring(name, served) as client, direct_aws(hosts()) as url:
        for (service, operation, _), answer in zip(made, client.answers(served.url, made), strict=True):
            assert not _failure(answer), (service, operation, answer)
        for each in (*MADE, *SEEN):
            if each[:2] in refused:
                assert "JitneyCallUnsupported" in (said := _failure(client.answers(served.url, [each])[0])), each
                assert "<" not in said, said
        (queue,) = client.answers(served.url, [("sqs", "get_queue_url", {"QueueName": "jobs"})])
        before = len(masking.sent)
        direct = client.answers(url, with_queue(seen, f"{url}/{ACCOUNT}/jobs"))
        through = client.answers(served.url, with_queue(seen, queue["QueueUrl"]))
    assert len(masking.sent) - before >= len(seen)
    found = {}
    for (service, operation, _), one, other in zip(seen, direct, through, strict=True):
        found |= {(service, place): (operation, one, other) for place in differences(one, other)}
        assert PASSWORD not in str(other)
    assert PASSWORD in str(direct)
    moving, expected = ({(each.service, each.path) for each in table} for table in (MAY_MOVE, EXPECTED))
    assert found.keys() - moving == expected, found


def _failure(answer: Any) -> str:
    """Return the error of an answer, or ""."""
    parts = (answer.get("code"), answer.get("error"), answer.get("Error"), answer.get("said"))
    return " ".join(str(each) for each in parts if each)
