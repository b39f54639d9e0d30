"""Look-ups in the operation table."""

import pytest

from jitney.core.calls.operations import OperationTable


def test_aud_04_what_an_operation_needs_is_found_by_its_name_alone(operations: OperationTable):
    needs = operations.needs_of("s3", "GetObject")
    assert "s3:GetObject" in {need.action for need in needs}
    assert needs == operations.service("s3").operation("GetObject").needs


@pytest.mark.parametrize(("service", "name"), [("s3", "NoSuchOperation"), ("no-such-service", "GetObject")])
def test_aud_04_an_operation_outside_the_table_has_no_known_needs(operations: OperationTable, service: str, name: str):
    assert operations.needs_of(service, name) == ()
