"""Builds the action table: every AWS action with its access level and the resources that it acts on."""
