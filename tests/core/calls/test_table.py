"""Look-ups in the table of operations."""

import pytest

from jitney.core.calls.operations import OperationTable


def test_aud_04_what_an_operation_needs_is_found_by_its_name_alone(operations: OperationTable):
    needs = operations.needs_of("s3", "GetObject")
    assert "s3:GetObject" in {need.action for need in needs}
    assert needs == operations.service("s3").operation("GetObject").needs


@pytest.mark.parametrize(("service", "name"), [("s3", "NoSuchOperation"), ("no-such-service", "GetObject")])
def test_aud_04_of_what_the_table_does_not_have_no_needs_are_known(operations: OperationTable, service: str, name: str):
    assert operations.needs_of(service, name) == ()
