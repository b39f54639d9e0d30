"""The pure part of Jitney: no boto3, clock, randomness, environment or network. `now` and ids are arguments."""
