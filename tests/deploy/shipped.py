"""The files of config/, as they are shipped but for the names of this machine; and what every test here needs."""

import contextlib
import socket
import subprocess
import tempfile
import time
from pathlib import Path

CONFIG = Path(__file__).parents[2] / 'config'
# How long a fact may take to come true.
WITHIN_S = 20
PAUSE_S = 0.02


def shipped(file, changes):
    """The text of a file of config/, with these of its texts replaced wherever they stand."""
    text = (CONFIG / file).read_text()
    for before, after in changes.items():
        assert before in text, f'{file} has no {before}'
        text = text.replace(before, after)
    return text


def directory(test):
    """One that goes when the test ends."""
    made = tempfile.TemporaryDirectory(prefix='scangate-deploy-')
    test.addClassCleanup(made.cleanup)
    return Path(made.name)


def certify(folder):
    """A certificate and its key, signed by itself, in one file."""
    pem = folder / 'login.pem'
    made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', pem, '-out', folder / 'cert.pem']
    subprocess.run(['openssl', 'req', '-x509', *made, '-subj', '/CN=login.example.com'], check=True, capture_output=True)
    pem.write_text((folder / 'cert.pem').read_text() + pem.read_text())
    return str(pem)


def free_port():
    """A port that nobody has right now."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def eventually(what, fact):
    """What `fact` gives, once that is something."""
    deadline = time.monotonic() + WITHIN_S
    while not (found := fact()):
        assert time.monotonic() < deadline, f'not within {WITHIN_S} s: {what}'
        time.sleep(PAUSE_S)
    return found


def launch(test, command, is_up):
    """Runs a program until the test ends; gives what tells all that it has said, once it is up."""
    log = tempfile.TemporaryFile('w+')
    child = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)

    def stop():
        child.terminate()
        child.wait()
        log.close()

    def said():
        log.seek(0)
        return log.read()

    test.addClassCleanup(stop)

    def fact():
        assert child.poll() is None, f'{command[0]} ended:\n{said()}'
        return is_up(said())

    eventually(f'{command[0]} is up', fact)
    return said


def listens(port):
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port)):
        return True
    return False
