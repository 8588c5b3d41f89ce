"""What `verdict.json` says: the decision on a candidate, with a reason for every rule."""

from collections.abc import Mapping
from typing import Any, Literal

from configs.errors import DataError

Decision = Literal["deploy", "reject"]

_EARLIER = {"hold": "reject"}
"""Decisions as earlier versions of the pipeline wrote them; their reasons have `held` for `passed`."""


def current_verdict(content: Mapping[str, Any], subject: str) -> dict[str, Any]:
    """A verdict in the current format, whichever version wrote it.

    Args:
        content: Of `verdict.json`.
        subject: Which one, for the error.

    Raises:
        DataError: The decision or a reason is neither in the current format nor in the earlier one.
    """
    decision = content.get("decision")
    decision = _EARLIER.get(str(decision), decision)
    found = content.get("reasons", ())
    reasons = [{"passed" if key == "held" else key: value for key, value in each.items()} for each in found]
    judged = all(isinstance(each.get("passed"), bool) for each in reasons)
    if decision not in ("deploy", "reject") or not judged:
        raise DataError(
            subject,
            expected="decision 'deploy' or 'reject', and `passed` in each reason",
            got=f"decision '{content.get('decision')}', reasons with "
            f"{sorted({key for each in found for key in each})}",
            remedy="Run `evaluate` again: --from evaluate",
        )
    return {"decision": decision, "reasons": reasons}
