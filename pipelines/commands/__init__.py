"""What the commands do, between the settings and the screen."""
