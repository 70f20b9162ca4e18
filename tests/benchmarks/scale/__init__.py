"""Plans for many customers: seeded scenarios of any size, what they take, and how hard they are.

python -m tests.benchmarks scale [--only 1000000x24] [--json] [--write]      the table of the sizes
python -m tests.benchmarks.scale.generate DIR --customers 100000 --activities 24 --seed 7    one scenario folder
"""
