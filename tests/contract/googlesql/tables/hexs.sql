SELECT * FROM UNNEST(ARRAY<STRUCT<id INT64, b BYTES>>[(1, b'abc'), (2, b''), (3, b'\xc3\xa9'), (4, NULL), (5, b'\x00\xff')])
