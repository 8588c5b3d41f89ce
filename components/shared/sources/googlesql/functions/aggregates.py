"""Functions over many rows, with OVER and without."""

from components.shared.sources.googlesql.functions.signatures import aggregate, window

aggregate("COUNT", "-> INT64", "count(*){over}")
aggregate("COUNT", "T -> INT64", "count({distinct}{0}){over}")
aggregate("COUNTIF", "BOOL -> INT64", "count({distinct}CASE WHEN {0} THEN 1 END){over}")
aggregate("SUM", "INT64 -> INT64", "CAST(sum({distinct}{0}){over} AS BIGINT)")
aggregate("SUM", "FLOAT64 -> FLOAT64", "sum({distinct}{0}){over}")
aggregate("AVG", "FLOAT64 -> FLOAT64", "avg({distinct}{0}){over}")
window("ROW_NUMBER", "-> INT64", "row_number(){over}")
