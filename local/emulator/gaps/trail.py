"""CloudTrail: each call becomes an EventBridge event in AWS's form. ministack's own events differ.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree as ET

from ministack import app
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.core.router import detect_service, extract_access_key_id
from ministack.services import eventbridge, iam, sts

from local.emulator.gaps.replacement import replaces

type Members = dict[str, Any]

DETAIL_TYPE = "AWS API Call via CloudTrail"
_OPERATION = re.compile(r"\w+", re.ASCII)
_READS = ("Get", "List", "Head", "Describe", "AssumeRole")
_CODE = re.compile(rb"<Code>([\w.]+)</Code>")


def calls_of_sessions() -> None:
    """AWS sends each call of a role's session, allowed or denied, and each AssumeRole to the account's default bus.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """

    @replaces(app, "_dispatch_service_request")
    async def dispatch_and_send(
        dispatch: Any, method: str, path: str, headers: Members, body: bytes, query: Members, request_id: str
    ) -> Any:
        answer = await dispatch(method, path, headers, body, query, request_id)
        asked = app._routing_params(method, path, headers, body, query)
        service = detect_service(method, path, headers, asked)
        name = app._ct_event_name(service, method, path, headers, asked)
        caller = sts._sessions.get(extract_access_key_id(headers, query) or "") or {}
        if ":assumed-role/" in caller.get("Arn", "") and _OPERATION.fullmatch(name) and not path.startswith("/_"):
            event = _event(service, name, headers, request_id, answer)
            event["requestParameters"] = _asked(service, path, headers, body, query)
            event |= _resources(service, event["requestParameters"], caller["Arn"].split(":")[4])
            for account, copy in _copies(event, caller, extract_access_key_id(headers, query)):
                _send(account, copy)
        return answer


def _event(service: str, name: str, headers: Members, request_id: str, answer: Any) -> Members:
    status, _, body = answer
    reads = name.startswith(_READS)
    event = {
        "eventVersion": "1.11",
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": get_region(),
        "sourceIPAddress": "127.0.0.1",
        "userAgent": headers.get("user-agent", ""),
        "requestID": request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": reads,
        "eventType": "AwsApiCall",
        "responseElements": None if status >= 400 or (reads and service != "sts") else _answered(body),
    }
    return event | ({"errorCode": _error(status, body)} if status >= 400 else {})


def _error(status: int, body: bytes) -> str:
    found = _CODE.search(body)
    if found:
        return found[1].decode()
    if body[:1] == b"{":
        kind = str(json.loads(body).get("__type", ""))
        return kind.rpartition("#")[2] or "ClientError"
    return "AccessDenied" if status == 403 else "ClientError"


def _copies(event: Members, caller: Members, key: str) -> Iterator[tuple[str, Members]]:
    """Yield the event for each account. AssumeRole has two events.

    The event for the role's account has fewer details about the caller.
    """
    own = caller["Arn"].split(":")[4]
    role_arn = str((event["requestParameters"] or {}).get("roleArn", ""))
    theirs = role_arn.split(":")[4] if event["eventName"] == "AssumeRole" and role_arn.count(":") == 5 else own
    shared = {"sharedEventID": str(uuid.uuid4())} if theirs != own else {}
    yield own, {**event, **shared, "userIdentity": _identity(caller, key), "recipientAccountId": own}
    if shared and "errorCode" not in event:
        stranger = {"type": "AWSAccount", "principalId": _principal_id(caller), "accountId": own}
        copy = {**event, **shared, "eventID": str(uuid.uuid4()), "userIdentity": stranger, "recipientAccountId": theirs}
        yield theirs, copy


def _identity(caller: Members, key: str) -> Members:
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    arn = caller["Arn"]
    account, name = arn.split(":")[4], arn.split("/")[1]
    role = iam._roles.get_scoped(account, None, name) or {}
    issued = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(caller["IssuedAt"]))
    context: Members = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": role.get("RoleId", ""),
            "arn": role.get("Arn", ""),
            "accountId": account,
            "userName": name,
        },
        "attributes": {"creationDate": issued, "mfaAuthenticated": "false"},
    }
    if caller.get("SourceIdentity"):
        context["sourceIdentity"] = caller["SourceIdentity"]
    return {
        "type": "AssumedRole",
        "principalId": _principal_id(caller),
        "arn": arn,
        "accountId": account,
        "accessKeyId": key,
        "sessionContext": context,
    }


def _principal_id(caller: Members) -> str:
    """Return the unique id of a session: its role's id, which ministack omits for functions, and its name."""
    _, name, session = caller["Arn"].split("/")
    role = iam._roles.get_scoped(caller["Arn"].split(":")[4], None, name) or {}
    return f"{role.get('RoleId', '')}:{session}"


def _asked(service: str, path: str, headers: Members, body: bytes, query: Members) -> Any:
    if service == "s3":
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        return {name: value for name, value in (("bucketName", bucket), ("key", key)) if value} or None
    if body[:1] == b"{":
        return _camel(json.loads(body))
    form = (
        {**query, **parse_qs(body.decode("utf-8", "replace"))} if "form" in headers.get("content-type", "") else query
    )
    values = {name: value[0] if isinstance(value, list) else value for name, value in form.items()}
    plain = {name: value for name, value in values.items() if "." not in name and name not in {"Action", "Version"}}
    return _camel(plain) or None


def _resources(service: str, asked: Any, account: str) -> Members:
    """Return the resources that events name for S3 objects and DynamoDB tables.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/logging-using-cloudtrail.html
    """
    members = asked if isinstance(asked, dict) else {}
    bucket, key, table = (members.get(name) for name in ("bucketName", "key", "tableName"))
    if service == "s3" and bucket:
        whole = {"accountId": account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}
        return {"resources": [*([{"type": "AWS::S3::Object", "ARN": f"{whole['ARN']}/{key}"}] if key else []), whole]}
    if service == "dynamodb" and isinstance(table, str):
        arn = table if table.startswith("arn:") else f"arn:aws:dynamodb:{get_region()}:{account}:table/{table}"
        return {"resources": [{"accountId": account, "type": "AWS::DynamoDB::Table", "ARN": arn}]}
    return {}


def _answered(body: bytes) -> Any:
    if body[:1] == b"{":
        return _camel(json.loads(body))
    if body[:1] != b"<":
        return None
    root = ET.fromstring(body)  # noqa: S314 - ministack's own
    results = [each for each in root if each.tag.endswith("Result")]
    return _members(results[0]) if results else None


def _members(element: ET.Element) -> Any:
    tags = [each.tag.rpartition("}")[2] for each in element]
    if not tags:
        return element.text or ""
    if set(tags) == {"member"}:
        return [_members(each) for each in element]
    return {_lower(tag): _members(each) for tag, each in zip(tags, element, strict=True)}


def _camel(value: Any) -> Any:
    match value:
        case dict():
            return {_lower(name): _camel(each) for name, each in value.items()}
        case list():
            return [_camel(each) for each in value]
    return value


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _send(account: str, event: Mapping[str, Any]) -> None:
    with request_scope(account, event["awsRegion"]):
        eventbridge._dispatch_event(
            {
                "EventId": str(uuid.uuid4()),
                "Source": f"aws.{event['eventSource'].partition('.')[0]}",
                "DetailType": DETAIL_TYPE,
                "Detail": json.dumps(event),
                "EventBusName": "default",
                "Time": int(time.time()),
                "Resources": [],
                "Account": get_account_id(),
                "Region": get_region(),
            }
        )
