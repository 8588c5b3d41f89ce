"""The whole graph on one screen, the targets it runs on, and the command line."""
