from pathlib import Path

import pytest

from core.masking.masker import Masker
from core.masking.table import Masks
from core.masking.tags import Tags

ROOT = Path(__file__).resolve().parents[3]
MASKS = Masks.load((ROOT / "functions" / "core" / "masking" / "masks.bin").read_bytes())
KEY = bytes(range(32))


@pytest.fixture
def masker() -> Masker:
    return Masker(MASKS, Tags(lambda: KEY))


@pytest.fixture
def keyless() -> Masker:
    return Masker(MASKS, Tags())
