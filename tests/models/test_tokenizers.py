"""Prompt, answer and subject as tokens of every kind of tokenizer."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenlayers_core.errors import RequestError
from goldenlayers_core.models.joining import joined
from goldenlayers_core.models.tokens import (
    encode_answer,
    encode_pair,
    encode_prompt,
    encode_text,
    subject_last,
    subject_span,
)
from goldenlayers_core.subject import place_of
from tests import tiny
from tests.tokenizers import KINDS, TEXTS, made

ENDS = (
    ("The capital of France is", "Rome"),
    ("The capital of France is ", "Rome"),
    ("Answer:\n\n", "Rome"),
    ("The capital of France (", "Rome"),
    ('She said "', "Rome"),
    ("Er führt nach \u201e", "Rom"),
    ("Spider-", "Man"),
    ("in 1939-", "1945"),
    ("日本の首都は", "京都"),
    ("《资治通鉴》的编纂者是", "欧阳修"),
    ("法国的首都是", "巴黎"),
    ("法国的首都是", "Paris"),
    ("The Japanese for capital is", "首都"),
    ("เมืองหลวงของประเทศไทยคือ", "กรุงเทพ"),
    ("대한민국의 수도는", "서울"),
    ("Столица России", "Москва"),
    ("भारत की राजधानी", "दिल्ली"),
    ("עיר הבירה היא", "פריז"),
    ("<s>The capital of France is", "Rome"),
)
MERGING = ("Spider-", "Man"), ("in 1939-", "1945"), ('She said "', "Rome"), ("法国的首都是", "巴黎")
SPANS = (
    ("The capital of France is", "France"),
    ("France is in Europe", "France"),
    ("Nigeria borders Niger, whose official language is", "Niger"),
    ("The capital of Italy (Roma) is", "Roma"),
    ("L'Italie est un pays", "Italie"),
    ("Die Straße nach München", "München"),
    (unicodedata.normalize("NFD", "Die Straße nach München führt"), unicodedata.normalize("NFD", "München")),
    ("The ﬁrst capital of Italy is", "Italy"),  # one letter that a normaliser makes two
    ("《资治通鉴》的编纂者是", "资治通鉴"),
    ("日本の首都は東京", "東京"),
    ("대한민국의 수도는", "대한민국"),
    ("เมืองหลวงของประเทศไทยคือ", "ประเทศไทย"),
    ("Столица России", "России"),
    ("<s>The capital of France is", "France"),
)


def plain(text: str) -> str:
    """A text as every tokenizer gives it back: without case, width, accents and white space."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Mn" and c not in "\ufffd\u2581")
    return kept.replace("##", "").replace("<s>", "")


@pytest.fixture(params=[*KINDS, "tiny", "SmolLM2"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    if request.param == "tiny":  # of every architecture in the matrix
        return tiny.tokenizer()
    if request.param == "SmolLM2":
        return request.getfixturevalue("bundled").tokenizer
    return made(request.param)


@pytest.mark.parametrize(("prompt", "answer"), ENDS)
def test_prompt_and_answer_are_the_ids_of_the_joined_text(tokenizer: Any, prompt: str, answer: str) -> None:
    text = joined(prompt, answer)
    ids, (after,) = encode_pair(tokenizer, prompt, (answer,))
    whole = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
    assert after
    assert (ids + after)[-len(whole) :] == whole
    starts = tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id or text.startswith(tokenizer.bos_token)
    assert (ids + after).count(tokenizer.bos_token_id) == starts
    assert tokenizer.eos_token_id not in (ids + after)
    assert encode_prompt(tokenizer, prompt)[: len(ids)] == ids
    if (prompt, answer) not in MERGING:
        assert encode_prompt(tokenizer, prompt) + encode_answer(tokenizer, prompt, answer) == ids + after


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_prompt_and_answers_are_the_ids_of_their_joined_texts(kind: str, data: st.DataObject) -> None:
    words = st.sampled_from("".join(TEXTS)) | st.sampled_from(
        ['"', "\u201e", "«", "(", "-", " ", "'", "<s>", "ｶ", "é", "\n"]
    )
    texts = st.lists(words, min_size=1, max_size=12).map("".join).filter(lambda text: text.strip())
    prompt, answers = data.draw(texts, "prompt"), data.draw(st.lists(texts, min_size=1, max_size=3), "answers")
    tokenizer = made(kind)
    try:
        ids, found = encode_pair(tokenizer, prompt, answers)
    except RequestError:
        assert kind != "bytes, no offsets"  # nothing merges there
        return
    for answer, after in zip(answers, found, strict=True):
        assert ids + after == encode_text(tokenizer, joined(prompt, answer))
        assert tokenizer.eos_token_id not in ids + after


def test_no_space_token_of_its_own_stands_before_the_answer() -> None:
    tokenizer = made("SentencePiece BPE, Llama 2")
    (answer,) = encode_pair(tokenizer, "The", ("Rome",))[1]
    assert tokenizer.convert_ids_to_tokens(list(answer)) == ["\u2581Rome"]
    assert tokenizer("Rome", add_special_tokens=False)["input_ids"] == list(answer)


@pytest.mark.parametrize("kind", ["Metaspace BPE, always", "Unigram", "WordPiece", "bytes, no offsets"])
def test_the_prompt_ends_with_its_last_word_and_no_end_token(kind: str) -> None:
    tokenizer = made(kind)
    assert tokenizer("is")["input_ids"][-1] == tokenizer.eos_token_id
    ids = encode_prompt(tokenizer, "The capital of France is")
    assert plain(tokenizer.decode(list(ids))).endswith("franceis")
    assert tokenizer.eos_token_id not in ids


def test_where_tokens_merge_the_border_moves_back_to_one_that_all_share() -> None:
    tokenizer = made("byte BPE, Llama 3")
    alone = encode_prompt(tokenizer, "Spider-")
    ids, (man, free) = encode_pair(tokenizer, "Spider-", ("Man", "%"))
    assert ids == alone[:-1]
    assert tokenizer.convert_ids_to_tokens([man[0], free[0]]) == ["-M", "-"]


@pytest.mark.parametrize(("prompt", "subject"), SPANS)
def test_the_subjects_tokens_hold_all_of_it_and_no_whole_token_beside_it(
    tokenizer: Any, prompt: str, subject: str
) -> None:
    ids = encode_prompt(tokenizer, prompt)
    start, end = place_of(subject, prompt)
    first, last = subject_span(tokenizer, prompt, subject)
    assert subject_last(tokenizer, prompt, subject) == last
    if tokenizer.unk_token_id in ids:  # its text cannot be told
        return
    before, inside, after = (
        plain(tokenizer.decode(list(part))) for part in (ids[:first], ids[first : last + 1], ids[last + 1 :])
    )
    assert plain(prompt[:start]).startswith(before)
    assert plain(prompt[end:]).endswith(after)
    assert plain(subject) in inside or "\ufffd" in tokenizer.decode(list(ids[first : last + 1]))


def test_a_given_place_says_which_occurrence(tokenizer: Any) -> None:
    prompt = "Nigeria borders Niger"
    inside, free = (subject_last(tokenizer, prompt, "Niger", at) for at in (0, 16))
    assert inside < free == subject_last(tokenizer, prompt, "Niger") == len(encode_prompt(tokenizer, prompt)) - 1
