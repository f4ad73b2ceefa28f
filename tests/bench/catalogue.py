"""Every case, in the order of the table. A new module of rows needs one import and one line here."""

from tests.bench import (
    rows_bundle,
    rows_cluster,
    rows_codegen,
    rows_containers,
    rows_corpus,
    rows_editors,
    rows_import,
    rows_install,
    rows_local,
    rows_models,
    rows_optimizer,
    rows_searches,
    rows_spark,
    rows_train,
)
from tests.bench.cases import Case

CASES: tuple[Case, ...] = (
    *rows_install.CASES,
    *rows_import.CASES,
    *rows_editors.CASES,
    *rows_models.CASES,
    *rows_codegen.CASES,
    *rows_bundle.CASES,
    *rows_corpus.CASES,
    *rows_local.CASES,
    *rows_containers.CASES,
    *rows_train.CASES,
    *rows_optimizer.CASES,
    *rows_cluster.CASES,
    *rows_searches.CASES,
    *rows_spark.CASES,
)
