"""Reads a JUnit report: fails on a skip, an xfail or anything else that did not pass, prints collected = passed."""

import sys
import xml.etree.ElementTree as ElementTree

suites = ElementTree.parse(sys.argv[1]).getroot().iter("testsuite")
collected = missed = 0
for suite in suites:
    collected += int(suite.get("tests", 0))
    for case in suite.iter("testcase"):
        for kind in ("skipped", "failure", "error"):
            for found in case.iter(kind):
                missed += 1
                name = f"{case.get('classname')}::{case.get('name')}"
                print(f"not passed: {name}: {kind}: {found.get('message', '')[:200]}")
print(f"collected {collected}, {missed} missed" if missed else f"collected {collected} = passed {collected}")
print(f"{collected - missed} passed, {missed} failed")
sys.exit(bool(missed) or not collected)
