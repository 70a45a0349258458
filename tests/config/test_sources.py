"""Precedence: command line, environment, the run's file, the project's file, code."""

from __future__ import annotations

from pathlib import Path

from penstock.config import Config, read_config
from penstock.config.runfile import read_run_file
from penstock.config.sources import Given, RunFile, settle
from penstock.core.options import Options, options
from penstock.core.project import Project

PROJECT = """\
[options]
seed = 1
workers = 1
tags = ["project"]

[steps.fit]
retries = 1
timeout = "1m"

[stacks.prod.options]
workers = 8

[stacks.prod.steps.fit]
retries = 8

[stacks.prod.roles.trainer]
timeout = "2h"
"""
RUN = """\
stack: prod
parameters: {depth: 4, hyper: {lr: 0.1, momentum: 0.9}}
options: {seed: 2, tags: [file]}
steps: {fit: {retries: 2}}
"""


def sources(tmp_path: Path) -> tuple[Config, RunFile]:
    (tmp_path / "penstock.toml").write_text(PROJECT)
    (tmp_path / "run.yaml").write_text(RUN)
    project = Project(tmp_path, "demo", tmp_path / ".penstock")
    return read_config(project), read_run_file(tmp_path / "run.yaml")


def test_each_source_goes_before_the_next(tmp_path: Path) -> None:
    config, file = sources(tmp_path)
    code = options(seed=0, workers=0, strict=True, tags="code")
    run = str(tmp_path / "run.yaml")

    def seed(**given: object) -> Given:
        return settle(config, code, **given).sources["seed"]  # type: ignore[arg-type]  # by name

    environment = {"PENSTOCK_SEED": "3"}
    assert seed(environment={}) == Given(1, "penstock.toml:2")
    assert seed(environment={}, run_file=file) == Given(2, f"{run}:3")
    assert seed(environment=environment, run_file=file) == Given(3, "environment PENSTOCK_SEED")
    command = {"seed": 4}
    made = seed(environment=environment, run_file=file, command=command)
    assert made == Given(4, "command line")


def test_everything_is_merged_into_one_value(tmp_path: Path) -> None:
    config, file = sources(tmp_path)
    settled = settle(
        config,
        options(strict=True),
        {"PENSTOCK_TAGS": "a,b"},
        file,
        {"parameters": {"depth": "8", "hyper.lr": "0.2"}, "settings": {"fit.retries": "9"}},
    )
    assert settled.options == Options(
        seed=2,
        workers=8,
        stack="prod",
        tags=("a", "b"),
        strict=True,
        parameters={"depth": "8", "hyper": {"lr": "0.2", "momentum": 0.9}},
        settings={"@trainer.timeout": "2h", "fit.retries": "9", "?fit.timeout": "1m"},
        settled=True,
    )
    assert settled.sources["settings.?fit.timeout"] == Given("1m", "penstock.toml:8")
    assert settled.stack.name == "prod"


def test_what_is_settled_stays_as_it_is(tmp_path: Path) -> None:
    config, _ = sources(tmp_path)
    once = settle(config, Options(), {"PENSTOCK_SEED": "3"}).options
    assert settle(config, once, {"PENSTOCK_SEED": "4"}).options == once


def test_a_stack_that_code_names_goes_before_the_projects_default(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text('default_stack = "a"\n[stacks.a]\n[stacks.b]\n')
    config = read_config(Project(tmp_path, "demo", tmp_path))
    assert settle(config, options(stack="b"), {}).stack.name == "b"
    assert settle(config, options(stack="b"), {"PENSTOCK_STACK": "a"}).stack.name == "a"
    assert settle(config, Options(), {}).stack.name == "a"
