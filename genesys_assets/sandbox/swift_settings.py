"""Writes the files that Swift's four servers read when they start: settings, and the rings that map data to servers.

The account, container and object servers keep data on one device; the proxy speaks S3 and uses them. `object_store`
starts and stops the servers.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SERVERS = ("account", "container", "object", "proxy")
_DEVICE = "d1"

_SWIFT = """
[swift-hash]
swift_hash_path_prefix = genesys
swift_hash_path_suffix = assets
[storage-policy:0]
name = only
default = yes
"""

# How long one server waits for another. Swift's defaults are half a second to ten seconds. On a busy machine an object
# would then be refused, or stored before it is listed.
_PATIENCE_SECONDS = 120

# The log address is a folder on purpose: nothing reaches the machine's own log.
_COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
bind_timeout = 1
workers = 0
user = {user}
swift_dir = {settings}
devices = {devices}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = WARNING
log_address = {settings}
conn_timeout = {patience}
node_timeout = {patience}
container_update_timeout = {patience}
[filter:healthcheck]
use = egg:swift#healthcheck
"""

_STORAGE = """
[pipeline:main]
pipeline = healthcheck {server}-server
[app:{server}-server]
use = egg:swift#{server}
"""

_PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck listing_formats {access} {features} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:anonymous_reads]
paste.filter_factory = anonymous_reads:filter_factory
account = AUTH_{account}
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{account} = {secret} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""

_WRITE_RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, device, *rings = sys.argv[1:]
for name, port in (ring.split("=") for ring in rings):
    ring = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    place = dict(ip="127.0.0.1", port=int(port), replication_ip="127.0.0.1", replication_port=int(port))
    ring.add_dev(dict(id=0, region=1, zone=1, weight=1.0, device=device, meta="", **place))
    ring.rebalance(seed="1")
    ring.get_ring().save(folder + "/" + name + ".ring.gz")
"""


def write(
    python: Path,
    home: Path,
    *,
    ports: Mapping[str, int],
    user: str,
    account: str,
    secret: str,
    region: str,
) -> Path:
    """Writes the settings of all four servers below `home`; returns their folder, with one <server>.conf for each.

    `python` is the interpreter for which Swift is installed, `ports` has the port of each server, `user` is the system
    user of the servers. Earlier settings are replaced; objects stay. Raises subprocess.CalledProcessError if Swift
    cannot write its rings.
    """
    settings, devices = home / "settings", home / "devices"
    shutil.rmtree(settings, ignore_errors=True)
    settings.mkdir(mode=0o700)
    (devices / _DEVICE).mkdir(parents=True, exist_ok=True)
    values = {
        "settings": settings,
        "devices": devices,
        "user": user,
        "access": "s3api anonymous_reads tempauth",
        "features": "bulk slo dlo versioned_writes symlink",
        "region": region,
        "account": account,
        "secret": secret,
        "patience": _PATIENCE_SECONDS,
    }
    (settings / "swift.conf").write_text(_SWIFT)
    for server in SERVERS:
        template = _COMMON + (_PROXY if server == "proxy" else _STORAGE)
        text = template.format(server=server, port=ports[server], **values)
        (settings / f"{server}.conf").write_text(text)
    shutil.copy(Path(__file__).with_name("anonymous_reads.py"), settings)
    rings = [f"{server}={ports[server]}" for server in SERVERS if server != "proxy"]
    command: list[str | Path] = [python, "-c", _WRITE_RINGS, settings, _DEVICE, *rings]
    subprocess.run(command, capture_output=True, text=True, check=True)
    return settings
