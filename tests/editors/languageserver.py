"""A client of pyright's language server: what an editor on it shows and offers at a place of a text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class LanguageServer:
    """Starts `pyright-langserver` over this checkout. A file that is opened exists in the editor only."""

    def __init__(self, folder: Path) -> None:
        settings = {"include": ["."], "extraPaths": [str(ROOT), str(ROOT / "generated")]}
        (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pyright.langserver", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        self._requests = 0
        self._files = 0
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {"hover": {"contentFormat": ["plaintext"]}},
        }
        folders = [{"uri": folder.as_uri(), "name": "workspace"}]
        self._ask("initialize", processId=os.getpid(), workspaceFolders=folders, capabilities=capabilities)
        self._send({"method": "initialized", "params": {}})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def hover(self, text: str, word: str) -> str:
        """Return what is shown over the last `word` of `text`."""
        answer = self._at("hover", text, text.rindex(word))
        return str(answer["contents"]["value"])

    def completions(self, text: str) -> list[str]:
        """Return what is offered at the end of `text`, in the order in which an editor shows it."""
        items = (self._at("completion", text, len(text)) or {"items": []})["items"]
        return [item["label"] for item in sorted(items, key=lambda item: (item.get("sortText"), item["label"]))]

    def _at(self, question: str, text: str, offset: int) -> Any:
        self._files += 1
        uri = (self._folder / f"cell_{self._files}.py").as_uri()
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        line = text.count("\n", 0, offset)
        place = {"line": line, "character": offset - (text.rfind("\n", 0, offset) + 1)}
        return self._ask(f"textDocument/{question}", textDocument={"uri": uri}, position=place)

    def _ask(self, method: str, **params: object) -> Any:
        self._requests += 1
        number = self._requests
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" not in message and message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            if "method" in message and "id" in message:  # the server asks for settings
                items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else []
                python = {"pythonPath": sys.executable}
                values = [python if item.get("section") == "python" else {} for item in items]
                self._send({"id": message["id"], "result": values or None})

    def _send(self, message: dict[str, object]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline()) != b"\r\n":
            assert line, "the language server has ended"
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message
