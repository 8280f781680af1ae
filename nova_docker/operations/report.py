"""The driver's section of the Guru Meditation Report of nova-compute.

The report is made by a signal (SIGUSR2) or a touched file, see
https://docs.openstack.org/oslo.reports/latest/user/usage.html
"""

import collections
import re
import threading
import time

from nova import utils
import nova.conf
from oslo_reports import guru_meditation_report
from oslo_reports.models import with_default_views

from nova_docker import exception
from nova_docker.engine import client
from nova_docker.operations import events
from nova_docker.operations import lifecycle
from nova_docker.translate import naming

CONF = nova.conf.CONF
TITLE = 'Docker Engine'
# A report is asked for when something hangs; it must not hang, too.
_PATIENCE = 5
_CACHE = (naming.GLANCE_REPOSITORY, naming.PULLED_REPOSITORY)
Section = dict[str, str | int | dict[str, str] | dict[str, int]]


class Report:
    """What the driver knows of its engine, its instances and itself."""

    def __init__(self, engine: client.Engine, follower: events.Follower) -> None:
        self._engine = engine
        self._follower = follower

    def register(self) -> None:
        """Have nova-compute's report tell it, once however often this is called."""
        report = guru_meditation_report.TextGuruMeditation
        others = [section for section in getattr(report, 'persistent_sections', ())
                  if section[0] != TITLE]
        report.persistent_sections = [*others, (TITLE, self)]

    def __call__(self) -> with_default_views.ModelWithDefaultViews:
        return with_default_views.ModelWithDefaultViews(data={
            'URL': _without_password(self._engine.url),
            'Events': self._follower.describe(),
            'Locks held on instances': _locks(),
            **self._of_engine()})

    def _of_engine(self) -> Section:
        if not utils.concurrency_mode_threading():
            # The handler of a signal may run where no green thread can wait.
            return {'Engine': 'not asked, because nova-compute runs on eventlet'}
        answers: list[Section] = []
        asking = threading.Thread(target=lambda: answers.append(self._ask()), daemon=True,
                                  name='docker-report')
        asking.start()
        asking.join(_PATIENCE)
        return answers[0] if answers else {'Engine': f'no answer within {_PATIENCE} s'}

    def _ask(self) -> Section:
        try:
            info = self._engine.info()
            listed = self._engine.list_containers(naming.host_filter(CONF.host))
            cached = [image for repository in _CACHE
                      for image in self._engine.list_images(repository)]
        except exception.EngineError as e:
            return {'Engine': str(e)}
        roles = collections.Counter(
            f'{entry["Labels"].get(naming.LABEL_ROLE)} {entry["State"]}' for entry in listed)
        return {'Version': info['ServerVersion'],
                'API': '.'.join(map(str, self._engine.api_version)),
                'Storage driver': info['Driver'], 'Cgroups': f'v{info["CgroupVersion"]}',
                'Containers of this host': dict(sorted(roles.items())),
                'Images in the cache': len(cached),
                'MiB of these images': sum(image['Size'] for image in cached) >> 20}


def _locks() -> dict[str, str]:
    now = time.monotonic()
    return {uuid: f'{now - since:.1f} s by {thread}'
            for uuid, (since, thread) in dict(lifecycle.HELD).items()}


def _without_password(url: str) -> str:
    """The URL without what may stand before an @."""
    return re.sub('//[^/]*@', '//', url)
