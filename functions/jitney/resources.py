"""The data files that ship in the package."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

ACTIONS = PACKAGE / "core" / "actions.bin"
"""AWS's actions, for `jitney.core.actions.ActionTable.load`."""
OPERATIONS = PACKAGE / "core" / "operations.bin"
"""AWS's API operations, for `jitney.core.calls.operations.OperationTable.load`."""
MODELS = PACKAGE / "adapters" / "models.bin"
"""AWS's models of operations, for `jitney.adapters.aws_models.AwsModels.load`."""
MASKS = PACKAGE / "core" / "masking" / "masks.bin"
"""Sensitive members of AWS's answers, for `jitney.core.masking.table.MaskTable.load`."""
PAGES = PACKAGE / "pages"
"""Templates and style of the reviewers' pages."""
SCHEMA = PACKAGE / "schema.cedarschema"
"""The Cedar schema against which every policies folder is validated."""
