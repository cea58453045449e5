"""Words of several languages that the rules of docs/judging.md name: articles, abbreviations, particles."""

from typing import Final

import regex


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES: Final = _words(  # in lower case: "Los Angeles" is not "Angeles"; "The" in any case
    """
    a an the le la les un une el los las unos unas lo gli il uno una os as o um uma der die das den
    dem des ein eine einen einem de het een ο η το οι τα τον την
    """
)
ABBREVIATIONS: Final = _words(  # those with a vowel; a short word without one is known by that
    """
    no nos nr op vol fig art abs ch prof gen col capt cpl adm rev hon gov sen rep pres sgt inc co corp univ dept
    est ed ave av sto sta ste sra srta ing gral lic sr don fra jan feb mar apr jun jul aug sep sept oct nov dec
    mon tue tues wed thu thur fri sat sun ca approx etc al cf vs usw bzw geb gest hl abt bros messrs mme mlle
    mgr ul dott avv arch rua pca cia ул им ак акад проф обл оз о св αγ डॉ श्री पं কো ডঃ ড ர د
    """
)
FUNCTION_WORDS: Final = _words(  # what a new clause begins with, rather than a name
    """
    it its this that these those he she they we you his her their our there here the a an as in on at of for
    from with by to and or but so if when while where which who whose whom what because since although also is
    was are were has had il elle ils elles ce cette ces c' qui que où et mais dans en la le les un une des du de
    est el ella ellos los las y pero donde cuando una es fue él e o os um uma ele ela mas onde quando é foi lui
    lei che dove ma nel nella è lo gli i der die das dem den ein eine er sie und aber wo wer ist war im het een
    hij zij maar waar det han hon och men som är var это он она оно они в на и но который которая которое которые где
    кто а είναι και η ο το που bu ve ama bir jest ale który która gdzie
    """
)
JOSA: Final = regex.compile(  # Korean particles and the copula, written on to the word
    r"(?:에게|에|으로|로|까지|부터|에서|께서|한테|처럼|보다|마다|만|와|과|이나|나|이랑|랑|하고|의)?"
    r"(?:은|는|이|가|을|를|도|만|의|라도|이라도|야|까지|요)?"
    r"|이?(?:다|며|고|라고|란|라는|라|었다|였다|였으며|었으며|지만|면서|요|에요|예요|죠|었습니다|였습니다|어요|였어요)"
    r"|입니다|이며|이자|이고|이라고|이라는|입니까|였던|이었던|이란|라서|이라서"
)
CLOSING_JOSA: Final = regex.compile(  # those after which the answer is complete
    r"(?:은|는|이|가|이다|다|입니다|이며|며|이고|고|이에요|예요|이었다|였다|이었습니다|였습니다)?"
)
CLOSING: Final = regex.compile(  # the same in scripts without spaces: topic, subject, object, copula
    r"は|が|です|でした|であ|だ|を|も|にあ|是|位于|位於|在|為|为|คือ|เป็น|ซึ่ง|อยู่|ແມ່ນ|ເປັນ|គឺ|သည်"
)
TURKISH: Final = regex.compile(  # endings behind the apostrophe of a name, letters without diacritics
    r"[dt][iu]r(?:lar|ler)?|[dt][ae]n?|[yn]?[ae]|[yn]?[iu]|n?[iu]n|yd[iu]|yl[ae]|s[iu]"
)
DERIVED: Final = frozenset("語语人字族教")  # language, person, script, people, creed: written on, another word
PLACES: Final = frozenset("市都府県县縣省州ฯ")  # city, prefecture, province, "and so on": written on, the same place
