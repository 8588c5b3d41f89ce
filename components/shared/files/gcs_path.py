"""`gs://` as paths. Imported only where one appears: it brings fsspec."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from upath.implementations.cloud import GCSPath
from upath.registry import register_implementation

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
        """The filesystem over Cloud Storage's JSON API.

        gcsfs would otherwise ask the gRPC control API for the kind of every bucket it opens, and it
        would remember listings, in which another process's new objects are missing.
        """
        os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # spares an import of 1 s
        from gcsfs.core import GCSFileSystem

        token = "anon" if "STORAGE_EMULATOR_HOST" in os.environ else None
        return GCSFileSystem(token=token, use_listings_cache=False, **storage_options)


register_implementation("gs", BucketPath, clobber=True)
