SELECT id, x, y FROM UNNEST([STRUCT(1 AS id, 1.0 AS x, 0.0 AS y), (2, CAST('nan' AS FLOAT64), -0.0), (3, CAST('inf' AS FLOAT64), 1.0),
 (4, CAST('-inf' AS FLOAT64), CAST('nan' AS FLOAT64)), (5, CAST(NULL AS FLOAT64), 2.0), (6, CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64)), (7, -0.0, 0.0)])
