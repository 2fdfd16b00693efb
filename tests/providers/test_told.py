"""What providers tell of an account's limits is read; what they do not tell changes nothing."""

from typing import Any

import pytest

from providers.contract import Answer, Call, Endpoint, Quota, Told
from providers.registry import provider
from providers.told import quota_call, read_quota, read_told
from tests.providers.answers import answer

AT = Endpoint("https://dashscope-intl.aliyuncs.com", "key")


@pytest.mark.parametrize(
    ("name", "headers", "told"),
    [
        ("toapis", {"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "7"}, Told(1000, 7)),
        ("toapis", {"x-ratelimit-limit": "many"}, None),
        ("segmind", {"x-rate-limit-remaining": "4"}, Told(None, 4)),
        ("segmind", {"x-rate-limit-remaining": "-1"}, None),
        ("dashscope", {"x-ratelimit-limit": "1000"}, None),
    ],
)
def test_headers_tell_what_is_left(name: str, headers: dict[str, str], told: Told | None) -> None:
    """Only those that the provider documents, and only whole numbers."""
    assert read_told(provider(name), Answer(200, headers, b"{}")) == told


def limit(count: Any, period_s: Any, slots: Any) -> dict[str, Any]:
    """A limit as the list has it."""
    return {"request_limit": count, "request_limit_period": period_s, "async_user_concurrency_limit": slots}


def listed(*rows: tuple[str, dict[str, Any] | None, dict[str, Any] | None]) -> Answer:
    """The list: model, the account's limit, the workspace's."""
    quotas = [{"model": model, "model_limit": account, "workspace_limit": own} for model, account, own in rows]
    return answer(200, {"output": {"quotas": quotas}})


@pytest.mark.parametrize(
    ("said", "quota"),
    [
        (listed(("wan2.6-t2v", limit(20, 1, 10), None), ("wan2.6-i2v", limit(600, 60, 8), None)), Quota(600, 60, 8)),
        (listed(("wan2.6-t2v", limit(20, 1, 10), limit(2, 1, 3))), Quota(2, 1, 3)),
        (listed(("wan2.6-t2v", limit(None, None, 10), None)), Quota(None, 1, 10)),
        (listed(("wan2.6-t2v", limit(5, 0, None), None)), None),
        (listed(("qwen3-max", limit(1, 60, 1), None)), None),
        (answer(200, {"output": {"quotas": "none"}}), None),
        (answer(200, {"output": []}), None),
        (answer(403, {"code": "AccessDenied"}), None),
        (Answer(200, {}, b"<html>"), None),
    ],
)
def test_the_narrowest_of_the_listed_limits_counts(said: Answer, quota: Quota | None) -> None:
    """Of the models that are sold here, and a workspace's own before the account's."""
    assert read_quota(provider("dashscope"), said) == quota


def test_who_lists_no_limits_is_not_asked() -> None:
    """The key goes along, in its header."""
    call = quota_call(provider("dashscope"), AT)
    assert isinstance(call, Call)
    assert (call.method, call.url.partition("?")[0]) == ("GET", "https://dashscope-intl.aliyuncs.com/api/v1/quotas")
    assert call.headers["Authorization"] == "Bearer key"
    assert quota_call(provider("segmind"), AT) is None
