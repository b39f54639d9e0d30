"""The API masks what looks like a secret in a problem. The names of options and operations must stay readable."""

import re
from collections.abc import Iterator

import pytest

from jitney.core.calls.explainer import explain_call, explain_line
from jitney.core.calls.parser import read_object
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import Problem
from tests.core.calls.conftest import OPERATIONS, PLACE
from tests.examples import sample

SECRETS = re.compile("password|secret|token|credential|key", re.IGNORECASE)


def _options() -> Iterator[tuple[str, str, str, str]]:
    """Yield each option whose name seems to announce a secret, with one operation that has it."""
    seen = set()
    for service in (OPERATIONS.service(name) for name in OPERATIONS.services()):
        for name in service.names():
            operation = service.operation(name)
            for member in operation.members:
                if SECRETS.search(member.name) and member.name not in seen:
                    seen.add(member.name)
                    yield service.name, operation.name, member.name, f"aws {service.command} {operation.command}"


@pytest.mark.parametrize("option", sample(list(_options())), ids=":".join)
def test_mask_05_a_problem_about_an_option_stays_readable(option: tuple[str, str, str, str]):
    service, name, member, command = option
    typed = re.sub("(?<=[a-z0-9])(?=[A-Z])", "-", member).lower()
    lines = (command, f"{command} --{typed}", f"{command} --{typed}x v", f"{command} --{typed}=a --no-{typed}")
    for line in lines:
        _check(lambda line=line: explain_line(line, PLACE, OPERATIONS))
    for parameters in ({}, {f"{member}x": "v"}, {member: None}):
        call = {"service": service, "operation": name, "parameters": parameters}
        _check(lambda call=call: explain_call(read_object(call, OPERATIONS), PLACE))


def _check(explain) -> None:
    try:
        explain()
    except Problem as problem:
        assert UNTAGGED.data([problem.detail, problem.fix]) == [problem.detail, problem.fix]
