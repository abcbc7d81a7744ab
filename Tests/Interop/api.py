"""Asks a running relay whatever its OpenAPI document allows, and much that it does not, by schemathesis (from PyPI).

Every answer has to have a status, a content type and a form that the document names, and none may be a failure of the
relay. The relay has some mail that waits, and is asked over TLS with a token.
"""
import argparse
import os
import re
import subprocess
import sys
import time

from certificates import Certificates
from packages import Packages
from workspace import Unavailable, Workspace, tail, write

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "negative_data_rejection", "unsupported_method", "allow_header_conformance",
]


def options():
    parser = argparse.ArgumentParser(prog="Scripts/check-api", description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=20, metavar="N", help="requests of each kind for each call")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="the time that it may take")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="asks the same again")
    parser.add_argument("--keep", action="store_true", help="keep the run's directory, and name it")
    parser.add_argument("--hoptop", metavar="PATH", default=os.path.join(ROOT, ".build/release/hoptop"),
                        help="the program under test (default: the release build)")
    return parser.parse_args()


def token(hoptop, file):
    done = subprocess.run([hoptop, "control", "token", "check", "--role", "operator", "--tokens", file],
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Unavailable(f"hoptop control token: {done.stderr.strip()}")
    return done.stdout.strip()


def start(workspace, hoptop, certificates, tokens):
    """A relay on ports that the system chose; returns its process and log, and where its API and its mail are."""
    folder = workspace.folder("hoptop")
    log = os.path.join(folder, "log")
    configuration = write(os.path.join(folder, "hoptop.toml"), "\n".join([
        'hostname = "hoptop.test"', "[[listen]]", 'address = "127.0.0.1:0"', "[spool]", f'directory = "{folder}/spool"',
        "[control]", f'socket = "{folder}/control.sock"', 'listen = "127.0.0.1:0"', f'tokens = "{tokens}"',
        f'certificate = "{certificates.certificate}"', f'key = "{certificates.key}"']) + "\n")
    process = workspace.start([hoptop, "serve", "--config", configuration], log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with open(log, encoding="utf-8", errors="replace") as file:
            said = file.read()
        if " is ready" in said and "watch it with" in said:
            api = re.search(r"serving the API at=(\S+)", said)
            mail = re.search(r"listening address=(\S+)", said)
            return process, log, api.group(1), mail.group(1)
        time.sleep(0.05)
    raise Unavailable(f"hoptop serve is not ready: {tail(log)}")


def send(address):
    """Some messages that no route takes, so that they wait."""
    import smtplib
    host, port = address.rsplit(":", 1)
    with smtplib.SMTP(host, int(port), local_hostname="client.test", timeout=30) as session:
        for number in range(10):
            session.sendmail(f"s{number}@client.test", [f"r{number}@there.test", "all@there.test"],
                             f"Subject: {number}\r\n\r\nhello\r\n")


def main():
    arguments = options()
    if not os.access(arguments.hoptop, os.X_OK):
        sys.exit(f"check-api: {arguments.hoptop} is no program: swift build -c release, or name one with --hoptop")
    hoptop = os.path.abspath(arguments.hoptop)
    packages = Packages()
    with Workspace(arguments.keep) as workspace:
        try:
            packages.python_module("schemathesis")
            certificates = Certificates(workspace.folder("certificates"))
            tokens = os.path.join(workspace.folder("tokens"), "tokens")
            secret = token(hoptop, tokens)
            process, log, api, mail = start(workspace, hoptop, certificates, tokens)
        except Unavailable as reason:
            sys.exit(f"check-api: {reason}")
        send(mail)
        done = subprocess.run([
            sys.executable, "-m", "schemathesis.cli", "run", os.path.join(ROOT, "Sources/Control/openapi.json"),
            "--url", api, "--header", f"Authorization: Bearer {secret}", "--tls-verify", certificates.authority,
            "--checks", ",".join(CHECKS), "--max-examples", str(arguments.examples), "--phases", "examples,coverage,fuzzing",
            "--max-time", str(arguments.seconds), "--seed", str(arguments.seed), "--request-timeout", "20",
            "--exclude-path-regex", "^/v1/(events|trace|shutdown)$",  # Two do not end, and one ends the relay.
            "--continue-on-failure", "--no-color",
        ], cwd=workspace.directory, env=dict(
            os.environ, PYTHONPATH=os.path.join(packages.directory, "python"), SCHEMATHESIS_HOOKS=""))
        status = workspace.end(process)
        if status != 0:
            print(f"check-api: the relay ended with {status}: {tail(log)}")
        return done.returncode or (0 if status == 0 else 1)
