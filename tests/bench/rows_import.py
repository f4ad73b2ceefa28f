"""Rows: what importing costs, in time, memory and modules."""

from tests.bench.cases import Case, Metric, Place, Unit
from tests.bench.objects import small_train_job
from tests.bench.probes import bare, importing, looking_out
from tests.bench.requirements import Always, AtMostTimesLimit
from tests.bench.series import Missing
from tests.bench.yardsticks import START

HEAVY = ("kubernetes", "torch", "docker", "podman", "optuna", "rich")
"""Packages that an import of the client may neither load nor look for."""

FIRST_LINE = "from kubeflow.trainer import TrainerClient, CustomTrainer"

SEARCH_LINE = "from kubeflow.optimizer import OptimizerClient, Search, Objective, TrialConfig"

FIRST_CLIENT = f"""
{FIRST_LINE}, LocalProcessBackendConfig
TrainerClient(LocalProcessBackendConfig())
CustomTrainer(func=print)
"""

HELP = """
import contextlib, io
from kubeflow.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["--help"]) == 0
"""

NOT_INSTALLED = Missing("what it imports there is in extras that are not installed beside it")
BESIDE_SPARK = Missing(
    "see the case of the import beside a published package with pyspark, which a quick run leaves out"
)


def import_case(
    name: str,
    ours: str,
    peer: str | Missing,
    *,
    over_start: float | None = None,
    peers: Place = Place.PEER,
    slow: str = "",
) -> Case:
    """Return what importing costs on both sides, beside a bare interpreter.

    Args:
        name: The case.
        ours: A statement.
        peer: That of the published package.
        over_start: Seconds beyond the start of an interpreter, of which the bound is made; `None` for no bound.
        peers: The environment of the published package.
        slow: Why a quick run leaves it out; empty where it does not.
    """
    requirement = None if over_start is None else AtMostTimesLimit(1 + over_start / START.seconds)
    return Case(
        name=name,
        metrics=(
            Metric("wall", "whole process, wall", requirement=requirement),
            Metric("cpu", "whole process, CPU"),
            Metric("import", "the statement alone, without start and exit"),
            Metric("memory", "peak memory", Unit.BYTES),
            Metric("modules", "modules loaded", Unit.COUNT),
        ),
        ours=importing(Place.OURS, ours),
        peer=peer if isinstance(peer, Missing) else importing(peers, peer),
        limit=bare(Place.BARE),
        limit_is="bare interpreter",
        slow=slow,
    )


CASES = (
    import_case("import kubeflow.trainer", "import kubeflow.trainer", "import kubeflow.trainer", over_start=0.15),
    import_case("import kubeflow.optimizer", "import kubeflow.optimizer", "import kubeflow.optimizer", over_start=0.15),
    import_case("import kubeflow.kserve", "import kubeflow.kserve", Missing("it has none"), over_start=0.15),
    import_case("import kubeflow.hub", "import kubeflow.hub", NOT_INSTALLED, over_start=0.15),
    import_case("import kubeflow.spark", "import kubeflow.spark", BESIDE_SPARK, over_start=0.15),
    import_case(SEARCH_LINE, SEARCH_LINE, SEARCH_LINE, over_start=0.15),
    # Our packages export lazily, so the case above alone would flatter us: a script begins with this.
    import_case(
        FIRST_LINE,
        FIRST_LINE,
        FIRST_LINE,
        over_start=0.15,
    ),
    # And what the import puts off is due with the first client.
    import_case("import and make a client for this machine", FIRST_CLIENT, FIRST_CLIENT),
    Case(
        name=FIRST_LINE,
        metrics=(Metric("found", "heavy modules loaded or looked for", Unit.COUNT, requirement=Always(0)),),
        ours=looking_out(Place.OURS, FIRST_LINE, HEAVY),
        peer=looking_out(Place.PEER, FIRST_LINE, HEAVY),
        limit=Missing("a bare interpreter touches none"),
        limit_is=f"none of {', '.join(HEAVY)}",
        rounds=1,
        warmup=0,
    ),
    import_case(
        "import the TrainJob model",
        "from kubeflow_api.trainer.v1alpha1 import TrainJob",
        "from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob",
    ),
    import_case(
        "import the Experiment model",
        "from kubeflow_api.katib.v1beta1 import Experiment",
        "from kubeflow_katib_api.models import V1beta1Experiment",
    ),
    # Models that are built on first use pay then: import and first object together leave nothing out.
    import_case(
        "import the TrainJob model and parse a first object",
        f"from kubeflow_api.trainer.v1alpha1 import TrainJob\nTrainJob.from_server({small_train_job()!r})",
        "from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob\n"
        f"TrainerV1alpha1TrainJob.from_dict({small_train_job()!r})",
    ),
)
