"""A plan that was saved to be bought as it is: what was asked for, and what it came to; checked before it is bought."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError

from jobs.errors import BadInput, PlanChanged
from jobs.job import Noun
from jobs.money import shown
from jobs.visible import visible
from ledger.shelf import plan_ids
from producer.plan import Plan
from producer.planned import Asked

#: The newest shape that is read.
VERSION: Final = 1


class SavedPlan(Noun):
    """What `plan --save` writes. `asked` are the command's words; the hashes are of all job ids in order, of the whole
    plan with its prices, and of the ids that were bought.
    """

    version: int = VERSION
    saved_at: datetime
    asked: dict[str, Any]
    store: str
    campaign: str
    account: str
    jobs_sha256: str
    plan_sha256: str
    bought_sha256: str
    variants: int
    already_bought: int
    to_buy: int
    cost_high_usd: Decimal
    told: dict[str, Any]

    @classmethod
    def of(cls, plan: Plan, asked: Asked, store: str, told: dict[str, Any]) -> Self:
        """The plan that was made of what was asked. Raises BadInput for one that cannot be made again."""
        if str(asked.matrix) == "-":
            raise BadInput("a plan of standard input cannot be saved", hint="Put the matrix into a file first.")
        if visible(name := str(asked.matrix)) != name:
            raise BadInput(f"a plan of {visible(name)} cannot be saved", hint="Its name is no plain text: rename it.")
        words = asdict(asked) | {"matrix": _absolute(asked.matrix), "store": store}
        words["template"] = None if asked.template is None else _absolute(asked.template)
        words["price"] = None if asked.price is None else str(asked.price)
        return cls(
            saved_at=datetime.now(UTC),
            asked=words,
            store=store,
            campaign=plan.campaign,
            account=plan.account,
            jobs_sha256=_digest(plan_ids(plan.path)),
            plan_sha256=plan.sha256,
            bought_sha256=_digest(sorted(plan.bought)),
            variants=plan.variants,
            already_bought=plan.already_bought,
            to_buy=plan.to_buy,
            cost_high_usd=plan.cost_high_usd,
            told=told,
        )

    def wish(self) -> Asked:
        """What was asked for, to be planned anew."""
        words = dict(self.asked)
        matrix = words["matrix"]
        words["matrix"] = matrix if matrix.lower().startswith(("https://", "http://")) else Path(matrix)
        words["template"] = None if words["template"] is None else Path(words["template"])
        words["price"] = None if words["price"] is None else Decimal(words["price"])
        for pairs in ("where", "label"):
            words[pairs] = tuple((column, text) for column, text in words.get(pairs, ()))
        return Asked(**words)

    def check(self, plan: Plan, store: str) -> None:
        """Raise PlanChanged, naming everything that is not as it was when the plan was saved."""
        differences = list(self._differences(plan, store))
        if differences:
            raise PlanChanged(
                f"the plan of {self.saved_at:%Y-%m-%d %H:%M} UTC no longer holds: " + "; ".join(differences),
                "look at it anew with `wanbatch plan` and save it again; nothing was queued",
            )

    def _differences(self, plan: Plan, store: str) -> Iterator[str]:
        if store != self.store:
            yield f"it is for the store {self.store}, and this is {store}"
        if (plan.campaign, plan.account) != (self.campaign, self.account):
            yield f"it buys {self.campaign} at {self.account}, and this {plan.campaign} at {plan.account}"
        if _digest(plan_ids(plan.path)) != self.jobs_sha256:
            yield (
                f"the matrix, or a file that it names, has changed ({self.variants:,} videos then, "
                f"{plan.variants:,} now)"
            )
        elif _digest(sorted(plan.bought)) != self.bought_sha256:
            yield f"what is bought has changed ({self.already_bought:,} of it then, {plan.already_bought:,} now)"
        elif plan.cost_high_usd != self.cost_high_usd:
            yield f"prices have changed ({shown(self.cost_high_usd)} then, {shown(plan.cost_high_usd)} now)"
        elif plan.sha256 != self.plan_sha256:
            yield "prices, labels or priorities of the matrix have changed"


def read_saved(path: Path) -> SavedPlan:
    """The plan in a file; BadInput for a file that is none."""
    try:
        saved = SavedPlan.model_validate_json(path.read_bytes())
        saved.wish()
    except OSError as error:
        raise BadInput(f"the plan {path} cannot be read: {error.strerror}") from error
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        hint = "Make one with `wanbatch plan MATRIX --save FILE`."
        raise BadInput(f"{path} is no saved plan that this wanbatch can read", hint=hint) from error
    return saved


def _absolute(path: Path | str) -> str:
    return str(path.absolute()) if isinstance(path, Path) else path


def _digest(words: Iterator[str] | list[str]) -> str:
    found = hashlib.sha256()
    for word in words:
        found.update(f"{word}\n".encode())
    return found.hexdigest()
