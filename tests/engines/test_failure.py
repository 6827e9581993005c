"""Statuses and error bodies become categories; the provider's sentences stay outside."""

import pytest

from voxd.engines.failure import (
    decode_retry_after,
    decode_word,
    find_code,
    judge_answer,
    judge_status,
    judge_stream_error,
)
from voxd.errors import Category


def body(code: str) -> dict[str, object]:
    return {"error": {"message": "your text was …", "type": "some_type", "code": code}}


@pytest.mark.parametrize(
    ("status", "code", "category"),
    [
        (400, "json_invalid", Category.BAD_REQUEST),
        (401, "invalid_api_key", Category.AUTH),
        (402, "payment_required", Category.QUOTA),
        (403, "permission_denied", Category.AUTH),
        (404, "unknown_url", Category.BAD_REQUEST),
        (408, "timeout", Category.TIMEOUT),
        (413, "too_large", Category.BAD_REQUEST),
        (418, "teapot", Category.BAD_REQUEST),
        (422, "unprocessable", Category.BAD_REQUEST),
        (429, "rate_limit_exceeded", Category.RATE_LIMIT),
        (429, "insufficient_quota", Category.QUOTA),
        (429, "concurrency_limited", Category.OVERLOADED),
        (498, "capacity_exceeded", Category.OVERLOADED),
        (499, "cancelled", Category.SERVER),
        (500, "internal_server_error", Category.SERVER),
        (503, "unavailable", Category.SERVER),
        (504, "gateway_timeout", Category.TIMEOUT),
        (599, "from_the_future", Category.SERVER),
    ],
)
def test_statuses(status: int, code: str, category: Category) -> None:
    failure = judge_answer(status, body(code), None)
    assert failure.category is judge_status(status, code) is category
    assert failure.message == f"HTTP {status} {code}"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "model_not_found"),
        (400, "model_decommissioned"),
        (400, "model_sunsetted"),
        (404, "not_found_error"),
        (404, "NotFoundError"),
    ],
)
def test_a_model_that_is_gone_is_a_matter_of_configuration(status: int, code: str) -> None:
    """Not of the request: it would fail every call, and health overlooks bad requests."""
    assert judge_status(status, code) is Category.AUTH
    assert judge_answer(status, {"error": {"type": code, "code": status}}, None) == judge_answer(
        status, body(code), None
    )


@pytest.mark.parametrize(
    "nonsense", [None, "<html>", [], {"error": "text"}, {"error": {"code": 7}}]
)
def test_a_body_of_another_shape_has_no_code(nonsense: object) -> None:
    assert judge_answer(500, nonsense, None).message == "HTTP 500"


def test_sentences_are_no_codes() -> None:
    assert find_code({"error": {"code": "The key gsk_123 is wrong", "type": "auth"}}) == "auth"
    assert decode_word("Bad transcript: 'my card is 4111'") == decode_word(7) == ""


def test_a_type_that_comes_with_most_statuses_says_nothing_about_them() -> None:
    generic = {"error": {"type": "invalid_request_error"}}
    assert judge_answer(401, generic, None).category is Category.AUTH
    assert judge_stream_error(generic).category is Category.BAD_REQUEST


def test_a_bare_error_object_is_understood() -> None:
    assert judge_stream_error(body("rate_limit_exceeded")["error"]).category is Category.RATE_LIMIT
    assert judge_stream_error(body("server_error")).category is Category.SERVER


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), (None, None), ("", None), ("-1", None), ("inf", None), ("nan", None)]
    + [("86400", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)
def test_retry_after_is_seconds_or_nothing(value: str | None, seconds: float | None) -> None:
    assert decode_retry_after(value) == seconds
    assert judge_answer(429, None, value).retry_after_s == seconds
