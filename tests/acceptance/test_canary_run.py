"""A run that begins with a canary: nothing else is bought before it was looked at."""

from pathlib import Path

from tests.acceptance.driving import manifest_of, papers, wanbatch


def test_the_first_stop_and_the_rest_go_on(tmp_path: Path) -> None:
    """Without a terminal it stops after two of five with exit 3; with --yes the same command makes the others."""
    (tmp_path / "spring.csv").write_text("prompt,hook\n{{ hook }} kite,calm|bold|dry|wet|odd\n")
    words = ("run", "spring.csv", "--canary", "2", "--store", (tmp_path / "out").as_uri())
    first = wanbatch(*words, cwd=tmp_path)
    assert first.code == 3, first.err
    assert first.err.count("  good  ") == 2
    assert "3 videos to go" in first.err
    jobs = tmp_path / "out" / "simulated" / "jobs"
    assert len(list(jobs.iterdir())) == 2
    then = wanbatch(*words, "--yes", "--json", cwd=tmp_path)
    assert then.code == 0, then.err
    assert then.json["states"]["done"] == 5
    lines = manifest_of(papers(tmp_path / "out", "simulated-spring") / "manifest.jsonl")
    assert [line["variant"]["hook"] for line in lines] == ["calm", "bold", "dry", "wet", "odd"]
    assert len(list(jobs.iterdir())) == 5
