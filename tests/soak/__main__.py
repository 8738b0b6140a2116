"""Run the long forms and print what was tried, what held and what broke: `python -m tests.soak`.

More arguments are pytest's: `-k share`.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table


@dataclass
class Report:
    """A pytest plugin that gathers the tallies."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::test_")[2].partition("[")[0].replace("_", " ")
        row = self.rows.setdefault(name, {"failed": ""})
        row |= dict(report.user_properties)
        if report.failed:
            row["failed"] = report.when or "failed"  # where no trial says why

    def print(self) -> None:
        console = Console(markup=False, highlight=False, soft_wrap=True)
        table = Table("area", "tried", "held", "broke")
        for name, row in self.rows.items():
            tried, broke = row.get("tried", 0), len(row.get("broke", []))
            table.add_row(name, str(tried), str(tried - broke), str(broke or row["failed"]))
        console.print(table)
        for name, row in self.rows.items():
            for said in (*row.get("broke", []), *row.get("notes", [])):
                console.print(f"{name}: {said}")


def main(*arguments: str) -> int:
    report = Report()
    present = str(Path(__file__).parent)
    code = pytest.main(["-m", "soak", present, "--tb=no", *arguments], plugins=[report])
    report.print()
    return int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
