"""`gs://` as paths. Imported only where one appears: it brings fsspec."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from upath.implementations.cloud import GCSPath
from upath.registry import register_implementation

from components.shared.vendor_seams import gcs_filesystem

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class BucketPath(GCSPath):
    """A place in a bucket, used as a `pathlib.Path` is; it travels to other processes as its URI alone."""

    __slots__ = ()

    @classmethod
    def _fs_factory(
        cls,
        urlpath: str,  # noqa: ARG003 - of the overridden method
        protocol: str,  # noqa: ARG003
        storage_options: Mapping[str, Any],
    ) -> "AbstractFileSystem":
        """The hook by which universal_pathlib lets a class choose its filesystem."""
        return gcs_filesystem(storage_options)


register_implementation("gs", BucketPath, clobber=True)
