"""train: reads examples and a transform graph, writes a SavedModel with that graph inside, and its log."""
