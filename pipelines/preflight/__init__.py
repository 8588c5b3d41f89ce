"""Whether an environment on Google Cloud is ready: a line each, and the command that fixes a failure."""
