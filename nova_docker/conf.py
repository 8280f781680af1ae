"""Configuration options of the driver: the group ``[docker]``."""

import typing as ty

from oslo_config import cfg

docker_group = cfg.OptGroup(
    'docker',
    title='Docker options',
    help="""
The Docker compute driver, used when ``[DEFAULT]/compute_driver`` is
``docker.DockerDriver``, runs every instance as a container on a Docker engine
of the same host.
""")

docker_opts = [
    cfg.StrOpt(
        'engine_url',
        default='unix:///run/docker.sock',
        regex=r'^(unix:///|tcp://).+',
        help="""
Where the Docker engine listens.

The engine must run on the same host as nova-compute, because the driver wires
the network namespaces of its containers. The user that runs nova-compute needs
access to it: for a Unix socket that is membership in the group ``docker``.

Possible values:

* ``unix:///<path of the socket>``
* ``tcp://<host>:<port>``; set the three ``tls_*`` options too, because whoever
  can reach an engine without TLS is root on its host.

Related options:

* ``tls_ca_file``, ``tls_cert_file``, ``tls_key_file``
* ``insecure_tcp``
"""),
    cfg.StrOpt(
        'tls_ca_file',
        help="""
Certificate authority (PEM) that the engine's certificate is verified against.

Setting it turns TLS on for a ``tcp://`` engine. The certificate and the host
name in it are always verified.

Related options:

* ``engine_url``
* ``tls_cert_file`` and ``tls_key_file``
"""),
    cfg.StrOpt(
        'tls_cert_file',
        help="""
Client certificate (PEM) that nova-compute shows to the engine.

Related options:

* ``tls_ca_file``
* ``tls_key_file``, which must be set too
"""),
    cfg.StrOpt(
        'tls_key_file',
        help="""
Private key (PEM) of ``tls_cert_file``.

Related options:

* ``tls_cert_file``
"""),
    cfg.BoolOpt(
        'insecure_tcp',
        default=False,
        help="""
Allow a ``tcp://`` engine without TLS.

Whoever reaches the engine's port is root on its host, so nova-compute does not
start with such an engine unless this is set. It is for an engine on the
loopback interface of a machine that nobody else logs in to.

Related options:

* ``engine_url``
* ``tls_ca_file``
"""),
    cfg.IntOpt(
        'engine_timeout',
        default=60,
        min=1,
        help="""
Seconds to wait for the engine's answer to a short request, such as creating,
starting or inspecting a container.

A busy host answers slowly: a value that is too small makes boots fail under
load.

Related options:

* ``stream_timeout``, for requests that carry images
"""),
    cfg.IntOpt(
        'stream_timeout',
        default=600,
        min=1,
        help="""
Seconds of silence after which an image transfer between nova-compute and the
engine (load, pull) is given up. It limits the pauses, not the whole transfer.

Related options:

* ``engine_timeout``
"""),
    cfg.IntOpt(
        'max_image_gb',
        default=50,
        min=0,
        help="""
GiB that an image kept in Glance may unpack to on this host. A larger one is
refused while it is downloaded.

A compressed archive of a few megabytes can unpack to terabytes; this keeps it
from filling the engine's disk. The disk of the flavor, where it has one, is a
limit, too.

Possible values:

* any positive integer
* 0: no limit but the flavor's
"""),
    cfg.ListOpt(
        'registry_allow',
        default=[],
        help="""
Images of registries that users may boot: patterns of ``<registry>/<repository>``,
separated by commas. Any other image is refused, and the fault shows this list.

A ``*`` stands for any characters; for the registry it does not go beyond the
first slash. Tags and digests are no part of a pattern. Images kept in Glance
are not affected.

Possible values:

* unset: every image of every registry
* ``docker.io/library/*``: the official images of Docker Hub
* ``registry.example.org/*`` or ``registry.example.org``: all of one registry
* ``registry.example.org:5000/web/*``: one folder of a registry with a port
"""),
    cfg.StrOpt(
        'pull_policy',
        default='if-not-present',
        choices=[
            ('if-not-present', 'A tag or digest that the engine has is booted as it is, also '
                               'while the registry is away.'),
            ('always', 'The registry is asked at every boot what a tag stands for; a boot '
                       'fails while it is away.'),
        ],
        help="""
When an image of a registry is pulled.

An instance keeps the image that it was booted with, wherever its tag is moved,
until it is rebuilt with another image of Glance or another reference. Such a
rebuild asks the registry with either value; with ``if-not-present`` it makes do
with what the engine has while the registry is away.
"""),
    cfg.IntOpt(
        'pull_timeout',
        default=1800,
        min=1,
        help="""
Seconds that pulling one image from a registry may take in all.

While they last, a pull is tried again, at growing intervals and five times at
the most, when the registry is busy (429), fails (5xx) or breaks off; twice when
nobody answers at its address. A registry that refuses (401, 403) or lacks the
image (404) fails the boot at once.

Related options:

* ``stream_timeout``, the silence that ends one attempt
"""),
    cfg.StrOpt(
        'registry_auth_file',
        help="""
Credentials for registries: a file in the format of Docker's ``config.json``, as
``docker login`` writes it.

Its ``auths`` are keyed by the registry's ``<host>[:<port>]`` (Docker Hub's by
``https://index.docker.io/v1/``); each has ``auth``, the base64 of
``<username>:<password>``, or ``username`` and ``password``, or
``identitytoken``. Credential helpers are not used. The file is read at every
pull, so that a change needs no restart.

All users of the cloud can boot what these credentials can pull; limit that with
``registry_allow``. Only nova-compute's user should be able to read the file.

Related options:

* ``registry_allow``
"""),
    cfg.StrOpt(
        'sandbox_image',
        help="""
Image of the sandbox, the small container that holds an instance's network.

By default the driver makes the image itself: one static program of a few
hundred bytes, which needs no registry. An image named here must be present on
the engine already, and its default command must never end.

Possible values:

* unset: the driver's own image (x86_64 and aarch64 hosts)
* a reference the engine knows, for example ``registry.k8s.io/pause:3.9``; needed
  on any other architecture
"""),
    cfg.StrOpt(
        'cpu_mode',
        default='quota',
        choices=[
            ('quota', 'An instance can use as many CPUs as its flavor has '
                      'vCPUs and never more.'),
            ('shares', 'An instance gets CPU time in proportion to its vCPUs '
                       'when the host is busy, and all it can use otherwise.'),
        ],
        help="""
How the vCPUs of a flavor limit an instance.

``shares`` uses an idle host better; ``quota`` gives every instance the same
speed whoever its neighbours are.

Related options:

* ``[DEFAULT]/cpu_allocation_ratio``
"""),
    cfg.IntOpt(
        'pids_limit',
        default=4096,
        min=0,
        help="""
The most processes and threads that one instance may have.

It keeps a fork bomb inside its instance.

Possible values:

* any positive integer
* 0: no limit
"""),
    cfg.BoolOpt(
        'no_new_privileges',
        default=False,
        help="""
Forbid processes of an instance to gain privileges through setuid programs.

It makes containers safer, and breaks images that rely on ``su``, ``sudo`` or
``ping`` with a setuid bit.
"""),
    cfg.StrOpt(
        'lxcfs_root',
        help="""
Folder of the engine's host where LXCFS is mounted.

An instance then sees its own CPUs, memory and uptime in ``/proc/cpuinfo``,
``/proc/meminfo``, ``/proc/stat``, ``/proc/uptime`` and their like, instead of
the host's. LXCFS must run with ``--enable-cfs`` and before the instances start;
one that cannot be found keeps instances from being created.

Possible values:

* unset: instances see the host's figures
* ``/var/lib/lxcfs``, where Debian's and Ubuntu's package mounts it
"""),
    cfg.BoolOpt(
        'force_metadata',
        default=False,
        help="""
Send instances to Neutron's DHCP port for metadata, whatever router there is.

Set it as ``force_metadata`` is set for Neutron's DHCP agent, which would give a
virtual machine that route. Without it, the route to the metadata service leads to
the DHCP port on a subnet without a gateway, and to the gateway otherwise, so a
network whose subnet has a gateway address but no router has no metadata service.
"""),
    cfg.IntOpt(
        'address_refresh_interval',
        default=60,
        min=0,
        help="""
Seconds between two looks for addresses and routes that ports have got or lost in
Neutron while their instances run.

Nova tells a driver nothing of such a change. A look is one request for all
instances of the host to nova-conductor.

Possible values:

* any positive integer
* 0: an instance gets its new addresses when it is started or rebooted
"""),
    cfg.IntOpt(
        'reboot_timeout',
        default=10,
        min=0,
        help="""
Seconds that a soft reboot gives the instance's main process to end by itself
after the image's stop signal, before it is killed.
"""),
]


def register_opts(conf: ty.Any) -> None:
    """Register the options on an oslo.config ConfigOpts object."""
    conf.register_group(docker_group)
    conf.register_opts(docker_opts, group=docker_group)


def list_opts() -> list[tuple[ty.Any, list[ty.Any]]]:
    """What oslo-config-generator writes into the sample file."""
    return [(docker_group, docker_opts)]
