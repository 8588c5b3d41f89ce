"""What is measured, against what; each with one command, as ratios where machines differ."""
