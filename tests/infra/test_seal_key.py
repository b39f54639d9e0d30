"""Another key for seals or mask tags, after the first one was lost (rows AUD 2, MASK 4)."""

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


def functions_with(template: dict[str, Any], key: str) -> set[str]:
    """Return the functions that mask under the key with this logical id."""
    functions = of_type(template, "AWS::Lambda::Function").values()
    variables = {each["FunctionName"]: each["Environment"]["Variables"] for each in functions}
    return {name for name, found in variables.items() if found.get("JITNEY_MASK_KEY") == {"Fn::GetAtt": [key, "Arn"]}}


def test_mask_04_another_number_makes_another_key_of_mask_tags_for_the_same_functions(
    synthesize: Any, assembly: Synthesized, tmp_path_factory: pytest.TempPathFactory
):
    other = synthesize(configured(tmp_path_factory.mktemp("mask-key"), mask_key=2)).broker
    (before,), (after,) = (
        [name for name, key in of_type(each, "AWS::KMS::Key").items() if key.get("KeySpec") == "HMAC_256"]
        for each in (assembly.broker, other)
    )
    assert aliases(other) ^ aliases(assembly.broker) == {"alias/jitney-masks", "alias/jitney-masks2"}
    assert assembly.broker["Resources"][before]["Properties"] == other["Resources"][after]["Properties"]
    assert before not in json.dumps(other)
    assert functions_with(other, after) == functions_with(assembly.broker, before) - {"jitney-slack-interactions"}
    assert "jitney-gateway-calls" in functions_with(other, after)
    assert assembly.broker["Resources"][before]["DeletionPolicy"] == "RetainExceptOnCreate"
