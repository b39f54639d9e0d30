"""Sort keys of deny entries: one match over all keys finds the same grants as one match for each (END 3)."""

import pytest

from jitney.core.access.deny_keys import denied_by, denied_ids, deny_key

OWN = [deny_key(1_700_000_000 + each, f"g-{'a' * 13}{each}") for each in range(3)]
FORGED = (
    f"{OWN[0]}\n{OWN[1]}",
    f"{OWN[0]}\n",
    "DENY#1#g-b",
    "DENY#x g-b/c",
    "DENY#",
    "DENY#000000000000#g-B",
    f"{OWN[0]}*",
    f"{OWN[0]}\r",
)


@pytest.mark.parametrize("keys", [[], OWN, *([*OWN, each] for each in FORGED), [*FORGED, *OWN], [*FORGED]])
def test_end_03_all_keys_name_the_grants_that_each_of_them_names(keys: list[str]):
    assert denied_ids(keys) == [found[1] for found in map(denied_by, keys) if found]
