"""Seals new records every hour, so that later changes are detected (AUD 2)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from jitney.core.integrity.contents import Contents
from jitney.core.integrity.object_names import is_read_by_athena
from jitney.core.integrity.seals import Seal, first_day, is_of_future, next_seal
from jitney.core.records.audit import SEALED, TAMPERED
from jitney.core.times import epoch, iso, utc_date
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.metrics import count
from jitney.handlers.runtime.ports import Ports


def seal(_event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Seal every unsealed object of records. Return the seal's number and its number of objects.

    Each run looks at the days from the one before the last seal, so it also seals late objects. A repeated run in the
    same hour adds nothing if it finds nothing new. If two runs are parallel, only one adds a seal. The next run seals
    the objects that it missed. Raises Problem unavailable, and ValueError if the last seal is not a seal, or names a
    time in the future: no seal after it would cover an object, and no alarm would fire.
    """
    now, before = ports.now(), ports.seals.newest()
    if before and is_of_future(before, now):
        raise ValueError(f"seal {before.number} names a time in the future, {before.time}")
    now = max(now, epoch(before.time)) if before else now  # clocks of two runs differ
    first = first_day(before) if before else None
    known = {each.key for sealed in _since(first, before, ports) for each in sealed.objects}
    keys = [key for key in ports.published.keys(first, utc_date(now)) if key not in known]
    if before and not keys and before.time[:13] == iso(now)[:13]:
        return {"seal": before.number, "objects": 0}
    found = [(key, ports.published.contents(key)) for key in keys]
    _report(found)  # before the seal: no run after it reads these objects again
    made = next_seal(before, found, ports.seals.signer(), now)
    if not ports.seals.add(made):
        logger.warning("sealed by another run", number=made.number)
        return {"seal": made.number, "objects": 0}
    count(SEALED)
    logger.info("sealed", number=made.number, hash=made.hash, objects=len(found))
    return {"seal": made.number, "objects": len(found)}


def _since(first: date | None, newest: Seal | None, ports: Ports) -> Iterator[Seal]:
    """Yield the seals made since the day `first`, newest first. They name all sealed objects of these days."""
    each = newest
    while each is not None and first is not None and each.time >= str(first):
        yield each
        each = ports.seals.read(each.number - 1) if each.number else None


def _report(found: list[tuple[str, Contents]]) -> None:
    """Log invalid lines, and altered or hidden records, and count them for the alarm. Never log their content."""
    wrong = 0
    for key, contents in found:
        hidden = not is_read_by_athena(key)
        altered = [str(each.position) for each in contents.entries if hidden or not each.intact]
        if altered or contents.invalid_lines:
            logger.error("records not intact", object=key, records=altered, lines=contents.invalid_lines)
            wrong += len(altered) + len(contents.invalid_lines)
    if wrong:
        count(TAMPERED, wrong)


handler = event_handler(seal, ("seals", "published"))
