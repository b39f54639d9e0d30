"""Events of CloudTrail, and the proof that they arrive."""
