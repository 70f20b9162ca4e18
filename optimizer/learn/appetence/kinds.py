"""What an event of a contact history can be, and how tools and countries spell it.

Kinds are few. Reactions carry a weight in features: an open says little, since mail privacy proxies open for the
reader; clicks, returns (a reply card, a coupon handed in), baskets and purchases say much. Refusals and failures of
delivery are no reactions at all: they decide who may be reached (consent), not how likely a response is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean

#: Kinds that take consent back, and the kind that gives it.
REFUSALS, CONSENT = ("unsubscribe", "stop", "refused"), "consent"
#: Kinds that say a contact cannot arrive.
UNREACHABLE, SOFT_BOUNCE = ("bounce_hard", "undeliverable"), "bounce_soft"
#: What each reaction counts for in features, in tenths: whole numbers, so that sums do not depend on their order.
REACTION_TENTHS = {"open": 1, "click": 10, "basket": 10, "response": 20, "return": 20, "purchase": 20}
#: What counts as a response unless the caller says otherwise.
RESPONSES = ("click", "return", "purchase", "response")
#: Kinds that may follow a contact without naming its channel.
OF_ANY_CHANNEL = ("basket", "return", "purchase", "response")
#: A contact that brought nothing, in tables with a row a contact.
NOTHING = ("no_response", "rejected")
KINDS = (
    "sent",
    *REACTION_TENTHS,
    *NOTHING,
    SOFT_BOUNCE,
    *UNREACHABLE,
    *REFUSALS,
    CONSENT,
)

#: Spellings met in exports of campaign tools, without case, accents, blanks and signs.
_SPELLINGS = {
    "sent": "sent send delivered delivery impression contact contacted call called envoi envoye",
    "open": "open opened opens ouverture ouvert",
    "click": "click clicked clicks clic clique clickthrough",
    "basket": "basket cart addtocart abandonedcart panier",
    "response": "response responded respond accept accepted conversion converted positive yes reponse lead visit",
    "return": "return returned retour reply replied replycard couponreturned redemption redeemed redeem",
    "purchase": "purchase purchased buy bought order sale achat transaction",
    "no_response": "noresponse nonresponse noreply ignored none negative no",
    "rejected": "reject rejected decline declined",
    "bounce_soft": "bouncesoft softbounce soft temporarybounce",
    "bounce_hard": "bouncehard hardbounce hard bounce permanentbounce invalidaddress",
    "undeliverable": "undeliverable npai returntosender rts wrongaddress wrongnumber invalidnumber undelivered",
    "unsubscribe": "unsubscribe unsubscribed unsub optout desabonnement desinscription",
    "stop": "stop stopsms smsstop",
    "refused": "refused refusal refusedconsent consentrefused consentwithdrawn complaint spam refus donotcontact",
    "consent": "consent consented optin consentgiven resubscribe resubscribed subscribe subscribed",
}
_KIND_OF = {word: kind for kind, words in _SPELLINGS.items() for word in words.split()}
_ACCENTS = str.maketrans("àâäçéèêëîïôöùûü", "aaaceeeeiioouuu")


def kinds_of(
    words: pd.Series, file: str, column: str, given: Mapping[str, str | None] | None
) -> tuple[pd.Series, list[LeftOut]]:
    """What each row is, and a count of every spelling that was read as something else.

    Parameters
    ----------
    words : Series
        Events as the table spells them.
    file, column : str
        For messages.
    given : mapping, optional
        Spellings of the caller to kinds; None leaves such rows out, and they are counted.

    Returns
    -------
    (Series, list of LeftOut)
        The kind of each row (missing where left out); notes.

    Raises
    ------
    ScenarioError
        For a kind that is not one, an empty cell and a spelling nobody knows.
    """
    own = {_folded(word): kind for word, kind in (given or {}).items()}
    for word, wanted in (given or {}).items():
        if wanted is not None and wanted not in KINDS:
            raise ScenarioError("events", str(word), wanted, f"expected a kind of event; {did_you_mean(wanted, KINDS)}")
    codes, distinct = pd.factorize(words, use_na_sentinel=True)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise ScenarioError(file, f"row {row + 1}, column {column}", "empty", "expected what happened, such as sent")
    counts = np.bincount(codes, minlength=len(distinct))
    made: list[str | None] = []
    notes: list[LeftOut] = []
    for code, word in enumerate(distinct):
        folded = _folded(str(word))
        if folded not in own and folded not in _KIND_OF:
            row, hint = int(np.argmax(codes == code)), did_you_mean(word, KINDS)
            mend = (
                "; say what it is with events, for example {'" + str(word) + "': 'response'}, or None to leave it out"
            )
            raise ScenarioError(
                file,
                f"row {row + 1}, column {column}",
                str(word),
                f"unknown event ({counts[code]:,} rows); {hint}{mend}",
            )
        kind = own[folded] if folded in own else _KIND_OF[folded]
        made.append(kind)
        if kind is None:
            notes.append(LeftOut(f"events {word!r}: left out as asked", int(counts[code]), []))
        elif str(word) != kind:
            notes.append(LeftOut(f"events {word!r} read as {kind}", int(counts[code]), []))
    return pd.Series(np.array([*made, None], dtype=object)[codes], index=words.index, dtype="str"), notes


def _folded(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower().translate(_ACCENTS))
