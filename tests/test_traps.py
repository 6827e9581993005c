"""Where the wires and the SDKs lie in wait, and which tests show that voxd does not step in.

Versions: deepgram-sdk 7.17, groq 1.7, cartesia 4.2, twilio 9.13; providers' documents of 2026-11.
The proofs stand with what they are about; here it is only seen to that they exist.
"""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent

STT = "engines/stt/test_deepgram"
LLM = "engines/llm/test_"
TTS = "engines/tts/test_cartesia"

TRAPS: dict[str, tuple[str, ...]] = {
    "Groq shut its Llamas down: 404 model_not_found, for every call alike": (
        "engines/test_registry.py::test_no_shipped_model_was_shut_down",
        f"{LLM}remote.py::test_a_model_that_is_not_served_is_named",
        f"{LLM}remote.py::test_a_model_that_was_shut_down_fails_no_second_call",
        "engines/test_failure.py::test_a_model_that_is_gone_is_a_matter_of_configuration",
    ),
    "Cartesia's sonic-2 and __experimental_controls are gone": (
        "engines/test_registry.py::test_no_shipped_model_was_shut_down",
        f"{TTS}_messages.py::test_only_controls_that_were_turned_are_sent",
        "servers/test_cartesia.py::test_a_wrong_input_is_refused_in_its_context",
    ),
    "deepgram-sdk's LiveOptions and asynclive are gone; the context manager is what works": (
        f"{STT}.py::test_what_is_asked_for_is_not_refused",
        f"{STT}_link.py::test_each_control_message_arrives",
    ),
    "deepgram-sdk sends no KeepAlive by itself": (
        f"{STT}_stream.py::test_a_stream_opened_before_the_call_is_kept_alive",
        f"{STT}_stream.py::test_flux_gets_silence_that_does_not_shift_audio_time",
        f"{STT}_stream.py::test_without_a_sign_of_life_the_server_closes",
    ),
    "utterance_end_ms under 1000 is refused at the handshake": (
        f"{STT}.py::test_the_query_is_what_the_settings_say",
        f"{STT}_link.py::test_a_refused_parameter_is_named",
        "servers/test_deepgram.py::test_v1_refuses_the_query",
    ),
    "deepgram-sdk gives unknown messages as None, and an exception ends its loop": (
        f"{STT}_stream.py::test_unknown_and_odd_messages_do_no_harm",
        f"{STT}_stream.py::test_a_bug_in_decoding_ends_the_stream_only",
    ),
    "a context of cartesia's SDK waits for ever after a death, an odd error or a cancel": (
        f"{TTS}_sockets.py::test_the_end_of_the_socket_is_heard_by_every_context_at_once",
        f"{TTS}_stream.py::test_an_error_without_context_fails_every_reply_and_none_waits",
        f"{TTS}_stream.py::test_a_dropped_clause_is_cancelled_and_its_late_audio_goes_nowhere",
        f"{TTS}_sockets.py::test_silence_of_the_whole_socket_retires_it",
    ),
    "cartesia's reconnecting returns the dead connection": (
        f"{TTS}_stream.py::test_a_connection_that_died_between_clauses_costs_no_clause",
        f"{TTS}_pool.py::test_a_connection_that_the_server_closes_while_idle_is_replaced_unasked",
    ),
    "cartesia's generate reads the whole body before it returns": (
        f"{TTS}_stream.py::test_audio_is_given_on_before_the_clause_is_complete",
    ),
    "Cartesia waits 3 s for more text unless it is told not to": (
        f"{TTS}_messages.py"
        "::test_the_output_is_the_lines_own_format_and_nothing_waits_at_the_server",
        "servers/test_cartesia.py::test_without_a_buffer_delay_of_0_the_server_waits_for_more",
    ),
    "idle HTTP connections are dropped after 5 s, and requests are tried three times": (
        f"{LLM}groq.py::test_the_sdk_neither_retries_nor_drops_idle_connections",
        f"{LLM}remote.py::test_every_fault_has_its_category_and_phase_and_costs_one_reply",
        f"{LLM}warm_connections.py::test_an_engine_in_use_keeps_its_connections",
    ),
    "leaving a Groq stream early costs its connection": (
        f"{LLM}remote.py"
        "::test_a_dropped_reply_ends_at_the_server_and_the_next_has_a_connection_waiting",
        f"{LLM}warm_connections.py::test_a_lost_connection_is_replaced_and_many_are_one",
    ),
    "groq takes no stream_options, and its base_url no path": (
        f"{LLM}groq.py::test_usage_comes_without_asking",
        f"{LLM}groq.py::test_a_base_url_with_a_path_is_refused",
    ),
    "the Cartesia client reads no key from the environment, the others do": (
        "engines/test_contract.py"
        "::test_a_key_that_is_wrong_or_missing_is_told_by_warm_and_not_shown",
        f"{LLM}groq.py::test_settings_of_the_sdk_in_the_environment_have_no_say",
    ),
    "Twilio signs the handshake over wss://, whatever the app sees behind its proxy": (
        "server/test_guard.py::test_the_upgrade_is_verified_over_the_wss_address",
        "twilio/test_signature.py::test_a_handshake_signed_as_https_is_refused",
        "twilio/test_signature.py::test_a_handshake_is_signed_in_either_slash_form",
    ),
    "RequestValidator raises TypeError where there is no signature": (
        "server/test_guard.py::test_a_missing_or_wrong_signature_is_refused",
        "twilio/test_signature.py::test_anything_else_is_not",
    ),
    "AsyncTwilioHttpClient ignores its timeout": (
        "telephony/test_calls.py::test_an_answer_that_does_not_come_ends_at_our_deadline",
    ),
    "<Stream url> takes no query string; parameters arrive in customParameters": (
        "twilio/test_twiml.py::test_a_stream_is_connected_with_its_parameters",
        "server/test_voice.py::test_a_call_is_connected_to_our_socket",
    ),
    "Twilio's async_amd wants the text 'true'": (
        "telephony/test_calls.py::test_machines_are_detected_while_the_call_goes_on",
    ),
    "a proxy in the environment is asked even for 127.0.0.1": (
        "engines/test_contract.py::test_a_proxy_of_the_machine_has_no_part_in_loopback",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_a_proof(trap: str) -> None:
    assert TRAPS[trap]
    for proof in TRAPS[trap]:
        file, _, name = proof.partition("::")
        assert (ROOT / file).is_file(), f"{file} is gone"
        module = importlib.import_module(f"tests.{file.removesuffix('.py').replace('/', '.')}")
        assert callable(getattr(module, name, None)), f"{proof} is gone: what proves it now?"
        assert name.startswith("test_")
