"""Values of older files are read in today's words."""

from pipeline.config.upgrades import upgrade_ingest_params, upgrade_model_config


def test_an_older_ingest_section_has_the_key_of_today() -> None:
    assert upgrade_ingest_params({"reader": "symusic", "pedal": False}) == {
        "instruments": "all",
        "reader": "symusic",
        "sustain_pedal": False,
    }
    assert upgrade_ingest_params({}) == {}


def test_an_older_model_config_has_the_keys_of_today() -> None:
    older = {"width": 8, "cell": "gated", "objective": "every", "memory": "carried"}
    upgraded = {"embedding_dim": 8, "cell": "mingru", "loss_on": "all", "stateful": True}
    upgraded |= {"learning_rate": 0.008}
    assert upgrade_model_config(older) == upgraded
    assert upgrade_model_config(upgraded) == upgraded
