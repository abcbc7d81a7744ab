"""Proves that Hoptop works together with other mail programs. See README.md, or `Scripts/interop --help`."""
import argparse
import os
import re
import signal
import sys
import time

from cases import CASES
from chains import Chain, Stage, lacks, plans
from clients import Refused
from workspace import Failure, Unavailable, Workspace

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Tally:
    """Prints a line for each case and counts them."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def ok(self, plan, case, words):
        self.passed += 1
        self.line("ok", plan, case, words)

    def fail(self, plan, case, words):
        self.failed += 1
        self.line("FAIL", plan, case, words)

    def skip(self, plan, case, words):
        self.skipped += 1
        self.line("skip", plan, case, words)

    def line(self, verdict, plan, case, words):
        # What a peer said may hold anything; a line stays a line.
        words = "".join(character if character.isprintable() else " " for character in str(words))
        print(f"{verdict:<4}  {plan} {case}: {words}", flush=True)


def run_plan(plan, cases, stage, tally):
    """Starts a chain, runs its cases, ends it."""
    chain = Chain(plan, stage)
    try:
        chain.open()
    except Exception as reason:
        chain.close()
        if not isinstance(reason, Unavailable):
            tally.fail(plan, "start", f"{type(reason).__name__}: {reason}")
        for case in cases:
            tally.skip(plan, case.name, reason)
        return
    try:
        failed = tally.failed
        for number, case in enumerate(cases):
            try:
                tally.ok(plan, case.name, case.run(chain))
            except Unavailable as reason:
                tally.skip(plan, case.name, reason)
            except (Failure, Refused) as failure:
                tally.fail(plan, case.name, failure)
            except Exception as failure:  # A lost connection, a report that cannot be read: the next case goes on.
                tally.fail(plan, case.name, f"{type(failure).__name__}: {failure}")
            # Where that does not pass nothing does, and each case would take its time.
            if case.name == "plain" and tally.failed > failed:
                for rest in cases[number + 1:]:
                    tally.skip(plan, rest.name, "plain did not pass")
                break
    finally:
        complaints = chain.close()
    if complaints:
        tally.fail(plan, "end", "; ".join(complaints))
    else:
        tally.ok(plan, "end", "nothing arrived twice, and Hoptop ended with 0 when asked to")


def options():
    parser = argparse.ArgumentParser(
        prog="Scripts/interop", description="Sends mail through Hoptop and its peers, and checks what arrives.")
    parser.add_argument("--only", metavar="PATTERN", default="",
                        help="cases whose `peer direction transport case` matches this regular expression")
    parser.add_argument("--short", action="store_true", help="the set that continuous integration runs")
    parser.add_argument("--list", action="store_true", help="print the cases and run none")
    parser.add_argument("--keep", action="store_true", help="keep the run's directory, with every log, and name it")
    parser.add_argument("--no-skip", action="store_true", help="a skipped case counts as a failure")
    parser.add_argument("--hoptop", metavar="PATH", default=os.path.join(ROOT, ".build/release/hoptop"),
                        help="the program under test (default: the release build)")
    return parser.parse_args()


def selected(arguments):
    """The plans with those of their cases that were asked for."""
    for plan in plans():
        cases = [
            case for case in CASES
            if case.applies(plan) and not lacks(plan, case) and (not arguments.short or plan.short and case.short)
            and re.search(arguments.only, " ".join([plan.peer, plan.direction, plan.transport, case.name]))]
        if cases:
            yield plan, cases


def main():
    arguments = options()
    if arguments.list:
        for plan, cases in selected(arguments):
            for case in cases:
                print(plan, case.name)
        return 0
    if not os.access(arguments.hoptop, os.X_OK):
        sys.exit(f"interop: {arguments.hoptop} is no program: swift build -c release, or name one with --hoptop")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tally, start = Tally(), time.monotonic()
    with Workspace(arguments.keep) as workspace:
        try:
            stage = Stage(workspace, os.path.abspath(arguments.hoptop))
        except Unavailable as reason:
            sys.exit(f"interop: {reason}")
        for plan, cases in selected(arguments):
            run_plan(plan, cases, stage, tally)
    print(f"{time.monotonic() - start:.0f} s")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed or arguments.no_skip and tally.skipped else 0
