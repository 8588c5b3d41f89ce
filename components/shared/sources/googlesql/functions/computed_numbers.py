"""Numbers, computed in Python."""
