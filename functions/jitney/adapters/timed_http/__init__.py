"""HTTP on which a whole answer has one deadline."""
