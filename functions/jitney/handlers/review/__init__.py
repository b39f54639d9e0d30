"""Reviews: the votes, the sheet and the workflow."""
