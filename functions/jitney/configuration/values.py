"""The types of single values in `jitney.yaml`. Each type has the fix for values that it refuses."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from jitney.configuration.action_table import action_table
from jitney.configuration.names import did_you_mean
from jitney.configuration.partitions import REGION, partition_of
from jitney.core.access.request_body import MAX_TICKET
from jitney.core.identity.source_identity import MAX_ALIAS_CHARACTERS

_SECRET_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


class SettingsModel(BaseModel):
    """A mapping in the file: frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in a field's annotation, such as that of a mapping's values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)


def refused(wrong: str, fix: str) -> PydanticCustomError:
    """Return the error for a value, to be raised by validators. `wrong` says what is wrong with it."""
    # The text is passed as context, because pydantic reads braces in a message as a template's fields. It takes no lone
    # surrogate, which YAML's "\\ud800" is.
    texts = {name: text.encode(errors="backslashreplace").decode() for name, text in (("wrong", wrong), ("fix", fix))}
    return PydanticCustomError("refused", "refused", texts)


def refuse_first(faults: Iterable[tuple[str, str]]) -> None:
    """Raise the error for the first fault, if there is one. A fault is what is wrong, and its fix."""
    for wrong, fix in faults:
        raise refused(wrong, fix)


def matching(pattern: str, fix: str, *, secret: bool = False) -> AfterValidator:
    """Refuse text that does not match the whole of `pattern` (ASCII). The message does not repeat a possible secret."""

    def check(value: str) -> str:
        if re.fullmatch(pattern, value, re.ASCII) is None:
            raise refused("the value cannot be used here" if secret else f'"{value}" cannot be used here', fix)
        return value

    return AfterValidator(check)


def _in_its_partition(arn: str) -> str:
    """Refuse an ARN whose partition does not have its Region."""
    _, partition, _, region, *_ = arn.split(":")
    if partition != partition_of(region):
        wrong = f"the ARN is in the partition {partition}, but {region} is in {partition_of(region)}"
        raise refused(wrong, f"write arn:{partition_of(region)}:... , or another Region")
    return arn


_OwnPartition = AfterValidator(_in_its_partition)


def one_of(allowed: Collection[str], what: str) -> AfterValidator:
    """Refuse text that is not in `allowed`. `what` names them in the message."""

    def check(value: str) -> str:
        if value not in allowed:
            raise refused(f'"{value}" is not {what}', f"use {' or '.join(allowed)}")
        return value

    return AfterValidator(check)


def unique(values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list that holds a value twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise refused(f'"{twice[0]}" is listed twice', "list it once")
    return values


def without_query(value: str) -> str:
    """Refuse an issuer with a query (OpenID Connect Discovery 1.0 section 3)."""
    if "?" in value:
        raise refused(f'the issuer "{value}" has a query', "write the issuer exactly as its tokens' iss claim has it")
    return value


def secret_resource(arn: str) -> str:
    """Return the resource for a secret in a policy: its ARN. The configuration may omit the last six characters.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
    """
    return arn if _SECRET_SUFFIX.search(arn) else f"{arn}-??????"


def _address(value: str, info: ValidationInfo) -> str:
    """Accept an https URL of a named host. In a local configuration, accept http, too."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise refused(f'"{value}" is not an address: {error}', "write https://host/path") from error
    allowed = ("https", "http") if info.context and info.context.local else ("https",)
    if parts.scheme not in allowed:
        raise refused(f'"{value}" is not an https address', "use https; only a local system (make up) accepts http")
    if not value.isascii():
        raise refused(f'"{value}" has characters that are not ASCII', "write an international host name as xn--...")
    if not parts.hostname or parts.username or parts.fragment or re.search(r"[\s\\]", value):
        raise refused(f'"{value}" is not a plain address', "write https://host/path: no user, fragment or space")
    return value


def _microdollars(value: Any) -> int:
    """Accept a price in dollars, such as 0.0104."""
    with suppress(InvalidOperation):
        price = Decimal(str(value)) * 1_000_000
        if 0 < price <= 10**10 and price == int(price):
            return int(price)
    raise refused(f"{value!a} is not a price", _PRICES)


_PRICES = "write dollars an hour, more than 0 and at most 10000, with at most six decimals, such as 0.0104"


_REGULAR_EXPRESSION = re.compile(r"^\^|\$$|\\[dwsDWSbB]|\[[^\]]*\]|\([^)]*\|[^)]*\)|\.[*+]")
"""What only a regular expression has. Tickets are compared with * and ? alone."""


def _needs_a_ticket(pattern: str) -> str:
    """Accept a pattern that no request without a ticket matches."""
    if not pattern.strip("*"):
        raise refused(f'"{pattern}" accepts requests without a ticket', "write ?* to accept every ticket")
    if _REGULAR_EXPRESSION.search(pattern):
        wrong = f'"{pattern}" is written as a regular expression, so it matches no ticket'
        raise refused(wrong, "write * for any characters and ? for one, such as OPS-*")
    return pattern


def action_pattern(pattern: str) -> str:
    """Accept an action of AWS, or a pattern of one service's actions."""
    actions = action_table()
    if not actions.expand(pattern):
        fix = did_you_mean(pattern, actions.closest(pattern), quoted=True) if actions.closest(pattern) else _ACTIONS
        raise refused(f'"{pattern}" is not an action of AWS', fix)
    return pattern


_ACTIONS = "write service:Name of one service, such as ecr:BatchGetImage or route53:*"
_TAG_CHARACTERS = "use letters, digits, spaces and _.:/=+@-"

Alias = Annotated[str, matching("[a-z][a-z0-9-]{0,39}", "use up to 40 lower-case letters, digits and hyphens")]
IssuerAlias = Annotated[
    str,
    matching(
        f"[a-z][a-z0-9-]{{0,{MAX_ALIAS_CHARACTERS - 1}}}",
        f"use up to {MAX_ALIAS_CHARACTERS} lower-case letters, digits and hyphens",
    ),
]
"""The alias of an issuer's entry. Every source identity of the issuer begins with it."""
Address = Annotated[str, AfterValidator(_address)]
OptionalAddress = Annotated[str, AfterValidator(lambda value, info: value and _address(value, info))]
Account = Annotated[str, matching("[0-9]{12}", "write the account's 12 digits")]
Accounts = Annotated[tuple[Account, ...], AfterValidator(unique)]
Region = Annotated[str, matching(REGION, "write a Region of aws, aws-cn or aws-us-gov, such as eu-west-1")]
Regions = Annotated[tuple[Region, ...], AfterValidator(unique)]
ActionPattern = Annotated[str, AfterValidator(action_pattern)]
ActionPatterns = Annotated[tuple[ActionPattern, ...], AfterValidator(unique)]
Text = Annotated[str, Field(min_length=1, max_length=255)]
Texts = Annotated[tuple[Text, ...], AfterValidator(unique)]
InstanceType = Annotated[str, matching(r"[a-z0-9][a-z0-9.-]{1,59}", "write a type as AWS does, such as t3.micro")]
Microdollars = Annotated[int, BeforeValidator(_microdollars)]
TicketPattern = Annotated[
    str,
    matching(
        rf"[\x20-\x7e]{{1,{MAX_TICKET}}}",
        f"write up to {MAX_TICKET} printable ASCII characters, such as OPS-*; ?* accepts every ticket",
    ),
    AfterValidator(_needs_a_ticket),
]
TicketPatterns = Annotated[tuple[TicketPattern, ...], Field(max_length=10), AfterValidator(unique)]
Tag = Annotated[str, matching(r"[\w .:/=+@-]{1,128}", _TAG_CHARACTERS)]
TagValue = Annotated[str, matching(r"[\w .:/=+@-]{0,256}", _TAG_CHARACTERS)]
OrganizationalUnit = Annotated[
    str,
    matching(r"r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}", "write an id, such as ou-ab12-11111111"),
]
OrganizationalUnits = Annotated[tuple[OrganizationalUnit, ...], Field(min_length=1), AfterValidator(unique)]
Email = Annotated[
    str,
    # A dot-atom of ASCII (RFC 5321 section 4.1.2), which SES accepts. Display names and lists of addresses are refused.
    matching(
        r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
        "write an e-mail address, such as alice@example.com",
    ),
]
SecretArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\w/+=.@-]{1,512}",
        "write the secret's ARN, such as arn:aws:secretsmanager:eu-west-1:111122223333:secret:jitney/slack-bot-AbCdEf",
        secret=True,  # a person may write the secret itself
    ),
    _OwnPartition,
]
DomainName = Annotated[
    str,
    matching(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "write a host name, such as jitney.example.com"),
]
CertificateArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-z0-9-]+",
        "write the ARN of a certificate of AWS Certificate Manager in the broker's Region",
    ),
    _OwnPartition,
]
PolicyName = Annotated[
    str,
    matching(
        r"([\w+=,.@-]{1,64}/){0,4}[\w+=,.@-]{1,128}",
        "write the name of a managed policy, such as company-boundary, with its path if it has one",
    ),
]
VpcEndpoints = Annotated[
    tuple[Annotated[str, matching("vpce-[0-9a-f]{8,17}", "write an id, such as vpce-0a1b2c3d4e5f67890")], ...],
    Field(min_length=1, max_length=10),
    AfterValidator(unique),
]
# Lambda's limits for a function: 16 subnets and 5 security groups (Lambda API Reference, VpcConfig).
Subnets = Annotated[
    tuple[Annotated[str, matching("subnet-[0-9a-f]{8,17}", "write an id, such as subnet-0a1b2c3d4e5f67890")], ...],
    Field(min_length=1, max_length=16),
    AfterValidator(unique),
]
SecurityGroups = Annotated[
    tuple[Annotated[str, matching("sg-[0-9a-f]{8,17}", "write an id, such as sg-0a1b2c3d4e5f67890")], ...],
    Field(min_length=1, max_length=5),
    AfterValidator(unique),
]
BucketName = Annotated[
    str, matching("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "write the bucket's name, such as jitney-records, not its ARN")
]
KeyArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]{8,64}",
        "write the key's ARN, such as arn:aws:kms:us-east-2:444455556666:key/ID, not its alias",
    ),
    _OwnPartition,
]
TableName = Annotated[str, matching(r"[\w.-]{3,255}", "write the table's name, not its ARN")]
StreamArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[\w.-]+/stream/[0-9T:.-]+",
        "write the ARN of the audit table's stream, as `jitney restore` prints it",
    ),
    _OwnPartition,
]
