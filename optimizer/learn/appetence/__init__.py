"""From contact history to appetence: how likely each customer is to respond to each channel, and who may be reached."""

from optimizer.learn.appetence.appetence import Appetence
from optimizer.learn.appetence.drift import drift, psi
from optimizer.learn.appetence.fit import fit_appetence
from optimizer.learn.appetence.lookalike import lookalike, recent_buyers
from optimizer.learn.appetence.policy import Estimate, Experiment
from optimizer.learn.appetence.rates import notes_from_scores, rates_of, scores_from_notes
from optimizer.learn.appetence.reports import Reports
from optimizer.learn.appetence.stages import Stages, fit_stages
from optimizer.learn.appetence.uplift import Uplift, qini, qini_table

__all__ = [
    "Appetence",
    "Estimate",
    "Experiment",
    "Reports",
    "Stages",
    "Uplift",
    "drift",
    "fit_appetence",
    "fit_stages",
    "lookalike",
    "notes_from_scores",
    "psi",
    "qini",
    "qini_table",
    "rates_of",
    "recent_buyers",
    "scores_from_notes",
]
