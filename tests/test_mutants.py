"""The guards that `make mutants` removes exist. A renamed guard must not drop out of the run."""

from collections import Counter
from functools import cache

from tests.guards import EQUIVALENT, GUARDED, PACKAGE, PREDICATES, REFUSALS, mutants


@cache
def found() -> tuple[tuple[str, str], ...]:
    """Return the file and the condition of each guard."""
    return tuple((each.file, each.condition) for each in mutants())


def test_every_guarded_place_and_predicate_exists():
    assert [place for place in GUARDED if not (PACKAGE / place).exists()] == []
    named = {
        (name, f"{function}()")
        for of in (PREDICATES, REFUSALS)
        for name, functions in of.items()
        for function in functions
    }
    assert named - set(found()) == set()


def test_each_kind_of_guard_is_found():
    conditions = set(found())
    assert len(conditions) > 150
    assert ("core/identity/signature.py", "token.algorithm not in issuer.algorithms") in conditions  # of an `or`
    assert ("core/identity/signature.py", "fitting is None") in conditions
    assert ("handlers/suspensions.py", "authenticated.require_operator('suspend')") in conditions  # a call
    assert ("core/access/eligibility.py", "current.state is State.ACTIVE") in conditions  # before a raise at the end
    assert ("handlers/access/review_queue.py", "says_something") in conditions  # of an `and`
    assert ("core/review/covering_approvals.py", "_gave(): same_profile") in conditions  # of a predicate's `and`
    assert ("core/access/suspension_entry.py", "ends(): named") in conditions  # of a refusal's `or`


def test_each_guard_that_cannot_matter_is_one_guard():
    counted = Counter(found())
    assert {each: counted[each] for each in EQUIVALENT if counted[each] != 1} == {}
