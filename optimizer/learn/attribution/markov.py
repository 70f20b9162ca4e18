"""Markov chains of order k, exact: what share of the conversions is lost when a channel is taken away.

States are the last k touches (fewer at the beginning of a journey), moves are counted, journeys without conversion
included. With N = (I − Q)⁻¹ the fundamental matrix of the moves between states (Kemeny and Snell, Finite Markov
Chains, 1960), s the moves from the start and r those into conversion,

    P(conversion) = s N r,

which is the share of journeys that convert, whatever the order: a chain fitted by maximum likelihood reproduces it.
Taking channel c away sends every move into one of its states S to the end without conversion. What is lost is what
passes through S; with h = N r and f = s N this is a change of rank |S|,

    loss(c) = f_S (N_SS)⁻¹ h_S,        removal effect = loss(c) / P(conversion),

for order 1 simply f_c h_c / N_cc. For value, r holds what the conversions out of a state are worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from optimizer.learn.journeys.paths import Codes, Floats, Paths

#: States up to which the fundamental matrix is written out; beyond, journeys are walked on without each channel.
DENSE_STATES = 1_000
#: Steps after which journeys that still go on are solved for instead; channels, and sets, that are walked together.
_STEPS, _TOGETHER, _SETS = 4_000, 16, 512


@dataclass(frozen=True)
class Chain:
    """Counted moves between states.

    Parameters
    ----------
    moves : sparse array, m × m
        Journeys that went from one state to the next; moves from a state to itself left out, they change no fate.
    begun : array, m
        Journeys that began in each state.
    converted, worth, ended : array, m
        Conversions out of each state, their value, and journeys that ended there without one.
    owner : array of int, m
        The channel of each state: that of its last touch.
    """

    moves: sp.csr_array
    begun: Floats
    converted: Floats
    worth: Floats
    ended: Floats
    owner: Codes

    @property
    def journeys(self) -> float:
        """How many journeys were counted."""
        return float(self.begun.sum())

    @property
    def out(self) -> Floats:
        """Journeys that left each state, for another or for good; 1 of one that none entered: it changes nothing.

        A row of grouped paths may count no journey at all.
        """
        left = np.asarray(self.moves.sum(axis=1)).ravel() + self.converted + self.ended
        return np.where(left > 0, left, 1.0)


@dataclass(frozen=True)
class Removal:
    """What the chain says of each channel.

    Parameters
    ----------
    probability, worth : float
        P(conversion) and the expected value of a journey.
    effect, effect_on_value : array, one a channel
        The shares of both that are lost without the channel, 0 to 1.
    """

    probability: float
    worth: float
    effect: Floats
    effect_on_value: Floats


def chain(paths: Paths, order: int = 1) -> Chain:
    """Count the moves of all journeys.

    Parameters
    ----------
    paths : Paths
        Distinct paths, those without conversion included.
    order : int
        How many touches a state remembers, at least 1.
    """
    state, size = states(paths, order)
    begins, ends = paths.start[:-1], paths.start[1:] - 1
    weight = paths.conversions + paths.lost
    inner = np.flatnonzero((paths.position > 0) & (state != np.roll(state, 1)))
    moves = sp.coo_array((weight[paths.path[inner]], (state[inner - 1], state[inner])), shape=(size, size)).tocsr()
    owner = np.zeros(size, np.int32)
    owner[state] = paths.channel

    def tally(at: NDArray[np.int64], numbers: Floats) -> Floats:
        return np.bincount(state[at], weights=numbers, minlength=size).astype(float, copy=False)

    return Chain(
        moves,
        tally(begins, weight),
        tally(ends, paths.conversions),
        tally(ends, paths.value),
        tally(ends, paths.lost),
        owner,
    )


def states(paths: Paths, order: int) -> tuple[NDArray[np.int64], int]:
    """The state after each touch: its last ``order`` touches, or all of them where there are fewer."""
    state, size = paths.step.astype(np.int64), paths.states
    for _ in range(order - 1):
        before = np.where(paths.position > 0, np.roll(state, 1), -1)
        keys, state = np.unique((before + 1) * paths.states + paths.step, return_inverse=True)
        size = len(keys)
    return state, size


def removal(chain: Chain, channels: int) -> Removal:
    """The removal effect of every channel; 0 for one that no converting journey of the chain can pass.

    Raises
    ------
    ValueError
        When no journey converts.
    """
    moves, begun, owner = chain.moves, chain.begun / chain.journeys, chain.owner
    out, gains = chain.out, np.column_stack((chain.converted, chain.worth))
    solve = _dense if len(out) <= DENSE_STATES else _sparse
    whole, lost = solve(moves, out, gains, begun, owner, channels)
    if not whole[0] > 0:
        raise ValueError("no journey converts")
    # Roundings may leave a loss a hair below 0 or above all there is.
    effect = np.clip(lost / np.where(whole > 0, whole, 1.0), 0.0, 1.0)
    return Removal(float(whole[0]), float(whole[1]), effect[:, 0], effect[:, 1])


def worth_of_sets(chain: Chain, players: NDArray[np.integer], member: NDArray[np.bool_]) -> Floats:
    """Conversions and value of a journey with some of the channels alone.

    Parameters
    ----------
    chain : Chain
        Counted moves.
    players : array of int, n
        The channels that have states.
    member : array of bool, sets × n
        Which of them each set holds.

    Returns
    -------
    array, sets × 2
    """
    begun, out = chain.begun / chain.journeys, chain.out
    gains = np.column_stack((chain.converted, chain.worth))
    place = np.searchsorted(players, chain.owner)
    found = np.zeros((len(member), 2))
    for first in range(0, len(member), _SETS):
        kept = member[first : first + _SETS].T[place]
        walked = _walked(chain.moves, out, gains, begun, kept)
        if walked is None:
            walked = np.array([_gain(chain.moves, out, gains, begun, np.flatnonzero(one)) for one in kept.T])
        found[first : first + _SETS] = walked
    return found


def _dense(
    moves: sp.csr_array, out: Floats, gains: Floats, begun: Floats, owner: Codes, channels: int
) -> tuple[Floats, Floats]:
    """One inverse, and one small solve a channel. Rows are counts: I − Q is (diag(out) − moves) / out."""
    inverse = np.linalg.inv(np.diag(out) - moves.toarray())  # N = inverse · diag(out)
    reach = inverse @ gains
    visits = begun @ (inverse * out)
    lost = np.zeros((channels, 2))
    for channel in np.unique(owner):
        own = np.flatnonzero(owner == channel)
        block = inverse[np.ix_(own, own)] * out[own]
        lost[channel] = visits[own] @ np.linalg.solve(block, reach[own])
    return begun @ reach, lost


def _sparse(
    moves: sp.csr_array, out: Floats, gains: Floats, begun: Floats, owner: Codes, channels: int
) -> tuple[Floats, Floats]:
    """Walk all journeys on together, whole and without each channel; solve where they go on for too long."""
    present = np.unique(owner)
    lost = np.zeros((channels, 2))
    whole = _walked(moves, out, gains, begun, np.ones((len(owner), 1), bool))
    if whole is None:
        return _solved(moves, out, gains, begun, owner, channels)
    for first in range(0, len(present), _TOGETHER):
        some = present[first : first + _TOGETHER]
        left = _walked(moves, out, gains, begun, owner[:, None] != some[None, :])
        if left is None:
            return _solved(moves, out, gains, begun, owner, channels)
        lost[some] = whole - left
    return whole[0], lost


def _walked(moves: sp.csr_array, out: Floats, gains: Floats, begun: Floats, kept: NDArray[np.bool_]) -> Floats | None:
    """What journeys gain where only the states of a column of ``kept`` may be entered, moved on until none is left.

    Adds Σ s Qⁿ r term by term. All terms are positive, so nothing cancels, and what is still to come is at most the
    share of journeys that still go on times the most that a journey gains where it ends: the sum ends when that is
    below a rounding. None where journeys still go on after ``_STEPS``.
    """
    rates = gains / out[:, None]
    ends = out - np.asarray(moves.sum(axis=1)).ravel()
    most = (gains / np.where(ends > 0, ends, np.inf)[:, None]).max(axis=0)
    onward = (sp.diags_array(1.0 / out) @ moves).T.tocsr()
    # All journeys together gain this much each: each ends once, and the chain reproduces their mean.
    enough = 1e-18 * gains.sum(axis=0) / ends.sum()
    here = begun[:, None] * kept
    gained = here.T @ rates
    for _ in range(_STEPS):
        here = (onward @ here) * kept
        gained += here.T @ rates
        if (here.sum(axis=0).max() * most <= enough).all():
            return gained
    return None


def _solved(
    moves: sp.csr_array, out: Floats, gains: Floats, begun: Floats, owner: Codes, channels: int
) -> tuple[Floats, Floats]:
    """One sparse solve for all channels together and one without each."""
    whole = _gain(moves, out, gains, begun, np.arange(len(out)))
    lost = np.zeros((channels, 2))
    for channel in np.unique(owner):
        lost[channel] = whole - _gain(moves, out, gains, begun, np.flatnonzero(owner != channel))
    return whole, lost


def _gain(moves: sp.csr_array, out: Floats, gains: Floats, begun: Floats, kept: NDArray[np.int64]) -> Floats:
    """What journeys gain where only some states may be entered, by one sparse solve."""
    if not len(kept):
        return np.zeros(gains.shape[1])
    inner = moves[kept][:, kept]
    return begun[kept] @ splu(sp.csc_array(sp.diags_array(out[kept]) - inner)).solve(gains[kept])
