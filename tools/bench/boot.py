"""From the request to ACTIVE, against the same cloud with Nova's fake driver.

Measures the driver that the cloud runs now and keeps the figures in
``boot-<driver>.json``; with figures of both drivers there, prints the ratios.
"""

from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
import random
import time

from aio import cloud
from aio import layout

from bench import report
from bench import servers

ROUNDS = 20
AT_ONCE = 20
BATCHES = 3


@contextlib.contextmanager
def _image(where: layout.Layout, driver: str) -> Iterator[str]:
    """An image the driver can boot: the cloud's own are bound to hosts with an engine."""
    if driver == 'docker':
        yield 'busybox'
        return
    images = cloud.connect(where, 'aio-demo').image
    made = images.create_image('bench-nothing', container_format='bare', disk_format='raw',
                               data=b'nothing')
    try:
        yield made.name
    finally:
        images.delete_image(made)


def _single(mine: servers.Servers) -> list[float]:
    seconds = []
    for number in range(ROUNDS):
        with mine.running(f'bench-{number}') as took:
            seconds.append(took)
        # Or every boot would meet the OVS agent at the same point of its loop.
        time.sleep(random.uniform(0, 1))  # noqa: S311 - no secret
    return seconds


def _together(mine: servers.Servers) -> list[float]:
    seconds = []
    for number in range(BATCHES):
        with mine.running(f'bench-many{number}', AT_ONCE) as took:
            seconds.append(took)
    return seconds


def main(where: layout.Layout, folder: Path) -> None:
    driver = json.loads(where.facts.read_text())['driver']
    with _image(where, driver) as image:
        mine = servers.Servers(where, image)
        with mine.running('bench-warm'):
            pass
        figures = {'single': _single(mine), 'together': _together(mine)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'boot-{driver}.json').write_text(json.dumps(figures))
    series, medians = [], {}
    for name in ('docker', 'fake'):
        path = folder / f'boot-{name}.json'
        if path.exists():
            for kind, values in json.loads(path.read_text()).items():
                one = report.Series(f'{name}: {kind}', values)
                series.append(one)
                medians[name, kind] = one.median
    ratios = {}
    if len(medians) == 4:
        ratios = {'single, docker - fake (s)':
                  medians['docker', 'single'] - medians['fake', 'single'],
                  f'{AT_ONCE} at once, docker / fake':
                  medians['docker', 'together'] / medians['fake', 'together']}
    report.report('boot', series, ratios, folder)
