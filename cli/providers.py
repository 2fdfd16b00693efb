"""`wanbatch providers`: what each provider sells, for how much, within which limits, and whether its key is set."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import click

from cli.options import as_json
from cli.summary import print_json
from config.accounts import AccountFacts, Accounts
from config.facts import Offer, ProviderFacts, Window, load_facts
from config.settings import load_settings, provider_key
from jobs.money import usd_text


@click.command("providers")
@as_json
def command(as_json: bool) -> None:
    """List modes, sizes, durations and prices (with their date), limits, and whether a key is set."""
    known = list(load_facts().values())
    further = [account for account in Accounts(load_settings().limits).every(simulated=False) if account.is_further]
    if as_json:
        shapes = [_further_json(account) for account in further]
        print_json({"providers": [provider_json(facts) for facts in known], "accounts": shapes})
        return
    for facts in known:
        for line in provider_lines(facts):
            click.echo(line)
    for account in further:
        for line in _further_lines(account):
            click.echo(line)


def _further_json(account: AccountFacts) -> dict[str, Any]:
    """A further account for scripts."""
    return {
        "name": account.name,
        "provider": account.facts.name,
        "region": account.place,
        "key_variable": account.facts.key_variables[0],
        "key_set": provider_key(account.facts) is not None,
        "limits": _limits_json(account.facts),
    }


def _further_lines(account: AccountFacts) -> Iterator[str]:
    """A further account for a person; what it sells is what its provider sells."""
    yield f"{account.name}: a further account at {account.facts.title}, region {account.place}"
    yield f"  key      {_key(account.facts)}"
    yield f"  submits  {_submits(account.facts)}"
    yield ""


def provider_json(facts: ProviderFacts) -> dict[str, Any]:
    """One provider for scripts; prices are strings of dollars for a second, null where the list does not say."""
    return {
        "name": facts.name,
        "title": facts.title,
        "key_variables": list(facts.key_variables),
        "key_set": provider_key(facts) is not None,
        "regions": list(facts.regions),
        "default_region": facts.default_region,
        "price_as_of": facts.price_as_of.isoformat(),
        "price_source": facts.price_source,
        "limits": _limits_json(facts),
        "offers": [_offer_json(facts, offer) for offer in facts.offers],
    }


def _limits_json(facts: ProviderFacts) -> dict[str, Any]:
    return {
        "submits": [window.model_dump() for window in facts.limits.submits],
        "polls": [window.model_dump() for window in facts.limits.polls],
        "slots": facts.limits.slots,
        "documented": facts.limits.documented,
        "polls_share_submit_limit": facts.limits.polls_share_submit_limit,
    }


def _key(facts: ProviderFacts) -> str:
    return "set" if provider_key(facts) else f"not set ({' or '.join(facts.key_variables)})"


def _submits(facts: ProviderFacts) -> str:
    slots = f", {facts.limits.slots} in flight" if facts.limits.slots else ""
    chosen = "" if facts.limits.documented else " (chosen: none is documented)"
    return f"{', '.join(map(_window, facts.limits.submits)) or 'no limit known'}{chosen}{slots}"


def provider_lines(facts: ProviderFacts) -> Iterator[str]:
    """One provider for a person."""
    yield f"{facts.name}: {facts.title}"
    yield f"  key      {_key(facts)}"
    yield f"  regions  {', '.join(facts.regions)} (default {facts.default_region})"
    yield f"  submits  {_submits(facts)}"
    shared = {"yes": "; they count as submits", "no": "", "unknown": "; whether they count as submits is unknown"}
    polls = ", ".join(map(_window, facts.limits.polls)) or "no limit known"
    yield f"  polls    {polls}{shared[facts.limits.polls_share_submit_limit]}"
    yield f"  prices   of {facts.price_as_of}, {facts.price_source}"
    for offer in facts.offers:
        sold = "; ".join((_sizes(offer), _seconds(offer.durations_s), _prices(facts, offer), *_extras(offer)))
        yield f"  {offer.mode} {offer.model:<8}  {sold}"
    yield ""


def _offer_json(facts: ProviderFacts, offer: Offer) -> dict[str, Any]:
    """What one model makes, and its price in each region that sells it."""
    return {
        "mode": offer.mode.value,
        "model": offer.model,
        "slug": offer.slug,
        "resolutions": list(offer.resolutions),
        "aspect_ratios": list(offer.aspect_ratios),
        "durations_s": list(offer.durations_s),
        "shot_types": list(offer.shot_types),
        "can_be_set": [name for name, can in _switches(offer).items() if can],
        "prompt_limit": offer.prompt_limit,
        "negative_limit": offer.negative_limit,
        "references_max": offer.references_max,
        "reference_videos_max": offer.reference_videos_max,
        "reference_images_max": offer.reference_images_max,
        "billed_input_s_max": offer.input_s_max,
        "usd_per_second": _by_region(facts, offer, audio=True),
        "usd_per_second_silent": _by_region(facts, offer, audio=False) if offer.audio_switch else None,
    }


def _by_region(facts: ProviderFacts, offer: Offer, *, audio: bool) -> dict[str, dict[str, str | None]]:
    """Dollars for a second of each resolution, in each region that sells the model."""
    return {
        region: {
            resolution: usd_text(facts.second_usd(offer, resolution, audio=audio, region=region))
            for resolution in offer.resolutions
        }
        for region in offer.regions or facts.regions
    }


def _switches(offer: Offer) -> dict[str, bool]:
    """The columns that not everybody obeys."""
    return {
        "audio_url": offer.audio_track,
        "audio": offer.audio_switch,
        "watermark": offer.watermark,
        "template": offer.template,
        "prompt_expansion": offer.expansion_switch,
    }


def _extras(offer: Offer) -> Iterator[str]:
    """What can be set beside the usual, and what is billed beside the output."""
    if can := [name for name, can in _switches(offer).items() if can]:
        yield f"takes {' '.join(can)}"
    if "multi" not in offer.shot_types:
        yield "one shot only"
    if offer.references_max:
        kinds = f"{offer.reference_videos_max} videos, {offer.reference_images_max or 'no'} images"
        billed = f"; up to {offer.input_s_max} s of them are billed" if offer.input_s_max else ""
        yield f"up to {offer.references_max} references ({kinds}){billed}"


def _window(window: Window) -> str:
    """`50 in 60 s`."""
    return f"{window.count} in {window.window_s:g} s"


def _sizes(offer: Offer) -> str:
    """Resolutions and shapes; where an image comes in, it decides the shape."""
    return f"{' '.join(offer.resolutions)} {' '.join(offer.aspect_ratios) or 'as the image'}"


def _seconds(durations_s: tuple[int, ...]) -> str:
    """`5 10 15 s`, or a range where every second is sold."""
    first, last = min(durations_s), max(durations_s)
    if len(durations_s) > 2 and len(durations_s) == last - first + 1:  # noqa: PLR2004 - two are no range
        return f"{first}-{last} s"
    return f"{' '.join(map(str, durations_s))} s"


def _prices(facts: ProviderFacts, offer: Offer) -> str:
    """Dollars for a second of each resolution, in the region that is used when none is named."""
    region = facts.default_region if not offer.regions or facts.default_region in offer.regions else offer.regions[0]
    where = "" if region == facts.default_region else f" in {region}"
    sounds = (True, False) if offer.audio_switch else (True,)
    prices = [
        f"{each} "
        + " or ".join(_second(facts.second_usd(offer, each, audio=audio, region=region), audio) for audio in sounds)
        for each in offer.resolutions
    ]
    return ", ".join(prices) + where


def _second(usd: Decimal | None, audio: bool) -> str:
    """`$0.05/s`, and which of two it is where silence is sold; what is unknown is named with --price."""
    return f"{'unknown' if usd is None else '$' + format(usd, 'f') + '/s'}{'' if audio else ' silent'}"
