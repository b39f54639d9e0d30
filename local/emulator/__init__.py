"""The AWS of the local system: ministack, with IAM enforced and each function in its own process.

A gap is a difference from AWS: ministack is more lenient, or lacks something that our templates use. Each function in
`local.emulator.gaps` closes one gap. `tests/local/gaps` has a contract test for each gap, which the bare ministack
fails.
"""
