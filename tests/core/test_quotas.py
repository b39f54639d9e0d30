from jitney.core.quotas import idempotency_key, idempotency_record, preview_quota, repeated_grant_id
from tests.fakes import NOW


def test_the_same_body_is_a_repeat_and_another_is_not():
    once = idempotency_record("corp.a", "key", b"{}", "g-x", NOW)
    assert repeated_grant_id(once.value, b"{}") == "g-x"
    assert repeated_grant_id(once.value, b"{ }") is None


def test_keys_of_two_principals_never_collide():
    assert idempotency_key("corp.a", "key") != idempotency_key("corp.b", "key")
    assert idempotency_key("corp.a", "b#key") != idempotency_key("corp.a#b", "key")


def test_pol_09_the_quota_of_dry_runs_resets_each_minute():
    assert preview_quota("corp.a", 30, NOW).key == preview_quota("corp.a", 30, NOW + 59).key
    assert preview_quota("corp.a", 30, NOW).key != preview_quota("corp.a", 30, NOW + 60).key
