from collections.abc import Iterator

import pytest

from jitney.adapters.grant_items import VERSION
from tests.upgrade.corpora import COMMAND, Corpus, corpora
from tests.upgrade.stored_system import StoredSystem, stored_system

WHAT_TO_DO = f"""\
This code does not read, or does not work with, what an earlier version stored. After an upgrade, open grants would be
lost. Do not change the corpus of a released version. Choose one:
- Keep the stored form: give a new member a default, and do not rename or remove a member.
- For another form of a grant's item: raise VERSION in functions/jitney/adapters/grant_items.py from {VERSION} to
  {VERSION + 1}, and keep reading forms 1 to {VERSION} there. For another item, read both forms in its adapter.
- Before the first release of the version in pyproject.toml only: `{COMMAND}`."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Say what to do below the failure of an upgrade test."""
    report = yield
    if report.failed:
        report.sections.append(("What to do", WHAT_TO_DO))
    return report


@pytest.fixture(params=corpora(), ids=lambda corpus: corpus.version)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    """Return what an earlier version stored."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def upgraded(corpus: Corpus) -> Iterator[StoredSystem]:
    """Yield today's code over what an earlier version stored, a minute later."""
    with stored_system() as stored:
        yield corpus.restored(stored)
