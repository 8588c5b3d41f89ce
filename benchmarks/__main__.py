"""Every benchmark, one after the other: `python -m benchmarks` (about 10 minutes, two cores)."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run each as its own process, so that none warms another; returns how many failed."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    failed = 0
    for name in names:
        sys.stdout.write(f"\n## {name}\n")
        sys.stdout.flush()
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
