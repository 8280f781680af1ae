"""The engine's events, so that Nova knows within a second what happened
outside of it; and the compute service's state when the engine is lost.
"""

from collections.abc import Callable
import contextlib
import math
import threading
import time
import typing as ty

from nova import exception as nova_exception
from nova.compute import power_state
from nova.compute import vm_states
import nova.conf
from nova.objects import instance as nova_instance
from nova.virt import event as virtevent
from nova.virt import hardware
from oslo_log import log as logging

from nova_docker import exception
from nova_docker import host
from nova_docker.engine import client
from nova_docker.operations import memory
from nova_docker.translate import container
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

# A reboot stops and starts; only a container that stays down has stopped.  One that
# ends without a signal of the engine's is not being rebooted.
STOP_DELAY = 0.5
# Nova ignores what it is told of an instance with which it is busy.  One whose
# program ends at once ends while Nova still starts it, and is told of again.
_SHORT_LIFE = 30.0
_AGAIN_SECONDS = (2.0, 8.0)
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

_LIVE = frozenset({vm_states.ACTIVE, vm_states.PAUSED})

_TRANSITIONS = {
    'start': virtevent.EVENT_LIFECYCLE_STARTED,
    'pause': virtevent.EVENT_LIFECYCLE_PAUSED,
    'unpause': virtevent.EVENT_LIFECYCLE_RESUMED,
}
_FREEZES = frozenset({'pause', 'unpause'})
_STATES = {
    'running': virtevent.EVENT_LIFECYCLE_STARTED,
    'paused': virtevent.EVENT_LIFECYCLE_PAUSED,
    'exited': virtevent.EVENT_LIFECYCLE_STOPPED,
    'dead': virtevent.EVENT_LIFECYCLE_STOPPED,
}


class Follower:
    """Follows one engine from a thread of its own.

    :param emit: takes a nova.virt.event.LifecycleEvent
    :param bring_back: called when the engine is back, before Nova is told what is
        there
    :param on_return: called after that
    :param on_freeze: called with an instance that was frozen or thawed by anybody
    """

    def __init__(self, engine: client.Engine, compute_host: host.Host,
                 emit: Callable[[virtevent.LifecycleEvent], None],
                 bring_back: Callable[[], None], on_return: Callable[[], None],
                 on_freeze: Callable[[str], None]) -> None:
        self._engine = engine
        self._host = compute_host
        self._emit = emit
        self._bring_back = bring_back
        self._on_return = on_return
        self._on_freeze = on_freeze
        self._shortages = memory.Shortages()
        self._stopping = threading.Event()
        self._streams = 0
        # Instances that the engine was asked to signal, and that have not ended yet.
        self._signalled: set[str] = set()
        self._telling = threading.local()
        self._stream: client.EventStream | None = None
        self._thread: threading.Thread | None = None
        self._since: float | None = None
        self._last: float | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._thread = threading.Thread(target=self._run, name='docker-events', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread promptly."""
        self._stopping.set()
        if self._stream is not None:
            self._stream.close()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def describe(self) -> str:
        """How long it has followed the engine, in a few words."""
        if self._since is None:
            return 'not followed: the engine does not answer'
        now = time.monotonic()
        last = 'none yet' if self._last is None else f'{now - self._last:.0f} s ago'
        return f'followed for {now - self._since:.0f} s, last event {last}'

    def _run(self) -> None:
        failures, after_a_gap = 0, False
        while not self._stopping.is_set():
            try:
                self._follow(after_a_gap)
                failures = 0
            except exception.EngineError as e:
                failures += 1
                self._engine_lost(e, is_news=failures == 1)
            except Exception:  # the thread must outlive a broken event
                LOG.exception('Following the engine\'s events failed')
                failures += 1
            after_a_gap = True
            self._stopping.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])

    def _follow(self, after_a_gap: bool) -> None:
        """Handle events until the stream ends."""
        self._engine.ping()
        with contextlib.closing(self._open_stream()) as stream:
            self._since = time.monotonic()
            self._host.set_service_enabled(True)
            if after_a_gap:
                LOG.info('Following the events of the Docker engine again')
                _beside('catch up with the engine', self._catch_up)
            for event in stream:
                self._last = time.monotonic()
                self._handle(event)
            self._streams += 1
        self._since = None
        if not self._stopping.is_set():
            LOG.warning('The Docker engine ended its event stream')

    def _catch_up(self) -> None:
        """Have what ran run again before Nova hears of what does not run."""
        _attempt('start again what stopped with the engine', self._bring_back)
        _attempt('tell Nova what the engine has', self._tell_all)
        _attempt('remove what interrupted builds left; the next start of nova-compute '
                 'tries it again', self._on_return)

    def _open_stream(self) -> client.EventStream:
        self._stream = self._engine.events(naming.host_filter(CONF.host))
        if self._stopping.is_set():
            # stop() came before there was a stream to close.
            self._stream.close()
        return self._stream

    def _engine_lost(self, error: exception.EngineError, is_news: bool) -> None:
        if self._stopping.is_set():
            return
        if is_news:
            LOG.error('Lost the Docker engine: %s', error)
        try:
            self._host.set_service_enabled(False, str(error))
        except Exception:  # the thread must outlive a lost conductor, too
            LOG.exception('Could not disable the compute service; the next attempt to '
                          'reach the engine tries it again')

    def _tell_all(self) -> None:
        """Say of every instance what it is, because events were missed."""
        for entry in self._engine.list_containers(naming.host_filter(CONF.host)):
            transition = _STATES.get(entry['State'])
            if (container.is_workload(entry) and not container.is_parked(entry)
                    and transition is not None):
                self._tell(naming.instance_of(entry['Labels']), transition)

    def _handle(self, event: dict[str, ty.Any]) -> None:
        labels = event.get('Actor', {}).get('Attributes', {})
        if labels.get(naming.LABEL_ROLE) != naming.ROLE_WORKLOAD:
            return
        instance_uuid = naming.instance_of(labels)
        if event.get('Action') == 'kill':
            self._signalled.add(instance_uuid)
        elif event.get('Action') == 'die':
            delay = STOP_DELAY if instance_uuid in self._signalled else 0
            self._signalled.discard(instance_uuid)
            self._look_later(instance_uuid, delay, *_AGAIN_SECONDS)
        elif event.get('Action') == 'oom':
            self._shortages.tell(instance_uuid)
        elif event.get('Action') in _TRANSITIONS:
            self._tell(instance_uuid, _TRANSITIONS[event['Action']])
        if event.get('Action') in _FREEZES:
            _beside(f'unplug or plug what is frozen or thawed of instance {instance_uuid}',
                    lambda: self._on_freeze(instance_uuid))

    def _look_later(self, instance_uuid: str, delay: float, *more: float) -> None:
        timer = threading.Timer(delay, self._tell_if_stopped,
                                (self._streams, instance_uuid, *more))
        timer.daemon = True
        timer.start()

    def _tell_if_stopped(self, stream: int, instance_uuid: str, *later: float) -> None:
        try:
            lived = self._lived(instance_uuid)
        except exception.EngineError as e:
            LOG.debug('The engine went before a stop could be looked at: %s', e)
            return
        if lived is None or self._stopping.is_set() or self._ended_with_engine(stream):
            return
        self._tell(instance_uuid, virtevent.EVENT_LIFECYCLE_STOPPED)
        if later and lived < _SHORT_LIFE:
            self._look_later(instance_uuid, *later)

    def _ended_with_engine(self, stream: int) -> bool:
        """Whether the engine is being stopped, and takes its instances with it.

        They come back with it if the operator wants that; Nova must not learn that
        they stopped, for then they would not.

        :param stream: the one that told of the end; whatever comes after it catches
            up by itself
        """
        if stream != self._streams:
            return True
        if not CONF.resume_guests_state_on_host_boot:
            return False
        try:
            self._engine.ping_anew()
        except exception.EngineUnavailable:
            return True
        return False

    def _lived(self, instance_uuid: str) -> float | None:
        """Seconds that a container ran which does not run; None when it does.

        One that was removed has lived for ever.
        """
        try:
            inspected = self._engine.inspect_container(naming.workload_name(instance_uuid))
        except exception.ContainerNotFound:
            return math.inf
        return None if inspected['State']['Running'] else container.seconds_lived(inspected)

    def _tell(self, instance_uuid: str, transition: int) -> None:
        self._telling.stop_of = (
            instance_uuid if transition == virtevent.EVENT_LIFECYCLE_STOPPED else None)
        try:
            self._emit(virtevent.LifecycleEvent(instance_uuid, transition))
        finally:
            self._telling.stop_of = None

    def as_told(self, instance: nova_instance.Instance,
                look: Callable[[], hardware.InstanceInfo]) -> hardware.InstanceInfo:
        """An instance as Nova wants to find it while it handles an event.

        Nova believes in a stop only if it finds the instance SHUTDOWN, in the thread
        that tells of it.  One that crashed, or whose container somebody removed, does
        not run either; Nova would go on showing it as ACTIVE.

        :param look: what finds it as it is
        :raises InstanceNotFound: Nova itself removes or removed it
        """
        if getattr(self._telling, 'stop_of', None) != instance.uuid:
            return look()
        try:
            found = look()
        except nova_exception.InstanceNotFound:
            if instance.task_state or instance.vm_state not in _LIVE:
                raise
            return hardware.InstanceInfo(state=power_state.SHUTDOWN)
        if found.state == power_state.CRASHED:
            return hardware.InstanceInfo(state=power_state.SHUTDOWN,
                                         internal_id=found.internal_id)
        return found


def _beside(what: str, work: Callable[[], None]) -> None:
    """Do it in a thread, for which nobody waits."""
    threading.Thread(target=_attempt, args=(what, work), name='docker-beside',
                     daemon=True).start()


def _attempt(what: str, work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # nobody is there to take it, and what follows must be done
        LOG.exception('Could not %s', what)
