from jitney.core.records.refusal_counts import MAX_SOURCES, OTHERS, RefusalCounts, RefusalKey
from tests.fakes import NOW

ABOUT = RefusalKey("corp", "198.51.100.7", "token_signature")


def test_id_05_a_flood_is_few_writes_and_every_refusal_is_counted():
    refusals = RefusalCounts()
    written = [due for _ in range(1000) for due in refusals.add(ABOUT, NOW)]
    written += refusals.add(ABOUT, NOW + 60)
    assert len(written) <= 12
    assert sum(count for _, count, minute in written if minute == NOW // 60) == 1000


def test_id_05_a_flood_from_many_addresses_is_bounded_too():
    refusals = RefusalCounts()
    written = [
        due for n in range(5000) for due in refusals.add(RefusalKey("corp", f"203.0.113.{n}", "token_signature"), NOW)
    ]
    assert len(written) < MAX_SOURCES + 20
    assert {about.source_ip for about, _, _ in written[MAX_SOURCES:]} == {OTHERS}


def test_id_05_a_flood_of_the_unproven_hides_no_principal():
    refusals = RefusalCounts()
    for n in range(MAX_SOURCES * 2):
        refusals.add(RefusalKey("corp", f"203.0.113.{n}", "token_signature"), NOW)
    known = ABOUT._replace(principal="corp.agent", subject="agent", unit="corp.agent", code="body_malformed")
    assert refusals.add(known, NOW) == [(known, 1, NOW // 60)]


def test_id_05_many_principals_are_bounded_too():
    refusals = RefusalCounts()
    written = [
        due
        for n in range(5000)
        for due in refusals.add(ABOUT._replace(principal=f"corp.{n}", subject=str(n), unit="corp.unit"), NOW)
    ]
    assert len(written) < MAX_SOURCES + 20
    assert {(about.source_ip, about.principal) for about, _, _ in written[MAX_SOURCES:]} == {(OTHERS, "")}
    assert {about.unit for about, _, _ in written} == {"corp.unit"}


def test_id_05_a_flood_of_siblings_hides_no_principal_of_another_unit():
    refusals = RefusalCounts()
    for n in range(MAX_SOURCES * 2):
        refusals.add(ABOUT._replace(principal=f"corp.{n}", unit="corp.unit"), NOW)
    honest = ABOUT._replace(principal="corp.agent", unit="corp.agent")
    assert refusals.add(honest, NOW) == [(honest, 1, NOW // 60)]
