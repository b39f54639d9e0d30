"""The AWS of the local system: ministack, with IAM enforced and functions in processes of their own.

A gap is a difference from AWS: ministack is more lenient, or lacks what our templates use. Each function of
`local.emulator.gaps` closes one gap. `tests/local/gaps` has a contract test for each, which the bare ministack fails.
"""
