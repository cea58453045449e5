"""Small tokenizers of the kinds that language models have, each trained on a few sentences in many scripts."""

from collections.abc import Callable
from functools import cache
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizer, PreTrainedTokenizerFast

TEXTS = (
    'The capital of France is Paris, and the capital of Italy is Rome (Roma); she said "Rome" to Spider-Man.',
    "Nigeria borders Niger, whose official language is French. The U.S. fought in 1939-1945 for 12,000 days.",
    "Die Straße nach Berlin führt über München zu „Rom“. L'Italie est un pays d'Europe; « Rome » aussi.",
    "Столица России Москва, столица Украины Киев. Στην Ελλάδα η πρωτεύουσα είναι Αθήνα.",
    "日本の首都は東京です。京都は古い首都です。《资治通鉴》的编纂者是司马光。法国的首都是巴黎。",
    "대한민국의 수도는 서울이다. 프랑스의 수도는 파리이다.",
    "เมืองหลวงของประเทศไทยคือกรุงเทพ ນະຄອນຫຼວງຂອງລາວແມ່ນວຽງຈັນ រាជធានីនៃប្រទេសកម្ពុជាគឺភ្នំពេញ",
    "भारत की राजधानी नई दिल्ली है। عاصمة فرنسا هي باريس. בירת צרפת היא פריז.",
)
SPECIAL = ("<unk>", "<s>", "</s>", "<pad>")
SIZE = 420
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _wrapped(raw: Tokenizer, **settings: Any) -> Any:
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>", **settings
    )


def _trained(raw: Tokenizer, kind: type = trainers.BpeTrainer, **settings: Any) -> Tokenizer:
    trainer = kind(vocab_size=SIZE, special_tokens=list(SPECIAL), show_progress=False, **settings)
    raw.train_from_iterator(TEXTS, trainer)
    return raw


def _specials(raw: Tokenizer, template: str) -> Tokenizer:
    raw.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(token, raw.token_to_id(token)) for token in ("<s>", "</s>")]
    )
    return raw


def _byte_level(adds_space: bool) -> Any:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=adds_space)
    raw.decoder = decoders.ByteLevel()
    return _wrapped(_trained(raw, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))


def _llama3() -> Any:
    """Byte-level BPE whose words take the mark before them along ("-Man"); a start token in front."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    return _wrapped(_specials(_trained(raw, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()), "<s> $A"))


def _byte_tokens() -> list[str]:
    return [f"<0x{byte:02X}>" for byte in range(256)]


def _llama2() -> Any:
    """SentencePiece BPE as Llama 2 and Mistral ship it: U+2581 put before the text, no pre-tokenizer, byte fallback."""
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    content = _learned(learned)
    raw = Tokenizer(models.BPE(*content, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    raw.add_special_tokens(list(SPECIAL))
    raw.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    raw.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return _wrapped(_specials(raw, "<s> $A"))


def _learned(raw: Tokenizer) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a trained BPE, with the 256 byte tokens of SentencePiece added."""
    import json

    _trained(raw)
    content = json.loads(raw.to_str())["model"]
    words = list(dict.fromkeys([*SPECIAL, *_byte_tokens(), *content["vocab"]]))
    merges = [tuple(pair) for pair in content["merges"]]
    return {word: index for index, word in enumerate(words)}, merges  # type: ignore[return-value]


def _metaspace(scheme: str) -> Any:
    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)  # type: ignore[arg-type]
    raw.decoder = decoders.Metaspace(prepend_scheme=scheme)  # type: ignore[arg-type]
    return _wrapped(_specials(_trained(raw), "<s> $A </s>"))  # add_eos_token


def _unigram() -> Any:
    raw = Tokenizer(models.Unigram())
    raw.normalizer = normalizers.NFKC()
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    raw.decoder = decoders.Metaspace(prepend_scheme="always")
    return _wrapped(_specials(_trained(raw, trainers.UnigramTrainer, unk_token="<unk>"), "$A </s>"))


def _word_piece() -> Any:
    raw = Tokenizer(models.WordPiece(unk_token="<unk>"))
    raw.normalizer = normalizers.BertNormalizer(lowercase=True)
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.decoder = decoders.WordPiece()
    return _wrapped(_specials(_trained(raw, trainers.WordPieceTrainer), "<s> $A </s>"))


class Bytes(PreTrainedTokenizer):
    """One token a byte, written in Python: it has no offsets. A start token in front, an end token behind."""

    model_input_names = ("input_ids", "attention_mask")

    def __init__(self, **settings: Any) -> None:
        super().__init__(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>", **settings)

    @property
    def vocab_size(self) -> int:
        return 256

    def get_vocab(self) -> dict[str, int]:
        return {chr(byte): byte for byte in range(256)} | dict(self.added_tokens_encoder)

    def _tokenize(self, text: str, **settings: Any) -> list[str]:
        return [chr(byte) for byte in text.encode()]

    def _convert_token_to_id(self, token: str) -> int:
        return ord(token)

    def _convert_id_to_token(self, index: int) -> str:
        return chr(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return bytes(ord(token) for token in tokens if len(token) == 1).decode(errors="replace")

    def build_inputs_with_special_tokens(self, ids: list[int], other: list[int] | None = None) -> list[int]:
        return [self.bos_token_id, *ids, self.eos_token_id]


_MADE: dict[str, Callable[[], Any]] = {
    "byte BPE": lambda: _byte_level(False),
    "byte BPE, prefix space": lambda: _byte_level(True),
    "byte BPE, Llama 3": _llama3,
    "SentencePiece BPE, Llama 2": _llama2,
    "Metaspace BPE, first": lambda: _metaspace("first"),
    "Metaspace BPE, always": lambda: _metaspace("always"),
    "Metaspace BPE, never": lambda: _metaspace("never"),
    "WordPiece": _word_piece,
    "Unigram": _unigram,
    "bytes, no offsets": Bytes,
}
KINDS = tuple(_MADE)


@cache
def made(kind: str) -> Any:
    """The tokenizer of one kind."""
    return _MADE[kind]()
