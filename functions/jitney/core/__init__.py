"""The pure part of Jitney: no botocore, clock, randomness, environment or network. `now` and ids are arguments."""
