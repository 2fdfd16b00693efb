"""`wanbatch providers`: what each provider sells, for how much, within which limits, and whether its key is set."""

from collections.abc import Iterator
from typing import Any

import click

from cli.options import as_json
from cli.summary import print_json
from config.facts import Offer, ProviderFacts, Window, load_facts
from config.settings import provider_key
from jobs.money import usd_text


@click.command("providers")
@as_json
def command(as_json: bool) -> None:
    """List modes, sizes, durations and prices (with their date), limits, and whether a key is set."""
    known = list(load_facts().values())
    if as_json:
        print_json({"providers": [provider_json(facts) for facts in known]})
        return
    for facts in known:
        for line in provider_lines(facts):
            click.echo(line)


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
        "limits": {
            "submits": [window.model_dump() for window in facts.limits.submits],
            "polls": [window.model_dump() for window in facts.limits.polls],
            "slots": facts.limits.slots,
        },
        "offers": [_offer_json(facts, offer) for offer in facts.offers],
    }


def provider_lines(facts: ProviderFacts) -> Iterator[str]:
    """One provider for a person."""
    key = "set" if provider_key(facts) else f"not set ({' or '.join(facts.key_variables)})"
    yield f"{facts.name}: {facts.title}"
    yield f"  key      {key}"
    yield f"  regions  {', '.join(facts.regions)} (default {facts.default_region})"
    slots = f", {facts.limits.slots} in flight" if facts.limits.slots else ""
    yield f"  limits   {', '.join(map(_window, facts.limits.submits)) or 'none known'}{slots}"
    yield f"  prices   of {facts.price_as_of}, {facts.price_source}"
    for offer in facts.offers:
        sold = "; ".join((_sizes(offer), _seconds(offer.durations_s), _prices(facts, offer)))
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
        "usd_per_second": {
            region: {
                resolution: usd_text(facts.second_usd(offer, resolution, region=region))
                for resolution in offer.resolutions
            }
            for region in offer.regions or facts.regions
        },
    }


def _window(window: Window) -> str:
    """`50 submits in 60 s`."""
    return f"{window.count} submits in {window.window_s:g} s"


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
    prices = [(each, facts.second_usd(offer, each, region=region)) for each in offer.resolutions]
    where = "" if region == facts.default_region else f" in {region}"
    return ", ".join(f"{each} {'$' + format(usd, 'f') if usd else 'unknown'}/s" for each, usd in prices) + where
