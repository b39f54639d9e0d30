"""`python -m local.emulator`: close the gaps, and serve the emulator and the mailbox."""

from ministack import app as ministack

from local.emulator import clock, gaps, mailbox
from local.emulator.serve import run

if __name__ == "__main__":
    gaps.close_all()
    run(mailbox.beside(clock.with_request_clock(ministack.app)))
