"""The files that are shipped, read by the programs that they are for, and held against each other."""

import json
import os
import re
import subprocess
import unittest
from urllib.parse import urljoin
from urllib.request import urlopen

import kubernetes_validate
import tomli
import yaml

from balancers import ADDRESSES, haproxy_file, nginx_file
from played import Gateway
from shipped import CONFIG, directory, free_port, launch, shipped

SCANGATE = os.environ['SCANGATE_BINARY']
UNIT = 'systemd/scangate.service'
MASTER_KEY = 'zVbyUXpPKzD2dQgCrVZ9nFzGhxGm0ZmJjQ0m4q3o3Q8='
SECRETS = {
    'cluster.url': 'redis://:s3cr3t@redis.example.com:6379/0',
    'store.url': 'postgres://scangate:s3cr3t@db.example.com/scangate?sslmode=verify-full',
    'master.key': MASTER_KEY,
    'wechat.secret': '4f1c0e9a7b3d5826e0a1c4f79b2d6835',
}
# What the gateway may be silent for, as web/PROTOCOL.md says.
SILENCE_S = 25


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def manifests():
    """Each object of config/kubernetes, by kind and name."""
    files = sorted((CONFIG / 'kubernetes').glob('*.yaml'))
    objects = [found for file in files for found in yaml.safe_load_all(file.read_text())]
    return {(found['kind'], found['metadata']['name']): found for found in objects}


def span(text):
    """The seconds of a span that has a unit."""
    number, unit = re.fullmatch(r'(\d+)(s|h)', text).groups()
    return int(number) * {'s': 1, 'h': 3600}[unit]


class Balancers(unittest.TestCase):
    def setUp(self):
        self.folder = directory(self)
        self.gateways = [Gateway(address) for address in ADDRESSES]
        for gateway in self.gateways:
            self.addCleanup(gateway.kill)

    def test_nginx_takes_its_file(self):
        file = nginx_file(self.folder, free_port(), self.gateways)
        said = run('nginx', '-t', '-p', self.folder, '-e', 'stderr', '-c', file, '-g', f'pid {self.folder}/pid;')
        self.assertEqual(said.returncode, 0, said.stderr)

    def test_haproxy_takes_its_file_without_a_warning(self):
        said = run('haproxy', '-c', '-dW', '-f', haproxy_file(self.folder, free_port(), self.gateways))
        self.assertEqual(said.returncode, 0, said.stderr)

    def test_both_wait_longer_than_the_gateway_is_silent(self):
        nginx = re.findall(r'proxy_read_timeout (\w+);', shipped('nginx/cluster.conf', {}))
        haproxy = re.findall(r'timeout (?:client|server|tunnel) (\w+)', shipped('haproxy/haproxy.cfg', {}))
        for time_out in nginx + haproxy:
            self.assertGreater(span(time_out), 2 * SILENCE_S)
        self.assertEqual((len(nginx), len(haproxy)), (1, 3))


class Systemd(unittest.TestCase):
    def setUp(self):
        self.unit = (CONFIG / UNIT).read_text()
        self.cluster = tomli.loads((CONFIG / 'cluster.toml').read_text())

    def test_systemd_finds_no_fault(self):
        file = directory(self) / 'scangate.service'
        file.write_text(shipped(UNIT, {'/usr/local/bin/scangate': SCANGATE}))
        said = run('systemd-analyze', 'verify', '--man=no', file)
        self.assertEqual((said.returncode, said.stdout + said.stderr), (0, ''))

    def test_little_is_exposed(self):
        # The limit is in tenths.
        said = run('systemd-analyze', 'security', '--offline=true', '--no-pager', '--threshold=20', CONFIG / UNIT)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_it_waits_until_a_stop_is_done(self):
        patience = int(re.search(r'^TimeoutStopSec=(\d+)$', self.unit, re.M)[1])
        server = self.cluster['server']
        self.assertGreater(patience, server['drain_delay_s'] + server['grace_s'])

    def test_each_secret_of_the_configuration_is_handed_over(self):
        asked = set(re.findall(r'^LoadCredential=(\S+):/etc/scangate/\1$', self.unit, re.M))
        found = dict(re.findall(r'^Environment=SCANGATE_(\w+)_FILE=%d/(\S+)$', self.unit, re.M))
        wanted = {
            'CLUSTER__URL': self.cluster['cluster']['url_file'],
            'STORE__URL': self.cluster['store']['url_file'],
            'TOKEN__MASTER_KEY': self.cluster['token']['master_key_file'],
            'WECHAT__OFFICIAL_ACCOUNT__APP_SECRET': self.cluster['wechat']['official_account']['app_secret_file'],
        }
        self.assertEqual({key: f'/etc/scangate/{name}' for key, name in found.items()}, wanted)
        self.assertEqual(asked, set(found.values()))
        self.assertEqual(len(re.findall('_file = ', (CONFIG / 'cluster.toml').read_text())), len(found))


class Scangate(unittest.TestCase):
    """What `scangate check` says of both configurations."""

    def setUp(self):
        self.folder = directory(self)
        for name, secret in SECRETS.items():
            (self.folder / name).write_text(secret)
            (self.folder / name).chmod(0o600)

    def check(self, text, secrets):
        self.assertIn(secrets, text)
        file = self.folder / 'scangate.toml'
        file.write_text(text.replace(secrets, f'{self.folder}/').replace('/var/lib/scangate', f'{self.folder}/data'))
        said = run(SCANGATE, 'check', '--offline', '--json', '--config', file)
        items = json.loads(said.stdout)['items']
        wrong = [item for item in items if item['verdict'] == 'wrong']
        self.assertEqual((said.returncode, wrong), (0, []))

    def test_it_takes_the_file_of_a_cluster(self):
        self.check((CONFIG / 'cluster.toml').read_text(), '/etc/scangate/')

    def test_it_takes_the_file_of_a_pod(self):
        self.check(manifests()['ConfigMap', 'scangate']['data']['scangate.toml'], '/etc/scangate/secrets/')


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.objects = manifests()
        self.pod = self.objects['Deployment', 'scangate']['spec']['template']
        self.container = self.pod['spec']['containers'][0]
        self.config = tomli.loads(self.objects['ConfigMap', 'scangate']['data']['scangate.toml'])

    def test_all_objects_fit_the_schemas(self):
        self.assertEqual(len(self.objects), 7)
        for found in self.objects.values():
            kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)

    def test_the_schemas_find_a_wrong_word(self):
        self.container['readinessprobe'] = self.container.pop('readinessProbe')
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(
                self.objects['Deployment', 'scangate'], kubernetes_validate.latest_version(), strict=True
            )

    def test_a_pod_is_not_killed_before_its_stop_is_done(self):
        server = self.config['server']
        self.assertGreater(self.pod['spec']['terminationGracePeriodSeconds'], server['drain_delay_s'] + server['grace_s'])

    def test_everything_finds_the_pods_and_their_ports(self):
        labels = self.pod['metadata']['labels']
        ports = {port['name']: port['containerPort'] for port in self.container['ports']}
        bound = {name: int(self.config['server'][key].rpartition(':')[2]) for name, key in (('http', 'bind'), ('admin', 'admin_bind'))}
        self.assertEqual(ports, bound)
        for probe in ('startupProbe', 'readinessProbe', 'livenessProbe'):
            self.assertEqual(self.container[probe]['httpGet']['port'], 'admin')
        for (kind, _), found in self.objects.items():
            if kind == 'Service':
                self.assertEqual(found['spec']['selector'], labels)
                self.assertIn(found['spec']['ports'][0]['targetPort'], ports)
        for key in (('PodDisruptionBudget', 'selector'), ('NetworkPolicy', 'podSelector'), ('Deployment', 'selector')):
            self.assertEqual(self.objects[key[0], 'scangate']['spec'][key[1]]['matchLabels'], labels)

    def test_it_scales_by_a_number_that_the_gateway_shows(self):
        metric = self.objects['HorizontalPodAutoscaler', 'scangate']['spec']['metrics'][0]['pods']['metric']['name']
        adapter = yaml.safe_load((CONFIG / 'kubernetes/prometheus-adapter/values.yaml').read_text())
        rule = adapter['rules']['custom'][0]
        self.assertEqual((rule['name']['as'], rule['seriesQuery'].partition('{')[0]), (metric, metric))
        zero = [f'--set={key}=127.0.0.1:0' for key in ('server.bind', 'server.admin_bind', 'sandbox.bind')]
        data = f'--set=server.data_dir={directory(self)}'
        admin = re.compile(r'\badmin\s+(http:\S+)')
        said = launch(self, [SCANGATE, 'serve', *zero, data, '--set=server.drain_delay_ms=0'], admin.search)
        with urlopen(urljoin(admin.search(said())[1], '/metrics')) as answer:
            self.assertRegex(answer.read().decode(), f'(?m)^{metric} 0$')


class Istio(unittest.TestCase):
    def test_it_is_yaml_and_no_more_is_known(self):
        kinds = [found['kind'] for found in yaml.safe_load_all((CONFIG / 'istio/canary.yaml').read_text())]
        self.assertEqual(kinds, ['Gateway', 'DestinationRule', 'VirtualService'])
