"""Cloud Storage through its own client: folders up and down, and objects that only one writer replaces.

Retries and resumable uploads are the client's own.
"""
