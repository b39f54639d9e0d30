"""The emulator's process: `python -m local.emulator` closes the gaps and serves."""

from local.emulator import gaps
from local.emulator.serve import run

if __name__ == "__main__":
    gaps.close_all()
    run()
