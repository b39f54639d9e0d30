from pathlib import Path

import pytest

from jitney import resources
from jitney.core.masking.masker import Masker
from jitney.core.masking.table import Masks
from jitney.core.masking.tags import Tags

ROOT = Path(__file__).resolve().parents[3]
MASKS = Masks.load(resources.MASKS.read_bytes())
KEY = bytes(range(32))


@pytest.fixture
def masker() -> Masker:
    return Masker(MASKS, Tags(lambda: KEY))


@pytest.fixture
def keyless() -> Masker:
    return Masker(MASKS, Tags())
