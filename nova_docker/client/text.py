"""Messages of others, made fit to be one line of ours."""

import re

_LONGEST = 400


def line(message: str, advice: str = '') -> str:
    """A message without line breaks and control characters, and what to do about it."""
    plain = ' '.join(re.sub(r'[\x00-\x1f\x7f]+', ' ', message).split())
    if len(plain) > _LONGEST:
        plain = plain[:_LONGEST] + '...'
    if not advice:
        return plain
    return f'{plain.rstrip(".")}. {advice}'
