"""What is asked, what was decided, and the grant that comes of it."""
