"""Vertex AI through Google's own clients: patient while the service is busy, plain when it refuses."""
