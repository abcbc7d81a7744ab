"""Counts what each benchmark allocates and executes, and holds it against what is written down.

A case is run twice, the second time for twice as many steps, and the difference is what the steps cost: what prepares
them is in both. Counts are the same on a busy machine, so CI can hold them; times are not.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "counts.tsv")
SCRATCH = ".build-benchmarks"
STEPS = os.path.join(SCRATCH, "release", "Steps")
# What a count may exceed the one written down by: a batch of the spool may fall into two transactions, a thread that waits
# costs a little, and frames of the same screen differ by a tenth. Most counts are the same each time.
MARGIN = 1.15


class Case:
    def __init__(self, line):
        self.name, self.unit, units, steps = line.split("\t")
        self.units, self.steps = int(units), int(steps)

    def count(self, measure):
        """For one unit."""
        once, twice = measure(self.name, self.steps), measure(self.name, 2 * self.steps)
        return max(twice - once, 0) / (self.steps * self.units)


class Counter:
    """Builds the benchmarks and runs them under what counts. Use it in a `with`: what it needs lies in a folder."""

    def __enter__(self):
        if not shutil.which("valgrind"):
            sys.exit("instructions are counted by valgrind: apt-get install valgrind")
        self.folder = tempfile.mkdtemp(prefix="hoptop-benchmark-")
        subprocess.run(
            ["swift", "build", "--package-path", HERE, "-c", "release", "--scratch-path", SCRATCH, "--product", "Steps",
             "-Xswiftc", "-enable-testing",
             # Not every valgrind reads what this compiler writes for debuggers.
             "-debug-info-format", "none"],
            check=True)
        self.library = os.path.join(self.folder, "counter.so")
        subprocess.run(
            ["clang", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", self.library,
             os.path.join(HERE, "counter.c")], check=True)
        # A hash with another seed puts other things into one bucket.
        self.environment = dict(os.environ, SWIFT_DETERMINISTIC_HASHING="1", TMPDIR=self.folder)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def cases(self):
        listed = subprocess.run([STEPS, "--list"], capture_output=True, text=True, check=True).stdout
        return [Case(line) for line in listed.splitlines()]

    def allocations(self, name, steps):
        with tempfile.NamedTemporaryFile("r", dir=self.folder) as report:
            self.run([STEPS, name, str(steps)], LD_PRELOAD=self.library, ALLOCATIONS=report.name)
            return int(report.read())

    def instructions(self, name, steps):
        said = self.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", STEPS, name, str(steps)])
        return int(re.search(r"Collected : (\d+)", said).group(1))

    def run(self, command, **environment):
        done = subprocess.run(command, env=dict(self.environment, **environment), capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
        return done.stderr

    def count(self, cases):
        """In the order of `cases`: (case, allocations, instructions)."""
        def both(case):
            return case, case.count(self.allocations), case.count(self.instructions)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(both, cases)


def written():
    with open(FILE) as file:
        lines = [line.split("\t") for line in file.read().splitlines()[1:]]
    return {name: (float(allocations), float(instructions)) for name, _, allocations, instructions in lines}


def record():
    """What changed by less than a hundredth stays as it is written, so that a diff shows what changed."""
    known = written()
    lines = ["case\tfor one\tallocations\tinstructions\n"]
    with Counter() as counter:
        for case, *counted in counter.count(counter.cases()):
            before = known.get(case.name, (0, 0))
            if all(abs(now - old) <= 0.01 * old for now, old in zip(counted, before)):
                counted = before
            lines.append(f"{case.name}\t{case.unit}\t{counted[0]:.5g}\t{counted[1]:.0f}\n")
            print(lines[-1], end="", flush=True)
    with open(FILE, "w") as file:
        file.writelines(lines)


def check():
    """Returns the exit status."""
    known = written()
    failures = []
    with Counter() as counter:
        cases = counter.cases()
        for case, *counted in counter.count(cases):
            print(f"{case.name}: {counted[0]:.5g} allocations, {counted[1]:.0f} instructions a {case.unit}", flush=True)
            if case.name not in known:
                failures.append(f"{case.name} is not in {os.path.relpath(FILE)}")
                continue
            for what, now, before in zip(("allocations", "instructions"), counted, known[case.name]):
                if now > before * MARGIN:
                    failures.append(
                        f"{case.name}: {now:.8g} {what} a {case.unit}, {now - before:.8g} more than the {before:.8g} "
                        "written down")
    for failure in failures:
        print(f"FAILED {failure}")
    if failures:
        print("If that is worth it, Scripts/benchmark --record writes the counts anew.")
    print(f"{len(cases)} cases, {len(failures)} failures")
    return 1 if failures else 0
