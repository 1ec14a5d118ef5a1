"""Results to one HTML file that needs nothing else: no script, style, font or picture from elsewhere."""

from collections.abc import Callable

from markupsafe import Markup

from pipeline.report import sample_player, summary, tables
from pipeline.report.blocks import Section
from pipeline.report.charts import svg
from pipeline.report.data import ReportData
from pipeline.report.definitions import Explainer
from pipeline.report.sections import corpus, cost, quality, samples
from pipeline.report.templates import compute_csp_hash, read_static, render_template

SCRIPTS = ("theme.js", "../../web/noteList.js", "pianoRoll.js", "../../web/synth.js", "player.js")
SECTION_BUILDERS: tuple[Callable[[ReportData], Section], ...] = (
    quality.build_decision_section,
    quality.build_heads_section,
    quality.build_calibration_section,
    quality.build_context_section,
    samples.build_sample_metrics_section,
    cost.build_cost_section,
    cost.build_claims_section,
    corpus.build_corpus_section,
    quality.build_pieces_section,
)


def render_page(data: ReportData) -> str:
    """Return the page; equal results give equal bytes."""
    colors = {name: svg.get_color_name(index) for index, name in enumerate(data.architectures)}
    players = sample_player.make_sample_players(data.samples, data.by_bits, colors)
    recommended = data.results.recommended
    sections = [build_section(data) for build_section in SECTION_BUILDERS]
    script = "\n".join(map(read_static, SCRIPTS))
    script = script.replace("export class", "class")  # it is one script, not modules
    return render_template(
        "report/static/report.html",
        params=data.results.params,
        has_leak=bool(tables.list_held_out_leaks(data.results)),
        statements=summary.build_statements(data.results),
        explain=Explainer().explain,
        sections=[section for section in sections if not section.is_empty],
        players=players,
        recommended=recommended,
        first=next((player for player in players if player.architecture == recommended), None),
        music=sample_player.pack_samples(data.samples),
        style=Markup(read_static("report.css")),
        script=Markup(script),
        script_hash=compute_csp_hash(script),
    )
