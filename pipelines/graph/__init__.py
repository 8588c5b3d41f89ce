"""The graph: what the pipelines are, where their tasks run, the digest of their code, and its lint."""
