# ruff: noqa
# mypy: ignore-errors
"""A notebook: cells run by IPython's own shell, then packaged from a last cell. Run as a script by the tests."""

import json
import sys

from IPython.core.interactiveshell import InteractiveShell

CELLS = [
    "import numpy as np\nimport math as m\nfrom pathlib import Path",
    "LR = 0.5\nBATCH = 4",
    "# a comment first\n\ndef helper(x):\n    return m.sqrt(x) * LR",
    "from dataclasses import dataclass\n\n@dataclass\nclass Config:\n    lr: float\n    where: Path = Path('a')\n",
    "class Plain:\n    size = BATCH\n    def go(self):\n        return helper(16) + self.size",
    "class Bare:\n    value = 3",
    "def logged(f):\n    def inner(*a, **k):\n        return ['logged', f(*a, **k)]\n    return inner",
    "%matplotlib_is_not_here = 1" if False else "x = 1; LR = 2.0",
    "@logged\ndef train(cfg, n=BATCH):\n    s = \"$HOME `x` \\\\ \" + '''EOM'''\n"
    "    return [Plain().go(), Bare.value, np.arange(n).sum().item(), cfg.lr, str(cfg.where), s]",
    "def fails(depth):\n    y = depth\n    if depth:\n        return fails(depth - 1)\n    raise KeyError('in cell')",
    "def shows():\n    display(1)\n    return get_ipython()",
    "def lists():\n    files = !ls\n    return files",
    "counter = 0\nfor i in range(3):\n    counter += i",
    "def loops():\n    return counter, i",
    "def helper(x):\n    return x + 100  # defined again",
    "%%time\ndef magic():\n    return 1",
    "old_magic = magic",
    "%%time\ndef magic():\n    return captured() + [LR]",
    "%%capture said\ndef captured():\n    return [2, z]",
    "%time z = 3\n!true\nexec('def unkept():\\n    return 1')",
]


def main(out):
    shell = InteractiveShell.instance()
    for cell in CELLS:
        result = shell.run_cell(cell, store_history=True)
        result.raise_error()
    shell.run_cell(
        "from kubeflow.packaging import bundle, PackagingError\nimport json, sys\n"
        "made = {}\n"
        "for name, target, args in [('train', train, {'cfg': Config(0.25)}), ('fails', fails, {'depth': 1}),\n"
        "                           ('shows', shows, {}), ('lists', lists, {}), ('loops', loops, {}),\n"
        "                           ('lambda', lambda: [LR, helper(1)], {}), ('magic', magic, {}),\n"
        "                           ('old_magic', old_magic, {}), ('unkept', unkept, {})]:\n"
        "    try:\n"
        "        b = bundle(target, args=args)\n"
        "        made[name] = {'plain': b.command(python=sys.executable), 'shell': b.shell_command(python=sys.executable),\n"
        "                      'digest': b.digest, 'again': bundle(target, args=args).digest}\n"
        "    except PackagingError as error:\n"
        "        made[name] = {'error': str(error)}\n",
        store_history=True,
    ).raise_error()
    with open(out, "w") as stream:
        json.dump(shell.user_ns["made"], stream)


if __name__ == "__main__":
    main(sys.argv[1])
