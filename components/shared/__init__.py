"""What the stages share, in seven rooms."""
