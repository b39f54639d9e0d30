"""The stacks, synthesized once with the sample configuration and an empty bundle."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml

import app  # isort: skip  (before CDK: it says where Node is)
from aws_cdk import aws_lambda as lambda_

from infra.broker_function import Code
from tests.configuration.test_load import valid, write_policies


class Synthesized:
    """A cloud assembly: the stacks' templates, and the validators' reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = self._template("Jitney")
        self.target = self._template("JitneyTarget-analytics-prod")

    def _template(self, stack: str) -> dict[str, Any]:
        template = json.loads((self.folder / f"{stack}.template.json").read_text(encoding="utf-8"))
        require_order(template)
        return template

    def report(self) -> list[dict[str, Any]]:
        """Return what each validator reported."""
        return json.loads((self.folder / "validation-report.json").read_text(encoding="utf-8"))["pluginReports"]

    def manifest(self) -> dict[str, Any]:
        """Return what the CDK CLI would deploy, and what it would have to look up first."""
        return json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def no_code(tmp_path_factory) -> Callable[[], Code]:
    """Return empty code for functions, because none of them runs here. Only one app can use it."""
    bundle = tmp_path_factory.mktemp("bundle") / "nothing.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr(zipfile.ZipInfo("nothing"), "")
    return lambda: Code(lambda_.Code.from_asset(str(bundle)), "arm64", "1.2.3")


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory, no_code):
    """Synthesize the app in the given environment."""

    def synthesized(env: dict[str, str]) -> Synthesized:
        folder = tmp_path_factory.mktemp("cdk")
        app.build(env, str(folder), no_code()).synth()
        return Synthesized(folder)

    return synthesized


@pytest.fixture(scope="session")
def assembly(synthesize) -> Synthesized:
    """Return what is deployed to AWS."""
    return synthesize({})


@pytest.fixture(scope="session")
def local_assembly(synthesize) -> Synthesized:
    """Return what is deployed to the local machine."""
    return synthesize({"JITNEY_LOCAL": "1"})


def configured(folder: Path, **broker: Any) -> dict[str, str]:
    """Return the environment that names a small configuration with these settings of `broker`."""
    write_policies(folder / "policies")
    document = valid() | {"broker": {"account": "111122223333", "region": "eu-west-1"} | broker}
    document["targets"] = {"analytics-prod": document["targets"]["prod"]}
    path = folder / "jitney.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return {"JITNEY_CONFIG": str(path)}


def require_order(template: dict[str, Any]) -> None:
    """Raise graphlib.CycleError if resources depend on each other. CloudFormation refuses such a template.

    References in a resource's update policy are dependencies, too. https://github.com/aws/aws-cdk/issues/2231
    """
    resources = template["Resources"]
    TopologicalSorter({name: resources.keys() & set(_needed(each)) for name, each in resources.items()}).prepare()


def _needed(value: Any) -> Iterator[str]:
    """Yield the logical ids to which a resource, or a part of it, refers."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            yield name
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), _]}:
            yield from re.findall(r"\$\{(\w+)", text)
        case _:
            pass
    if isinstance(value, dict):
        yield from listed(value.get("DependsOn", []))
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _needed(part)


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the template's resources of one type, by logical id."""
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def boundary_of(template: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of the boundary in a target's template, which also has a policy for each access profile."""
    policies = of_type(template, "AWS::IAM::ManagedPolicy").values()
    (boundary,) = (each for each in policies if "jitney-profile-" not in each["ManagedPolicyName"])
    return boundary


def only(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the properties of the only resource of a type."""
    (properties,) = of_type(template, kind).values()
    return properties


def target_role(template: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of the role for grants' sessions, in a target's template."""
    (properties,) = (each for each in of_type(template, "AWS::IAM::Role").values() if "MaxSessionDuration" in each)
    return properties


def plain(value: Any) -> Any:
    """Return intrinsics as text, without CDK's hashes: {"Fn::GetAtt": ["TablesState705891C2", "Arn"]} becomes
    "TablesState.Arn".
    """
    match value:
        case {"Ref": name}:
            return _unhashed(name)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{_unhashed(name)}.{attribute}"
        case {"Fn::Join": ["", parts]}:
            return "".join(str(plain(part)) for part in parts)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def _unhashed(name: str) -> str:
    return name[:-8] if len(name) > 8 and all(each in "0123456789ABCDEF" for each in name[-8:]) else name


def listed(value: Any) -> list[Any]:
    """Return a list for a policy's single value."""
    return value if isinstance(value, list) else [value]
