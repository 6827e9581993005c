"""A chain follows the tier's wish as far as health and capability allow, and says why."""

from voxd.contracts import Capabilities
from voxd.errors import Category
from voxd.events import Kind
from voxd.selection.health import EngineHealth
from voxd.selection.policy import Candidate, choose_chain

NOW = 100.0


def candidate(name: str, languages: tuple[str, ...] = ("en",), local: bool = False) -> Candidate:
    return Candidate(name, Capabilities(Kind.LLM, local, languages, 0.2), EngineHealth(0.2))


def eject(who: Candidate) -> Candidate:
    for _ in range(3):
        who.health.record_error(NOW, Category.SERVER)
    return who


def degrade(who: Candidate) -> Candidate:
    for _ in range(2):
        who.health.record_error(NOW, Category.SERVER)
        who.health.record_result(NOW, 0.2)
    return who


def test_healthy_engines_keep_the_tiers_order() -> None:
    chain = choose_chain([candidate("groq"), candidate("llamacpp")], "en", NOW)
    assert chain.names == ("groq", "llamacpp")
    assert [j.place for j in chain.judgements] == [0, 1]


def test_a_degraded_engine_goes_last_and_an_ejected_one_goes() -> None:
    chain = choose_chain(
        [eject(candidate("a")), degrade(candidate("b")), candidate("c")], "en", NOW
    )
    assert chain.names == ("c", "b")
    assert chain.judgements[0].place is None
    assert chain.judgements[0].reason.startswith("ejected")


def test_an_ejected_engine_of_this_machine_stays_as_the_last() -> None:
    local = eject(candidate("local", local=True))
    assert choose_chain([local, candidate("cloud")], "en", NOW).names == ("cloud", "local")
    both = [eject(candidate("cloud")), degrade(candidate("slow")), local]
    assert choose_chain(both, "en", NOW).names == ("slow", "local")


def test_a_single_error_keeps_new_calls_away_until_a_probe() -> None:
    cloud, other = candidate("cloud"), candidate("other")
    cloud.health.record_error(NOW, Category.SERVER)
    chain = choose_chain([cloud, other], "en", NOW)
    assert chain.names == ("other",)
    assert "probe" in chain.judgements[0].reason
    cloud.health.record_probe(NOW, 0.2, None)
    assert choose_chain([cloud, other], "en", NOW).names == ("cloud", "other")


def test_a_language_nobody_speaks_leaves_an_empty_chain_that_says_so() -> None:
    chain = choose_chain([candidate("a"), candidate("b")], "es", NOW)
    assert chain.names == ()
    assert {j.reason for j in chain.judgements} == {"does not speak es"}


def test_an_engine_without_a_list_speaks_any_language() -> None:
    assert choose_chain([candidate("a", ())], "pt", NOW).names == ("a",)


def test_when_all_are_ejected_traffic_still_flows() -> None:
    chain = choose_chain([eject(candidate("a")), eject(candidate("b"))], "en", NOW)
    assert chain.names == ("a", "b")


def test_a_refused_key_is_never_used_even_then() -> None:
    bad = candidate("a")
    bad.health.record_error(NOW, Category.AUTH)
    chain = choose_chain([bad, eject(candidate("b"))], "en", NOW)
    assert chain.names == ("b",)
    assert "key" in chain.judgements[0].reason


def test_every_candidate_is_judged_once_in_the_tiers_order() -> None:
    names = ["x", "y", "z"]
    chain = choose_chain([candidate(name) for name in names], "en", NOW)
    assert [j.name for j in chain.judgements] == names
