"""`jitney doctor`: what is wrong with the connection and with this machine, one finding a line."""
