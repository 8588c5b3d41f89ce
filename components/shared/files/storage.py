"""The storage of a place: one adapter for each scheme."""

import functools
from collections.abc import Mapping

from components.shared.files.folder_storage import FolderStorage
from components.shared.files.gcs.storage import BucketStorage
from components.shared.files.place import Place, Scheme, Storage, scheme


def storage(where: Place) -> Storage:
    """The storage of a place, chosen by the scheme of its URI."""
    return _adapters()[scheme(where)]


@functools.cache
def _adapters() -> Mapping[Scheme, Storage]:
    return {"file": FolderStorage(), "gs": BucketStorage()}
