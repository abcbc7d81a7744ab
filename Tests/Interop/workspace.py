"""What a run owns: its directory, its processes, its ports. All of it ends with the run."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Unavailable(Exception):
    """Something that a case needs is not to be had here; the case is skipped and says why."""


class Failure(Exception):
    """A case went otherwise than it has to."""


class Workspace:
    """A directory for the run, and every process started in it. Leaving the context ends and removes all of them."""

    def __init__(self, keep=False):
        self.keep = keep
        self.directory = tempfile.mkdtemp(prefix="hoptop-interop-")
        os.chmod(self.directory, 0o755)  # the peers' own users walk through it
        self.processes = []
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in list(self.processes):
            self.end(process, signal.SIGKILL)
        if self.keep:
            print(f"logs, configurations and spools: {self.directory}")
            return
        for _ in range(50):  # A process that was killed in a name space may write a moment longer.
            shutil.rmtree(self.directory, ignore_errors=True)
            if not os.path.exists(self.directory):
                break
            time.sleep(0.05)

    def folder(self, name):
        """A new directory under a name that no other has."""
        self.count += 1
        path = os.path.join(self.directory, f"{self.count}-{name}")
        os.mkdir(path, 0o755)
        return path

    def start(self, arguments, log, environment=None):
        """Starts a process in a session of its own, so that a ^C at the terminal reaches only the run itself."""
        with open(log, "ab") as output:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.directory,
                env=dict(os.environ, **(environment or {})), start_new_session=True)
        self.processes.append(process)
        return process

    def end(self, process, with_signal=signal.SIGTERM, seconds=15):
        """Ends one process that `start` gave; returns its status, or None when it had to be killed for being late."""
        if process in self.processes:
            self.processes.remove(process)
        if process.poll() is None:
            process.send_signal(with_signal)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def tail(path, lines=6):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return " | ".join(file.read().strip().splitlines()[-lines:])
    except OSError:
        return "no log"


def free_port():
    """A port that the system chose. It is free again when this returns, for a program that has to be told one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_greeting(address, process, log, seconds=30):
    """Returns once an SMTP server greets at `address`; the process that should be it must stay alive meanwhile."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(f"ended with {process.returncode} at its start: {tail(log)}")
        try:
            with socket.create_connection(address, 2) as connection:
                connection.settimeout(5)
                if connection.recv(512).startswith(b"220"):
                    connection.sendall(b"QUIT\r\n")
                    connection.recv(512)
                    return
        except OSError:
            pass
        time.sleep(0.03)
    raise Unavailable(f"did not greet within {seconds} s: {tail(log)}")


def wait_for_port(address, process, log, seconds=30):
    """As `wait_for_greeting`, where the greeting comes only inside TLS."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(f"ended with {process.returncode} at its start: {tail(log)}")
        try:
            socket.create_connection(address, 2).close()
            return
        except OSError:
            time.sleep(0.03)
    raise Unavailable(f"did not listen within {seconds} s: {tail(log)}")
