SELECT * FROM UNNEST(ARRAY<STRUCT<id INT64, k STRING, x INT64, f FLOAT64, b BOOL, ts TIMESTAMP, s STRING>>[
 (1, 'a', 1, 1.5, TRUE, '2024-01-01 00:00:00+00', 'p'), (2, 'a', 2, NULL, FALSE, '2024-01-01 00:10:00+00', 'q'), (3, 'a', 2, 3.5, NULL, '2024-01-01 00:10:00+00', NULL),
 (4, 'a', NULL, 4.5, TRUE, '2024-01-01 01:00:00+00', 'r'), (5, 'b', 5, 5.5, TRUE, '2024-01-01 02:00:00+00', 'P'), (6, 'b', NULL, NULL, NULL, '2024-01-01 03:00:00+00', 'É'),
 (7, 'b', 9, 0.5, FALSE, NULL, 'q'), (8, 'c', 7, 7.5, NULL, '2024-01-01 05:00:00+00', NULL), (9, NULL, 4, 2.5, TRUE, '2024-01-01 06:00:00+00', 'z')])
