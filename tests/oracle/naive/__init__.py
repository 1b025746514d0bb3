"""The naive reader: every table loaded whole, every question answered by plain Python loops over it.

It knows the contract, the schema's descriptions, DESIGN D5 and D8 and textbook formulas, and shares no code with what
it checks: no SQL but ``select *``, no filter, page, predicate or resolver of tomgql. The table of bands is taken from
`tomgql.domain.bands`, as data. It holds no more than a test's world and is slow on purpose.

What means what stands in one table a type (`targets`, `data`, `products`, `people`, `root`); a field, argument, filter
or order of the schema that has no rule here fails by its name.
"""

from tests.oracle.naive.reader import NaiveReader

__all__ = ["NaiveReader"]
