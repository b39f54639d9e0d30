"""`jitney audit`: records, seals, CloudTrail and Athena, read by an auditor or an operator."""
