"""Fetches the peers from Debian or Ubuntu and PyPI, and unpacks them beside the system instead of into it.

The MTAs' packages conflict with each other, so `apt-get download` and `dpkg -x` take them apart into a cache, each
with the libraries it needs and this machine has not. Nothing is installed and no service is started.
"""
import contextlib
import fcntl
import glob
import importlib
import os
import re
import shutil
import subprocess
import sys

from workspace import Unavailable

# Programs that are taken from the machine when it has them.
PACKAGES = {
    "postfix": ["postfix"],
    "exim": ["exim4-daemon-light", "exim4-base"],
    "opensmtpd": ["opensmtpd"],
    "swaks": ["swaks", "libnet-ssleay-perl"],
    "msmtp": ["msmtp"],
    "curl": ["curl"],
}


class Packages:
    """The cache: `HOPTOP_INTEROP_CACHE`, else `/var/tmp/hoptop-interop-UID`, which the peers' own users can read."""

    def __init__(self):
        self.directory = os.environ.get("HOPTOP_INTEROP_CACHE", f"/var/tmp/hoptop-interop-{os.geteuid()}")
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        if os.stat(self.directory).st_uid != os.geteuid():
            sys.exit(f"interop: {self.directory} belongs to someone else; name another in HOPTOP_INTEROP_CACHE")
        self.updated = False
        self.failures = {}

    def program(self, name):
        """Path and environment of a program: the machine's own, else unpacked."""
        found = shutil.which(name)
        if found:
            return found, {}
        prefix = self.unpack(name)
        return os.path.join(prefix, "usr/bin", name), self.environment(prefix)

    def unpack(self, name):
        """The directory under which the packages of `name` lie unpacked."""
        if name in self.failures:  # One attempt a run, not one a case.
            raise Unavailable(self.failures[name])
        prefix = os.path.join(self.directory, name)
        marker = os.path.join(prefix, ".complete")
        with self.locked():
            if not os.path.exists(marker):
                try:
                    self.fetch(name, prefix)
                except Unavailable as reason:
                    self.failures[name] = str(reason)
                    raise
                open(marker, "w", encoding="utf-8").close()
        return prefix

    def environment(self, prefix):
        """The variables under which a program finds the libraries and modules that were unpacked with it."""
        libraries = glob.glob(prefix + "/usr/lib/*-linux-gnu*") + glob.glob(prefix + "/lib/*-linux-gnu*")
        modules = [prefix + "/usr/share/perl5", *glob.glob(prefix + "/usr/lib/*/perl5/*")]
        return {"LD_LIBRARY_PATH": ":".join(libraries), "PERL5LIB": ":".join(modules)}

    def python_module(self, name, distribution=None):
        """Imports a module: the machine's, else from PyPI into the cache, where it may go by another name."""
        site = os.path.join(self.directory, "python")
        if site not in sys.path:
            sys.path.append(site)
        with self.locked():
            try:
                return importlib.import_module(name)
            except ImportError:
                pass
            if name in self.failures:
                raise Unavailable(self.failures[name])
            try:
                self.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", site, distribution or name])
            except Unavailable as reason:
                self.failures[name] = str(reason)
                raise
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def fetch(self, name, prefix):
        for tool in ("apt-get", "dpkg"):
            if not shutil.which(tool):
                raise Unavailable(f"{name} is not installed, and without {tool} it cannot be unpacked")
        wanted = self.missing(PACKAGES[name])
        archives = os.path.join(self.directory, "archives")
        os.makedirs(archives, exist_ok=True)
        self.run(["apt-get", "--quiet", "download", *wanted], directory=archives)
        shutil.rmtree(prefix, ignore_errors=True)
        for package in wanted:
            newest = max(glob.glob(f"{archives}/{package}_*.deb"), key=os.path.getmtime)
            self.run(["dpkg", "-x", newest, prefix])

    def missing(self, packages):
        """The packages with all they depend on, less what is installed."""
        simulate = ["apt-get", "--simulate", "install", "--no-install-recommends", *packages]
        try:
            plan = self.run(simulate)
        except Unavailable:
            if self.updated or os.geteuid() != 0:
                raise
            self.updated = True  # Images come without package lists.
            self.run(["apt-get", "--quiet", "update"])
            plan = self.run(simulate)
        # An upgrade, `Inst name [old] (new)`, is left out: a second C library beside the first helps nobody.
        new = re.findall(r"^Inst (\S+) \(", plan, re.MULTILINE)
        return [package for package in new if not package.startswith("exim4-config")] or packages

    def run(self, arguments, directory=None, seconds=180):
        try:
            done = subprocess.run(
                arguments, cwd=directory, capture_output=True, text=True, timeout=seconds,
                env=dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C"))
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{' '.join(arguments[:3])} took longer than {seconds} s") from None
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "no words").splitlines()[-1]
            raise Unavailable(f"{' '.join(arguments[:3])}: {said}")
        return done.stdout

    @contextlib.contextmanager
    def locked(self):
        """Two runs on one machine share the cache."""
        with open(os.path.join(self.directory, ".lock"), "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
