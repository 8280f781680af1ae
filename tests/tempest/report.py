"""What came of a run of Tempest."""

from collections import Counter
import dataclasses
import io
from pathlib import Path
from xml.etree import ElementTree

import subunit
import testtools


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one test.

    :param status: success, fail, skip, ...: https://testtools.readthedocs.io
    :param details: why, when it did not succeed
    """

    name: str
    status: str
    seconds: float
    details: str


def outcomes(stream: bytes) -> list[Outcome]:
    """The tests in a subunit stream, and the set-ups of classes that did not succeed."""
    found: list[Outcome] = []

    def take(test: testtools.testresult.real.TestDict) -> None:  # a dict of the test
        begin, end = test['timestamps']
        seconds = (end - begin).total_seconds() if begin and end else 0.0
        details = '\n'.join(content.as_text() for name, content in test['details'].items()
                            if name in {'reason', 'traceback', 'traceback-1'})
        found.append(Outcome(test['id'], test['status'], seconds, details))

    result = testtools.StreamToDict(take)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(io.BytesIO(stream), 'output').run(result)
    result.stopTestRun()
    return [outcome for outcome in found if outcome.status != 'exists']


def failed(found: list[Outcome]) -> list[Outcome]:
    return [o for o in found if o.status not in {'success', 'skip', 'xfail'}]


def skipped(found: list[Outcome]) -> list[Outcome]:
    return [o for o in found if o.status == 'skip']


def passed(found: list[Outcome]) -> list[Outcome]:
    return [o for o in found if o.status in {'success', 'xfail'}]


def in_words(found: list[Outcome], excluded: int) -> str:
    """For a person: failures with their causes, skips by reason, numbers."""
    lines = [f'\n{outcome.name} {outcome.status}\n{outcome.details}' for outcome in failed(found)]
    reasons = Counter(o.details.strip().splitlines()[0] if o.details.strip() else 'no reason'
                      for o in skipped(found))
    lines += ['', 'Skipped, a class counted once:',
              *(f'{number:4} {reason}' for reason, number in reasons.most_common())]
    lines += ['', f'Tempest: {len(passed(found))} passed, {len(failed(found))} failed, '
                  f'{len(skipped(found))} skipped, {excluded} excluded']
    return '\n'.join(lines)


def write_junit(found: list[Outcome], target: Path) -> None:
    """As much of a JUnit report as tests/closing_line.py reads."""
    suite = ElementTree.Element('testsuite', name='tempest', tests=str(len(found)), errors='0',
                                failures=str(len(failed(found))),
                                skipped=str(len(skipped(found))))
    for outcome in found:
        case = ElementTree.SubElement(suite, 'testcase', name=outcome.name,
                                      time=f'{outcome.seconds:.3f}')
        if outcome in failed(found):
            ElementTree.SubElement(case, 'failure').text = outcome.details
    ElementTree.ElementTree(suite).write(target, encoding='utf-8', xml_declaration=True)
