"""GoogleSQL, read and translated for DuckDB: every value typed, every construct known or refused by its place.

A text goes through `tokens`, the parsers (trees of `syntax`), and `queries` with what it calls: `sources` (FROM),
`expressions`, `operators`, `casts`, `grouping`, `windows`, and the tables in `functions/`, one line a signature.
"""
