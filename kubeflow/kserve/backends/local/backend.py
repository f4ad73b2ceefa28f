"""The backend of this machine: a service is a supervised process that answers on a loopback port."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.kserve.backends.local import local_service_checks as checks
from kubeflow.kserve.backends.local.local_service_diagnosis import diagnose, remedies
from kubeflow.kserve.backends.local.local_service_view import LocalService, events_of, status_of, view
from kubeflow.kserve.backends.local.service_files import LocalRevision, ServiceFiles, WantedService, with_revision
from kubeflow.kserve.backends.local.service_plan import (
    NODE,
    STORE,
    check_system,
    checked_interpreter,
    limits,
    service_plan,
)
from kubeflow.kserve.backends.serving_backend import ServingBackend
from kubeflow.kserve.errors import NoEndpoint, ServiceExists, ServiceFailed, ServiceNotFound
from kubeflow.kserve.inference.inference_client import is_ready
from kubeflow.kserve.service_spec import ServiceChange, ServiceSpec
from kubeflow.kserve.types.endpoints import Endpoint, Route
from kubeflow.kserve.types.model_formats import Protocol
from kubeflow.kserve.types.served_models import ServedModel
from kubeflow.kserve.types.service_diagnosis import ServiceDiagnosis
from kubeflow.kserve.types.services import Service
from kubeflow.local.executors.ports import LOOPBACK
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.records import JobRecord
from kubeflow.local.jobs import Jobs
from kubeflow.local.logs.beginnings import beginnings
from kubeflow.local.logs.lines import last_lines, read_lines
from kubeflow.local.state import state_dir
from kubeflow.local.store.store import NameTaken
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.backends.localprocess.backend import local_process_backend
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.errors import JobNotFound, Unsupported
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.kserve.v1beta1 import InferenceService

logger = logging.getLogger(__name__)

_POLL = 0.02  # seconds between two looks at the files of a service
_LOOK = 0.3  # seconds between two looks at whether its supervisor lives, and whether a server answers
_PORT_PATIENCE = 15.0  # seconds that a request waits for the port of a service that has just been made
_LOG_LINES = 20


def local_serving_backend(config: LocalProcessBackendConfig) -> ServingBackend:
    """Return the backend for services of this machine.

    Args:
        config: As for jobs: its `state_dir` holds the services too.

    Raises:
        Unsupported: On an operating system without sessions and signals, or for another interpreter.
    """
    check_system()
    checked_interpreter(config.python)
    return LocalServingBackend(config)


class LocalServingBackend:
    """Services as processes of this machine, which outlive the process that makes them.

    Args:
        config: Where they are kept.
    """

    namespace: str | None = None
    same_python = True

    def __init__(self, config: LocalProcessBackendConfig) -> None:
        self._config = config
        self._state = state_dir(config.state_dir)
        self._jobs = Jobs(self._state / STORE)
        self._answered: set[tuple[int, int, int]] = set()

    def __repr__(self) -> str:
        return f"LocalServingBackend(services in {str(self._state)!r})"

    def render(self, spec: ServiceSpec) -> InferenceService:
        """Return the InferenceService that stands for a service on a cluster, by the runtimes that KServe ships."""
        try:  # by its name: this backend serves without the cluster's
            cluster = import_module("kubeflow.kserve.backends.cluster.backend")
        except ModuleNotFoundError:
            raise Unsupported("dry_run= shows what a cluster gets, which this version cannot render.") from None
        offline: ServingBackend = cluster.ClusterServingBackend(KubernetesBackendConfig(offline=True))
        return offline.render(spec)

    def render_on_server(self, spec: ServiceSpec) -> InferenceService:
        """There is no control plane here."""
        raise Unsupported(
            "server_dry_run= asks the control plane of a cluster, and services of this client run on this machine: "
            f"render InferenceService {spec.name!r} with dry_run=True, or use KServeClient(KubernetesBackendConfig())."
        )

    def serve(self, spec: ServiceSpec) -> None:
        """Make the service, once it is known that it can run here."""
        checks.check_spec(spec)
        limits(spec.resources)
        revision = self._revision(spec.model, 1, spec.env)
        notes = checks.cluster_notes(spec)
        protocol: Protocol = spec.protocol or "v2"
        given = (self._config.grace, spec.min_replicas, spec.max_replicas)
        service = WantedService(spec.name, protocol, (revision,), 1, False, *given)

        def plan_in(places: Places) -> JobPlan:
            ServiceFiles(places.directory).write_wanted(service)
            places.temporary.mkdir()
            plan = service_plan(spec.name, places, spec.resources, labels=spec.labels, grace=self._config.grace)
            return replace(plan, notes=tuple(("OnlyOnClusters", note) for note in notes))

        try:
            self._jobs.submit(spec.name, plan_in)
        except NameTaken as error:
            raise ServiceExists(spec.name) from error
        for note in notes:
            logger.warning("service %s: %s", spec.name, note)

    def create_service(self, service: InferenceService) -> str:
        """InferenceServices are for a cluster."""
        raise Unsupported(
            "create_service() takes an InferenceService, which only a cluster can run: use KubernetesBackendConfig(), "
            "or call serve() with what it was made of."
        )

    def list_services(self) -> list[Service]:
        """Return the services of this state directory, oldest first."""
        found: list[Service] = []
        for record in self._jobs.all():
            with contextlib.suppress(ServiceNotFound):  # deleted meanwhile
                found.append(self._view(self._read(record)))
        return found

    def get_service(self, name: str) -> Service:
        """Return one service as it is now. One whose supervisor was killed is started anew by that."""
        return self._view(self._find(name))

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Nothing is to be kept: files tell of changes."""
        return contextlib.nullcontext()

    def next_change(self, name: str, seen: Service, timeout: float) -> Service:
        """Return the service once it differs from `seen`, within some hundredths of a second."""
        deadline = time.monotonic() + timeout
        while True:
            found = self._find(name)
            service = self._view(found)
            if service != seen or time.monotonic() >= deadline:
                return service
            self._wait_for_change(found, min(deadline, time.monotonic() + _LOOK))

    def failure(self, name: str) -> ServiceFailed:
        """Return why a service has failed."""
        found = self._find(name)
        _, reason = status_of(found)
        return ServiceFailed(
            name,
            reason,
            remedies=remedies(found),
            exit_code=found.kept.exit_code,
            log=last_lines(Places(found.record.directory).node_log(NODE), _LOG_LINES),
        )

    @contextlib.contextmanager
    def endpoint(self, name: str, route: Route) -> Generator[Endpoint, None, None]:
        """Yield the loopback address of a service."""
        if route in ("cluster", "tunnel"):
            raise NoEndpoint(
                f"Service {name!r} runs on this machine, and route={route!r} is a way into a cluster: leave it out."
            )
        deadline = time.monotonic() + _PORT_PATIENCE
        while not (found := self._find(name)).port:
            status, reason = status_of(found)
            if status in ("Failed", "Stopped"):
                raise NoEndpoint(f"Service {name!r} is {status}: {reason}.")
            if time.monotonic() > deadline:
                raise NoEndpoint(f"Service {name!r} has no address yet: {reason}. Wait until it is Ready.")
            self._wait_for_change(found, min(deadline, time.monotonic() + _LOOK))
        yield self._endpoint(found)

    def update(self, name: str, change: ServiceChange) -> None:
        """Add a revision: it is loaded beside the one that answers, and takes its place when it is ready."""
        if change.canary_percent not in (None, 100):
            raise Unsupported(
                f"canary_percent={change.canary_percent}: a service of this machine has one process, which has all "
                "requests. Serve the new model under another name, and compare; or leave canary_percent out."
            )
        if change.resources is not None:
            raise Unsupported(
                "resources= of a service of this machine are those of its process from the start: delete the service, "
                "and serve it anew with others."
            )
        found = self._find(name)
        files = ServiceFiles(found.record.directory)
        with files.changing() as service:
            number = service.revisions[-1].number + 1
            latest = service.latest
            env = {**latest.env, **(change.env or {})}
            if change.model is not None:
                model = change.model
                if model.format is None and model.bundle is None and latest.format is not None:
                    model = replace(model, format=latest.format)
                revision = self._revision(model, number, env)
            else:
                checks.check_env(env)
                revision = replace(latest, number=number, env=env, made=time.time())
            changed = replace(
                service,
                min_replicas=service.min_replicas if change.min_replicas is None else change.min_replicas,
                max_replicas=service.max_replicas if change.max_replicas is None else change.max_replicas,
            )
            notes = checks.replica_notes(change.min_replicas, change.max_replicas)
            if change.model is not None or change.env is not None:
                changed = with_revision(changed, revision)
                files.tell("Updated", f"revision {number} is wanted: {revision.model}")
            files.write_wanted(changed)
        for note in notes:
            logger.warning("service %s: %s", name, note)
        self._start_if_ended(name)

    def promote(self, name: str) -> None:
        """There are no canaries here: the newest revision has all requests once it is ready."""
        found = self._find(name)
        if found.kept.active != found.wanted.wanted:
            status, reason = status_of(found)
            raise InvalidInput(
                f"Service {name!r} is {status}: {reason}. The revision that was asked for last has all requests once "
                "it is ready."
            )

    def rollback(self, name: str) -> None:
        """Let the revision answer again that did before the one that was asked for last."""
        found = self._find(name)
        files = ServiceFiles(found.record.directory)
        with files.changing() as service:
            numbers = [revision.number for revision in service.revisions if revision.number < service.wanted]
            failed = files.kept().failed
            before = next((number for number in reversed(numbers) if number not in failed), None)
            if before is None:
                raise InvalidInput(
                    f"Service {name!r} has no revision before {service.wanted} that can be served: update it instead."
                )
            files.tell("RolledBack", f"revision {before} is wanted again: {service.revision(before).model}")
            files.write_wanted(replace(service, wanted=before))
        self._start_if_ended(name)

    def stop_service(self, name: str) -> None:
        """End the processes of a service, and keep it; when this returns, none is left."""
        found = self._find(name)
        self._say_stopped(found, stopped=True)
        record = found.record
        if not record.finished and record.phase != "Suspended" and self._jobs.suspend(record) is None:
            raise self._not_found(name)

    def start_service(self, name: str) -> None:
        """Start a stopped service anew, on the port that it had if that is free."""
        found = self._find(name)
        if not found.stopped:
            return
        self._say_stopped(found, stopped=False)
        files = ServiceFiles(found.record.directory)
        files.write_kept(replace(files.kept(), failed={}, trouble="", exit_code=None))  # what failed is tried again
        if found.record.phase == "Suspended":
            self._jobs.resume(found.record)
        else:
            self._jobs.revive(found.record, "start_service()")

    def delete_service(self, name: str, wait: float | None = None) -> None:
        """End all processes of a service and delete its logs."""
        if not self._jobs.delete(self._find(name, revive=False).record):
            raise self._not_found(name)

    def get_service_logs(self, name: str, selection: LogSelection, follow: bool = False) -> LogLines:
        """Check the arguments, then yield lines as they come."""
        found = self._find(name)
        if selection.step not in (None, NODE):
            raise InvalidInput(f"Service {name!r} has no replica {selection.step!r}. There is: {NODE!r}.")
        if selection.container is not None:
            raise Unsupported(
                f"Service {name!r} runs as processes of this machine, which have no containers: leave "
                f"container={selection.container!r} out."
            )
        directories = [Places(found.record.directory).node(NODE)]
        since = None if selection.since is None else selection.since.timestamp()
        offsets = beginnings(directories, tail_lines=selection.tail_lines, since=since)
        lines = read_lines(directories, finished=self._jobs.finished(found.record), follow=follow, offsets=offsets)
        return LogLines((line.text for line in lines), lambda: "")

    def get_service_events(self, name: str) -> list[Event]:
        """Return what happened to a service, oldest first."""
        return self._events(self._find(name))

    def diagnose(self, name: str) -> ServiceDiagnosis:
        """Return why a service is where it is."""
        found = self._find(name)
        return diagnose(found, self._view(found), self._events(found))

    def _events(self, found: LocalService) -> list[Event]:
        events = self._jobs.events(found.record)
        return events_of(found, [(event.time, event.reason, event.message, event.step) for event in events])

    def _revision(self, model: ServedModel, number: int, env: Mapping[str, str]) -> LocalRevision:
        return checks.revision_of(model, number, env, self._state, made_here=self._output_of(model))

    def _output_of(self, model: ServedModel) -> Path | None:
        """Return the folder of a job's output, where the model says that it is that and the job says so too."""
        job = model.origin.get("job")
        if job is None or model.path is None:
            return None
        try:
            output = local_process_backend(self._config).output(job)
        except (JobNotFound, KubeflowError):  # forgotten meanwhile: its output counts as any other file
            return None
        return output.path if output.scheme == "file" and output.uri == model.uri else None

    def _find(self, name: str, *, revive: bool = True) -> LocalService:
        record = self._jobs.find(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if record is None:
            raise self._not_found(name)
        return self._read(record, revive=revive)

    def _read(self, record: JobRecord, *, revive: bool = True) -> LocalService:
        files = ServiceFiles(record.directory)
        try:
            found = LocalService(record, files.wanted(), files.kept())
        except InvalidInput:
            if self._jobs.find(record.name) is None:  # deleted meanwhile
                raise self._not_found(record.name) from None
            raise
        if revive and found.lost:
            self._jobs.revive(record, f"it is to run, and {record.reason or 'its process had ended'}")
            again = self._jobs.find(record.name)
            if again is None:
                raise self._not_found(record.name)
            return self._read(again, revive=False)
        return found

    def _view(self, found: LocalService) -> Service:
        """Return a service as users see it; it is `Ready` when its server has said so to this process too."""
        service = view(found)
        if service.status != "Ready":
            return service
        key = (found.record.id, found.kept.server, found.kept.active)
        if key not in self._answered:
            if not is_ready(self._endpoint(found)):
                reason = f"its server (process {found.kept.server}) does not say at {service.url} that it is ready"
                return replace(service, status="Creating", reason=reason)
            self._answered.add(key)
        return service

    def _endpoint(self, found: LocalService) -> Endpoint:
        protocol: Protocol = "v1" if found.wanted.protocol == "v1" else "v2"
        name = found.wanted.name
        return Endpoint(name, f"http://{LOOPBACK}:{found.port}", name, protocol, route="url")

    def _wait_for_change(self, found: LocalService, until: float) -> None:
        files = ServiceFiles(found.record.directory)
        stamp = files.stamp()
        changed = self._jobs.store.change_token()
        while time.monotonic() < until and files.stamp() == stamp and not changed():
            time.sleep(_POLL)

    def _start_if_ended(self, name: str) -> None:
        """Start a service anew that had failed: something else is wanted of it now."""
        found = self._find(name, revive=False)
        if found.record.finished and not found.wanted.stopped:
            self._jobs.revive(found.record, "something else is wanted of it")

    @staticmethod
    def _say_stopped(found: LocalService, *, stopped: bool) -> None:
        files = ServiceFiles(found.record.directory)
        with files.changing() as service:
            files.write_wanted(replace(service, stopped=stopped))

    def _not_found(self, name: object) -> ServiceNotFound:
        known = [record.name for record in self._jobs.all()]
        return ServiceNotFound(str(name), known, where=f"on this machine (state directory {os.fspath(self._state)!r})")
