"""`jitney init`: the files of other programs that it changes, and how it undoes a change byte by byte."""
