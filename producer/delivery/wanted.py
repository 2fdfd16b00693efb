"""What is to be delivered: the videos of a campaign under their names, and why the others stay where they are."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jobs.errors import BadInput, Problem
from jobs.record import ManifestLine, Video
from jobs.words import counted
from producer.delivery.only import Only
from producer.delivery.pattern import ENDING, Misnamed, Pattern, column_text

#: Problems that are named one by one; the rest is counted.
PROBLEMS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One video, the name of its copy, and the product that it shows, as far as its row says."""

    name: str
    line: int
    campaign: str
    job_id: str
    creative_id: str
    product_id: str | None
    simulated: bool
    video: Video

    @property
    def utm_content(self) -> str:
        """The copy's name without its ending: plain letters, as a link's parameter takes them."""
        return self.name.removesuffix(ENDING)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A video that is not delivered: its job, the first line of the matrix that asks for it, and the reason."""

    job_id: str
    line: int
    reason: str


@dataclass
class Choice:
    """The videos to deliver, those left out, and what is wrong with the names: nothing is copied while any is.

    `others` are the jobs of the campaign's videos that were not asked for.
    """

    source: str
    wanted: list[Wanted] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    others: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0

    def wrong(self, line: int, column: str, text: str, problem: str, fix: str) -> None:
        """Note a problem of one row."""
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(Problem(self.source, line, column, text[:200], problem, fix))

    def check(self) -> None:
        """Raise BadInput with every problem, if there is one."""
        if self.problem_count:
            message = f"{counted(self.problem_count, 'problem')} with the names of the copies; nothing was copied"
            raise BadInput(message, self.problems, count=self.problem_count)


def choose(lines: Iterable[ManifestLine], only: Only, pattern: Pattern, *, source: str, product_column: str) -> Choice:
    """Name every video of a manifest that is asked for, there and verified; `source` is what problems call the matrix.

    Raises BadInput where videos are asked for that the manifest does not have.
    """
    choice = Choice(source)
    for line in lines:
        if not only.takes(line):
            choice.others.add(line.job_id)
            continue
        reason = _reason(line)
        if reason:
            choice.left_out.append(LeftOut(line.job_id, line.source_lines[0], reason))
            continue
        assert line.video is not None
        name = pattern.name(line)
        if isinstance(name, Misnamed):
            choice.wrong(line.source_lines[0], name.field, name.text, name.wrong.problem, name.wrong.fix)
            continue
        product = (column_text(line, product_column) or "").strip() or None
        choice.wanted.append(
            Wanted(
                name,
                line.source_lines[0],
                line.campaign,
                line.job_id,
                line.creative_id,
                product,
                line.simulated,
                line.video,
            )
        )
    if choice.others and not (choice.wanted or choice.left_out or choice.problem_count):
        only.check()
    for one, others in _collisions(choice.wanted):
        same = f"line {others.line}" if others.line != one.line else "another video of this line"
        fix = "add what tells them apart to --name; {creative_id} always does"
        choice.wrong(one.line, "", one.name, f"its name {one.name} is also that of {same}", fix)
    return choice


def _reason(line: ManifestLine) -> str | None:
    """Why a video cannot be delivered; None where it can."""
    if line.status != "done" or line.video is None:
        return f"{line.status}: there is no video" + (f" ({line.error.message})" if line.error else "")
    if not line.video.verified:
        return f"it is not what was ordered: {'; '.join(line.video.problems)}"
    return None


def _collisions(wanted: Iterable[Wanted]) -> Iterator[tuple[Wanted, Wanted]]:
    """Each video whose name an earlier one has, with that one."""
    named: defaultdict[str, list[Wanted]] = defaultdict(list)
    for one in wanted:
        named[one.name].append(one)
    for first, *others in named.values():
        yield from ((other, first) for other in others)
