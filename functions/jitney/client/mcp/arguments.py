"""The arguments of the tools. Their schemas are what clients show to a model."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import from_json

from jitney.client.mcp.untrusted_text import unseen_characters


def _plain(text: str) -> str:
    if unseen := unseen_characters(text):
        raise ValueError(f"it has characters that a reviewer would not see: {', '.join(unseen[:5])}; remove them")
    return text


def _from_json(value: Any) -> Any:
    """Return what a text holds as JSON; other values, and text that is not JSON, unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        return value


def _operation(value: Any) -> Any:
    """Return an operation, also from its JSON. Raises ValueError for another text, usually a command line."""
    meant = _from_json(value)
    if isinstance(meant, str):
        raise ValueError("it is not an object. Command lines are for the argument commands")  # noqa: TRY004 - pydantic catches only this
    return meant


GrantNumber = Annotated[
    str,
    Field(
        pattern=r"^g-[a-z2-7]{14}$", description="The grant's id, such as g-abcdefghijklm2, from request or my_grants."
    ),
]
_TargetAlias = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$", description="The target's alias, from list_targets.")
]
_Words = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_plain)]
_Sentence = Annotated[str, Field(max_length=500), AfterValidator(_plain)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]


class StrictArguments(BaseModel):
    """Arguments without unknown members, whose types are exact.

    Many clients send null for what a model left out, and a list, an object or a number as text that holds its JSON.
    So null counts as left out, and such a text as what its JSON holds.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _as_meant(cls, given: Any) -> Any:
        """Return the arguments without nulls, and with texts replaced by their JSON where no text is expected."""
        given = _from_json(given)
        if not isinstance(given, dict):
            return given
        texts = {name for name, field in cls.model_fields.items() if field.annotation is str}
        return {
            name: value if name in texts else _from_json(value) for name, value in given.items() if value is not None
        }


class AwsOperation(StrictArguments):
    """One operation of AWS with its parameters, as in an SDK."""

    service: _Name = Field(description="The service's name in SDKs: s3, dynamodb, stepfunctions.")
    operation: _Name = Field(description="The operation's name in the API: GetObject, ListObjectsV2.")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description='The parameters, named as in the API: {"Bucket": "reports", "Key": "q3.csv"}. A blob is base64.',
    )
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,64}$")] = Field(
        default="", description="The Region. Default: the target's Region."
    )


class PermissionArguments(StrictArguments):
    """Actions on resources."""

    actions: list[_Words] = Field(min_length=1, description="Actions, such as s3:GetObject. * and ? are wildcards.")
    resources: list[_Words] = Field(min_length=1, description='ARNs, such as arn:aws:s3:::reports/2026/*, or "*".')
    conditions: dict[str, list[_Words]] = Field(
        default_factory=dict, description='Values that condition keys may have: {"s3:prefix": ["2026/*"]}.'
    )


class NoArguments(StrictArguments):
    """The tool takes no arguments."""


class AccessArguments(StrictArguments):
    """The requested access: commands, calls or permissions on one target."""

    target: _TargetAlias
    commands: list[_Words] = Field(
        default_factory=list,
        max_length=20,
        description='AWS CLI command lines that need the access: "aws s3 ls s3://reports". They are not run.',
    )
    calls: list[Annotated[AwsOperation, BeforeValidator(_operation)]] = Field(
        default_factory=list, max_length=20, description="Operations that need the access, as for the tool call."
    )
    permissions: list[PermissionArguments] = Field(
        default_factory=list,
        max_length=50,
        description="Permissions, for access to more than single calls. Not together with commands or calls.",
    )
    duration_seconds: int = Field(default=900, ge=1, le=43_200, description="How long the access is needed.")
    reveal: bool = Field(
        default=False, description="Ask for answers with unmasked secrets. Few policies permit it. Way gateway only."
    )


class ExplainArguments(AccessArguments):
    """The arguments of the tool explain."""


class RequestArguments(AccessArguments):
    """The arguments of the tool request."""

    reason: _Sentence = Field(
        default="", description="Required. Why the access is needed, in a sentence. Reviewers and auditors read it."
    )
    ticket: Annotated[str, Field(max_length=100), AfterValidator(_plain)] = Field(
        default="", description="The id of the task in another system. A target with ticket_patterns requires a match."
    )
    changed: _Sentence = Field(
        default="",
        description="Only if reviewers rejected an equal request: what differs now. Reviewers see it.",
    )


class WaitArguments(StrictArguments):
    """The arguments of the tool wait."""

    grant: GrantNumber
    at_most_seconds: int = Field(default=50, ge=1, le=600, description="Return after this time, even if undecided.")


class CallArguments(AwsOperation):
    """The arguments of the tool call."""

    grant: GrantNumber
    again: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description=(
            "An equal call in a grant is made once. To make it once more on purpose, set 1, then 2. "
            "Calls that only read are made again without it, except after a review."
        ),
    )
    changed: _Sentence = Field(
        default="",
        description="Only if reviewers rejected an equal call: what differs now. Reviewers see it.",
    )


class ReadAnswerArguments(StrictArguments):
    """The arguments of the tool read_answer."""

    call_id: Annotated[str, Field(pattern=r"^c-[a-z2-7]{14}$", description="The call_id in the result of call.")]
    offset: int = Field(ge=0, description="Where to begin, in characters: next_offset of the previous result.")


class ReleaseArguments(StrictArguments):
    """The arguments of the tool release."""

    grant: GrantNumber


class MyGrantsArguments(StrictArguments):
    """The arguments of the tool my_grants."""

    cursor: Annotated[str, Field(max_length=2048)] = Field(
        default="", description="The member next_cursor of the page before. Default: the newest grants."
    )
