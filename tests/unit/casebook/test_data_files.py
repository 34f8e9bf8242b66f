"""The data files: every name in them is known, used, and read by the metric as the label that it stands for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import casebook
from casebook.alterations import alteration, alteration_forms
from casebook.catalogue import Entity, catalogue, site_label
from casebook.grammar import Writer, parse, text_of
from casebook.streams import Stream
from casebook.treatments import treatment
from extraction.canonical import canonical_items
from extraction.vocabulary import vocabulary

DATA = catalogue()
COMMONEST = frozenset(
    {"lung_adenocarcinoma", "breast_ductal", "colon", "cutaneous_melanoma"}
    | {"prostate", "ovarian_hgsc", "pancreatic", "glioblastoma"}
)
SETTINGS = (
    *("surgery", "interval_surgery", "neoadjuvant", "adjuvant", "definitive"),
    *("salvage", "consolidation", "maintenance", "local"),
)
each_entity = pytest.mark.parametrize("entity", DATA.entities, ids=lambda entity: entity.code)


def _specs(entity: Entity) -> list[str]:
    with_radiation = [f"{spec}+radiotherapy" for spec in entity.chemoradiation]
    lines = [spec for specs in (*entity.lines.values(), *entity.plans.values()) for spec in specs]
    return [spec for setting in SETTINGS for spec in getattr(entity, setting)] + with_radiation + lines


def _readings(frame: str) -> set[str]:
    return {text_of(Writer(Stream(seed, "test", 0), {}).expand(frame, {})) for seed in range(6)}


def test_there_are_enough_entities_and_none_is_too_common() -> None:
    total = sum(entity.weight for entity in DATA.entities)
    shares = {entity.code: entity.weight / total for entity in DATA.entities}
    assert len(shares) >= 34
    assert max(shares.values()) <= 0.12
    assert sum(shares[code] for code in COMMONEST) == pytest.approx(0.60, abs=0.03)


def test_the_vocabulary_is_as_wide_as_the_specification_asks() -> None:
    names = {name for entity in DATA.entities for name in (*entity.alterations, *entity.companions)}
    parts = {part for entity in DATA.entities for spec in _specs(entity) for part in treatment(spec).parts}
    assert len(names) >= 120
    assert len({alteration(name).gene for name in names}) >= 55
    assert len(parts) >= 220
    assert len({law.marker for law in DATA.markers.values()}) >= 28


@each_entity
def test_every_name_of_an_entity_is_read_as_that_entity(entity: Entity) -> None:
    wanted = canonical_items("cancer_type", entity.label)
    for name in entity.names:
        assert {canonical_items("cancer_type", text) for text in _readings(name)} == {wanted}, name


@each_entity
def test_every_stage_treatment_marker_and_site_of_an_entity_is_known(entity: Entity) -> None:
    assert all(stage in vocabulary("stage") for stage in entity.stages)
    assert all(treatment(spec).label for spec in _specs(entity))
    assert all(name.split("|")[0].strip() in DATA.markers for name in entity.markers)
    assert all(site_label(site) for site in entity.sites)
    assert set(entity.tnm) <= set(entity.stages)


@each_entity
def test_every_spelling_of_an_alteration_is_read_as_its_label(entity: Entity) -> None:
    for name in (*entity.alterations, *entity.companions):
        item = alteration(name)
        wanted = canonical_items("gene_mutation", item.label)
        assert len(wanted) == 1
        for form in alteration_forms(item):
            assert canonical_items("gene_mutation", form.replace("@a", "a")) == wanted, form


def test_every_spelling_of_a_biomarker_result_is_read_as_its_label() -> None:
    for law in DATA.markers.values():
        for result in law.results:
            number = str(result.numbers[0]) if result.numbers else ""
            wanted = canonical_items("biomarker", result.label.replace("{n}", number))
            for form in () if result.rule else (*result.np, *result.clause):
                read = {canonical_items("biomarker", text) for text in _readings(form.replace("{n}", number))}
                assert read == {wanted}, form


def test_every_spelling_of_a_site_is_read_as_its_organ() -> None:
    for key, forms in DATA.sites.items():
        for form in (*forms.organ, *forms.lesion):
            wanted = canonical_items("metastasis_site", site_label(key))
            assert {canonical_items("metastasis_site", text) for text in _readings(form)} == {wanted}, form


def test_every_frame_and_rule_can_be_read() -> None:
    for frames in (*DATA.frames.values(), *DATA.lexicon.values()):
        assert all(isinstance(parse(frame), tuple) for frame in frames)


def test_no_frame_is_written_twice() -> None:
    for kind, frames in DATA.frames.items():
        assert len(frames) == len(set(frames)), kind


def test_every_rule_and_every_word_list_is_used() -> None:
    frames = " ".join(frame for frames in (*DATA.frames.values(), *DATA.lexicon.values()) for frame in frames)
    code = "".join(path.read_text(encoding="utf-8") for path in Path(casebook.__path__[0]).glob("*.py"))
    assert all(f"<{name}>" in frames or name in code for name in DATA.lexicon)
    assert all(name in code for name in DATA.words if not name.startswith("response_"))


def test_genre_shares_add_up_to_a_hundred_for_training() -> None:
    shares = [law["share"] for law in DATA.genres.values() if "train" in law.get("splits", ["train"])]
    assert len(shares) == 14
    assert sum(shares) == 100


def test_a_label_in_the_data_files_has_no_separator_of_tags() -> None:
    labels = [result.label for law in DATA.markers.values() for result in law.results]
    assert not any(re.search(r"[|!]", label) for label in labels)
