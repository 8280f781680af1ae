"""A table for a person and JSON for a machine."""

from collections.abc import Sequence
import dataclasses
import json
from pathlib import Path
import statistics
from typing import Any


@dataclasses.dataclass(frozen=True)
class Series:
    """One column of measurements.

    :param name: what was measured
    :param values: the measurements, in ``unit``
    """

    name: str
    values: Sequence[float]
    unit: str = 's'

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def report(benchmark: str, series: Sequence[Series], ratios: dict[str, float],
           folder: Path, **facts: Any) -> None:
    """Print the table and write ``<folder>/<benchmark>.json``."""
    print(f'\n{benchmark}')
    print(f'  {"":44} {"n":>3} {"median":>9} {"min":>9} {"max":>9}')
    for one in series:
        print(f'  {one.name:44} {len(one.values):3} {one.median:9.3f} {min(one.values):9.3f} '
              f'{max(one.values):9.3f} {one.unit}')
    for name, ratio in ratios.items():
        print(f'  {name:44} {"":3} {ratio:9.2f}')
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{benchmark}.json'
    path.write_text(json.dumps({
        'benchmark': benchmark, **facts, 'ratios': ratios,
        'series': [{**dataclasses.asdict(one), 'median': one.median} for one in series],
    }, indent=2) + '\n')
    print(f'  written to {path}')
