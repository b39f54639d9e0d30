"""The table of AWS's actions, for checks of the configuration. It is part of the package."""

from functools import cache

from jitney.core.actions import ActionTable
from jitney.resources import ACTIONS


@cache
def action_table() -> ActionTable:
    """Return the table, which is loaded once."""
    return ActionTable.load(ACTIONS.read_bytes())
