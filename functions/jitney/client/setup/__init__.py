"""`jitney init`: how it changes the configuration files of other programs, and restores them byte by byte."""
