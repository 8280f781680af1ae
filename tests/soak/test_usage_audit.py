"""What the operator's billing asks of Nova: the audit of usage, and the host's CPU times."""

import datetime
import time
from typing import Any

from tests.cloud import program
from tests.cloud import user

# Telemetry would listen on the message bus; the log has the same.
NOTIFICATIONS = '[oslo_messaging_notifications]\ndriver = log\n'


def audit(admin: user.User) -> dict[str, Any]:
    answer = admin.api.compute.get('/os-instance_usage_audit_log')
    return dict(answer.json()['instance_usage_audit_logs'])


def test_each_server_of_the_period_is_told_of_and_counted(
        tenant: user.User, admin: user.User, compute: program.Program,
        facts: dict[str, Any]) -> None:
    server = tenant.boot('billed', 'busybox', metadata={'cost-centre': '42'})
    # A period is over as soon as this minute is.
    minute = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)).minute
    time.sleep(61 - datetime.datetime.now(datetime.UTC).second)
    period = f'instance_usage_audit_period = hour@{minute}\n'
    offset = compute.log.stat().st_size
    with (program.nova_api(facts, admin).amended(f'[DEFAULT]\n{period}'),
          compute.amended(f'[DEFAULT]\ninstance_usage_audit = true\n{period}'
                          f'compute_monitors = cpu.virt_driver\n{NOTIFICATIONS}')):
        found = user.wait_for('the audit is done', lambda: (
            lambda log: log if log['num_hosts_done'] else None)(audit(admin)), timeout=240)
        assert found['overall_status'] == 'ALL hosts done. 0 errors.'
        assert found['log'][facts['host']]['instances'] == found['total_instances'] >= 1
        compute.wait_for_line('compute.metrics.update', offset, timeout=120)
    lines = compute.logged(offset).splitlines()
    told = [line for line in lines if 'compute.instance.exists' in line and server.id in line]
    assert len(told) == 1
    assert 'cost-centre' in told[0]
    assert '"memory_mb": 128' in told[0]
    metrics = next(line for line in lines if 'compute.metrics.update' in line)
    for name in ('cpu.frequency', 'cpu.user.time', 'cpu.kernel.percent', 'cpu.idle.percent'):
        assert name in metrics
