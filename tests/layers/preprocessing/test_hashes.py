"""Hashes of strings against values recorded with TensorFlow 2.21.

tf.strings.to_hash_bucket_fast(text, 2**63 - 1)
tf.strings.to_hash_bucket_strong(text, 2**63 - 1, key=[123, 456])
tf.sparse.cross_hashed(columns, 2**63 - 1)
"""

import numpy as np

from cornu.layers.preprocessing.hashes import combined, farmhash64, siphash64

LONG = "The quick brown fox jumps over the lazy dog, 0123456789 äöü 漢字 🙂 " * 20
MOST = np.uint64(2**63 - 1)

# Number of letters of LONG (not of bytes), FarmHash, SipHash.
RECORDED = [
    (0, 1936946117179621456, 887865449656487407),
    (1, 1366698271136253306, 5066072235342143314),
    (3, 398699863598724094, 5863946327094872715),
    (4, 8425543508670559910, 6230091880628989049),
    (7, 8879765114474867592, 3381868426423282837),
    (8, 5102859526078303239, 6186296839657714636),
    (9, 5536152759197313107, 3053080668805014555),
    (16, 4320848957565769301, 6698708890041852429),
    (17, 5162019803258432958, 696631006995152192),
    (31, 259718955123041108, 8572321905451795612),
    (32, 3916272259504149091, 1710475863149860161),
    (33, 8241563171161551831, 7145072184157746653),
    (45, 7705836760196352036, 5706569899284615252),
    (48, 6649770373685335928, 8495641783506026912),
    (56, 1519915933926120726, 3057769402180229277),
    (63, 7272761036412612561, 2026804906391182999),
    (64, 9080899584253782013, 7225048126417342856),
    (65, 6859413534202830902, 1487132671797550303),
    (100, 2015380472298326387, 3078261940411502336),
    (128, 4581764539558767062, 8271899521823565609),
    (129, 949896883117479667, 8236921762764962724),
    (192, 5398529021789068555, 8357639387952816855),
    (193, 965496953624082702, 6981500098306050040),
    (1000, 4047229112253115390, 3459801205533866057),
]
SIP_NEGATIVE = 3753877333657337543  # key=[-1, 2**62], of 5 letters
STRINGS = ["a", "b", "", "hello", "x" * 70, "c", "d"]
INTS = [0, 1, -1, 5, 123456, -2147483648, 1099511627776]
CROSSED = [
    8486321983560064237,
    5354134812324246176,
    7384765649334635969,
    4034709002833990411,
    4406953372798899983,
    3702206142641665181,
    615616461398144899,
]


def test_strings_of_every_length_class():
    texts = [LONG[:length] for length, _, _ in RECORDED]
    assert (farmhash64(texts) % MOST).tolist() == [farm for _, farm, _ in RECORDED]
    assert (siphash64(texts, (123, 456)) % MOST).tolist() == [sip for _, _, sip in RECORDED]


def test_keys_of_64_bits():
    assert int(siphash64([LONG[:5]], (-1, 2**62))[0] % MOST) == SIP_NEGATIVE


def test_the_order_of_strings_changes_nothing_and_bytes_are_their_text():
    texts = [LONG[: (7 * i) % 200] for i in range(100)]
    assert (farmhash64(texts[::-1])[::-1] == farmhash64([t.encode() for t in texts])).all()
    assert (
        siphash64(texts[::-1], (1, 2))[::-1] == [siphash64([t], (1, 2))[0] for t in texts]
    ).all()


def test_crossed_columns():
    key = np.full(len(INTS), 0xDECAFCAFFE, "uint64")
    numbers = np.array(INTS, "int64").view("uint64")
    found = combined(combined(key, farmhash64(STRINGS)), numbers) % MOST
    assert found.tolist() == CROSSED


def test_nothing_has_no_hash():
    assert farmhash64([]).shape == siphash64([], (1, 2)).shape == (0,)
