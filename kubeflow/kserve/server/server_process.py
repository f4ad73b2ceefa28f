"""One server process: it loads a model, listens, and ends when it is told to, after the requests that have come.

Started by the keeper of a service (`kubeflow.kserve.backends.local.service_keeper`) with a socket that listens already,
or as the program of a container (`function_entry`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from kubeflow.core.errors import KubeflowError
from kubeflow.kserve.server.loaded_models import LoadedModel
from kubeflow.kserve.server.model_files import ModelFile
from kubeflow.kserve.server.server_settings import UNUSABLE, ServerSettings, body_limit, read_settings
from kubeflow.kserve.server.serving_app import BODY_LIMIT, ServingApp

if TYPE_CHECKING:
    import uvicorn

logger = logging.getLogger("kubeflow.kserve.server")

_BACKLOG = 2048  # connections that may wait for the server, or for the next one


def main(settings: str) -> None:
    """Serve the model file that the settings name, until the process is told to end.

    Args:
        settings: Path of the settings.
    """
    told = read_settings(settings)

    def load() -> LoadedModel:
        from kubeflow.kserve.server.model_loading import load_model

        return load_model(ModelFile(Path(told.model_file), told.model_format))

    serve(told, load)


def serve(settings: ServerSettings, load: Callable[[], LoadedModel], host: str = "", port: int = 0) -> None:
    """Serve what `load` returns, until the process is told to end. Ends the process.

    Args:
        settings: How.
        load: Loads the model.
        host: Address to listen on, where the settings have no socket.
        port: Port of it.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if settings.keeper >= 0:
        threading.Thread(target=_end_with_keeper, args=(settings.keeper,), name="keeper", daemon=True).start()
    app = ServingApp(settings.name, settings.version, body_limit=body_limit(BODY_LIMIT))
    server = _server(app, settings)
    if settings.load_first:
        _load(app, load, settings)
    else:
        threading.Thread(target=_load, args=(app, load, settings), name="load", daemon=True).start()
    if settings.descriptor >= 0:
        listening = socket.socket(fileno=settings.descriptor)
    else:
        listening = socket.create_server((host, port), backlog=_BACKLOG)
        logger.info("listening on %s:%d", host or "*", port)
    server.run(sockets=[listening])
    logger.info("ended, after all requests that had come")
    sys.stderr.flush()
    os._exit(0)  # a model that is still being loaded, or threads of its library, must not hold the process


def _server(app: ServingApp, settings: ServerSettings) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        """Says that it is not ready any more, from the moment on at which it is told to end."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.ending = True
            logger.info("told to end (%s): requests that have come are answered", signal.Signals(sig).name)
            # Another signal does not hurry it: who is in a hurry kills it.
            self.should_exit = True

    config = uvicorn.Config(
        app.asgi(),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=max(1, round(settings.grace)),
        timeout_keep_alive=75,
        backlog=_BACKLOG,
    )
    return Server(config)


def _load(app: ServingApp, load: Callable[[], LoadedModel], settings: ServerSettings) -> None:
    """Load the model; a process whose model cannot be loaded ends."""
    try:
        app.model = load()
    except BaseException as error:  # noqa: BLE001 - also SystemExit of a user's module
        traceback.print_exc()
        kind = "" if isinstance(error, KubeflowError) else f"{type(error).__name__}: "
        _tell(settings.ready, f"{kind}{error}".strip())
        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(UNUSABLE)
    logger.info("model %s is loaded", settings.name)
    _tell(settings.ready, "")


def _tell(descriptor: int, words: str) -> None:
    """Tell the keeper that the model is loaded (no words), or why it cannot be."""
    if descriptor < 0:
        return
    with contextlib.suppress(OSError):  # the keeper is gone, and so is this process soon
        os.write(descriptor, (f"failed {' '.join(words.split())[:3000]}" if words else "loaded").encode() + b"\n")
        os.close(descriptor)


def _end_with_keeper(descriptor: int) -> None:
    """Wait until the process that started this one is gone, and end then as if told to."""
    with contextlib.suppress(OSError):
        while os.read(descriptor, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
