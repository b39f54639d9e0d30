"""ministack without changes: `python -m local.emulator.bare`, for the contract tests of the gaps."""

from ministack import app as ministack

from local.emulator.serve import run

if __name__ == "__main__":
    run(ministack.app)
