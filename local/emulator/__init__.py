"""ministack as the AWS of the local system: IAM enforced, known gaps closed, functions in processes of their own.

A gap is where ministack is more lenient than AWS, or lacks what our templates use. `local.emulator.gaps` closes one gap
a function; `tests/local/gaps` holds one contract test a gap, which the bare ministack must fail.
"""
