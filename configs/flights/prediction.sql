-- The flights to score: those of the last days, as they are known two hours before each departs.
-- `examples` are the rows of query.sql, so that a feature is computed here as it was for training; the label
-- is not read. The public data end in 2013: where data keep coming, compare with CURRENT_TIMESTAMP().
SELECT * EXCEPT (late, excluded_because)
FROM examples
WHERE decided_at >= (SELECT TIMESTAMP_SUB(MAX(time_hour), INTERVAL @days DAY) FROM flights)
