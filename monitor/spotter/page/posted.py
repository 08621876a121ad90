"""What browsers post, read strictly: unknown fields and other types are refused."""

from typing import Annotated, Literal

import msgspec

Word = Annotated[str, msgspec.Meta(max_length=64)]
Nonce = Annotated[str, msgspec.Meta(min_length=8, max_length=64)]


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    word: Word  # a code, or a link's word


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    device: Word
    incident: Word
    act: Word
    nonce: Nonce


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    device: Word
    act: Word
    nonce: Nonce


class Pulse(msgspec.Struct, forbid_unknown_fields=True):
    page: Nonce  # of this open page
    can_ring: bool
    why: Word = ""
    has: Annotated[dict[Word, Annotated[int, msgspec.Meta(ge=0)]], msgspec.Meta(max_length=100)] = {}


class Labelled(msgspec.Struct, forbid_unknown_fields=True):
    device: Word
    incident: Word
    label: Literal["true", "false"]


class Missed(msgspec.Struct, forbid_unknown_fields=True):
    device: Word
    about: Literal["fall", "stumble", "unsafe_step"]
    nonce: Nonce
