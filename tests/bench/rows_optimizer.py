"""Rows: what a search costs beside its trials, and forty short trials beside plain Optuna with the same programs."""

from pathlib import Path

from tests.bench.cases import Case, Metric, Place, Unit
from tests.bench.probes import scripting
from tests.bench.requirements import AtMost, AtMostTimesLimit
from tests.bench.series import Missing
from tests.bench.yardsticks import ROWS

_TRIALS = 40
_PARALLEL = 2
# By its folder, so that a bundle of a function in it has no more than its file.
_PATH = f"JOBS = {str(Path(__file__).parent / 'jobs')!r}\n"

# The engine with jobs that are over at once: asking, the rows before and after each trial, its metrics, its verdict.
_ENGINE = (
    _PATH
    + """
import os, sys, time
from pathlib import Path
from kubeflow.optimizer import Objective, RandomSearch, Search, TPE, TrialConfig
from kubeflow.optimizer.engines.client.study_document import write_document, write_spaces
from kubeflow.optimizer.engines.client.study_driver import StudyDriver
from kubeflow.optimizer.engines.client.study_store import StudyStore
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.trainer import CustomTrainer
from tests.bench.inside.instant_backend import RUNTIME, InstantBackend
sys.path.insert(0, JOBS)
from short_trials import never

space = {"lr": Search.loguniform(1e-4, 1.0), "batch": Search.int(1, 64), "opt": Search.choice(["adam", "sgd"])}
seconds = {}
for key, algorithm in (("random", RandomSearch(random_state=1)), ("tpe", TPE(random_state=1))):
    spec = optimization_spec(name=key, runtime=RUNTIME, trainer=CustomTrainer(never), search_space=space,
                             algorithm=algorithm, trial_config=TrialConfig(60, 2))
    store = StudyStore(Path(os.environ["BENCH_SCRATCH"]))
    store.add(key, "bench", 60, write_document(spec, None), write_spaces(dict(spec.space)))
    driver = StudyDriver(store, store.find(key), spec, InstantBackend())
    start = time.perf_counter()
    driver.run()
    seconds[key] = (time.perf_counter() - start) / 60
    assert store.find(key).phase == "Complete", store.find(key)
report(seconds)
"""
)

_ASK_AND_TELL = """
import time
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
seconds = {}
for key, sampler in (("random", optuna.samplers.RandomSampler(1)), ("tpe", optuna.samplers.TPESampler(seed=1))):
    study = optuna.create_study(sampler=sampler)
    start = time.perf_counter()
    for number in range(60):
        trial = study.ask()
        trial.suggest_float("lr", 1e-4, 1.0, log=True), trial.suggest_int("batch", 1, 64)
        trial.suggest_categorical("opt", ["adam", "sgd"])
        study.tell(trial, 1 / (1 + number))
    seconds[key] = (time.perf_counter() - start) / 60
report(seconds)
"""

_SEARCH = f"""{_PATH}
import os, sys, time
os.environ["KUBEFLOW_STATE_DIR"] = os.environ["BENCH_SCRATCH"]
from kubeflow.optimizer import OptimizerClient, Search, TPE, TrialConfig
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig
sys.path.insert(0, JOBS)
from short_trials import second
client = OptimizerClient(LocalProcessBackendConfig())
start = time.perf_counter()
name = client.optimize(CustomTrainer.call(second, lr=Search.uniform(0.1, 1.0)), algorithm=TPE(random_state=1),
                       trial_config=TrialConfig({_TRIALS}, {_PARALLEL}))
job = client.wait_for_job_status(name)
seconds = time.perf_counter() - start
assert [trial.status for trial in job.trials] == ["Complete"] * {_TRIALS}
client.delete_job(name)
report({{"search": seconds, "ideal": seconds / ({_TRIALS} / {_PARALLEL})}})
"""

_OPTUNA = f"""
import subprocess, sys, time
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def objective(trial):
    lr = trial.suggest_float("lr", 0.1, 1.0)
    program = f"import time; time.sleep(1); print({{lr!r}})"
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)
start = time.perf_counter()
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials={_TRIALS}, n_jobs={_PARALLEL})
seconds = time.perf_counter() - start
report({{"search": seconds, "ideal": seconds / ({_TRIALS} / {_PARALLEL})}})
"""

# What another process does that goes on with a search of 1,000 trials: read its rows, and ask for the next one.
_REBUILD = (
    _PATH
    + """
import os, sys, time
from dataclasses import replace
from pathlib import Path
from kubeflow.optimizer import Metric, Search, TPE, TrialConfig
from kubeflow.optimizer.algorithms.searchers import searcher
from kubeflow.optimizer.engines.client.study_document import read_document, write_document, write_spaces
from kubeflow.optimizer.engines.client.study_history import past_trials
from kubeflow.optimizer.engines.client.study_store import StudyStore
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.trainer import CustomTrainer
from tests.bench.inside.instant_backend import RUNTIME
sys.path.insert(0, JOBS)
from short_trials import never
import optuna
space = {"lr": Search.loguniform(1e-4, 1.0), "batch": Search.int(1, 64), "opt": Search.choice(["adam", "sgd"])}
spec = optimization_spec(name="study", runtime=RUNTIME, trainer=CustomTrainer(never), search_space=space,
                         algorithm=TPE(random_state=1), trial_config=TrialConfig(2000))
store = StudyStore(Path(os.environ["BENCH_SCRATCH"]))
study = store.add("study", "bench", 2000, write_document(spec, None), write_spaces(dict(spec.space)))
for number in range(1000):
    trial = store.ask(study, number, {"lr": repr(1 / (1 + number)), "batch": str(1 + number % 64), "opt": "0"}, {}, None)
    store.settle(study, replace(trial, phase="Complete", metrics=(Metric("loss", 1.0, 1.0, 1.0),),
                                objectives=[1 / (1 + number)], ended=time.time()))
store.database.close()
start = time.perf_counter()
spec = read_document(store.blobs(study)[0]).spec
proposal = searcher(spec).ask(past_trials(spec.space, store.trials(study)), 1000)
seconds = time.perf_counter() - start
assert proposal is not None
report({"rebuild": seconds})
"""
)

CASES = (
    Case(
        name="search: what a trial costs beside its job",
        metrics=(
            Metric("random", "random search, a trial", requirement=ROWS.bound(0.010)),
            Metric("tpe", "TPE, a trial"),
        ),
        ours=scripting(Place.CHECKOUT, _ENGINE),
        peer=Missing("runs searches on clusters only"),
        limit=scripting(Place.CHECKOUT, _ASK_AND_TELL),
        limit_is="Optuna's ask and tell in memory, with nothing kept",
        yardstick=ROWS,
        rounds=5,
    ),
    Case(
        name="search: 40 trials of one second, 2 at a time",
        metrics=(
            Metric("search", "optimize() and wait for the end", requirement=AtMostTimesLimit(1.15)),
            Metric("ideal", "times 20 s", Unit.COUNT, requirement=AtMost(1.15)),
        ),
        ours=scripting(Place.CHECKOUT, _SEARCH),
        peer=Missing("runs searches on clusters only"),
        limit=scripting(Place.CHECKOUT, _OPTUNA),
        limit_is="plain Optuna that runs the same trials as programs",
        rounds=2,
        warmup=0,
        weight=4,
        slow="it takes two minutes",
    ),
    Case(
        name="search: go on with 1,000 trials",
        metrics=(Metric("rebuild", "read them and ask for the next one", requirement=ROWS.bound(1.0)),),
        ours=scripting(Place.CHECKOUT, _REBUILD),
        peer=Missing("keeps no search"),
        limit=Missing("nothing to compare with"),
        limit_is="nothing",
        yardstick=ROWS,
        rounds=3,
        warmup=0,
    ),
)
