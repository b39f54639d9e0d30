"""`jitney restore`: makes restored tables safe to use."""
