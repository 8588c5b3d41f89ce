"""train: reads examples and the transform graph, writes a SavedModel with that graph inside and the training's log."""
