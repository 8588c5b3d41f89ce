"""Vertex AI through Google's own clients: calls with retries, errors in plain terms."""
