"""Parameters that make a call reach another resource than the one whose ARN the other parameters yield."""

import re
from collections.abc import Mapping
from typing import Any

from jitney.core.calls.account_parameters import ACCOUNT_PARAMETERS, is_within_own_catalog
from jitney.core.calls.call import AwsCall
from jitney.core.calls.options import invalid_call

_DOMAIN_IDS: Mapping[str, str] = {"apigateway": "domainNameId", "apigatewayv2": "DomainNameId"}
"""The parameter with the id of a private domain. AWS authorizes such a domain as /domainnames/NAME+ID.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-custom-domains.html
"""
_CHANGE_SET, _STACK = "ChangeSetName", "StackName"
"""CloudFormation needs the stack only if the change set is named by its name. An ARN names a change set of any stack.

So the AWS CLI's `deploy` sends both.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html
"""
_BESIDE_IDS: Mapping[str, frozenset[str]] = {
    "kinesis": frozenset({"ShardIterator", "StreamARN"}),
    "cloudtrail": frozenset({"QueryId", "EventDataStore"}),
}
"""Parameters that name a resource twice: by its ARN, and by an id that AWS made for one resource.

AWS documents neither which one counts, nor that they are compared.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html
"""
_FUNCTION, _QUALIFIER = "FunctionName", "Qualifier"
_QUALIFIED = re.compile(r"(?:(?:arn:[^:]*:lambda:[^:]*:)?+\d{12}:)?+(?:function:)?+[^:]+:.+", re.ASCII)
"""The name or ARN of a Lambda function with a version or an alias.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
"""


def require_one_name(call: AwsCall) -> None:
    """Raise Problem call_invalid if another parameter decides which resource the call reaches.

    Otherwise policies would decide about a resource that the call does not reach.
    """
    service, given = call.operation.service, call.parameters
    if (domain_id := _DOMAIN_IDS.get(service, "")) in given:
        detail = f"{domain_id} names a private domain, whose ARNs contain this id."
        raise invalid_call(detail, "Request permissions instead of this call.", parameter=domain_id)
    if service == "lambda" and _QUALIFIER in given and _QUALIFIED.fullmatch(str(given.get(_FUNCTION, ""))):
        detail = f"{_FUNCTION} has a version or an alias, and {_QUALIFIER} is another place for it."
        raise invalid_call(detail, f"Write it in {_QUALIFIER} only.", parameter=_QUALIFIER)


def may_reach_another(service: str, given: Mapping[str, Any]) -> bool:
    """Return whether a call may reach another resource than policies decide about, and only its session prevents it.

    `service` is botocore's name of the service.
    """
    if service == "cloudformation":
        return _STACK in given and _is_arn(given.get(_CHANGE_SET))
    beside = _BESIDE_IDS.get(service)
    return beside is not None and beside <= given.keys()


def reaches_another(service: str, given: Mapping[str, Any], account: str) -> bool:
    """Return whether an event's parameters `given` name another resource than those in the templates of ARNs.

    `service` is the prefix of the action.
    """
    if service == "apigateway":
        return not given.keys().isdisjoint(_DOMAIN_IDS.values())
    if service == "glue":
        return any(is_within_own_catalog(given.get(name), account) for name in ACCOUNT_PARAMETERS[service])
    return service == "cloudformation" and _is_arn(given.get(_CHANGE_SET))


def _is_arn(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("arn:")
