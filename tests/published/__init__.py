"""Published instances, each expressed as a planner's scenario, solved through the public library alone.

python -m tests.published customer_assignment DIR [--gap G] [--time-limit S] [--hard] [--out plan.csv] [--save DIR]
python -m tests.published targeted_offers FILE
python -m tests.published docplex DIR
python -m tests.published curves DIR [--only NAME] [--draws N]
"""
