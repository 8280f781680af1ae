"""Names of registry images."""

import re

from osc_lib import exceptions

# https://pkg.go.dev/github.com/distribution/reference
_PART = r'[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
_REFERENCE = re.compile(
    rf'(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?'
    rf'{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[a-f0-9]{{64}})?')
# What an open image has in the place of a name: its user data have the name.
OPEN = '*'
# Nova copies an image's properties to the instance in columns of this length.
_LONGEST = 255


def checked(reference: str) -> str:
    """:raises CommandError: it is not the name of an image"""
    if reference != OPEN and _REFERENCE.fullmatch(reference) is None:
        raise exceptions.CommandError(
            f'{reference!r} is not the name of an image: it looks like '
            f'registry.example.org/path/name:tag, in lower case up to the tag.')
    if len(reference) > _LONGEST:
        raise exceptions.CommandError(
            f'The name of the image is longer than {_LONGEST} characters; use a shorter one.')
    return reference
