"""The key of mask tags is replaced while calls through the gateway are open, as docs/upkeep.md says (MASK 4)."""

import hashlib

from tests.fakes import MemoryMaskKeys
from tests.handlers.gateway import DELETE, PUT, Gateway


class OtherKeys(MemoryMaskKeys):
    """The keys that are derived from another KMS key."""

    def of(self, owner: str) -> bytes:
        return hashlib.sha256(super().of(owner)).digest()


def replaced(gateway: Gateway) -> None:
    gateway.system.ports.__dict__["mask_keys"] = OtherKeys(id="mask-key-2")


def test_mask_04_another_key_lets_open_grants_call_and_repeats_nothing():
    gateway = Gateway()
    assert gateway.post(PUT, key="first")[0] == 200
    assert gateway.post(DELETE, key="second")[0] == 202
    replaced(gateway)
    sent = len(gateway.upstream.sent)
    for call, key in ((PUT, "first"), (DELETE, "second")):
        status, problem = gateway.post(call, key=key)
        assert (status, problem["code"]) == (422, "idempotency_mismatch")
    assert len(gateway.upstream.sent) == sent
    assert (gateway.post(PUT, key="third")[0], gateway.post(DELETE, key="fourth")[0]) == (200, 202)
