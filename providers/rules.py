"""What a definite no means: each provider's rules are a table, read from the top; docs/providers.md shows the rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from providers import fields
from providers.contract import Answer, Kind, Rejected

#: Statuses of a request that was taken.
TAKEN = range(200, 300)

#: Statuses that prove that nothing was bought; 408 and 499 only say that someone left.
DEFINITE = frozenset(range(400, 500)) - {408, 499}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `status` None is any; `code` and `words` are regular expressions, empty for any, without case.

    `code` must match the whole code (underscores are not seen, since some have a second spelling), `words` any part
    of the message.
    """

    status: int | None
    code: str
    words: str
    kind: Kind
    hint: str

    def fits(self, status: int | None, code: str, message: str) -> bool:
        """Whether this row is about that answer."""
        return (
            self.status in {None, status}
            and (not self.code or bool(re.fullmatch(self.code, code.replace("_", ""), re.IGNORECASE)))
            and (not self.words or bool(re.search(self.words, message, re.IGNORECASE)))
        )


#: What words of providers are about what the prompt or the media show.
CONTENT = r"inappropriate|flagged|sensitive content|nsfw|moderation|content polic|data ?inspection|safety"

#: The same in their codes.
CONTENT_CODES = r"(contentpolicy|contentfilter|contentmoderation|moderation|nsfw|datainspection|sensitive).*"

#: What to do where the content was refused.
CHANGE = "change the prompt or the media"

#: The last rows of a table that has nothing odd to say of them.
PLAIN_ENDS = (
    Rule(429, "", "", Kind.RATE_LIMITED, "too many requests for this account; it goes on by itself"),
    Rule(None, CONTENT_CODES, "", Kind.CONTENT_REFUSED, CHANGE),
    Rule(None, "", CONTENT, Kind.CONTENT_REFUSED, CHANGE),
    Rule(None, "", "", Kind.BAD_REQUEST, "the message says which field; the request is not sent again as it is"),
)

#: What the usual statuses mean.
PLAIN = (
    Rule(401, "", "", Kind.KEY_REFUSED, "check the key"),
    Rule(402, "", "", Kind.OUT_OF_CREDIT, "top up the account"),
    Rule(403, "", "", Kind.KEY_REFUSED, "the key's account may not use this model"),
    *PLAIN_ENDS,
)


def judge(rules: Sequence[Rule], code: str, message: str, status: int | None = None) -> Rule:
    """The first row that fits; the last row of a table fits everything."""
    return next((rule for rule in rules if rule.fits(status, code, message)), rules[-1])


def rejected(rules: Sequence[Rule], answer: Answer, code: str, message: str) -> Rejected:
    """The refusal in a definite no, with the provider's own words and what to do."""
    rule = judge(rules, code, message, answer.status)
    wait_s, at = fields.retry_after(answer.headers, message)
    return Rejected(
        kind=rule.kind,
        message=message or code or f"HTTP {answer.status} without a message",
        code=code or str(answer.status),
        hint=rule.hint,
        retry_after_s=wait_s,
        retry_at=at,
    )
