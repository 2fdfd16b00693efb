"""docs/providers.md tells what the code does: its tables are made here, out of the facts and the rules.

Run as a script, this file writes them anew.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from config.facts import Offer, ProviderFacts, Window, load_facts
from providers.contract import Kind
from providers.registry import PROVIDERS
from providers.rules import Rule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"
RULES = {name: provider.rules for name, provider in PROVIDERS.items()}
BLOCK = r"(<!-- generated: {} -->\n)(.*?)(<!-- end -->)"


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def listed(values: Sequence[object]) -> str:
    """`5, 10, 15`, and an unbroken run of numbers as `2-15`."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) > 3 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(map(str, values))


def usd(price: Decimal) -> str:
    """`$0.10`: every figure that is known, and no fewer than two."""
    whole, _, rest = f"{price.normalize():f}".partition(".")
    return f"${whole}.{rest:0<2}"


def prices(facts: ProviderFacts, offer: Offer, region: str) -> str:
    """Dollars a second by resolution; where silence is sold too, its price stands after a slash."""
    cells = []
    for resolution in offer.resolutions:
        sounds = (True, False) if offer.audio_switch else (True,)
        told = [facts.second_usd(offer, resolution, audio=audio, region=region) for audio in sounds]
        cells.append(f"{resolution} " + " / ".join("unknown" if price is None else usd(price) for price in told))
    return ", ".join(cells)


def switches(offer: Offer) -> str:
    """What may be set beside the usual."""
    held = {
        "audio track": offer.audio_track,
        "silent": offer.audio_switch,
        "watermark": offer.watermark,
        "template": offer.template,
        "no expansion": offer.expansion_switch,
        "several shots": "multi" in offer.shot_types,
    }
    return ", ".join(name for name, can in held.items() if can)


def offers() -> str:
    """Every offer in every region."""
    head = ["provider", "region", "mode", "model", "aspect ratio", "seconds", "price a second", "as of", "can be set"]
    return table(
        head,
        (
            [
                name,
                region,
                offer.mode.value,
                offer.model,
                listed(offer.aspect_ratios) or "the image's",
                listed(offer.durations_s),
                prices(facts, offer, region),
                facts.price_as_of.isoformat(),
                switches(offer),
            ]
            for name, facts in load_facts().items()
            for region in facts.regions
            for offer in facts.sold(region)
        ),
    )


def spoken(windows: Sequence[Window]) -> str:
    """`50 in 60 s`."""
    return ", ".join(f"{window.count} in {window.window_s:g} s" for window in windows) or "none known"


def limits() -> str:
    """Limits, cadence and memory of each provider."""
    facts = load_facts()
    rows: dict[str, list[str]] = {
        "submits": [spoken(each.limits.submits) for each in facts.values()],
        "polls": [spoken(each.limits.polls) for each in facts.values()],
        "that limit is": ["documented" if each.limits.documented else "chosen" for each in facts.values()],
        "polls count as submits": [each.limits.polls_share_submit_limit for each in facts.values()],
        "tasks in flight": [str(each.limits.slots or "none known") for each in facts.values()],
        "a render takes, typically": [f"{each.typical_render_s:g} s" for each in facts.values()],
        "first look, longest wait": [
            f"{each.cadence.first_s:g} s, {each.cadence.cap_s:g} s" for each in facts.values()
        ],
        "given up after": [f"{each.cadence.deadline_s / 60:g} min" for each in facts.values()],
        "status remembered": [f"{each.status_life_s / 3600:g} h" for each in facts.values()],
        "link lives": [f"{each.url_life_s / 3600:g} h" for each in facts.values()],
        "key": [" or ".join(f"`{name}`" for name in each.key_variables) for each in facts.values()],
    }
    return table(["", *facts], ([title, *cells] for title, cells in rows.items()))


def pattern(text: str) -> str:
    """A rule's expression for people: its alternatives, in code marks."""
    names = [part.replace(".*", "*").replace("\\.", ".") for part in text.split("|")] if text else []
    return ", ".join("no message" if part == "^$" else f"`{part}`" for part in names)


def row(name: str, rule: Rule) -> list[str]:
    """One rule."""
    status = str(rule.status) if rule.status else "any 4xx"
    return [name, status, pattern(rule.code), pattern(rule.words), f"`{rule.kind}`", rule.hint]


def rules() -> str:
    """Every provider's rules, in the order in which they are read."""
    head = ["provider", "status", "code", "words in the message", "kind", "what to do"]
    return table(head, (row(name, rule) for name, held in RULES.items() for rule in held))


def media() -> str:
    """What each provider takes of each kind of file."""
    head = ["provider", "kind", "formats", "at most", "pixels a side", "seconds", "see-through"]
    return table(
        head,
        (
            [
                name,
                kind,
                listed(limit.formats),
                f"{limit.most_bytes / 1_000_000:g} MB",
                f"{limit.px[0]}-{limit.px[1]}" if limit.px else "",
                f"{limit.length_s[0]:g}-{limit.length_s[1]:g}" if limit.length_s else "",
                ("yes" if limit.alpha else "refused") if kind == "image" else "",
            ]
            for name, facts in load_facts().items()
            for kind, limit in facts.media.items()
        ),
    )


def ways() -> str:
    """How files of one's own get to each provider, by column."""

    def way(facts: ProviderFacts, column: str) -> str:
        named = {"data": f"in the order, to {facts.most_data_bytes / 1_000_000:g} MB", "upload": "upload door"}
        told = [named[each] for each in facts.hand_over.get(column, ())]
        return ", ".join([*told, "link to S3"])

    columns = ("image_url", "reference_urls", "audio_url")
    head = ["provider", *(f"`{column}`" for column in columns)]
    return table(head, ([name, *(way(facts, column) for column in columns)] for name, facts in load_facts().items()))


TABLES = {"offers": offers, "media": media, "ways": ways, "limits": limits, "rules": rules}


def written(page: str) -> str:
    """The page with its tables made anew."""
    for name, make in TABLES.items():
        if found := re.search(BLOCK.format(name), page, re.DOTALL):
            page = page[: found.start(2)] + make() + page[found.end(2) :]
    return page


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_what_the_code_says(name: str) -> None:
    """A price, a limit or a rule that changes is changed in the page too."""
    found = re.search(BLOCK.format(name), PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert found[2] == TABLES[name](), "run: python tests/providers/test_docs.py"


def test_every_kind_of_error_is_explained() -> None:
    """Scripts match kinds, so the page says what follows from each."""
    page = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in Kind if f"| `{kind}` | " not in page] == []


def test_every_provider_shows_its_rules() -> None:
    """The last row of each table fits whatever else comes."""
    assert list(RULES) == list(load_facts())
    for held in RULES.values():
        assert held[-1].fits(418, "anything", "at all")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
