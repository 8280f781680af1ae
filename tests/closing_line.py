"""Adds up the reports of several pytest runs in one closing line."""

from collections import Counter
from pathlib import Path
import sys
from xml.etree import ElementTree


def count(report: Path) -> Counter[str]:
    """What one JUnit report says; a run that wrote none has failed."""
    if not report.exists():
        return Counter(failed=1)
    total: Counter[str] = Counter()
    for suite in ElementTree.parse(report).iter("testsuite"):
        number = {name: int(suite.get(name, 0))
                  for name in ("tests", "failures", "errors", "skipped")}
        failed = number["failures"] + number["errors"]
        total.update(failed=failed, skipped=number["skipped"],
                     passed=number["tests"] - failed - number["skipped"])
    return total


def closing_line(reports: list[Path]) -> str:
    total = sum((count(report) for report in reports), Counter())
    return ", ".join(f"{total[what]} {what}" for what in ("passed", "failed", "skipped"))


if __name__ == "__main__":
    print(closing_line([Path(name) for name in sys.argv[1:]]))
