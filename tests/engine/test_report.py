"""The Guru Meditation Report of a nova-compute that runs this driver."""

import re
from types import SimpleNamespace

from oslo_reports import guru_meditation_report

from nova_docker.operations import lifecycle
from nova_docker.operations import report
from tests.engine import instances
from tests.engine import waiting

VERSION = SimpleNamespace(vendor_string=lambda: "", product_string=lambda: "Nova",
                          version_string_with_package=lambda: "34")


def section() -> str:
    whole = guru_meditation_report.TextGuruMeditation(VERSION).run()
    assert whole.count(report.TITLE) == 1
    return whole.partition(report.TITLE)[2]


def test_the_report_tells_of_the_engine_the_containers_and_the_locks(boots, api):
    instance = boots.archive(instances.busybox())
    report.Report(boots.driver._engine, boots.driver._events).register()  # once more
    waiting.until(lambda: "followed for" in section())
    with lifecycle.exclusive(instance.uuid):
        told = section()
    assert api.version()["Version"] in told
    assert "workload running = 1" in told
    assert "sandbox running = 1" in told
    assert re.search(rf"{instance.uuid} = \d\.\d s by MainThread", told)
    assert instance.uuid not in section()
    assert "Images in the cache = 1" in told


def test_an_engine_that_is_gone_does_not_hold_up_the_report(driver):
    driver._engine.close()
    driver._engine.url = "tcp://operator:secret@192.0.2.1:2376"
    driver._engine._short.base_url = "http+docker://nowhere"
    told = section()
    assert "tcp://192.0.2.1:2376" in told
    assert "secret" not in told.partition("Events")[0]
