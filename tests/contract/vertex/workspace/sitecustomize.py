"""Loaded by a person's commands: the project's number, which the client asks of Google's address alone."""

import os

if "PROJECT_NUMBER" in os.environ:
    from google.cloud.aiplatform.utils import resource_manager_utils

    resource_manager_utils.get_project_number = lambda *_, **__: os.environ["PROJECT_NUMBER"]
