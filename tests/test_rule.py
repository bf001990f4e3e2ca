"""The rule engine: who is asked, in which order, and what is filled in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from advisor.errors import AdvisorError
from advisor.evidence import FAMILIES
from advisor.finding import Finding, note
from advisor.profile import ColumnDrift, DatasetProfile, TabularProfile
from advisor.regime import find_regime
from advisor.rule import SEVERITIES, Rule, apply_rules, explain, rule
from tests.profiles import healthy_profile, tabular_profiles


@given(tabular_profiles())
def test_rules_neither_raise_nor_mutate_and_are_deterministic(profile: TabularProfile) -> None:
    """For any profile, twice the same, and the profile is what it was."""
    before = profile.model_dump_json()
    first, second = apply_rules(profile), apply_rules(profile)
    assert first == second
    assert profile.model_dump_json() == before


@settings(max_examples=50)
@given(tabular_profiles())
def test_findings_survive_json(profile: TabularProfile) -> None:
    """The report stores them."""
    for finding in apply_rules(profile):
        assert Finding.model_validate_json(finding.model_dump_json()) == finding


@settings(max_examples=50)
@given(tabular_profiles())
def test_findings_are_one_readable_line_with_a_source(profile: TabularProfile) -> None:
    """Each names its rule and reference, and no placeholder is left over."""
    for finding in apply_rules(profile):
        assert finding.rule
        assert finding.reference
        assert finding.message.endswith((".", "?"))
        assert not set("\n{}") & set(finding.message)
        assert "  " not in finding.message


@settings(max_examples=50)
@given(tabular_profiles())
def test_exactly_one_prior_speaks_and_it_is_that_of_the_regime(profile: TabularProfile) -> None:
    """So that families are never counted twice."""
    priors = [f.rule for f in apply_rules(profile) if f.rule.startswith("prior_")]
    assert priors == [find_regime(profile).name.replace("tabular", "prior")]


def test_a_healthy_table_gets_its_prior_and_nothing_else() -> None:
    """False alarms are worse than silence."""
    assert [f.rule for f in apply_rules(healthy_profile())] == ["prior_small"]


def test_drifted_columns_are_counted_among_those_that_were_compared() -> None:
    """Two of ten columns beside ten of free text are a fifth of ten."""
    drift = ColumnDrift(column="a", distance=0.5, measure="KS")
    texts = tuple(f"t{i}" for i in range(10))
    profile = healthy_profile(
        n_features=20, texts=texts, test_drift=(drift,), share_test_drift=0.2, pool_drift=(drift,),
        share_pool_drift=0.2,
    )  # fmt: skip
    found = {finding.rule: finding.message for finding in apply_rules(profile)}
    for name in ("drifted_test", "drifted_pool"):
        assert found[name].startswith("2 of 10 columns other than free text differ")
    plain = profile.model_copy(update={"texts": ()})
    found = {finding.rule: finding.message for finding in apply_rules(plain)}
    assert found["drifted_test"].startswith("4 of 20 columns differ")


def test_vetoes_come_before_warnings_before_notes() -> None:
    """The order in which a reader wants them."""
    profile = healthy_profile(n_labelled=300_000, n_features=3_000, constants=("a",), n_groups=2)
    order = [SEVERITIES.index(f.severity) for f in apply_rules(profile)]
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}


def test_vetoes_name_families() -> None:
    """A veto that names nobody would reject nobody."""
    profile = healthy_profile(n_labelled=300_000)
    vetoes = [f for f in apply_rules(profile) if f.severity == "veto"]
    assert {name for f in vetoes for name in f.vetoes} == {"kernel", "in_context"}
    assert {name for f in vetoes for name in f.vetoes} <= set(FAMILIES)


def test_explain_tells_what_why_and_reference() -> None:
    """``advise --explain RULE``."""
    text = explain("leaking_column")
    assert all(word in text for word in ("leaking_column", "What:", "Why:", "Reference:"))


def test_explaining_an_unknown_rule_suggests_a_known_one() -> None:
    """A misspelt name is the user's to put right."""
    with pytest.raises(AdvisorError, match="Did you mean 'leaking_column'"):
        explain("leaking_colum")


def test_a_rule_is_not_asked_about_profiles_it_does_not_speak_of() -> None:
    """The annotation is the applicability."""
    entry = Rule("r", TabularProfile, "us", "what", lambda _: note("always."))
    base = DatasetProfile.model_validate(
        healthy_profile().model_dump(include=set(DatasetProfile.model_fields))
    )
    assert entry.apply(base) is None
    found = entry.apply(healthy_profile())
    assert found is not None
    assert (found.rule, found.reference) == ("r", "us")


def test_a_rule_without_docstring_or_annotation_is_refused() -> None:
    """Both are what --explain and the engine live on."""

    def silent(profile: TabularProfile) -> Finding | None:
        return None

    def loose(profile) -> Finding | None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """What and why."""
        return None

    for function in (silent, loose):
        with pytest.raises(TypeError):
            rule(reference="us")(function)
