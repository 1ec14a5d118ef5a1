from pipeline.report.blocks import Section, Table


def test_a_section_with_nothing_measured_is_empty():
    assert Section("costs", "Costs", "What it costs.").is_empty
    assert not Section(
        "costs", "Costs", "What it costs.", tables=[Table("Sizes", [["a"], ["1"]])]
    ).is_empty
