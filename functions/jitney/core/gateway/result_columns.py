"""Masks the cells of a query's results by the names of their columns (row GW 5).

The answer names each column once, apart from the cells. So no cell has the name of a secret beside it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.gateway.answer_shapes import AWS_KEY_REF, BLOB
from jitney.core.gateway.mask_rules import MaskRules
from jitney.core.masking.mask_tags import CREDENTIAL
from jitney.core.masking.named_secrets import is_secret
from jitney.core.masking.paths import Path
from jitney.core.masking.values import unless_equal


class ResultColumns(NamedTuple):
    """Where an answer names its columns, and where its rows are.

    `columns` and `rows` are paths from the body. `names` are the members of a column that name it. `cells` is the
    member of a row with its cells; "" if the row is the list of its cells, or one text with all of them.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[str, ...]
    cells: str = ""


_REDSHIFT = ResultColumns(("ColumnMetadata",), ("name", "label"), ("Records",))
RESULT_COLUMNS: Mapping[tuple[str, str], ResultColumns] = {
    ("athena", "GetQueryResults"): ResultColumns(
        ("ResultSet", "ResultSetMetadata", "ColumnInfo"), ("Name", "Label"), ("ResultSet", "Rows"), "Data"
    ),
    ("rds-data", "ExecuteStatement"): ResultColumns(("columnMetadata",), ("name", "label"), ("records",)),
    ("redshift-data", "GetStatementResult"): _REDSHIFT,
    ("redshift-data", "GetStatementResultV2"): _REDSHIFT,
}
"""The operations that answer with columns and rows, by botocore's names. All answer in JSON."""
_REFS = {"blobValue": AWS_KEY_REF + BLOB}
"""How the members of a cell that are not text are masked."""


def mask_columns(value: Any, where: ResultColumns, rules: MaskRules) -> tuple[Any, list[Path]]:
    """Return an answer's JSON value with the cells of secret columns masked, and their paths.

    A value without such cells is returned as the same object.
    """
    secret = dict(_secret_columns(_at(value, where.columns), where, rules))
    masker = _CellMasker(where, secret, rules)
    return (masker.within(value, where.rows, None) if secret else value), masker.paths


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _secret_columns(columns: Any, where: ResultColumns, rules: MaskRules) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield the index and the names of each column that has the name of a secret."""
    for place, column in enumerate(columns if isinstance(columns, list) else ()):
        names = {column.get(each) for each in where.names} if isinstance(column, dict) else set()
        texts = frozenset(each for each in names if isinstance(each, str))
        if any(map(rules.names, texts)):
            yield place, texts


class _CellMasker:
    """Masks the cells of the columns in `secret`, which maps indexes to names."""

    def __init__(self, where: ResultColumns, secret: Mapping[int, frozenset[str]], rules: MaskRules) -> None:
        self.paths: list[Path] = []
        self._where = where
        self._secret = secret
        self._rules = rules

    def within(self, value: Any, path: tuple[str, ...], place: Path) -> Any:
        """Return `value` with the cells masked in the rows at `path`. Without any, the same object is returned."""
        if path and isinstance(value, dict) and path[0] in value:
            return _changed(value, path[0], self.within(value[path[0]], path[1:], (place, path[0])))
        if path or not isinstance(value, list):
            return value
        return unless_equal(value, [self._row(row, (place, number)) for number, row in enumerate(value)])

    def _row(self, row: Any, place: Path) -> Any:
        name = self._where.cells
        if name and isinstance(row, dict) and name in row:
            return _changed(row, name, self._cells(row[name], (place, name)))
        # In CSV, one text has several rows, and is masked as a whole.
        return self._cells(row, place) if isinstance(row, list) else self._masked(row, place, frozenset())

    def _cells(self, cells: Any, place: Path) -> Any:
        if not isinstance(cells, list):
            return cells
        masked = [
            self._masked(cell, (place, number), self._secret[number]) if number in self._secret else cell
            for number, cell in enumerate(cells)
        ]
        return unless_equal(cells, masked)

    def _masked(self, value: Any, place: Path, names: frozenset[str], ref: str = AWS_KEY_REF) -> Any:
        """Return a cell with all of its texts and numbers masked. Athena's first row has the `names` themselves."""
        if isinstance(value, dict):
            written = {
                name: self._masked(each, (place, name), names, _REFS.get(name, ref)) for name, each in value.items()
            }
            return value if all(written[name] is value[name] for name in value) else written
        if isinstance(value, list):
            return unless_equal(value, [self._masked(each, (place, n), names, ref) for n, each in enumerate(value)])
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            if value in names or not is_secret(value):
                return value
            masked: Any = self._rules.whole(value, ref)
        else:
            masked = self._rules.tags.masked(value, CREDENTIAL)
        self.paths.append(place)
        return masked


def _changed(value: dict[str, Any], name: str, new: Any) -> dict[str, Any]:
    return value if new is value[name] else {**value, name: new}
