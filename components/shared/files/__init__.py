"""Folders, artifacts and objects on Cloud Storage."""
