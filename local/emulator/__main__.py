"""The emulator's process: `python -m local.emulator` closes the gaps and serves, with the mailbox beside it."""

from ministack import app as ministack

from local.emulator import clock, gaps, mailbox
from local.emulator.serve import run

if __name__ == "__main__":
    gaps.close_all()
    run(mailbox.beside(clock.with_request_clock(ministack.app)))
