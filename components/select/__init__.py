"""Select: reads a source, writes the `rows` to score: key, carried columns and raw features, no label."""
