"""What is measured, against what; each with one command, as ratios where machines differ."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported: its start is no result
