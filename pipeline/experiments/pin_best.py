"""Take the results of the best architecture from a commit, for the stage `compare`."""

from pipeline.config.upgrades import upgrade_ingest_params
from pipeline.core import git, paths, yaml
from pipeline.core.errors import DataError
from pipeline.evaluation.committed_best import CommittedBest
from pipeline.evaluation.results import Evaluation


def read_committed_best(revision: str) -> CommittedBest:
    """Return the best architecture of a revision.

    Raises:
        DataError: there is no such revision, or it has no results.
    """
    if not git.revision_exists(revision):
        raise DataError(f"no revision {revision!r} here; name another, such as HEAD~1")
    read = git.make_json_reader(revision)
    try:
        architecture = read(paths.SUMMARY)["best"]["architecture"]
        path = paths.get_evaluation_path(architecture)
        scores = Evaluation.from_json(read(path)).scores
        params = yaml.parse_yaml(git.read_text(revision, paths.PARAMS))
        ingest = upgrade_ingest_params(params["ingest"])
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{revision} has no results of a best architecture ({type(error).__name__}: {error}); name a commit that has, "
            "or commit those of 'dvc repro'"
        ) from error
    commit = git.run_git("log", "-1", "--format=%H", revision, "--", path.as_posix()).strip()
    return CommittedBest(architecture, commit[:7], ingest, scores)
