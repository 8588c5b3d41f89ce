"""The registry on Vertex AI."""
