"""nginx and HAProxy with what is shipped, before three played gateways."""

from shipped import certify, directory, free_port, launch, listens, shipped

CERTIFICATE = '/etc/ssl/login.example.com'
ADDRESSES = ('10.0.0.11', '10.0.0.12', '10.0.0.13')


def nginx_file(folder, port, gateways):
    """nginx/cluster.conf for this machine."""
    pem = certify(folder)
    kinds = ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')
    temporary = ' '.join(f'{kind}_temp_path {folder}/{kind};' for kind in kinds)
    file = folder / 'nginx.conf'
    file.write_text(shipped('nginx/cluster.conf', {
        'http {': f'http {{ {temporary}',
        'listen 443 ssl;': f'listen 127.0.0.1:{port} ssl;',
        f'{CERTIFICATE}.pem': pem,
        f'{CERTIFICATE}.key': pem,
        '/var/log/nginx/access.log': f'{folder}/access.log',
        **{f'{address}:8080': f'127.0.0.1:{gateway.port}' for address, gateway in zip(ADDRESSES, gateways)},
    }))
    return file


def haproxy_file(folder, port, gateways):
    """haproxy/haproxy.cfg for this machine, which may not open as many files."""
    file = folder / 'haproxy.cfg'
    file.write_text(shipped('haproxy/haproxy.cfg', {
        'maxconn 50000': 'maxconn 1000',
        'bind :443 ssl crt /etc/haproxy/login.example.com.pem': f'bind 127.0.0.1:{port} ssl crt {certify(folder)}',
        **{
            f'{address}:8080 check port 8081': f'127.0.0.1:{gateway.port} check port {gateway.admin_port}'
            for address, gateway in zip(ADDRESSES, gateways)
        },
    }))
    return file


def start_nginx(test, gateways):
    """Gives the port, and what tells its log."""
    folder, port = directory(test), free_port()
    file = nginx_file(folder, port, gateways)
    command = ['nginx', '-p', folder, '-e', 'stderr', '-c', file, '-g', f'daemon off; pid {folder}/pid;']
    launch(test, command, lambda _: listens(port))
    return port, (folder / 'access.log').read_text


def start_haproxy(test, gateways):
    """Gives the port, and what tells its log."""
    folder, port = directory(test), free_port()
    file = haproxy_file(folder, port, gateways)
    return port, launch(test, ['haproxy', '-db', '-f', file], lambda _: listens(port))
