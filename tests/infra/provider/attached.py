"""The stub providers, served by this process: Terraform need not start them, several times a command."""

import json
import os
from collections.abc import Iterable

from tests.infra.provider.mirror import descriptors
from tests.infra.provider.packages import pinned
from tests.infra.provider.schema import pruned
from tests.infra.provider.server import Provider, Serving, messages


class Attached:
    """Every pinned provider, with the named types, until `stop`; one configuration of each at a time."""

    def __init__(self, types: Iterable[str]) -> None:
        names = set(types)
        known = messages(descriptors())
        self._served = {
            f"registry.terraform.io/hashicorp/{package.provider}": Serving(
                Provider(pruned(package, names), known)
            )
            for package in pinned()
        }

    @property
    def variables(self) -> dict[str, str]:
        """The environment that leads Terraform here; `terraform init` then looks for no provider."""
        where = {
            name: {
                "Protocol": "grpc",
                "ProtocolVersion": 5,
                "Pid": os.getpid(),
                "Test": True,  # Terraform must not end this process
                "Addr": {"Network": "unix", "String": serving.socket},
            }
            for name, serving in self._served.items()
        }
        return {"TF_REATTACH_PROVIDERS": json.dumps(where)}

    def stop(self) -> None:
        """No Terraform may be running."""
        for serving in self._served.values():
            serving.stop()
