"""The line that nova-compute logs of each boot."""

from pathlib import Path
import re

_LINE = re.compile(r'Spawned container nova-\S+ in (?P<total>[\d.]+) s: (?P<steps>.*)')


def boots(log: Path, offset: int) -> list[dict[str, float]]:
    """The steps of each boot that was logged after the offset, in seconds.

    ``total`` is the whole spawn.
    """
    with log.open(errors='replace') as f:
        f.seek(offset)
        found = [m for m in map(_LINE.search, f) if m]
    return [{'total': float(m['total']), **{
        name: float(seconds) for name, seconds in
        (step.rsplit(' ', 1) for step in m['steps'].split(', '))}} for m in found]
