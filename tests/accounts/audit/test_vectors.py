"""The primitives against what their standards publish; server and verifier agree."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.audit import verifier
from accounts.audit.keys import SigningKey
from accounts.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash

# RFC 8032, 7.1: secret key, public key, message, signature.
RFC_8032 = [
    pytest.param(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
        id="test 1",
    ),
    pytest.param(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
        id="test 2",
    ),
    pytest.param(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
        id="test 3",
    ),
    pytest.param(
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704",
        id="test sha(abc)",
    ),
]
# The reference implementation of RFC 6962 (certificate-transparency, merkle tree tests).
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# golang.org/x/mod/sumdb/note, the first implementation of what became C2SP signed-note.
NOTE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE_TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
NOTE_SIGNATURE = (
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032_verify(secret: str, public: str, message: str, signature: str) -> None:
    key, text, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert verifier.ed25519_verify(key, text, signed)
    assert Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(text) == signed
    assert not verifier.ed25519_verify(key, text + b"x", signed)


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_a_signature_with_one_bit_changed_does_not_verify(at: int) -> None:
    _, public, message, signature = (bytes.fromhex(str(value)) for value in RFC_8032[2].values)
    forged = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
    assert not verifier.ed25519_verify(public, message, forged)


def test_a_signature_cannot_be_written_in_a_second_way() -> None:
    """S + L would verify in a careless implementation (RFC 8032, 5.1.7 forbids it)."""
    _, public, message, signature = (bytes.fromhex(str(value)) for value in RFC_8032[1].values)
    again = (int.from_bytes(signature[32:], "little") + verifier.L).to_bytes(32, "little")
    assert not verifier.ed25519_verify(public, message, signature[:32] + again)


@pytest.mark.parametrize("public", [b"\xff" * 32, b"\x01" * 31, (2).to_bytes(32, "little")])
def test_what_is_no_point_of_the_curve_is_no_key(public: bytes) -> None:
    assert not verifier.ed25519_verify(public, b"", bytes(64))


@pytest.mark.parametrize("size", range(9))
def test_trees_of_rfc_6962_have_the_published_roots(size: int) -> None:
    ours, theirs = Frontier(), verifier.Tree()
    for leaf in LEAVES[:size]:
        ours.add(leaf_hash(bytes.fromhex(leaf)))
        theirs.add(verifier.leaf_hash(bytes.fromhex(leaf)))
    expected = ROOTS[size - 1] if size else "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert ours.root.hex() == theirs.root().hex() == expected
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT


def test_a_note_signed_elsewhere_is_read() -> None:
    key = verifier.Key(NOTE_KEY)
    assert verifier.signature_fault(key, NOTE_TEXT, NOTE_SIGNATURE) == ""
    assert (
        verifier.signature_fault(key, NOTE_TEXT + b"\n", NOTE_SIGNATURE)
        == "the signature does not fit the text"
    )


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_the_server_signs_the_verifier_reads(seed: bytes, content: bytes) -> None:
    ours = SigningKey("log.example/audit", Ed25519PrivateKey.from_private_bytes(seed))
    text = content.hex() + "\n"
    line = ours.signature_line(text)
    assert verifier.signature_fault(verifier.Key(ours.verifier_key), text.encode(), line[:-1]) == ""
    assert ours.opened(ours.signed(text)) == text


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.data())
def test_subtrees_make_the_tree_that_their_leaves_make(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))
    whole, parts, at = Frontier(), verifier.Tree(), 0
    for leaf in leaves:
        whole.add(leaf)
    for leaf in leaves[:start]:
        parts.add(leaf)
    for level in verifier.aligned(start, end):
        subtree = Frontier()
        for leaf in leaves[start + at : start + at + (1 << level)]:
            subtree.add(leaf)
        parts.add(subtree.root, level)
        at += 1 << level
    for leaf in leaves[end:]:
        parts.add(leaf)
    assert (parts.size, parts.root()) == (whole.size, whole.root)


def test_a_subtree_stands_only_where_it_is_aligned() -> None:
    tree = Frontier()
    tree.add(leaf_hash(b""))
    with pytest.raises(ValueError, match="cannot follow"):
        tree.add_subtree(b"\x00" * 32, 1)
    with pytest.raises(ValueError, match="no frontier"):
        Frontier.unpacked(3, b"\x00" * 32)
