"""Explains a call without a broker, from the table of AWS operations in the package."""

from jitney.client.api.explanations import ApiRequiredAction
from jitney.client.problems import Invalid

_FIXES = {"account_mismatch": "Give --account with the account of the resources."}
"""Fixes that differ from the broker's, because there is no target."""


def explain_offline(line: str, account: str, region: str) -> tuple[ApiRequiredAction, ...]:
    """Return what the command line needs in `account` (12 digits) and `region`.

    Raises Invalid if it is not an AWS call.
    """
    from jitney.configuration.partitions import partition_of  # noqa: PLC0415
    from jitney.core.calls.call import AwsLocation  # noqa: PLC0415
    from jitney.core.calls.explainer import explain_line  # noqa: PLC0415 - only `explain` pays for the table's code
    from jitney.core.calls.operations import OperationTable  # noqa: PLC0415
    from jitney.core.problems import PROBLEMS, Problem  # noqa: PLC0415
    from jitney.resources import OPERATIONS  # noqa: PLC0415

    try:
        explained = explain_line(
            line, AwsLocation(partition_of(region), region, account), OperationTable.load(OPERATIONS.read_bytes())
        )
    except Problem as problem:
        fix = _FIXES.get(problem.code, problem.fix)
        raise Invalid(problem.code, PROBLEMS[problem.code].title, problem.detail, fix) from problem
    return tuple(ApiRequiredAction.read(each.view()) for each in explained)
