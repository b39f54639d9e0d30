"""Which tests one worker of pytest-xdist runs, and in which order the workers take them.

Tests of the running systems mostly wait, and the others mostly compute. Workers that all wait leave processors idle,
and workers that all compute compete for them. So every other worker begins with the tests that compute.
"""

from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

WAITING_FOLDERS = ("browser", "client", "conformance", "local", "recipes", "sdk", "system")
WAITING_GROUPS = (
    "reviews",
    "deny-document",
    "own configuration",
    "local_system",
    "conformance",
    "roles",
    "deployments",
    "updates",
)
FIRST = ("tests/system/test_integrity.py", "tests/system/test_records.py", "tests/system/test_queries.py")
"""Modules that come first, or first in their group. They read all records of the shared system, which are few then."""
LONG = (
    *WAITING_GROUPS,
    "tests/client/matrix/test_matrix.py",
    "tests/local/gaps/test_task_states.py",
    "tests/system/test_units.py",
    "tests/local/test_commands.py",
    "cdk",
    "simulator",
    "tests/core/policy/test_policy_diff.py",
    "tests/core/access/test_exactness.py",
    "tests/data/test_cli_examples.py",
    "tests/handlers/test_convergence.py",
    "tests/data/test_build.py",
)
"""Groups and modules that take long. They are taken first, so that no worker ends long after the others."""


def waits(scope: str) -> bool:
    """Return whether the tests of a group or module wait for other processes."""
    return scope in WAITING_GROUPS or scope.startswith(tuple(f"tests/{folder}/" for folder in WAITING_FOLDERS))


class Scheduling(LoadGroupScheduling):
    """xdist's scheduling by groups, in which the tests of a module that are in no group are a group of their own.

    One worker prepares what the tests of a module share. xdist's work for each test grows with the number of groups.
    """

    def _split_scope(self, nodeid: str) -> str:
        group = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if group == nodeid else group

    def _assign_work_unit(self, node: WorkerController) -> None:
        waiting = self.nodes.index(node) % 2 == 0
        order = {scope: place for place, scope in enumerate((*FIRST, *LONG))}
        scope = min(self.workqueue, key=lambda each: (waits(each) != waiting, order.get(each, len(order))))
        tests = self.workqueue.pop(scope)
        self.workqueue[scope] = dict(sorted(tests.items(), key=lambda test: not test[0].startswith(FIRST)))
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
