"""Reviews: who may see and decide, votes, pages and the workflow."""
