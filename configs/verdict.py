"""What `verdict.json` says: the decision on a candidate, with a reason for every rule."""

from collections.abc import Mapping
from typing import Any, Literal

from configs.errors import DataError

Decision = Literal["deploy", "reject"]

_EARLIER = {"hold": "reject"}
"""Decisions as earlier versions of the pipeline wrote them; their reasons have `held` for `passed`."""


def current_verdict(content: Mapping[str, Any], subject: str) -> dict[str, Any]:
    """A verdict in today's words, whichever version wrote it.

    Args:
        content: Of `verdict.json`.
        subject: Which one, for the error.

    Raises:
        DataError: The decision or a reason is neither in today's words nor in the earlier ones.
    """
    decision = content.get("decision")
    decision = _EARLIER.get(str(decision), decision)
    reasons = [_current_reason(reason) for reason in content.get("reasons", ())]
    if decision not in ("deploy", "reject") or not all(
        isinstance(each.get("passed"), bool) for each in reasons
    ):
        raise DataError(
            subject,
            expected="decision 'deploy' or 'reject', and `passed` in each reason",
            got=f"decision '{content.get('decision')}', reasons with "
            f"{sorted({key for each in content.get('reasons', ()) for key in each})}",
            remedy="Run `evaluate` again: --from evaluate",
        )
    return {"decision": decision, "reasons": reasons}


def _current_reason(reason: Mapping[str, Any]) -> dict[str, Any]:
    return {"passed" if key == "held" else key: value for key, value in reason.items()}
