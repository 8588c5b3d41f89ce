"""Transform: reads rows; writes the transform graph, learned from the training split, and examples."""
