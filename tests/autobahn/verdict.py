"""Reads Autobahn's report: nothing failed, everything closed cleanly, nothing was left out."""

import json
import sys
from collections import Counter

ALL = 301
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}

report, asked_for = sys.argv[1:]
with open(report, encoding="utf-8") as file:
    (cases,) = json.load(file).values()
bad = {
    number: (case["behavior"], case["behaviorClose"])
    for number, case in cases.items()
    if case["behavior"] not in GOOD or case["behaviorClose"] not in GOOD
}
for number, (behavior, close) in sorted(bad.items()):
    print(f"{number}: {behavior}, close {close}")
behaviors = Counter(case["behavior"] for case in cases.values())
closes = Counter(case["behaviorClose"] for case in cases.values())
print(f"{len(cases)} cases: {dict(behaviors)}; closes: {dict(closes)}")
if asked_for == "*" and len(cases) != ALL:
    sys.exit(f"{ALL} were expected")
sys.exit(1 if bad else 0)
