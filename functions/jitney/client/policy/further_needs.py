"""The actions that calls may need in addition to their own, from the tables in the package."""

from jitney.core.calls.operations import OperationTable
from jitney.core.masking.table import MaskTable
from jitney.core.report.cloudtrail_coverage import ImplicitActions, implicit_actions
from jitney.resources import MASKS, OPERATIONS


def may_need() -> ImplicitActions:
    """Return the lookup of the further actions that a call may need."""
    operations = OperationTable.load(OPERATIONS.read_bytes())
    return implicit_actions(operations, MaskTable.load(MASKS.read_bytes()).operations_of_event)
