"""The comparison with peers still runs: what is installed here anyway, at sizes of no weight."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"


def compare(tmp_path: Path, *options: str) -> tuple[str, dict[tuple[str, str, str], str]]:
    """What is printed, and what happened in words by work, peer and what was looked at."""
    record = tmp_path / "record.jsonl"
    command = [sys.executable, PEERS / "run.py", "--here", "--size", "tiny", "--repeats", "1"]
    places = ["--record", record, "--folder", tmp_path]
    done = subprocess.run([*command, *places, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return done.stdout, {(one["work"], one["peer"], one["what"]): one["words"] for one in lines}


def test_the_same_work_is_done_by_each_and_told_in_a_table(tmp_path: Path) -> None:
    text, words = compare(tmp_path, "--peers", "penstock,plain,joblib", "--works", "chain,fan")
    assert not [one for one in words if one[2] == "failed"]
    assert words["chain", "plain", "3, again"] == "keeps nothing"
    assert "| | 3, first | 3, again | 5, first | 5, again |" in text
    assert "| joblib.Memory | 1." in text
    assert text.count("| penstock | ≈ ") == 2


def test_who_notices_an_edit_is_seen(tmp_path: Path) -> None:
    _, words = compare(tmp_path, "--peers", "penstock,joblib", "--works", "edit")
    told = {key[1:]: said for key, said in words.items() if key[2]}
    assert told == {
        ("penstock", "a helper's code"): "noticed",
        ("penstock", "a helper's constant"): "noticed",
        ("penstock", "the step's code"): "noticed",
        ("penstock", "a comment in the step"): "reused",
        ("joblib", "a helper's code"): "**stale**",
        ("joblib", "a helper's constant"): "**stale**",
        ("joblib", "the step's code"): "noticed",
        ("joblib", "a comment in the step"): "runs again",
    }


def test_a_kill_and_a_flipped_bit_are_told(tmp_path: Path) -> None:
    _, words = compare(tmp_path, "--peers", "penstock", "--works", "runs,kill,bits")
    assert words["kill", "penstock", "status"].startswith("“crashed”")
    assert words["kill", "penstock", "run again"] == "does what is missing"
    assert words["bits", "penstock", "loaded"].startswith("refused: ")
    assert words["bits", "penstock", "given to a step"] == "right again"


def test_who_takes_too_long_or_fails_is_told_and_does_not_stop_the_others(tmp_path: Path) -> None:
    text, words = compare(
        tmp_path, "--peers", "plain,penstock", "--works", "chain,fan", "--limit", "0.0001"
    )
    assert words["chain", "plain", "3, first"] == "stopped after 0 s"
    assert words["fan", "plain", "failed"] == words["fan", "penstock", "failed"]
    assert "| plain Python | failed: stopped after 0 s |" in text


def test_a_stopped_comparison_goes_on_where_it_was(tmp_path: Path) -> None:
    options = ("--peers", "plain", "--works", "chain")
    compare(tmp_path, *options)
    record = (tmp_path / "record.jsonl").read_text()
    compare(tmp_path, *options, "--continue")
    assert (tmp_path / "record.jsonl").read_text() == record


def test_each_part_of_the_page_of_results_is_replaced_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import results

    page = tmp_path / "RESULTS.md"
    results.put("peers", "# Peers\n\none", page)
    results.put("alone", "# Alone\n", page)
    results.put("peers", "# Peers\n\ntwo\n", page)
    assert page.read_text() == "<!-- alone -->\n# Alone\n\n<!-- peers -->\n# Peers\n\ntwo\n"
