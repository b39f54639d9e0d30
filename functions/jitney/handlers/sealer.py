"""Every hour a seal over what records came: by it whatever is done to them afterwards is found (AUD 2)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from jitney.core.audit import SEALED, TAMPERED
from jitney.core.integrity.contents import Contents
from jitney.core.integrity.seals import Seal, first_day, next_seal
from jitney.core.times import iso
from jitney.handlers.edge import event_handler
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports


def seal(_event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Seal every object of records that no seal has; the number of the seal, and of its objects.

    An object that comes late is found by the next run, for each looks a day further back than its predecessor. A run
    that is repeated within its hour, and finds nothing new, adds nothing; of two at once, one adds a seal, and what it
    did not see is sealed by the next. Raises Problem unavailable; ValueError when the last seal is none.
    """
    now, before = ports.now(), ports.seals.newest()
    first = first_day(before) if before else None
    known = {each.key for sealed in _since(first, before, ports) for each in sealed.objects}
    keys = [key for key in ports.published.keys(first, _day(now)) if key not in known]
    if before and not keys and before.time[:13] == iso(now)[:13]:
        return {"seal": before.number, "objects": 0}
    found = [(key, ports.published.contents(key)) for key in keys]
    made = next_seal(before, found, ports.seals.signer(), now)
    if not ports.seals.add(made):
        logger.warning("sealed by another run", number=made.number)
        return {"seal": made.number, "objects": 0}
    _count(SEALED, 1)
    _report(found)
    logger.info("sealed", number=made.number, hash=made.hash, objects=len(found))
    return {"seal": made.number, "objects": len(found)}


def _since(first: date | None, newest: Seal | None, ports: Ports) -> Iterator[Seal]:
    """The seals made from the day `first` on, the newest first: they name whatever is sealed of these days' objects."""
    each = newest
    while each is not None and first is not None and each.time >= str(first):
        yield each
        each = ports.seals.read(each.number - 1) if each.number else None


def _report(found: list[tuple[str, Contents]]) -> None:
    """Log what is no record, or not what it was, and count it for the alarm; never what it says."""
    wrong = 0
    for key, contents in found:
        places = [str(each.place) for each in contents.entries if not each.intact]
        if places or contents.invalid_lines:
            logger.error("records not intact", object=key, records=places, lines=contents.invalid_lines)
            wrong += len(places) + len(contents.invalid_lines)
    if wrong:
        _count(TAMPERED, wrong)


def _count(name: str, value: int) -> None:
    with single_metric(name, unit=MetricUnit.Count, value=value) as metric:
        metric.add_dimension("service", "jitney")


def _day(now: int) -> date:
    return datetime.fromtimestamp(now, UTC).date()


handler = event_handler(seal, ("seals", "published"))
