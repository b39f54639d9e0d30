"""The mark of tests that drive Chromium."""

import os
from pathlib import Path

import pytest

from local.browser import CHROMIUM

NEEDS_CHROMIUM = pytest.mark.skipif(
    "JITNEY_CHROMIUM" not in os.environ and not Path(CHROMIUM).exists(),
    reason="no Chromium: apt-get install chromium, or say in JITNEY_CHROMIUM where it is",
)
"""Skips where there is no Chromium. CI names one in JITNEY_CHROMIUM, so that a missing one fails there."""
