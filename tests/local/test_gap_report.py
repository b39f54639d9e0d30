"""`make gaps`: a gap's status follows from its contract tests, on the bare and the patched ministack."""

import pytest

from local.gap_report import BROKEN, GONE, HOLDS, NEEDED, verdict

CLOSED, BARE = "test_role_paths[closed]", "test_role_paths[bare]"
HOLDING = f"Failed: {HOLDS}: delete the code that closes it"


@pytest.mark.parametrize(
    ("cases", "status", "why"),
    [
        ({CLOSED: None, BARE: None}, NEEDED, ""),
        ({CLOSED: None, BARE: HOLDING}, GONE, "passes on the bare ministack"),
        ({CLOSED: "AssertionError: 403", BARE: None}, BROKEN, "AssertionError: 403"),
        ({CLOSED: "AssertionError: 403", BARE: HOLDING}, BROKEN, "AssertionError: 403"),
        ({"test_role_paths_too[closed]": None, "test_role_paths_too[bare]": None}, BROKEN, "did not run"),
        ({CLOSED: None}, BROKEN, "did not run"),
        (
            {"test_role_paths[a-closed]": None, "test_role_paths[a-bare]": HOLDING, "test_role_paths[b-bare]": None},
            NEEDED,
            "1 of 2 cases pass",
        ),
    ],
)
def test_a_patch_is_needed_while_its_contract_fails_on_the_bare_ministack(
    cases: dict[str, str | None], status: str, why: str
):
    found = verdict("role_policies.role_paths", cases)
    assert found[0] == status
    assert why in found[1]


def test_a_gap_that_cannot_be_closed_is_broken():
    assert verdict("roles.x", {}, "AttributeError: _roles") == (BROKEN, "AttributeError: _roles")
