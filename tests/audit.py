"""What is known of the pinned packages: `python -m tests.audit` (`make audit`) asks pip-audit.

One line where the service of known vulnerabilities cannot be asked, which is no failure: it says nothing of us. A known
vulnerability is one: it names the package, the identifiers and the version that mends it.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINNED = ("requirements.txt", "requirements-dev.txt")
SECONDS = 120  # for all packages together
UNREACHABLE = "The service of known vulnerabilities cannot be asked from here, so no package was checked"


def main() -> int:
    """The exit status: 1 where something is known of a pinned package."""
    files = [argument for name in PINNED for argument in ("-r", str(ROOT / name))]
    command = [sys.executable, "-m", "pip_audit", *files, "--no-deps", "--disable-pip", "--timeout", "10"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off", "--format", "json"], capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return said(f"{UNREACHABLE} (no answer in {SECONDS} s).")
    return judged(done.stdout, done.stderr)


def judged(answer: str, complaint: str) -> int:
    """The exit status for what pip-audit printed on stdout (JSON, or nothing where it failed) and on stderr."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (complaint.strip().splitlines() or ["it said nothing"])[-1]
        return said(f"{UNREACHABLE} ({last[:200]}).")
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return said(f"{UNREACHABLE} (it knows none of {len(packages)}).")
    for package in asked:
        for found in package["vulns"]:
            mended = ", ".join(found["fix_versions"]) or "no version yet"
            said(f"{package['name']} {package['version']}: {found['id']}; mended in {mended}")
    found = sum(bool(package["vulns"]) for package in asked)
    said(f"{len(asked)} of {len(packages)} pinned packages were looked up; of {found} a vulnerability is known.")
    return int(found > 0)


def said(line: str) -> int:
    """Print a line; 0."""
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
