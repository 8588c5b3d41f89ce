"""Reads `rows`, writes `statistics`: what each column holds, and whether it may be learned from."""
