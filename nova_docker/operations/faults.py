"""Failures of a boot, in the words of the user who asked for it.

A mistake of the user's fails on every host, so it aborts the build; anything
else is left as it is, and Nova tries another host.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import re

from nova import exception as nova_exception
from nova.objects import instance as nova_instance

from nova_docker import exception
from nova_docker.translate import image as image_translation


@contextlib.contextmanager
def explained(instance: nova_instance.Instance,
              source: image_translation.ImageSource) -> Iterator[None]:
    """Raise a user's mistake in the body as one that aborts the build.

    :raises ImageUnacceptable: the archive in Glance; Nova aborts the build
    :raises BuildAbortException: saying what is wrong and what to change
    """
    try:
        yield
    except exception.EngineUnavailable:
        raise
    except (exception.InvalidArchive, exception.ImageLoadFailed, exception.ImageTooLarge) as e:
        if 'no space left' in _reason(e):
            raise  # the next host may have some
        raise nova_exception.ImageUnacceptable(
            image_id=source.image_id, reason=unacceptable(e)) from e
    except exception.EngineError as e:
        if 'no space left' in _reason(e):
            raise
        explain = _EXPLANATIONS.get(type(e))
        if explain is None:
            raise
        raise nova_exception.BuildAbortException(
            instance_uuid=instance.uuid, reason=explain(e, source)) from e


# What the engine puts before the registry's own words; it repeats the reference.
_PREAMBLE = re.compile(r"^(manifest for \S+ not found|repository \S+ not found|"
                       r"pull access denied for .*'docker login'): ")

Explanation = Callable[[nova_exception.NovaException, image_translation.ImageSource], str]


def unacceptable(e: nova_exception.NovaException) -> str:
    """What is wrong with an archive, and what to do about it."""
    if isinstance(e, exception.ImageTooLarge):
        return (f'it unpacks to more than {e.kwargs["allowed"]}. Use a larger flavor or a '
                f'smaller image.')
    # What to do comes first: a fault is cut at 255 characters, and Nova's own
    # words before it take half of them.
    return (f'not a Docker image archive, upload the output of "docker save": {_reason(e)}. '
            f'For an image of a registry, set the property '
            f'{image_translation.REFERENCE_PROPERTY}.')


def _absent(e: nova_exception.NovaException, source: image_translation.ImageSource) -> str:
    words = _PREAMBLE.sub('', _reason(e))
    return (f'the registry has no image {source.reference!r} that may be pulled: {words}. '
            f'Correct {source.named_in}.')


def _registry(e: nova_exception.NovaException, source: image_translation.ImageSource) -> str:
    return (f'image {source.reference!r} could not be pulled: {_reason(e)}. Check '
            f'{source.named_in}, and that the compute host reaches the registry.')


def _refused(e: nova_exception.NovaException, source: image_translation.ImageSource) -> str:
    return (f'the registry refused image {source.reference!r}: {_reason(e)}. The operator '
            f'has to set credentials in [docker]/registry_auth_file.')


def _platform(e: nova_exception.NovaException, source: image_translation.ImageSource) -> str:
    return (f'image {source.reference!r} cannot run here: {_reason(e)}. Name another, or set '
            f'its property hw_architecture for another host.')


def _rejected(e: nova_exception.NovaException, source: image_translation.ImageSource) -> str:
    reason = _reason(e)
    if 'reference format' in reason.lower():
        # Before the engine's words, which repeat the reference.
        return (f'{source.reference!r} has an invalid reference format. Correct '
                f'{source.named_in}: {reason}.')
    if 'no command specified' in reason.lower():
        advice = f'Set {source.command_in}.'
    elif 'memory limit' in reason.lower():
        advice = 'Use a flavor with more memory.'
    elif re.match(r'unable to find (user|group)|cannot mkdir', reason, re.IGNORECASE):
        advice = f'Correct {"the user data" if source.is_open else "the image"}.'
    else:
        advice = 'Change the image or the flavor.'
    return f'the Docker engine refuses the container: {reason}. {advice}'


def _command(e: nova_exception.NovaException, source: image_translation.ImageSource) -> str:
    found = re.search(r'exec: ([^\n]+)', _reason(e))
    return (f'the command of image {source.image_id} cannot be run: '
            f'{found.group(1) if found else _reason(e)}. Correct {source.command_in}, or the '
            f'image.')


def _reason(e: nova_exception.NovaException) -> str:
    return str(e.kwargs.get('reason') or e).rstrip('. \n')


_EXPLANATIONS: dict[type[Exception], Explanation] = {
    exception.EngineImageNotFound: _absent,
    exception.ImagePullFailed: _registry,
    exception.RegistryUnavailable: _registry,
    exception.RegistryUnreachable: _registry,
    exception.RegistryRefused: _refused,
    exception.PlatformNotFound: _platform,
    exception.EngineRejected: _rejected,
    exception.CommandNotRunnable: _command,
}
