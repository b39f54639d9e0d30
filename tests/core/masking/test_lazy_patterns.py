"""A pattern that is compiled at its first use has the methods of a pattern, and no other attribute."""

import pytest

from jitney.core.masking.lazy_patterns import LazyPattern


def test_a_lazy_pattern_has_only_the_methods_that_it_declares():
    assert LazyPattern("a+").fullmatch("aa")
    with pytest.raises(AttributeError, match="groups"):
        _ = LazyPattern("a+").groups
