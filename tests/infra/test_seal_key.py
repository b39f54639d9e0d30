"""Another key for seals, after the first one was lost (row AUD 2)."""

import json
from typing import Any

import pytest

from tests.infra.conftest import Synthesized, configured, of_type

pytestmark = pytest.mark.xdist_group("cdk")


@pytest.fixture(scope="module")
def replaced(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(configured(tmp_path_factory.mktemp("seal-key"), seal_key=2))


def signing(template: dict[str, Any]) -> dict[str, Any]:
    """Return the keys that sign, by logical id."""
    keys = of_type(template, "AWS::KMS::Key")
    return {name: key for name, key in keys.items() if key.get("KeyUsage") == "SIGN_VERIFY"}


def aliases(template: dict[str, Any]) -> set[str]:
    return {each["AliasName"] for each in of_type(template, "AWS::KMS::Alias").values()}


def test_aud_02_another_number_makes_another_key_of_seals_for_the_same_function(
    replaced: Synthesized, assembly: Synthesized
):
    (before,), (after,) = signing(assembly.broker), signing(replaced.broker)
    assert before != after
    assert aliases(replaced.broker) ^ aliases(assembly.broker) == {"alias/jitney-seals", "alias/jitney-seals2"}
    assert before not in json.dumps(replaced.broker)
    made = json.dumps(assembly.broker["Resources"][before]).replace(before, after)
    assert json.loads(made)["Properties"] == replaced.broker["Resources"][after]["Properties"]
    assert assembly.broker["Resources"][before]["DeletionPolicy"] == "RetainExceptOnCreate"
    (sealer,) = (
        each["Environment"]["Variables"]
        for each in of_type(replaced.broker, "AWS::Lambda::Function").values()
        if each["FunctionName"] == "jitney-sealer"
    )
    assert sealer["JITNEY_SEAL_KEY_ARN"] == {"Fn::GetAtt": [after, "Arn"]}
