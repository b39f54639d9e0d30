"""`python -m local.emulator`: close the gaps, and serve the emulator, the mailbox and the switch of faults."""

from ministack import app as ministack

from local.emulator import clock, faults, gaps, mailbox
from local.emulator.serve import run

if __name__ == "__main__":
    gaps.close_all()
    run(mailbox.beside(faults.with_faults(clock.with_request_clock(ministack.app))))
