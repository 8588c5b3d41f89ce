SELECT * FROM UNNEST(ARRAY<STRUCT<id INT64, a ARRAY<INT64>, st STRUCT<p INT64, q STRING>, ss ARRAY<STRING>, i INT64>>[
 (1, [10, 20, 30], (1, 'x'), ['a', 'b'], 0), (2, [], (2, NULL), [], 1), (3, [5, 6], NULL, ['c'], -2), (4, [1, 1, 2], (4, 'w'), ['z', 'y', 'z'], 2)])
