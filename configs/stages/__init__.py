"""What each stage is told: its own part of the settings, and nothing else.

The JSON of a part is the stage's `settings` parameter in the graph, and so a part of its cache key.
"""
