"""Deploy: reads a model that passed, its evaluation and statistics; writes a version and moves traffic."""
