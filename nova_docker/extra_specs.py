"""The ``docker:`` extra specs of flavors, as nova-api validates them.

Nova finds them through the entry point ``nova.api.extra_spec_validators``, so
the package must be installed where nova-api runs; a wrong value is then a 400
when the flavor is made and not a failed boot.
"""

import typing as ty

from nova.api.validation.extra_specs import base

from nova_docker.translate import flavor

_KINDS: dict[str, ty.Any] = {'boolean': bool, 'integer': int}


def register() -> list[base.ExtraSpecValidator]:
    """What Nova asks an entry point of that group for."""
    return [base.ExtraSpecValidator(
        name=spec.name, description=spec.description, value=_value(spec))
        for spec in flavor.SPECS]


def _value(spec: flavor.Spec) -> dict[str, ty.Any]:
    if spec.kind == 'text':
        return {'type': str, 'pattern': spec.pattern}
    return {'type': _KINDS[spec.kind], **({'min': spec.least} if spec.kind == 'integer' else {})}
