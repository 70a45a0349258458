"""What is wrong in a spec is told with its line, and what was meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from penstock.compiled import Compiled
from penstock.core.graph import CachePolicy, StepNode
from penstock.define.trace import Environment
from penstock.errors import ConfigError
from penstock.spec.printer import print_graph
from penstock.spec.reader import read_spec

HEAD = "penstock: 1\npipeline: p\nsteps:\n"
LOAD = "  load:\n    step: tests.spec.pipelines:load\n"
FLOW = "tests.spec.pipelines"
Say = Callable[[str], str]


@pytest.fixture
def say(environment: Environment) -> Say:
    """What is said of a spec, in one line."""

    def said(text: str) -> str:
        def read() -> None:
            compiled = Compiled(read_spec(text, "p.yaml"))
            compiled.define({}, environment, "2026-03-01")

        with pytest.raises(ConfigError) as caught:
            read()
        assert caught.value.message.startswith("p.yaml")
        return str(caught.value).replace("\n ", "")

    return said


FILES = {
    "nothing": ("", "p.yaml: the file is empty"),
    "a list": ("- 1\n", "p.yaml:1: the file is not a mapping of names"),
    "text": ("hello", "p.yaml:1: the file is not a mapping of names"),
    "no version": ("steps: {}\n", "this has no format, and is read as format 1"),
    "another version": ("penstock: 2\nsteps: {}\n", "p.yaml:1: this has format 2"),
    "an unknown part": ("penstock: 1\nstesp: {}\n", "p.yaml:2: 'stesp' is not a part of a spec Did you mean 'steps'?"),
    "a tab": (HEAD + "  load:\n\tstep: x\n", "p.yaml:5: found character that cannot start any token"),
    "a quote without end": (HEAD + "  a: 'x\n", "p.yaml:5: found unexpected end of stream"),
    "a key twice": (HEAD + LOAD + "    step: b:b\n", "p.yaml:6: 'step' stands twice It is set first in line 5."),
    "a step twice": (HEAD + LOAD + LOAD, "p.yaml:6: 'load' stands twice"),
    "an anchor": (HEAD + "  a: &x {step: a:b}\n", "p.yaml:4: anchors and aliases (&name, *name) are not read here"),
    "an alias": (HEAD + "  a: *x\n", "p.yaml:4: anchors and aliases"),
    "a bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "p.yaml:1: anchors and aliases"),
    "a merge": (HEAD + "  a: {<<: {step: a:b}}\n", "p.yaml:4: '<<' does not merge here"),
    "a tag": (HEAD + "  a: !!python/object/apply:os.system ['true']\n", "p.yaml:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not read"),
    "two documents": ("penstock: 1\nsteps: {}\n---\nsteps: {}\n", "p.yaml:3: a second document begins here"),
    "a key that is a list": (HEAD + "  ? [1]\n  : 2\n", "p.yaml:4: a key is a list or a mapping"),
    "a name that is a number": (HEAD + "  1: {step: a:b}\n", "p.yaml:4: '1' is no name"),
    "a name that cannot be": (HEAD + "  a/b: {step: a:b}\n", "p.yaml:4: 'a/b' cannot be the name of a step"),
    "depth": ("[" * 100_000, "p.yaml:1: more than 100 levels"),
    "deep keys": ("".join(f"{' ' * n}a:\n" for n in range(3000)), "p.yaml:101: more than 100 levels"),
    "a control character": ("penstock: \x01\n", "p.yaml: "),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_spec(say: Say, text: str, told: str) -> None:
    assert told in say(text)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ConfigError, match=r"p\.yaml:2: this is not UTF-8"):
        read_spec(b"penstock: 1\npipeline: \xff\n", "p.yaml")
    with pytest.raises(ConfigError, match="MiB are too much"):
        read_spec(b"#" * (65 << 20), "p.yaml")


STEPS = {
    "no step": ("  a: {}\n", "p.yaml:4: 'a' names no step"),
    "no module": ("  a: {step: nowhere.at_all:x}\n", "p.yaml:4: cannot find the module 'nowhere.at_all'"),
    "no function": (f"  a:\n    step: {FLOW}:laod\n", "p.yaml:5: cannot find 'laod' in the module 'tests.spec.pipelines' Did you mean 'load'?"),
    "no decorator": (f"  a:\n    step: {FLOW}:mark\n", f"p.yaml:5: '{FLOW}:mark' is no step"),
    "a pipeline": (f"  a:\n    step: {FLOW}:chain\n", f"p.yaml:5: '{FLOW}:chain' is a pipeline"),
    "an unknown part": (LOAD + "    retires: 2\n", "p.yaml:6: 'retires' is not a part of a step Did you mean 'retries'?"),
    "an unknown argument": (LOAD + "    inputs:\n      m: 2\n", "p.yaml:7: 'load' has no parameter 'm'"),
    "an argument missing": (f"  a:\n    step: {FLOW}:split\n", "p.yaml:4: 'a' gives 'split' no 'rows' Add it to inputs."),
    "a wrong type": (LOAD + "    inputs:\n      n: five\n", "p.yaml:7: 'n': expected a whole number, got 'five'"),
    "a step without its sign": (LOAD + f"  a:\n    step: {FLOW}:double\n    inputs: {{x: load}}\n", "got 'load' A step or a parameter has = before it: = load"),
    "a parameter without its sign": (LOAD + "    each: {n: [1, $depth]}\n", "got '$depth' A step or a parameter has = before it: = $depth"),
    "a wrong list": (LOAD + "    inputs: [1]\n", "p.yaml:6: 'inputs' is not a mapping of names"),
    "a wrong output": (LOAD + f"  a:\n    step: {FLOW}:fit\n    inputs:\n      rows: = load\n      depth: = load\n", "p.yaml:10: 'load' is list[int], but 'depth' of 'fit' is int"),
    "no such output": (f"  s:\n    step: {FLOW}:split\n    inputs: {{rows: []}}\n  a:\n    step: {FLOW}:fit\n    inputs:\n      rows: = s.trian\n", "p.yaml:10: 's.trian': Split has no 'trian' Did you mean 'train'?"),
    "no such step": (LOAD + f"  a:\n    step: {FLOW}:double\n    inputs:\n      x: = laod\n", "p.yaml:9: no step 'laod' Did you mean 'load'?"),
    "no such parameter": (LOAD + "    inputs: {n: = $x}\n", "p.yaml:6: no parameter 'x'"),
    "waiting for itself": (f"  a:\n    step: {FLOW}:double\n    inputs: {{x: = b}}\n  b:\n    step: {FLOW}:double\n    inputs: {{x: = a}}\n", "these steps wait for each other: 'a' (p.yaml:4) -> 'b' (p.yaml:7) -> 'a' (p.yaml:4) Let one of them take something else."),
    "after nothing": (LOAD + "    after: [laod]\n", "p.yaml:6: no step 'laod' Did you mean 'load'?"),
    "a condition of text": (LOAD + "    when: yes\n", "p.yaml:6: str is no condition"),
    "an argument in two places": (LOAD + "    inputs: {n: 1}\n    each: {n: [1]}\n", "p.yaml:7: 'n' is in 'inputs' too"),
    "a map over a number": (LOAD + "    each: {n: 1}\n", "p.yaml:6: 'n' runs over a list"),
    "elements of a wrong type": (LOAD + "    each: {n: [1, x]}\n", "p.yaml:6: 'n': expected a whole number, got 'x'"),
    "collect without a map": (LOAD + "    collect: true\n", "p.yaml:6: collect is of a map"),
    "retries": (LOAD + "    retries: often\n", "p.yaml:6: 'often' is no number of retries"),
    "retries on": (LOAD + "    retries: {times: 2, on: [NoError]}\n", "p.yaml:6: 'NoError' is no exception"),
    "retries after no time": (LOAD + "    retries: {times: 2, delay: .nan}\n", "p.yaml:6: a part of retries is wrong"),
    "timeout": (LOAD + "    timeout: soon\n", "p.yaml:6: 'soon' is no time"),
    "timeout without end": (LOAD + "    timeout: .inf\n", "p.yaml:6: inf is no time"),
    "cache": (LOAD + "    cache: {tll: 1h}\n", "p.yaml:6: 'tll' is not a part of a cache policy Did you mean 'ttl'?"),
    "cache of a word": (LOAD + "    cache: no\n", "p.yaml:6: 'cache' is a str Write false, or"),
    "cache of code": (LOAD + "    cache: {also: true}\n", "p.yaml:6: its code has no Cache(also=…)"),
    "cache that ignores nothing": (LOAD + "    cache: {ignore: [nope]}\n", "Cache(ignore=…) of 'load' names 'nope'"),
    "cache of a version": (LOAD + "    cache: {version: [1]}\n", "p.yaml:6: version is text or a number"),
    "cache of a version that holds": (LOAD + "    cache: {version: true}\n", "p.yaml:6: version is text or a number"),
    "resources": (LOAD + "    resources: {cpu: -2}\n", "asks for cpu=-2, but -2 is no amount"),
    "serializer": (LOAD + "    serializer: {reslut: json}\n", "p.yaml:6: 'load' has no output 'reslut'"),
    "executor": (LOAD + "    executor: [1]\n", "p.yaml:6: 'executor' is a list"),
    "an expression": (LOAD + "    inputs: {n: = 1 +}\n", "p.yaml:6: the expression ends where a value was expected"),
    "a value of code": (LOAD + f"    inputs: {{n: '= {FLOW}:Coluor'}}\n", "p.yaml:6: cannot find 'Coluor'"),
    "a call of code": (LOAD + "    inputs: {n: '= os:system(command=1)'}\n", "p.yaml:6: 'os:system' cannot be called here"),
    "a call of code with an output": (LOAD + f"  s:\n    step: {FLOW}:show\n    inputs:\n      thing: = os:system(command=load)\n", "p.yaml:9: 'os:system' cannot be called here"),
    "a field that is not there": (LOAD + f"  s:\n    step: {FLOW}:show\n    inputs:\n      thing: = {FLOW}:Pair(first=load, third=1)\n", f"p.yaml:9: '{FLOW}:Pair': got an unexpected keyword argument 'third' It has: first, second."),
    "a module as a value": (LOAD + "    inputs: {n: '= os:path'}\n", "p.yaml:6: 'os:path' is a module, which no argument can name"),
    "an opaque value": (LOAD + "    inputs: {n: '= opaque(\"DataFrame\", \"ab\")'}\n", "p.yaml:6: a DataFrame cannot be in a file"),
    "division by zero": (LOAD + "    inputs: {n: = 1 / 0}\n", "p.yaml:6: '1 / 0' cannot be computed: division by zero"),
    "more than memory holds": (LOAD + "    inputs: {n: '= [1] * 99999999999999'}\n", "p.yaml:6: '[1] * 99999999999999' cannot be computed: there is no memory for it"),
    "nothing to choose from": (LOAD + "    inputs: {n: = either()}\n", "p.yaml:6: either() has nothing to choose from Name two steps."),
    "inside a nested pipeline": ("  sub:\n    inputs: {a: 1}\n    steps:\n      x:\n        step: " + FLOW + ":load\n        inputs: {n: = $b}\n", "p.yaml:9: no parameter 'b' There are: a."),
    "a part of what is passed on": (f"  sub:\n    inputs: {{x: 1}}\n    steps: {{}}\n    returns: = $x\n  a:\n    step: {FLOW}:show\n    inputs:\n      thing: = sub.foo\n", "p.yaml:11: 'sub.foo' cannot be computed: 'int' object has no attribute 'foo'"),
    "types inside": ("  sub:\n    inputs: {a: x}\n    steps:\n      x:\n        step: " + FLOW + ":load\n        inputs: {n: = $a}\n", "p.yaml:9: 'n': expected a whole number, got 'x'"),
    "a part of a nested pipeline": ("  sub:\n    retries: 2\n    steps: {}\n", "p.yaml:5: 'retries' is not a part of a step"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "told"), STEPS.values(), ids=STEPS)
def test_a_step_that_is_wrong(say: Say, steps: str, told: str) -> None:
    assert told in say(HEAD + steps)


def test_parameters_that_are_wrong(say: Say) -> None:
    text = f"penstock: 1\nparameters:\n  n: x\nsteps:\n{LOAD}    inputs:\n      n: = $n\n"
    assert "p.yaml:3: 'n': expected a whole number, got 'x'" in say(text)
    text = f"penstock: 1\nparameters:\n  n: 1\nfixed:\n  n: 2\nsteps:\n{LOAD}"
    assert "p.yaml:5: 'n' is a parameter twice" in say(text)
    text = f"penstock: 1\nfixed:\n  n: = 1 / 0\nsteps:\n{LOAD}"
    assert "p.yaml:3: '1 / 0' cannot be computed: division by zero" in say(text)


def test_fields_that_a_class_does_not_take_are_told_with_the_line(say: Say) -> None:
    head = f"penstock: 1\nparameters:\n  n: -1\nsteps:\n  s:\n    step: {FLOW}:show\n"
    for value in ("-1", "$n"):
        told = say(f"{head}    inputs:\n      thing: = {FLOW}:Positive(value={value})\n")
        assert told.startswith(f"p.yaml:8: '{FLOW}:Positive")
        assert "-1 is not positive" in told


def test_what_is_fixed_is_only_told(environment: Environment) -> None:
    # The annotation of today is `int`.
    text = f"penstock: 1\nfrom: {FLOW}:structural\nfixed:\n  layers: two\nsteps:\n{LOAD}"
    compiled = Compiled(read_spec(text, "p.yaml"))
    graph = compiled.define({}, environment, "2026-03-01").graph
    assert "\nfixed:\n  layers: two\n" in print_graph(graph)


def test_a_version_that_is_left_empty_is_none() -> None:
    text = f"{HEAD}{LOAD}    cache:\n      ttl: 1h\n      version:\n"
    (node,) = read_spec(text, "p.yaml").graph.nodes
    assert isinstance(node, StepNode)
    assert node.cache == CachePolicy(ttl=3600.0)
