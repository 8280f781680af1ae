"""OpenDev's CI is asked for what the repository has."""

import configparser
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.unit.test_style import ROOT

# Defined by OpenStack's own job repositories.
THEIRS = {"build-openstack-releasenotes", "devstack-tempest", "openstack-tox-docs",
          "openstack-tox-functional-with-sudo", "openstack-tox-pep8", "openstack-tox-py312",
          "openstack-tox-py313"}
STAGES = ("check", "gate", "periodic")
PROJECT = "x/nova-docker"


@pytest.fixture(scope="module")
def parts() -> list[dict[str, Any]]:
    return list(yaml.safe_load((ROOT / ".zuul.yaml").read_text()))


@pytest.fixture(scope="module")
def jobs(parts) -> dict[str, Any]:
    return {part["job"]["name"]: part["job"] for part in parts if "job" in part}


@pytest.fixture(scope="module")
def run(parts) -> set[str]:
    project, = (part["project"] for part in parts if "project" in part)
    return {name for stage in STAGES for name in project[stage]["jobs"]}


@pytest.fixture(scope="module")
def files() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout.splitlines()


def test_every_job_that_is_run_or_inherited_from_exists(jobs, run):
    assert run | {job["parent"] for job in jobs.values()} <= THEIRS | jobs.keys()


def test_every_job_that_can_be_run_is(jobs, run):
    assert {name for name, job in jobs.items() if not job.get("abstract")} - run == set()


def test_every_playbook_and_file_that_is_named_exists(jobs):
    named = [path for job in jobs.values() for key in ("pre-run", "run", "post-run")
             for path in [job.get(key)] if path]
    text = (ROOT / ".zuul.yaml").read_text()
    named += re.findall(rf"{PROJECT}'\]\.src_dir }}}}/([^\"]+)\"", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_what_is_irrelevant_to_a_job_is_in_the_repository(jobs, files):
    patterns = {pattern for job in jobs.values() for pattern in job.get("irrelevant-files", ())}
    assert [pattern for pattern in patterns
            if not any(re.match(pattern, path) for path in files)] == []


def test_tox_has_the_environments(jobs):
    parser = configparser.ConfigParser()
    parser.read(ROOT / "tox.ini")
    wanted = {job["vars"]["tox_envlist"] for job in jobs.values()
              if job["parent"].startswith("openstack-tox")}
    assert {f"testenv:{name}" for name in wanted | {"docs", "pep8"}} <= set(parser.sections())


def test_both_backends_of_nova_are_tested(jobs):
    settings = [job["vars"]["devstack_local_conf"]["post-config"]["$NOVA_CPU_CONF"]["DEFAULT"]
                for job in jobs.values() if "devstack_local_conf" in job.get("vars", {})]
    assert {"threading", "eventlet"} == {entry["concurrency_backend"] for entry in settings}


def test_the_plugin_and_devstack_find_the_project(jobs):
    base = jobs["nova-docker-tempest-base"]
    assert PROJECT in base["required-projects"]
    url, = base["vars"]["devstack_plugins"].values()
    assert url.endswith(PROJECT)
    assert f"enable_plugin nova-docker {url}" in set(
        (ROOT / "devstack/local.conf.sample").read_text().splitlines())


def test_a_setting_of_devstack_is_one_that_the_plugin_or_devstack_reads(jobs):
    ours = {name for name in jobs["nova-docker-tempest-base"]["vars"]["devstack_localrc"]
            if name.startswith("NOVA_DOCKER_")}
    settings = (ROOT / "devstack/settings").read_text()
    assert [name for name in ours if f"{name}=" not in settings] == []
