"""What providers tell of an account's limits: in the headers of a submit's answer, or in a list of their own.

Sources: docs.toapis.com (rate limits), docs.segmind.com (rate limits), Model Studio ("List model quotas"), read in
November 2026.
"""

from typing import Any

from providers import fields
from providers.contract import Answer, Call, Endpoint, Quota, Told
from providers.provider import Provider

#: Rows of the list that are asked for at once: more than there are Wan models.
PAGE = 100


def read_told(provider: Provider, answer: Answer) -> Told | None:
    """What the answer to a submit tells of the window that its headers speak of; None where it tells nothing."""
    limit = fields.whole(answer.headers.get(provider.limit_header))
    remaining = fields.whole(answer.headers.get(provider.remaining_header))
    return None if limit is None and remaining is None else Told(limit, remaining)


def quota_call(provider: Provider, at: Endpoint) -> Call | None:
    """The GET that lists the limits of every Wan model of the key's account; None where there is no such list."""
    if provider.quota_path is None:
        return None
    asked = f"{at.base_url}{provider.quota_path}?name=wan&page_size={PAGE}&page_no=1"
    return Call("GET", asked, provider.headers(at))


def read_quota(provider: Provider, answer: Answer) -> Quota | None:
    """The narrowest of what is sold here, a workspace's own limit before the account's: the models are gated as one."""
    rows = fields.obj(answer.fields().get("output")).get("quotas")
    sold = {offer.slug for offer in provider.facts.sold(provider.region)}
    limits = [
        fields.obj(row.get("workspace_limit")) or fields.obj(row.get("model_limit"))
        for row in map(fields.obj, rows if isinstance(rows, list) else [])
        if fields.words(row.get("model")) in sold
    ]
    rates = [rate for limit in limits if (rate := _rate(limit)) is not None]
    slots = [most for limit in limits if (most := fields.whole(limit.get("async_user_concurrency_limit")))]
    if not rates and not slots:
        return None
    count, period_s = min(rates, key=lambda rate: rate[0] / rate[1], default=(None, 1))
    return Quota(count, period_s, min(slots, default=None))


def _rate(limit: dict[str, Any]) -> tuple[int, int] | None:
    """Requests in so many seconds; None where there is no limit."""
    count, period_s = fields.whole(limit.get("request_limit")), fields.whole(limit.get("request_limit_period"))
    return (count, period_s) if count and period_s else None
