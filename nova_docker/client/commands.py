"""``openstack docker image ...``"""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
import contextlib
import typing as ty
import uuid

from osc_lib import exceptions
from osc_lib.command import command

from nova_docker.client import archive
from nova_docker.client import build
from nova_docker.client import columns
from nova_docker.client import context as build_context
from nova_docker.client import engine
from nova_docker.client import glance
from nova_docker.client import interruption
from nova_docker.client import progress as client_progress
from nova_docker.client import reference

Shown = tuple[Sequence[str], Iterable[ty.Any]]


class _Command(command.ShowOne):
    """What the commands share: the images of the project, and progress."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        with interruption.also_by_sigterm():
            return super().run(parsed_args)

    def _images(self) -> glance.Images:
        return glance.Images(self.app.client_manager.sdk_connection.image)

    def _upload(self, docker: engine.Engine, saved: str, facts: engine.Facts,
                name: str) -> Shown:
        """Stream an image of the engine into Glance."""
        progress = client_progress.Progress()
        body = glance.description(name, facts.size,
                                  hw_architecture=glance.architecture(facts.architecture))
        pieces = progress.counted(docker.save(saved), f'Uploading {name}', facts.size)
        try:
            return _shown(columns.created(self._images().create(body, pieces)))
        finally:
            progress.clear()


class Register(_Command):
    """Make an image that names one of a registry; each compute host pulls it.

    Nothing is copied and no engine is needed. Use "docker image import" if the
    compute hosts cannot reach the registry.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_reference(parser, '; * registers an open image, whose servers name theirs in their '
                               'user data')
        _add_name(parser, 'the reference')
        parser.add_argument(
            '--architecture', metavar='<architecture>',
            help='Boot only on hosts of this architecture, such as x86_64 or aarch64 (default: '
                 'what the registry says, if a Docker engine is at hand and there is only one; '
                 'otherwise each host pulls its own)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        name = reference.checked(parsed_args.reference)
        body = glance.description(
            parsed_args.name or name, 0, docker_image=name,
            hw_architecture=parsed_args.architecture or _only_architecture(name))
        # Glance makes no image active without data.
        stub = f'{glance.REFERENCE_PROPERTY}={name}\n'.encode()
        return _shown(columns.created(self._images().create(body, [stub])))


class Import(_Command):
    """Copy an image of a registry into Glance.

    The Docker engine of DOCKER_HOST, or of the current docker context, pulls it,
    with the log-ins of "docker login". It is streamed on to Glance; the engine
    keeps it only if it had it before.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_reference(parser)
        _add_name(parser, 'the reference')
        _add_platform(parser)
        parser.add_argument('--local', action='store_true',
                            help='Do not pull: copy the image that the engine has')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        name = reference.checked(parsed_args.reference)
        with contextlib.closing(engine.Engine()) as docker, contextlib.ExitStack() as undo:
            before = docker.find(name)
            if parsed_args.local:
                facts = before
            else:
                if before is None:
                    undo.callback(docker.remove, name)
                facts = self._pulled(docker, name, parsed_args.platform)
            if facts is None:
                raise exceptions.CommandError(
                    f'The Docker engine has no image {name}: leave out --local to pull it.')
            return self._upload(docker, name, facts, parsed_args.name or name)

    @staticmethod
    def _pulled(docker: engine.Engine, name: str, platform: str | None) -> engine.Facts | None:
        progress = client_progress.Progress()
        try:
            docker.pull(name, platform, client_progress.Pull(progress, name))
        finally:
            progress.clear()
        return docker.find(name)


class Build(_Command):
    """Build an image from a Dockerfile, and put it into Glance.

    The Docker engine of DOCKER_HOST, or of the current docker context, builds
    it. It is streamed on to Glance, and the engine does not keep it.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'context', metavar='<context>',
            help='Folder (.dockerignore is honoured), tar archive, or URL of a git repository, '
                 'https://example.org/path.git#branch:folder')
        _add_name(parser, 'the last part of the context')
        parser.add_argument('--file', metavar='<path>',
                            help='The Dockerfile (default: Dockerfile in the context)')
        parser.add_argument('--build-arg', metavar='<name=value>', action='append', default=[],
                            help='Set an ARG of the Dockerfile (repeat for several)')
        _add_platform(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        arguments = dict(map(_argument, parsed_args.build_arg))
        context = build_context.context(parsed_args.context, parsed_args.file)
        with contextlib.closing(engine.Engine()) as docker:
            image_id = self._built(docker, context, arguments, parsed_args.platform)
            with docker.tagged(image_id, uuid.uuid4().hex) as tag:
                facts = docker.find(tag)
                if facts is None:
                    raise exceptions.CommandError(
                        'Somebody removed the image that was built. Build again.')
                # By its id, or the temporary tag would be in the archive.
                return self._upload(docker, image_id, facts, parsed_args.name or context.name)

    @staticmethod
    def _built(docker: engine.Engine, context: build_context.Context,
               arguments: dict[str, str], platform: str | None) -> str:
        progress = client_progress.Progress()
        try:
            pieces = context.pieces and progress.counted(context.pieces, 'Sending the context')
            return docker.build(build.Steps(progress), context=pieces, remote=context.remote,
                                dockerfile=context.dockerfile, arguments=arguments,
                                platform=platform)
        finally:
            progress.clear()


class Show(_Command):
    """Show what an image of Glance would run.

    Of its archive in Glance only the configuration is fetched, if the archive is
    not compressed; no engine is needed. Of an image that only names one of a
    registry, the name is shown.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('image', metavar='<image>', help='Image (name or ID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        images = self._images()
        image = images.find(parsed_args.image)
        if image.get(glance.REFERENCE_PROPERTY):
            return _shown(columns.of_reference(image))
        if image['container_format'] != 'docker' or image['status'] != 'active':
            raise exceptions.CommandError(
                f'The image {image["name"]} is {image["status"]} and of the container format '
                f'{image["container_format"]}; only an active one of the format docker can be '
                f'shown.')
        progress = client_progress.Progress()
        try:
            with images.content(image, lambda offset: progress.update(
                    f'Reading: at {client_progress.size(offset)} of '
                    f'{client_progress.size(image["size"])}')) as content:
                configuration = archive.configuration(content)
        finally:
            progress.clear()
        return _shown(columns.of_archive(image, configuration))


def _add_reference(parser: argparse.ArgumentParser, more: str = '') -> None:
    parser.add_argument('reference', metavar='<reference>',
                        help='The image in its registry, such as nginx:1.27 or '
                             f'registry.example.org/team/web@sha256:...{more}')


def _add_name(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument('--name', metavar='<name>',
                        help=f'Name of the image in Glance (default: {default})')


def _add_platform(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--platform', metavar='<os/architecture>',
                        help="For hosts of another architecture than the engine's, such as "
                             'linux/amd64')


def _argument(given: str) -> tuple[str, str]:
    name, equals, value = given.partition('=')
    if not name or not equals:
        raise exceptions.CommandError(f'--build-arg takes NAME=VALUE, not {given!r}.')
    return name, value


def _only_architecture(name: str) -> str | None:
    """What the registry says through an engine; it is no matter if nobody does."""
    if name == reference.OPEN:
        return None
    try:
        with contextlib.closing(engine.Engine()) as docker:
            found = set(docker.platforms(name)) - {'unknown'}
    except exceptions.CommandError:
        return None
    return glance.architecture(found.pop()) if len(found) == 1 else None


def _shown(rows: columns.Rows) -> Shown:
    return [key for key, _ in rows], [value for _, value in rows]
