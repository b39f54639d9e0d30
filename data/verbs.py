"""API Gateway's needs. Its actions are the verbs of its own HTTP API, and its resources are the paths."""

import re

from botocore.model import OperationModel

_LABEL = re.compile(r"\{([\w-]+)\+?\}")


def by_verb(operation: OperationModel) -> dict[str, str]:
    """Return the rule of an operation, as in operations.yaml. ARNs in a path are percent-encoded in the ARN too."""
    members = operation.input_shape.members if operation.input_shape else {}
    by_label = {shape.serialization.get("name", name): name for name, shape in members.items()}
    path = operation.http["requestUri"].removeprefix("/v2").split("?")[0]
    filled = _LABEL.sub(lambda each: _filled(by_label[each[1]]), path)
    verb = operation.http["method"]
    return {
        "action": f"apigateway:{verb}",
        "resource": f"arn:${{Partition}}:apigateway:${{Region}}::{filled}",
        "why": f"API Gateway is authorized by verb and path: {verb} {path}",
    }


def _filled(member: str) -> str:
    return f"${{{member}|{'url_encoded' if member.lower() == 'resourcearn' else 'escaped'}}}"
