"""What shells run to complete a `kubeflow` command line: they ask `kubeflow __complete WORD...`.

The last word is the unfinished one. An answer is a line for each candidate: the word, and after a tab what it is.
No answer leaves file names to the shell.
"""

from __future__ import annotations

from collections.abc import Mapping

# `=` and `:` end words in bash: what stands before them is no part of what it replaces.
_BASH = r"""
_kubeflow_completion() {
    local current="${COMP_WORDS[COMP_CWORD]}" line word
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    while IFS=$'\n' read -r line; do
        word="${line%%$'\t'*}"
        COMPREPLY+=("$(printf '%q' "$word")")
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default 2>/dev/null
    fi
}
complete -F _kubeflow_completion kubeflow
"""

_ZSH = r"""
#compdef kubeflow
_kubeflow_completion() {
    local -a candidates lines
    lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    local line
    for line in "${lines[@]}"; do
        [[ -n "$line" ]] && candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( ${#candidates} )); then
        _describe 'kubeflow' candidates
    else
        _files
    fi
}
compdef _kubeflow_completion kubeflow
"""

_FISH = r"""
function __kubeflow_completion
    set -l words (commandline -opc) (commandline -ct)
    set -l candidates ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c kubeflow -f -a '(__kubeflow_completion)'
"""

SCRIPTS: Mapping[str, str] = {"bash": _BASH.lstrip(), "zsh": _ZSH.lstrip(), "fish": _FISH.lstrip()}
"""The script by shell."""
