"""The desk's own HTTP client: it asks a provider for the balance, and buys nothing."""

from http import HTTPStatus

import httpx

from jobs.errors import Refused
from providers.accounts import Account
from providers.contract import Answer, Balance

#: Seconds for one question.
TIMEOUT_S = 10.0


def balance(account: Account) -> tuple[Balance | None, str | None]:
    """What is left on the account, and why it is not known: one of the two is None.

    Where the provider has no door for it, the reason says so. Raises Refused, in the provider's own words, when
    it refuses the key.
    """
    call = account.provider.balance_call(account.endpoint)
    if call is None:
        return None, f"{account.facts.title} tells no balance to an API key"
    try:
        response = httpx.request(call.method, call.url, headers=dict(call.headers), timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        return None, f"{account.facts.title} cannot be reached: {type(error).__name__}"
    headers = {name.lower(): value for name, value in response.headers.items()}
    answer = Answer(response.status_code, headers, response.content)
    told = account.provider.read_balance(answer)
    if told is None and answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise Refused(
            f"{account.facts.title} refuses the key: {answer.status} {response.text[:200]}",
            f"set {account.facts.key_variables[0]} to a key that works; nothing was bought",
        )
    if told is None:
        return None, f"{account.facts.title} answered {answer.status}: {response.text[:200]}"
    return told, None
