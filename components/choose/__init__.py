"""Choose: reads the registry and the source, writes which model scores which rows; changes nothing."""
