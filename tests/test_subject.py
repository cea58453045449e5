"""Where a subject stands: free-standing occurrences in many scripts, the place a person gives, and what it names."""

import unicodedata
from dataclasses import replace

import pytest

from goldenlayers_core.errors import RequestError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.subject import occurrences, place_of
from goldenlayers_core.tasks.serial import plain, request_from

NIGER = EditRequest("1", "Nigeria borders Niger, whose river Niger is in", "Niger", "Peru", "Africa")


@pytest.mark.parametrize(
    ("subject", "prompt", "at"),
    [
        ("Niger", "Nigeria borders Niger, whose official language is", [16]),
        ("Rome", "Romeo was born in Rome, a city in", [18]),
        ("US", "The USSR fought the US, whose capital is", [20]),
        ("Niger", "Niger is in Africa; Niger borders", [0, 20]),
        ("France", "France's capital, unlike New-France or France\u2019s, is", [0, 29, 39]),
        ("case", "snake_case is a case of", [16]),
        ("B12", "B12M came after B12, made by", [16]),
        ("100", "After -100, 1,100, 1.100 and 100.5 comes 100.", [41]),
        ("C", "C++ and C# came after C, written by", [22]),
        ("Рим", "Римлянин жил в городе Рим, столице", [22]),
        ("दिल्ली", "नई दिल्ली भारत की", [3]),
        ("क", "कि का क है", [6]),  # a vowel sign belongs to its letter
        ("서울", "남서울과 서울역이 아니라 서울에서는", [14]),
        ("서울", "서울의 시장은", [0]),
        ("KBS", "서울KBS는", [2]),
        ("东京", "东京都在东京", [0, 4]),
        ("กรุงเทพ", "เมืองกรุงเทพอยู่", [5]),
        ("ローマ", "ローマンはローマの", [5]),
        ("ガンダム", "機動戦士ガンダムの作者は", [4]),
        ("צרפת", "הבירה של צרפת אחרי בצרפת", [9]),
        ("צרפת", "בירתה של בצרפת היא", [10]),  # behind a small word only where it stands alone nowhere
        ("باريس", "عاصمة فرنسا وباريس", [13]),
        ("İstanbul", "İstanbul'un nüfusu", [0]),
        ("Rome", "Romeo was born in", []),
        ("Niger", "Nigeria is in", []),
        ("서울", "서울역은", []),
        ("Spain", "The capital of France is", []),
        ("", "The capital of France is", []),
    ],
)
def test_free_standing_occurrences(subject: str, prompt: str, at: list[int]) -> None:
    assert [start for start, _ in occurrences(subject, prompt)] == at


@pytest.mark.parametrize(
    ("subject", "prompt", "spelling"),
    [
        ("沃尔沃 B12M", "哪家公司制造了沃尔沃B12M?", "沃尔沃B12M"),
        ("沃尔沃B12M", "哪家公司制造了沃尔沃 B12M?", "沃尔沃 B12M"),
        ("《红楼梦》", "红楼梦的作者是", "红楼梦"),
        ("「こころ」", "『こころ』の作者は", "こころ"),
        ("ガンダム", "機動戦士ｶﾞﾝﾀﾞﾑの作者は", "ｶﾞﾝﾀﾞﾑ"),
        ("\uff34oyota", "The owner of Toyota is", "Toyota"),
        ("Berlin", "Die Straße nach BERLIN führt zu", "BERLIN"),
        ("strasse", "Die İ-Straße führt zu", "Straße"),
        ("istanbul", "ﬁrst İSTANBUL lies in", "İSTANBUL"),
        ("FIRST", "the ﬁrst is", "ﬁrst"),
        ("rst", "the ﬁrst is", None),
        ("st", "the ﬁrst is", None),
        ("Jose", "José was born in", "José"),
        ("パリ", "バリはハリの", None),  # a voicing mark is no accent
        ("한국", unicodedata.normalize("NFD", "한국의 수도는"), unicodedata.normalize("NFD", "한국")),
        ("하", unicodedata.normalize("NFD", "한국의 수도는"), None),
        (unicodedata.normalize("NFD", "하"), unicodedata.normalize("NFD", "한국의 수도는"), None),
        ("Müller", unicodedata.normalize("NFD", "Herr Müller wohnt in"), unicodedata.normalize("NFD", "Müller")),
        ("Muller", unicodedata.normalize("NFD", "Herr Müller wohnt in"), unicodedata.normalize("NFD", "Müller")),
        (unicodedata.normalize("NFD", "Việt Nam"), "Thủ đô của Việt Nam là", "Việt Nam"),
    ],
)
def test_the_prompts_own_spelling_is_found(subject: str, prompt: str, spelling: str | None) -> None:
    assert next((prompt[start:end] for start, end in occurrences(subject, prompt)), None) == spelling


def test_a_subject_inside_another_word_is_reported_and_not_used() -> None:
    with pytest.raises(RequestError, match=r"'Rome' is not in the prompt .* word of its own, only inside 'Romeo'"):
        place_of("Rome", "Romeo was born in")


def test_a_given_place_is_taken_and_checked() -> None:
    assert NIGER.subject_place == (16, 21)
    assert replace(NIGER, subject_at=35).subject_place == (35, 40)
    assert replace(NIGER, subject_at=0).subject_place == (0, 5)  # a template says so
    for wrong in (1, -1, 400):
        with pytest.raises(RequestError, match=f"does not stand at character {wrong} "):
            replace(NIGER, subject_at=wrong)


def test_only_a_place_of_its_own_changes_what_a_request_is_called() -> None:
    assert NIGER.digest == "fc547399370c2d09abc832061f9992b3"  # results are stored under it
    assert replace(NIGER, subject_at=16).digest == NIGER.digest
    assert len({NIGER.digest, replace(NIGER, subject_at=35).digest, replace(NIGER, subject_at=0).digest}) == 3


def test_the_place_travels_as_json() -> None:
    for request in (NIGER, replace(NIGER, subject_at=35)):
        assert request_from(plain(request)) == request
    before = {key: value for key, value in plain(NIGER).items() if key != "subject_at"}
    assert request_from(before) == NIGER
