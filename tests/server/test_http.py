import logging

import pytest

from tests.fakes.call import make_config
from tests.server.harness import serving, stream_of

CALL = {"CallSid": "CA1", "From": "+15550100", "To": "+15550199"}


async def test_no_number_and_no_token_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    config = make_config(server={"max_calls": 1})
    async with serving(config=config) as server:
        stream = stream_of((await server.post("/twilio/voice", CALL))[1])
        await server.post("/twilio/voice", {**CALL, "CallSid": "CA2"})
        await server.post("/twilio/voice?From=%2B15550100", CALL, {"Via": "x"})
        await server.post("/twilio/after", CALL)
    records = [str(vars(record)) for record in caplog.records if record.name.startswith("voxd")]
    assert any("call refused" in record for record in records)
    for secret in ("5550100", "5550199", stream["token"]):
        assert not any(secret in record for record in records)
