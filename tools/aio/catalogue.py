"""What is in the images: programs of Debian packages and a few texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import hashlib
from pathlib import Path

BUSYBOX = Path('/bin/busybox')
NGINX = Path('/usr/sbin/nginx')
# busybox's own ping wants CAP_NET_RAW, which containers are not given.
PING = Path('/bin/ping')
PING6 = Path('/bin/ping6')
DROPBEAR = Path('/usr/sbin/dropbear')
DROPBEARKEY = Path('/usr/bin/dropbearkey')
# Tempest asks the metadata service with it; busybox's own wget crashes.
CURL = Path('/usr/bin/curl')
# busybox's shell prefers its own ping to any other.
BASH = Path('/bin/bash')

USERS = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'
GROUPS = 'root:x:0:\nnogroup:x:65534:\n'

# Shows its network once, then does nothing, and ends at once when asked to.
IDLE = """\
#!/bin/sh
trap 'exit 0' TERM INT
echo "this is $(hostname)"
ip -4 -o addr show scope global
while :; do sleep 3600 & wait $!; done
"""

NGINX_CONF = """\
user nobody nogroup;
worker_processes 1;
daemon off;
pid /tmp/nginx.pid;
error_log /dev/stderr notice;
events { worker_connections 256; }
http {
    types { text/html html; text/plain txt; }
    default_type application/octet-stream;
    access_log /dev/stdout;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server {
        listen 80;
        root /usr/share/nginx/html;
    }
}
"""
INDEX_PAGE = ('<!doctype html><title>nova-docker</title>'
              '<h1>Served by nginx in a container that nova boot started</h1>\n')

# The key comes from the metadata service, which answers once the network does.
SERVE_SSH = """\
#!/bin/sh
echo "this is $(hostname)"
ip addr
head -n 3 /proc/meminfo
mkdir -p /root/.ssh /etc/dropbear && chmod 700 /root/.ssh
{
    tries=30
    path=/latest/meta-data/public-keys/0/openssh-key
    while [ $tries -gt 0 ] && ! [ -s /root/.ssh/authorized_keys ]; do
        printf 'GET %s HTTP/1.0\\r\\nHost: 169.254.169.254\\r\\n\\r\\n' $path |
            nc -w 2 169.254.169.254 80 | grep -E '^(ssh|ecdsa|sk-)' >/root/.ssh/authorized_keys
        tries=$((tries - 1))
        sleep 1
    done
} 2>/dev/null &
exec dropbear -F -E -R -p 22
"""
# All servers of this image have one host key, as no image but one for tests may have it:
# Tempest logs in while a floating IP moves from one server to another, may reach the
# first once more, and would take the other's key for an attack from then on.
HOST_KEY = ('RUN mkdir -p /etc/dropbear && '
            'dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key')
# Nobody enters with a password until the driver has set one.
SHADOW = 'root:*:19000:0:99999:7:::\n'
# For tests that log in as root and do not know it.
SUDO = '#!/bin/sh\nexec "$@"\n'


@dataclass(frozen=True)
class Image:
    """An image to be made.

    :param programs: copied with the libraries that they load
    :param files: path -> text; scripts under /bin can be executed
    :param config: Dockerfile instructions
    """

    name: str
    config: tuple[str, ...]
    programs: tuple[Path, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


IMAGES = (
    Image('busybox', ('CMD ["sh"]',), programs=(PING,), files={'bin/idle': IDLE}),
    Image('nginx', ('CMD ["nginx"]', 'EXPOSE 80', 'STOPSIGNAL SIGQUIT'), programs=(NGINX,),
          files={'etc/nginx/nginx.conf': NGINX_CONF,
                 'usr/share/nginx/html/index.html': INDEX_PAGE}),
    Image('dropbear', (HOST_KEY, 'CMD ["/bin/serve-ssh"]', 'EXPOSE 22'),
          programs=(DROPBEAR, DROPBEARKEY, PING, PING6, CURL, BASH),
          files={'bin/serve-ssh': SERVE_SSH, 'bin/sudo': SUDO, 'etc/shells': '/bin/bash\n/bin/sh\n',
                 'etc/passwd': USERS.replace('/root:/bin/sh', '/root:/bin/bash'),
                 'etc/shadow': SHADOW}),
)


def version() -> str:
    """Changes with this file and with the programs in the images."""
    parts = (Path(__file__), BUSYBOX, PING, NGINX, DROPBEAR, CURL, BASH)
    return hashlib.sha256(b''.join(path.read_bytes() for path in parts)).hexdigest()[:16]
