"""The ends of grants and calls, and the documents that deny them."""
