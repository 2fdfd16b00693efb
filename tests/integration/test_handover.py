"""How a worker hands files over: each provider's way, once as long as it lives, and nothing bought where it fails."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from jobs.job import Mode
from jobs.outcome import Done, Wait
from providers.contract import Answer, Call
from tests.lost import decided, lose, seek_until
from tests.samples import mp3, picture
from tests.services import Simulator
from tests.workbench import Workbench
from worker.posting import NoAnswer
from worker.wire import Wire

IMAGE: dict[str, Any] = {"mode": Mode.I2V, "aspect_ratio": None}


def keep(work: Workbench, data: bytes, ending: str) -> str:
    """Put a file into the store as a submit does; answers its address."""
    uri = f"media:{hashlib.sha256(data).hexdigest()}.{ending}"
    work.shop.store.put(work.shelf.media_key(uri), data)
    return uri


def given(work: Workbench, field: str) -> list[Any]:
    """What the provider's books say of a field of every order."""
    return [one["input"].get(field) for one in work.simulator.purchases()]


def meet_uploads(monkeypatch: pytest.MonkeyPatch, answer: Answer | NoAnswer | None = None) -> list[Call]:
    """Count the uploads, and let them meet an answer in place of the wire where one is given."""
    sent: list[Call] = []
    real = Wire.post

    def post(self: Wire, call: Call, **options: Any) -> Any:
        if "upload" not in call.url:
            return real(self, call, **options)
        sent.append(call)
        return real(self, call, **options) if answer is None else answer

    monkeypatch.setattr(Wire, "post", post)
    return sent


def test_a_door_takes_a_file_once_for_many_jobs(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segmind's upload door: picture and sound go up once each, and the orders hold its links."""
    uploads = meet_uploads(monkeypatch)
    image, sound = keep(work, picture(), "jpg"), keep(work, mp3(), "mp3")
    jobs = work.order(count=2, image=image, audio_track=sound, **IMAGE)
    assert [work.submit()[1] for _ in jobs] == [Done(), Done()]
    links = given(work, "image")[-2:]
    assert links[0] == links[1]
    assert links[0].startswith(work.simulator.url)
    assert (len(uploads), len(set(given(work, "audio")[-2:]))) == (2, 1)
    assert json.loads(work.row(jobs[0].job_id)["job"])["render"]["image"] == image


def test_an_upload_is_renewed_when_its_life_ends(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that may be dead is not used."""
    uploads = meet_uploads(monkeypatch)
    image = keep(work, picture(size=(300, 300)), "jpg")
    monkeypatch.setattr("worker.handover.MARGIN_S", 10**9)
    work.order(count=2, image=image, **IMAGE)
    assert [work.submit()[1] for _ in range(2)] == [Done(), Done()]
    assert len(uploads) == 2


def test_a_form_takes_an_image(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> None:
    """APIMart's upload door is a form with one file."""
    work = open_worker(fast_simulator, "simulated-apimart")
    work.order(image=keep(work, picture("PNG"), "png"), **IMAGE)
    assert work.submit()[1] == Done()
    assert given(work, "image_urls")[-1][0].startswith(work.simulator.url)


@pytest.mark.parametrize("dialect", ["dashscope", "fal", "aimlapi", "replicate"])
def test_a_small_file_goes_along_in_the_order(
    fast_simulator: Simulator, open_worker: Callable[..., Workbench], dialect: str
) -> None:
    """Where data URIs are taken, the picture stands in the order itself."""
    work = open_worker(fast_simulator, f"simulated-{dialect}")
    data = picture("WEBP")
    work.order(image=keep(work, data, "webp"), **IMAGE)
    assert work.submit()[1] == Done()
    bought = json.dumps(work.simulator.purchases()[-1]["input"])
    assert f"data:image/webp;base64,{base64.b64encode(data).decode()[:60]}" in bought


@pytest.mark.parametrize(
    "answer",
    [NoAnswer("cut"), Answer(503, {}, b"<html>"), Answer(200, {}, b"{}"), Answer(429, {}, b'{"error": "slow down"}')],
    ids=["cut", "503", "no link", "429"],
)
def test_an_upload_that_fails_costs_nothing(
    work: Workbench, monkeypatch: pytest.MonkeyPatch, answer: Answer | NoAnswer
) -> None:
    """The claim is given back without intent, token or doubt, and the job is bought once the door works."""
    with monkeypatch.context() as patch:
        meet_uploads(patch, answer)
        (job,) = work.order(image=keep(work, picture(size=(310, 310)), "jpg"), **IMAGE)
        _, outcome = work.submit()
    assert isinstance(outcome, Wait)
    assert (work.state(job.job_id), work.money()) == ("queued", (0, 0, 0))
    assert list(work.shop.store.list(work.shelf.job_key(job.job_id))) == []
    work.shop.stopping.wait(0.1)  # the account's hold, 5 s of a clock 600 times as fast
    assert work.submit()[1] == Done()


def test_a_key_that_the_door_refuses_parks_the_account(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person must mend is theirs, and no job fails for it."""
    meet_uploads(monkeypatch, Answer(401, {}, b'{"error": "API key is invalid"}'))
    (job,) = work.order(image=keep(work, picture(size=(320, 320)), "jpg"), **IMAGE)
    assert isinstance(work.submit()[1], Wait)
    assert work.state(job.job_id) == "queued"


@pytest.mark.parametrize("gone", [True, False], ids=["gone from the store", "refused by the door"])
def test_a_file_that_cannot_be_had_ends_its_job(work: Workbench, monkeypatch: pytest.MonkeyPatch, gone: bool) -> None:
    """A job whose file is lost, or is refused for good, fails with the reason; nothing was bought."""
    before = len(work.simulator.purchases())
    image = keep(work, picture(size=(330, 330)), "jpg")
    if gone:
        work.shop.store.delete(work.shelf.media_key(image))
    else:
        meet_uploads(monkeypatch, Answer(400, {}, b'{"error": "data_urls must be an array"}'))
    (job,) = work.order(image=image, **IMAGE)
    work.submit()
    record = work.record(job.job_id)
    assert record.status == "failed"
    assert record.error is not None
    assert ("no longer in the store" if gone else "data_urls must be an array") in record.error.message
    assert len(work.simulator.purchases()) == before


def test_a_lost_submit_is_found_whatever_link_it_had(work: Workbench) -> None:
    """The matching passes over what a stored file became on the wire: the task in the list is the job's."""
    (job,) = work.order(image=keep(work, picture(size=(340, 340)), "jpg"), **IMAGE)
    lose(work, job, "cut_after")
    seek_until(work, decided(work, job))
    (purchase,) = work.bought(job)
    assert work.row(job.job_id)["task"] == purchase["task_id"]
