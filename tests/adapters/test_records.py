from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jitney.adapters.delivery_streams import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, MAX_RECORD_BYTES, DeliveryStream

FIREHOSE_BYTES = 4 * 1024**2


class Firehose:
    """Accepts a batch within the limits of PutRecordBatch, except for the texts that it must refuse."""

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.taken: list[str] = []
        self.calls = 0
        self._refused = refused

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        sizes = [len(each["Data"]) for each in Records]
        assert DeliveryStreamName == "records"
        assert 1 <= len(Records) <= 500
        assert max(sizes) <= 1000 * 1024
        # In base64, as the request carries them: then the limit holds however it is counted.
        assert sum(-(-size // 3) * 4 for size in sizes) <= FIREHOSE_BYTES
        self.calls += 1
        texts = [each["Data"].decode().removesuffix("\n") for each in Records]
        self.taken += [text for text in texts if text not in self._refused]
        return {"RequestResponses": [{"ErrorCode": "x"} if text in self._refused else {} for text in texts]}


SIZES = st.lists(st.one_of(st.integers(8, 300), st.integers(8, MAX_RECORD_BYTES + 8)), max_size=40)


@given(SIZES, st.data())
def test_aud_06_records_that_are_not_accepted_are_reported_by_index_and_the_rest_keep_their_order(
    sizes: list[int], data: Any
):
    texts = [f"{place:08d}".ljust(size, "x") for place, size in enumerate(sizes)]
    refused = data.draw(st.sets(st.sampled_from(texts)) if texts else st.just(set()))
    firehose = Firehose(frozenset(refused))
    failed = DeliveryStream(firehose, "records").put(texts)
    too_large = {text for text in texts if len(text) + 1 > MAX_RECORD_BYTES}
    assert failed == [place for place, text in enumerate(texts) if text in refused | too_large]
    assert firehose.taken == [text for text in texts if text not in refused | too_large]


def test_a_call_takes_as_much_as_firehose_does():
    firehose = Firehose()
    assert DeliveryStream(firehose, "records").put([str(place) for place in range(2 * MAX_BATCH_RECORDS + 1)]) == []
    assert firehose.calls == 3
    firehose = Firehose()
    assert DeliveryStream(firehose, "records").put(["x" * (MAX_BATCH_BYTES // 4 - 1)] * 5) == []
    assert firehose.calls == 2


def test_sizes_are_of_what_is_sent_not_of_characters():
    firehose = Firehose()
    assert DeliveryStream(firehose, "records").put(["ü" * (MAX_RECORD_BYTES // 2)]) == [0]
    assert firehose.calls == 0
