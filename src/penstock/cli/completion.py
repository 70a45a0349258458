"""`penstock completion`: what to add to your shell's start file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from penstock.cli.terminal import terminal
from penstock.errors import UsageError

FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/penstock.fish"}

BASH = r"""
%(complete_func)s() {
    local IFS=$'\n' response completion type value word glued= before
    local words=() i
    # bash takes ":" and "=" for words of their own: "flow.py:fit" is put together again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -gt 0 && ( $word == [:=]* || $glued ) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        glued=
        [[ $word == *[:=] ]] && glued=yes
    done
    word=${words[${#words[@]}-1]}
    before=${word%%"${word##*[:=]}"}
    response=$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \
        %(complete_var)s=bash_complete $1)
    for completion in $response; do
        IFS=',' read type value <<< "$completion"
        case $type in
            dir) COMPREPLY=(); compopt -o dirnames ;;
            file) COMPREPLY=(); compopt -o default ;;
            plain) COMPREPLY+=("${value#"$before"}"); [[ $value == *= ]] && compopt -o nospace ;;
        esac
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
"""Click's own script does not know that a word may hold a colon."""


@click.command()
@click.argument("shell", default="", metavar="[bash|zsh|fish]")
def command(shell: str) -> None:
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in FILES:
        raise UsageError(
            f"no completion for the shell '{name}'" if name else "which shell?",
            hint=f"There are: {', '.join(FILES)}.",
        )
    # Only here is click's script needed.
    from click.shell_completion import get_completion_class

    from penstock.cli.main import penstock

    made = get_completion_class(name)
    assert made is not None
    if name == "bash":
        made.source_template = BASH
    terminal.out(made(penstock, {}, "penstock", "_PENSTOCK_COMPLETE").source())
    terminal.note(f'Add to {FILES[name]}: eval "$(penstock completion {name})"')
