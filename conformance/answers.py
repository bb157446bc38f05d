"""Whether two systems give the same answer to a query."""

import math
from decimal import Decimal

NUMBERS = (int, float, Decimal)


def rows(table):
    return [tuple(column) for column in zip(*(column.to_pylist() for column in table.columns))]


def same(one, other):
    if isinstance(one, NUMBERS) and isinstance(other, NUMBERS):
        # Systems divide decimals to different scales.
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-3)
    return one == other


def alike(one, other):
    return len(one) == len(other) and all(len(a) == len(b) and all(map(same, a, b)) for a, b in zip(one, other))


def rank(row):
    """Puts rows of the same values together: words first, and numbers only roughly, as they are only roughly the same."""
    words = [("" if value is None else str(value)) for value in row if not isinstance(value, NUMBERS)]
    return words, [float(f"{float(value):.3g}") for value in row if isinstance(value, NUMBERS)]


def agree(text, one, other, unlimited):
    """Rows that the query leaves equal come in any order; which of them a LIMIT lets through, `unlimited` has to tell."""
    one, other = rows(one), rows(other)
    if alike(one, other) or alike(sorted(one, key=rank), sorted(other, key=rank)):
        return True
    if "LIMIT" not in text[-12:] or len(one) != len(other):
        return False
    one, other = unlimited()
    return alike(sorted(rows(one), key=rank), sorted(rows(other), key=rank))
