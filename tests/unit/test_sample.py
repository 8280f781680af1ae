"""The configuration sample says what the code says."""

from tools import genconfig


def test_the_sample_is_fresh():
    assert genconfig.SAMPLE.read_text() == genconfig.sample(), \
        "it is stale: run tools/genconfig.py"
