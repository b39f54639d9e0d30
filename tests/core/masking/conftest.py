from pathlib import Path

import pytest

from jitney import resources
from jitney.core.masking.aws_masker import AwsMasker
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import MaskTable

ROOT = Path(__file__).resolve().parents[3]
MASKS = MaskTable.load(resources.MASKS.read_bytes())
KEY = bytes(range(32))


@pytest.fixture
def masker() -> AwsMasker:
    return AwsMasker(MASKS, MaskTags(lambda: KEY))


@pytest.fixture
def keyless() -> AwsMasker:
    return AwsMasker(MASKS, MaskTags())
