"""Benchmarks with an independent truth; run by hand, never gating.

python -m tests.benchmarks media [--seeds 40] [--gap 1e-4]     8 S-shaped media against a dynamic programme
python -m tests.benchmarks joint [--seeds 40]                  curves and customers against enumeration,
                                                               and 2,000 customers, joint against budget first
python -m tests.benchmarks sweep [--customers 100000]          one sweep, compiled against numpy alone
python -m tests.benchmarks attribution [--journeys 1000000]    beside ChannelAttribution and DP6
python -m tests.benchmarks scale [--only 1000000x24] [--json]  10,000 to 10,000,000 customers; RESULTS.md
"""
