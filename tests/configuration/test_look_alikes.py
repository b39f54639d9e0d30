"""Text that only looks right is a problem of jitney.yaml, of policies and of their tests (row POL 2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.configuration.load import ConfigurationError
from jitney.configuration.look_alikes import text_fault
from jitney.configuration.policy_table import cases_in
from tests.configuration.test_load import changed, compiled, problems, write_policies

__all__ = ["compiled"]  # a fixture

AUDIENCES = "issuers.corp.audiences"


@pytest.mark.parametrize(
    ("text", "wrong", "fix"),
    [
        ("jitney ", "ends with a space", "remove"),
        (" jitney", "begins or ends", "remove"),
        ("jitney\n", "character 7 is invisible: a control character (U+000A)", "remove"),
        ("jit\u200bney", "character 4 is invisible: ZERO WIDTH SPACE (U+200B)", "remove"),
        ("jitney\u00a0web", "NO-BREAK SPACE", "remove"),
        ("\u202ejitney", "RIGHT-TO-LEFT OVERRIDE", "remove"),
        ("jitney\u3164", "HANGUL FILLER", "remove"),
        ("jit\u034fney", "COMBINING GRAPHEME JOINER", "remove"),
        ("jitn\u0435y", "character 5 is CYRILLIC SMALL LETTER IE (U+0435), among Latin letters", "again"),
        ("api \u0391dmin", "GREEK CAPITAL LETTER ALPHA", "again"),
        ("\uff4aitney", "FULLWIDTH LATIN SMALL LETTER J", "again"),
        (
            "okta/\u0430\u0441\u0435",
            "CYRILLIC SMALL LETTER A (U+0430), in a word that looks like Latin letters",
            "again",
        ),
        ("\u0391\u0392", "GREEK CAPITAL LETTER ALPHA (U+0391), in a word that looks like", "again"),
        ("\u201cjitney\u201d", "LEFT DOUBLE QUOTATION MARK", "plain quotation marks"),
        ("\u201cjitney", "LEFT DOUBLE QUOTATION MARK", "plain quotation marks"),
        ("jitney\u00bb", "RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK", "plain quotation marks"),
        ("jitney\u2013web", "character 7 is EN DASH", "hyphen"),
    ],
)
def test_pol_02_text_that_only_looks_right_is_refused(compiled, text, wrong, fix):
    found = problems(compiled, changed((AUDIENCES, [text])))
    assert wrong in found[f"{AUDIENCES}.0"][0]
    assert fix in found[f"{AUDIENCES}.0"][1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "Zürich",
        "Ελλάδα",
        "Ветка",
        "ветка main",
        "у main",
        "роль",
        "Branch名",
        "Repo’s branch",
        "–",
        "a – b",
        "${X}",
        "*",
        "#a",
    ],
)
def test_other_alphabets_and_signs_are_text(text):
    assert text_fault(text) is None


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_printable_ascii_without_spaces_is_text(text):
    assert text_fault(text) is None


def test_pol_02_a_key_that_only_looks_right_is_named(compiled):
    found = problems(compiled, changed(("targets.prod.s\u0435aled", "true")))
    wrong, fix = found["targets.prod.s\u0435aled"]
    assert wrong == "the key: character 2 is CYRILLIC SMALL LETTER IE (U+0435), among Latin letters"
    assert fix == "type that character again"


def test_ops_02_an_address_is_ascii(compiled):
    address = "https://\u043f\u043e\u0447\u0442\u0430.\u0440\u0444/jwks"
    wrong, fix = problems(compiled, changed(("issuers.corp.jwks_uri", address)))["issuers.corp.jwks_uri"]
    assert "not ASCII" in wrong
    assert "xn--" in fix


def test_pol_02_a_policys_text_that_only_looks_right_has_its_place(compiled, tmp_path):
    text = (
        '@id("a")\n@advice("„Quoted“")\npermit (principal in Jitney::Group::"corp/re\u0430ders", action, resource);\n'
    )
    write_policies(tmp_path / "own", text)
    with pytest.raises(ConfigurationError) as refusal:
        compiled(changed(("policies", "own")))
    (problem,) = refusal.value.problems
    assert problem.place.endswith("a.cedar:3:37")
    assert "CYRILLIC SMALL LETTER A" in problem.wrong


def test_pol_11_a_case_that_only_looks_right_has_its_place(tmp_path):
    rest = "effect: deny, target: prod, seconds: 60, actions: [], resources: []"
    text = f'cases:\n  - {{ name: a, {rest},\n      groups: ["corp/\u0430b"] }}\n'
    (tmp_path / "tests.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        cases_in(tmp_path / "tests.yaml", {})
    (problem,) = refusal.value.problems
    assert problem.place.endswith("tests.yaml:3  cases[0].groups[0]")
