"""Before anything is spent: what will run where, as whom, and what it may cost."""
