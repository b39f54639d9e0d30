"""The reviewers' pages, and who may see what on them."""
