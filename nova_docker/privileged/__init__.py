"""What needs more rights than nova-compute has, run by oslo.privsep.

``[nova_docker_privileged] helper_command`` says how the helper is started; by
default through ``sudo`` and Nova's rootwrap.
"""

from oslo_privsep import capabilities
from oslo_privsep import priv_context

# NET_ADMIN: links, addresses, routes.  SYS_ADMIN: setns() into a container's
# network namespace.  SYS_PTRACE: open /proc/<pid>/ns/net of another user's
# process.
context = priv_context.PrivContext(
    'nova_docker',
    cfg_section='nova_docker_privileged',
    pypath=__name__ + '.context',
    capabilities=[capabilities.CAP_NET_ADMIN,
                  capabilities.CAP_SYS_ADMIN,
                  capabilities.CAP_SYS_PTRACE],
)
