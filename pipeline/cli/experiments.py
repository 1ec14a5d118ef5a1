"""Commands that compare many runs."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import output_paths
from pipeline.cli.arguments import Force, complete_model
from pipeline.config import Params, load_params
from pipeline.config.schema import DEFAULT_MODEL
from pipeline.core import extras, paths
from pipeline.core.console import log_message

if TYPE_CHECKING:
    from pipeline.experiments.diff import ExperimentScores
    from pipeline.experiments.listen import Contestant

app = typer.Typer()


@app.command(epilog="Example: music-rnn study maestro")
def study(
    name: Annotated[str, typer.Argument(help="A file in studies/, without .yaml; or tune.")],
    no_run: Annotated[
        bool,
        typer.Option(
            "--no-run", help="Run and write nothing: print the page of the experiments that exist."
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace results that have more runs or models; tune: run all again."
        ),
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=0, help="Of tune: processes at once; 0 is one for each core.")
    ] = 0,
) -> None:
    """Run the experiments of a study that do not exist yet, and write its page.

    The study 'tune' searches the learning rate of each architecture on training pieces only.
    """
    from pipeline.experiments import tune

    if name == tune.NAME:
        _tune_learning_rates(no_run, force, jobs)
    elif jobs:
        raise typer.BadParameter(f"only study {tune.NAME} has it", param_hint="--jobs")
    else:
        _run_study(name, no_run, force)


def _tune_learning_rates(no_run: bool, force: bool, num_processes: int) -> None:
    """Run the runs of the search that are not there, and say which rates to set."""
    from pipeline.experiments import tune, tune_results

    params = load_params(paths.PARAMS)
    search = tune_results.plan_search(params)
    earlier = tune_results.load_results()
    if force and not no_run:
        earlier = {}
        tune.remove_kept_scores()
    if not no_run:
        missing = tune_results.find_missing_runs(search, earlier)
        if missing:
            extras.require_module("tensorflow")  # here, since processes train
        tune.run_all(missing, params, num_processes)
    results = tune_results.collect_results(search, earlier)
    if no_run:
        typer.echo(tune_results.render_page(results))
        return
    for path in tune_results.write_results(results):
        typer.echo(path)
    for line in tune_results.find_mismatches(params, results):
        typer.echo(f"{paths.PARAMS}: {line}")


def _run_study(name: str, no_run: bool, force: bool) -> None:
    from pipeline.experiments import study as studies
    from pipeline.experiments import study_page, study_results

    params, plan = load_params(paths.PARAMS), studies.load_study(name)
    findings = {}
    for run_name, run in plan.runs.items():
        experiment = f"{name}-{run_name}"
        if not no_run:
            studies.run_experiment(experiment, run, params)
        elif not studies.find_experiment_commit(experiment):
            continue
        findings[run_name] = study_results.load_run(experiment, run, params)
    if not no_run:
        for path in study_page.write_study_results(plan, findings, force):
            typer.echo(path)
    elif findings:
        typer.echo(study_page.render_study_page(plan, findings))
    else:
        typer.echo(
            f"no experiment of study {name} is here: its page is {plan.page}; "
            f"run it with: music-rnn study {name}"
        )


@app.command(epilog="Example: music-rnn diff larger-dense --architectures hybrid")
def diff(
    experiments: Annotated[
        list[str],
        typer.Argument(
            metavar="EXP",
            help="'workspace', a Git revision or a DVC experiment. The first is the reference; a single one is "
            "compared with HEAD.",
        ),
    ],
    architectures: Annotated[
        str, typer.Option(help="Compare these only, such as baseline,stacked.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object instead of a table.")
    ] = False,
) -> None:
    """Compare experiments by architecture: bits per note, differences with 95 % intervals, and a verdict.

    An architecture that the reference lacks is compared with its best.
    """
    from pipeline.experiments import diff as comparison

    params = load_params(paths.PARAMS)
    loaded = comparison.load_experiments(experiments)
    _print_comparison(loaded, _split_names(architectures), params, as_json)


def _split_names(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _print_comparison(
    loaded: list["ExperimentScores"], wanted: list[str], params: Params, as_json: bool
) -> None:
    """Compare experiments, and print the table and what is to know of it, or a JSON object."""
    from rich.console import Console

    from pipeline.experiments import diff as comparison
    from pipeline.experiments import diff_table

    rows = comparison.compare_experiments(loaded, wanted)
    if as_json:
        typer.echo(diff_table.format_diff_json(rows, loaded[0].name))
        return
    console = Console(highlight=False)
    console.print(diff_table.make_diff_table(rows))
    for note in diff_table.describe_comparison(loaded, rows, params.gate.tolerance_bits):
        console.print(note, markup=False)


@app.command(
    epilog="Example: music-rnn sweep train.loss_weights.pitch=0.05,0.5 --architectures baseline,stacked --seeds 3; "
    "on other machines: add --scheduler tcp://10.0.0.1:8786"
)
def sweep(
    assignment: Annotated[
        str,
        typer.Argument(
            metavar="KEY=V1,V2",
            help="A key of params.yaml and its values; others are compared with the first.",
        ),
    ],
    architectures: Annotated[
        str, typer.Option(help="Train these only, such as baseline,stacked.")
    ] = "",
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=99,
            help="Number of replicates, each from a seed of its own; default: replicates.count.",
        ),
    ] = None,
    scheduler: Annotated[
        str,
        typer.Option(
            envvar="DASK_SCHEDULER_ADDRESS",
            help="Run on the workers of this Dask scheduler, such as tcp://10.0.0.1:8786, instead of this machine.",
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object instead of a table.")
    ] = False,
) -> None:
    """Vary one value of params.yaml, and compare the results by architecture.

    Each run is an experiment of DVC, sweep-KEY-VALUE-REPLICATES, without samples, benchmark and report. A run that started from
    this commit is not run again unless 'dvc exp remove NAME' removes it. docs/sweeps-on-many-machines.md describes --scheduler.
    """
    from pipeline.core import yaml
    from pipeline.experiments import remote_sweep
    from pipeline.experiments import sweep as sweeps

    params = load_params(paths.PARAMS)
    tree = yaml.load_yaml(paths.PARAMS)
    plan = sweeps.parse_sweep(assignment, _split_names(architectures), seeds, tree)
    if scheduler:
        remote_sweep.run_remote_sweep(plan, params, scheduler, log_message)
    else:
        sweeps.run_sweep(plan, params, log_message)
    if not as_json:
        typer.echo(plan.key)
    _print_comparison(sweeps.load_sweep(plan), list(plan.architectures), params, as_json)


@app.command(epilog="Example: music-rnn listen expressive wide --pairs 30 -o listen.html")
def listen(  # noqa: PLR0913 an argument of a command is an option that a person types
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Models to test, bundled or trained here; with --score, CSV files that the page exported.",
            autocompletion=complete_model,
        ),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, max=500, help="Pairs of all models together.")] = 20,
    seconds: Annotated[int, typer.Option(min=1, max=120, help="Length of each continuation.")] = 15,
    out: Annotated[Path, typer.Option("-o", "--out", help="HTML file to write.")] = Path(
        "listen.html"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal tests.")] = 0,
    pictures: Annotated[
        Path | None,
        typer.Option(
            help="Folder for piano rolls, spectrograms and sound of both sides; they name the right answers."
        ),
    ] = None,
    is_score: Annotated[
        bool, typer.Option("--score", help="Score answers instead: listen --score a.csv b.csv")
    ] = False,
    force: Force = False,
) -> None:
    """Make a blind listening test: which continuation of held-out music was played by a person, and which by a model?

    The test is one HTML file that needs no network. It shows the result after the last pair, and exports the answers. Without a
    model the bundled one is tested. docs/listening.md describes the test.
    """
    if is_score:
        _print_scores([Path(name) for name in models or []])
        return
    from pipeline.core import files
    from pipeline.experiments import listen as listening
    from pipeline.experiments import listen_page

    output_paths.check_output("--out", out, suffixes=(".html",), force=force)
    params = load_params(paths.PARAMS)
    length = listening.TestLength(pairs, params.generate.prompt_notes, seconds)
    contestants = _load_contestants(models or [DEFAULT_MODEL], params)
    made = listening.make_pairs(contestants, length, params.generate.sampling, seed)
    files.write_text(out, listen_page.render_listening_test(made, seconds))
    typer.echo(out)
    if pictures:
        from pipeline.experiments import listen_pictures

        for path in listen_pictures.write_pictures(made, pictures):
            typer.echo(path)


def _load_contestants(names: list[str], params: Params) -> dict[str, "Contestant"]:
    """Load models with the pieces to test them on, and say what is not known of these."""
    from pipeline.cli import options
    from pipeline.dataset import windows
    from pipeline.experiments import listen_pieces

    dataset = windows.load_windows(paths.WINDOWS)
    sha256 = hashlib.sha256(paths.WINDOWS.read_bytes()).hexdigest()
    contestants = {}
    for name in dict.fromkeys(names):
        model = options.load_named_model(name)
        contestants[name], doubt = listen_pieces.make_contestant(
            name, model, dataset, sha256, params
        )
        if doubt:
            log_message(doubt)
    return contestants


def _print_scores(answer_files: list[Path]) -> None:
    """Print how often listeners were right, from the files that the page exported."""
    from rich.console import Console

    from pipeline.experiments import listen_score

    if not answer_files:
        raise typer.BadParameter("name the CSV files that the page exported", param_hint="--score")
    scores = listen_score.score_answers(listen_score.load_answers(answer_files))
    console = Console(highlight=False)
    console.print(listen_score.make_score_table(scores))
    console.print(listen_score.describe_scores(scores), markup=False)


@app.command(epilog="Example: music-rnn pin-best, then: dvc repro and git commit")
def pin_best(
    revision: Annotated[
        str, typer.Argument(metavar="REV", help="Git revision that has results.")
    ] = "HEAD",
) -> None:
    """Keep the best results of a commit, with which 'dvc exp show' compares each run in best.against_committed."""
    from pipeline.experiments import pin_best as pin

    best = pin.read_committed_best(revision)
    best.save(paths.COMMITTED_BEST)
    typer.echo(f"{paths.COMMITTED_BEST}: {best.architecture} at {best.commit}")
