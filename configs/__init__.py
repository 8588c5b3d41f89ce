"""What a use case is and where it runs: typed settings, read once from YAML."""
