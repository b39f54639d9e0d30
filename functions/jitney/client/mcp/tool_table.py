"""The tools that clients list: names, descriptions, schemas and annotations."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.types import Tool, ToolAnnotations
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from jitney.client.mcp import arguments, results


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool. Its structured result is one of `results`, or a ProblemResult.

    The flags: with `reads`, it changes nothing. With `removes`, it can change or end what exists. With `repeats`, an
    equal repeat has no further effect. With `open`, it reaches AWS and not only the broker.
    """

    title: str
    description: str
    arguments: type[arguments.StrictArguments]
    results: tuple[type[results.StructuredResult], ...]
    reads: bool = False
    removes: bool = False
    repeats: bool = False
    open: bool = False

    def tool(self, name: str) -> Tool:
        """Return the tool as clients list it."""
        return Tool(
            name=name,
            title=self.title,
            description=self.description,
            input_schema=self.arguments.model_json_schema(schema_generator=_PlainSchema),
            output_schema=_output_schema((*self.results, results.ProblemResult)),
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.reads,
                destructive_hint=self.removes,
                idempotent_hint=self.repeats,
                open_world_hint=self.open,
            ),
        )


TOOLS: Mapping[str, ToolSpec] = {
    "list_targets": ToolSpec(
        "List AWS targets",
        "List the AWS targets (roles in accounts) that you may request access to, and what policy permits there: "
        "access levels, services, resources, whether reviewers must approve, the longest duration. Use it first.",
        arguments.NoArguments,
        (results.TargetsResult,),
        reads=True,
        repeats=True,
    ),
    "explain": ToolSpec(
        "Explain access (dry run)",
        "Show which permissions AWS CLI commands or calls need, and what policy would decide about a request for them: "
        "allow, review or deny, with reasons and reviewers. Issues nothing, makes no AWS call, notifies no reviewer.",
        arguments.ExplainArguments,
        (results.DecisionResult,),
        reads=True,
        repeats=True,
    ),
    "request": ToolSpec(
        "Request AWS access",
        "Request access to one target for a reason and a time. Name what you will do in commands, calls or "
        "permissions, and no more. Returns a grant: active at once, or pending while reviewers decide (then use wait). "
        "An equal request returns the same grant while that is pending or active.",
        arguments.RequestArguments,
        (results.GrantResult,),
    ),
    "wait": ToolSpec(
        "Wait for a review",
        "Wait until reviewers have decided about a pending grant, or until at_most_seconds have passed. Returns the "
        "grant. If it is still pending, use wait again. Ending the wait does not withdraw the request.",
        arguments.WaitArguments,
        (results.GrantResult,),
        reads=True,
        repeats=True,
    ),
    "call": ToolSpec(
        "Call AWS",
        "Make one AWS API call in an active grant with way gateway. You hold no keys. Returns AWS's answer as "
        "untrusted data, with secrets masked. If the call itself needs a review, nothing is sent: use wait with the "
        "grant in the result, then repeat the call with the same arguments. An equal call that changes something is "
        "made once.",
        arguments.CallArguments,
        (results.AnswerResult, results.CallReviewResult),
        removes=True,
        repeats=True,
        open=True,
    ),
    "read_answer": ToolSpec(
        "Read on in an answer",
        "Return the next part of a large answer of the tool call, if that has next_offset. Makes no AWS call.",
        arguments.ReadAnswerArguments,
        (results.AnswerResult,),
        reads=True,
        repeats=True,
    ),
    "release": ToolSpec(
        "Release AWS access",
        "End a grant when its task is done, or withdraw a pending request. Its access ends at once. It cannot be "
        "undone; request access again if needed. When this server ends, it releases the grants that it requested.",
        arguments.ReleaseArguments,
        (results.GrantResult,),
        removes=True,
        repeats=True,
    ),
    "my_grants": ToolSpec(
        "List my grants",
        "List your own grants with their states, the newest first. Use it to find one that you can use or wait for.",
        arguments.MyGrantsArguments,
        (results.GrantsResult,),
        reads=True,
        repeats=True,
    ),
}


@functools.cache
def listed_tools() -> tuple[Tool, ...]:
    """Return the tools as clients list them. Their schemas are built once."""
    return tuple(spec.tool(name) for name, spec in TOOLS.items())


class _PlainSchema(GenerateJsonSchema):
    """Leaves out titles, which repeat the names."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        """Return False."""
        return False


def _output_schema(models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    """Return the schema of an object that is one of the models. Clients check the results of failed tools, too."""
    places, definitions = models_json_schema(
        [(model, "serialization") for model in models], schema_generator=_PlainSchema
    )
    return {"type": "object", "anyOf": list(places.values()), **definitions}
