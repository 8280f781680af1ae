"""The commands of the client with a real engine; Glance is a stand-in over HTTP."""

from collections.abc import Iterator
import http.server
import io
from pathlib import Path
import signal
import subprocess
import sys
import tarfile
import threading
import time
import uuid

import openstack
from osc_lib import exceptions
import pytest

from nova_docker.client import engine as client_engine
from tests import archives
from tests import commands
from tests import machine
from tests.engine import instances
from tests.fakes import glance as fake_glance

BASE = "nova-docker-test/base:latest"


@pytest.fixture
def serving() -> Iterator[tuple[fake_glance.Glance, openstack.connection.Connection]]:
    with fake_glance.serving() as made:
        yield made


@pytest.fixture
def store(serving) -> fake_glance.Glance:
    return serving[0]


@pytest.fixture
def cloud(serving) -> openstack.connection.Connection:
    return serving[1]


@pytest.fixture(autouse=True)
def user(engine_url: str, api, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody whose engine this is; the commands leave nothing on it."""
    monkeypatch.setenv("DOCKER_HOST", engine_url)
    base = instances.busybox(tags=[BASE], env=["OF=base"])
    api.load_image(base.archive())
    before, dangling = tags(api), untagged(api)
    yield
    assert tags(api) == before
    # The steps before one that failed stay in the engine's cache.
    for image in untagged(api) - dangling:
        api.remove_image(image)
    api.remove_image(BASE)


def tags(api) -> set[str]:
    return {tag for image in api.images() for tag in image["RepoTags"] or ()} - {"<none>:<none>"}


def untagged(api) -> set[str]:
    return {image["Id"] for image in api.images(filters={"dangling": True})}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "web"
    made.mkdir()
    (made / "Dockerfile").write_text(
        f"FROM {BASE}\nARG PORT=80\nENV MADE={uuid.uuid4().hex} PORT=$PORT\nCOPY page /page\n"
        f'EXPOSE 8080\nUSER nobody\nWORKDIR /srv\nENTRYPOINT ["sleep"]\nCMD ["3600"]\n')
    (made / "page").write_text("hello")
    (made / "secret").write_text("secret")
    (made / ".dockerignore").write_text("secret\n")
    return made


def test_a_folder_is_built_into_an_image_that_is_shown_as_it_will_run(
        store: fake_glance.Glance, cloud, folder: Path):
    made = commands.run(cloud, "build", str(folder), "--build-arg", "PORT=8080")
    image = store.images[made["id"]]
    assert (image["name"], image["status"], image["container_format"]) == (
        "web", "active", "docker")
    assert (image["min_disk"], image["min_ram"], image["img_hv_type"]) == (1, 6, "docker")
    shown = commands.run(cloud, "show", "web")
    assert (shown["entrypoint"], shown["command"]) == (["sleep"], ["3600"])
    assert {"OF=base", "PORT=8080"} <= set(shown["env"])
    assert (shown["user"], shown["workdir"]) == ("nobody", "/srv")
    assert shown["exposed_ports"] == ["8080/tcp"]
    assert shown["architecture"] == image["hw_architecture"]
    assert shown["size"] == len(store.data[made["id"]])


def test_a_built_image_boots(store: fake_glance.Glance, cloud, boots, api, folder: Path):
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nCOPY page /\nCMD sleep 3600\n")
    made = commands.run(cloud, "build", str(folder))
    boots.archive(store.data[made["id"]])


def test_a_tar_is_built_with_the_dockerfile_that_is_named(
        store: fake_glance.Glance, cloud, folder: Path, tmp_path: Path):
    (folder / "Dockerfile").rename(folder / "Other")
    with tarfile.open(tmp_path / "context.tar.gz", "w:gz") as tar:
        tar.add(folder, ".")
    made = commands.run(cloud, "build", str(tmp_path / "context.tar.gz"), "--file", "Other",
                        "--name", "of-tar")
    assert store.images[made["id"]]["name"] == "of-tar"


@pytest.fixture
def repository(folder: Path, tmp_path: Path) -> Iterator[str]:
    """A git repository behind plain HTTP."""
    git = machine.require_program("git", package="git")
    for command in (["init", "-q", "."], ["add", "."],
                    ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "m"],
                    ["clone", "-q", "--bare", ".", str(tmp_path / "web.git")]):
        subprocess.run([git, *command], cwd=folder, check=True)
    subprocess.run([git, "update-server-info"], cwd=tmp_path / "web.git", check=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments) -> None:
            """No log."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/web.git"
        server.shutdown()


def test_a_git_repository_is_built(store: fake_glance.Glance, cloud, repository: str):
    made = commands.run(cloud, "build", repository)
    assert store.images[made["id"]]["name"] == "web"


def test_a_step_that_fails_is_shown_with_its_output(
        store: fake_glance.Glance, cloud, folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo before\nRUN echo why && false\n")
    said = commands.refusal(cloud, "build", str(folder))
    assert said.startswith("Step 3/3 : RUN echo why && false failed: The command")
    seen = capsys.readouterr().err
    assert "why" in seen
    assert "before" not in seen
    assert store.images == {}


@pytest.mark.parametrize(("text", "advice"), [
    ("FRM scratch", "Correct the Dockerfile"), ("", "Correct the Dockerfile"),
    ("FROM nova-docker-test/absent", "Step 1/1")])
def test_a_dockerfile_that_is_wrong_is_told_in_a_line(
        store: fake_glance.Glance, cloud, folder: Path, text: str, advice: str):
    (folder / "Dockerfile").write_text(text)
    assert advice in commands.refusal(cloud, "build", str(folder))


def test_what_glance_refuses_leaves_nothing_on_either_side(
        store: fake_glance.Glance, cloud, folder: Path):
    store.refusals["PUT file"] = 413
    assert "quota" in commands.refusal(cloud, "build", str(folder))
    assert store.images == {}


def test_an_image_of_a_registry_is_copied_and_not_kept(
        store: fake_glance.Glance, cloud, registry, api):
    image = instances.busybox(env=[f"MADE={uuid.uuid4().hex}"])
    reference = registry.publish("team/web", "1", image)
    made = commands.run(cloud, "import", reference)
    assert store.images[made["id"]]["name"] == reference
    assert "docker_image" not in store.images[made["id"]]
    assert commands.run(cloud, "show", made["id"])["env"] == list(image.env)
    assert reference not in tags(api)


def test_what_the_engine_has_is_copied_without_a_registry(
        store: fake_glance.Glance, cloud, api):
    commands.run(cloud, "import", BASE, "--local", "--name", "base")
    assert "--local" in commands.refusal(cloud, "import", "nova-docker-test/absent", "--local")
    assert BASE in tags(api)


def test_what_the_registry_lacks_is_told_in_a_line(store: fake_glance.Glance, cloud, registry):
    assert "Check the name" in commands.refusal(
        cloud, "import", f"{registry.address}/team/absent:1")
    assert store.images == {}


def test_the_architecture_of_a_registered_image_is_what_the_registry_says(
        store: fake_glance.Glance, cloud, registry):
    reference = registry.publish("team/web", "2", instances.busybox())
    made = commands.run(cloud, "register", reference)
    assert store.images[made["id"]]["hw_architecture"] in ("x86_64", "aarch64")


RUN = """
import signal
import sys
import openstack
from tests import commands
# Ignored in a child of what was started in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
config = openstack.config.OpenStackConfig(load_envvars=False, load_yaml_config=False)
cloud = openstack.connection.Connection(config=config.get_one(
    auth_type="none", image_api_version="2", image_endpoint_override=sys.argv[1]))
commands.run(cloud, *sys.argv[2:])
"""


def test_an_interrupted_upload_leaves_nothing_on_either_side(
        store: fake_glance.Glance, cloud, folder: Path):
    store.holds_uploads = threading.Event()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, cloud.image.get_endpoint(), "build", str(folder)],
        stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not store.images and time.monotonic() < deadline:
        time.sleep(0.05)
    assert store.images
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    store.holds_uploads.set()
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in said
    assert store.images == {}


def test_a_build_is_stopped_on_the_engine_when_its_user_goes(folder: Path, api):
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo begun && sleep 60\n")
    docker = client_engine.Engine()

    def stop(line: dict[str, object]) -> None:
        if line.get("stream") == "begun\n":
            raise KeyboardInterrupt

    with tarfile.open(fileobj=(stream := io.BytesIO()), mode="w") as tar:
        tar.add(folder, ".")
    with pytest.raises(KeyboardInterrupt):
        docker.build(stop, context=archives.pieces(stream.getvalue()))
    docker.close()
    deadline = time.monotonic() + 10
    while (left := api.containers(all=True, filters={"ancestor": BASE})) \
            and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def test_an_engine_that_breaks_off_a_save_is_noticed(monkeypatch: pytest.MonkeyPatch):
    docker = client_engine.Engine()
    monkeypatch.setattr(docker._api, "get_image", lambda name: iter([b"a" * 2000]))
    with pytest.raises(exceptions.CommandError, match="broke off"):
        list(docker.save(BASE))
    docker.close()
