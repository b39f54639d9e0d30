"""Explaining a call without a broker: with the broker's own code and table, as a checkout has them."""

from client import checkout
from client.answers import Need
from client.problems import Invalid


def explain_here(line: str, account: str, region: str) -> tuple[Need, ...]:
    """What the command line needs in `account` (12 digits) and `region`. Raises Invalid: no call, or no checkout."""
    fix = "Name a target, and the broker explains it: jitney explain TARGET -- aws …; or run it from a checkout."
    checkout.reach("table_missing", "the table of AWS's operations", fix)
    table = checkout.FUNCTIONS / "core" / "operations.bin"
    from core.calls.ask import explain_line  # noqa: PLC0415 - there only beside a checkout
    from core.calls.call import Place  # noqa: PLC0415
    from core.calls.table import Operations  # noqa: PLC0415
    from core.problems import PROBLEMS, Problem  # noqa: PLC0415

    try:
        explained = explain_line(line, Place("aws", region, account), Operations.load(table.read_bytes()))
    except Problem as problem:
        raise Invalid(problem.code, PROBLEMS[problem.code].title, problem.detail, problem.fix) from problem
    return tuple(Need(each.call, each.action, each.resources, each.why) for each in explained)
