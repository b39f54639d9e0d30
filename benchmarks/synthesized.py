"""The synthesized template of the broker, as far as costs depend on it."""

import json
import re
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.dynamodb_units import Index, TableForm

_HASH = re.compile(r"[0-9A-F]{8}$")


@dataclass(frozen=True, slots=True)
class Template:
    """The resources of a template."""

    resources: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, Any]:
        """Return the properties of the resources of a type, by logical id without CDK's hash."""
        found = {name: each for name, each in self.resources.items() if each["Type"] == kind}
        return {_HASH.sub("", name): each.get("Properties", {}) for name, each in found.items()}

    def table_definition(self, name: str) -> dict[str, Any]:
        """Return what CreateTable needs for the table `state`, `audit` or `answers`."""
        table = self.of_type("AWS::DynamoDB::GlobalTable")[f"Tables{name.title()}"]
        names = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
        return {each: table[each] for each in names if each in table}

    def table(self, name: str) -> TableForm:
        """Return the form of that table."""
        table = self.of_type("AWS::DynamoDB::GlobalTable")[f"Tables{name.title()}"]
        (replica,) = table["Replicas"]
        indexes = [
            Index(_keys(each), _projected(each["Projection"])) for each in table.get("GlobalSecondaryIndexes", ())
        ]
        backed_up = replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        return TableForm(_keys(table), tuple(indexes), backed_up)

    def memory_mb(self, function: str) -> int:
        """Return the memory of the function `jitney.handlers.<function>`."""
        handlers = {each["Handler"]: each["MemorySize"] for each in self.of_type("AWS::Lambda::Function").values()}
        return int(handlers[f"jitney.handlers.{function}.handler"])

    def logs_invocations(self, function: str) -> bool:
        """Return whether Lambda itself logs each invocation of a function, not only those that fail."""
        functions = {each["Handler"]: each for each in self.of_type("AWS::Lambda::Function").values()}
        logging = functions[f"jitney.handlers.{function}.handler"]["LoggingConfig"]
        return bool(logging.get("SystemLogLevel", "INFO") != "WARN")

    def delivery(self, stream: str) -> dict[str, Any]:
        """Return the destination of the Firehose stream with this name."""
        streams = self.of_type("AWS::KinesisFirehose::DeliveryStream").values()
        (found,) = (each for each in streams if each["DeliveryStreamName"] == stream)
        destination: dict[str, Any] = found["ExtendedS3DestinationConfiguration"]
        return destination

    def runs_a_month(self, function: str) -> float:
        """Return how often a function's schedule starts it in a month of 730 hours."""
        (rate,) = (
            each["ScheduleExpression"]
            for name, each in self.of_type("AWS::Events::Rule").items()
            if name == f"{function.title()}Schedule"
        )
        found = re.fullmatch(r"rate\((\d+) (minute|hour)s?\)", rate)
        if found is None:
            raise LookupError(f"the schedule {rate} of {function} cannot be read")
        minutes = int(found[1]) * {"minute": 1, "hour": 60}[found[2]]
        return 730 * 60 / minutes


def synthesize() -> Template:
    """Return the template of `jitney.yaml` as it is deployed to AWS, with empty code for the functions."""
    from aws_cdk import aws_lambda as lambda_  # noqa: PLC0415

    import app  # noqa: PLC0415 - it says where Node is, before CDK
    from infra.broker_function import Code  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "nothing.zip"
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("nothing", "")
        out = Path(folder) / "cdk.out"
        app.build({}, str(out), Code(lambda_.Code.from_asset(str(bundle)), "arm64", "0")).synth()
        return Template(json.loads((out / "Jitney.template.json").read_text("utf-8"))["Resources"])


def _keys(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["AttributeName"] for each in schema["KeySchema"])


def _projected(projection: Mapping[str, Any]) -> frozenset[str] | None:
    kind = projection["ProjectionType"]
    return None if kind == "ALL" else frozenset(projection.get("NonKeyAttributes", ()))
