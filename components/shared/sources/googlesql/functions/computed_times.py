"""Times, computed in Python."""
