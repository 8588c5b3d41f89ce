"""The peer: TFX's own pipeline on the same rows, in an environment of its own."""
