"""All checks together: what is right is told so, one that breaks does not end the others, and nothing is changed."""

import subprocess

from slm_core.errors import HubUnavailableError

from fine_tune_slm.doctor.context import Occasion
from fine_tune_slm.doctor.examination import Examined, examine, exit_code
from fine_tune_slm.doctor.finding import Verdict, fail, ok, warn
from fine_tune_slm.doctor.registry import CHECKS, DEPLOYED, Check
from tests.unit.emulated_account import refusing

NOTE = "the patient's note"


def verdicts(examined):
    return {one.name: one.finding.verdict for one in examined}


def check(name, look, *needs):
    return Check(name, look, DEPLOYED, frozenset(needs))


def test_in_an_account_in_which_all_is_right_every_line_is_ok(world):
    world.sweep()
    examined = list(examine(world.context()))
    wrong = [one for one in examined if one.finding.verdict is not Verdict.OK]
    assert wrong == []
    assert {one.name for one in examined} == {one.name for one in CHECKS if Occasion.DEPLOYED in one.occasions}
    assert exit_code(examined) == 0


def test_no_line_shows_a_token_or_the_accounts_id(world):
    world.put_secret("read", "hf_" + "a" * 30)
    lines = str([one.finding for one in examine(world.context())])
    assert "hf_a" not in lines
    assert "123456789012" not in lines


def test_before_a_deployment_nothing_is_asked_of_a_stack(world):
    def no_stack(_):
        raise AssertionError("there is no stack yet")

    world.answer("cloudformation", DescribeStacks=no_stack, ListStackResources=no_stack)
    world.answer("ssm", GetParameters=no_stack)
    found = verdicts(examine(world.context(Occasion.BEFORE_DEPLOY, dataset=world.root / "none")))
    assert {name for name, verdict in found.items() if verdict is Verdict.OK} == {
        "credentials", "region", "quota", "zone", "prices", "memory plan",
    }  # fmt: skip
    assert found["dataset"] is Verdict.FAIL


def test_a_check_that_crashes_is_a_failed_line_and_the_others_still_look(world):
    def crash(_):
        raise ValueError(NOTE)

    first, second = examine(world.context(), [check("crashing", crash), check("sound", lambda _: ok("fine"))])
    assert first.finding.verdict is Verdict.FAIL
    assert first.finding.told.startswith("the check itself crashed: ValueError in crash, line ")
    assert NOTE not in str(first.finding)
    assert second.finding == ok("fine")


def test_a_named_error_is_a_failed_line_with_its_own_remedy(world):
    def silent(_):
        raise HubUnavailableError("The Hub does not answer")

    (one,) = examine(world.context(), [check("hub", silent)])
    assert one.finding == fail("The Hub does not answer", HubUnavailableError.remedy)


def test_a_refusal_of_aws_is_a_failed_line_without_awss_own_words(world):
    refusing("ec2", {"DescribeRegions": "UnauthorizedOperation"}, world.patch)
    region = next(one for one in examine(world.context()) if one.name == "region")
    assert region.finding.told == "AWS refused DescribeRegions with UnauthorizedOperation"


def test_what_needs_a_failed_check_is_not_looked_at_and_neither_is_what_needs_that(world):
    def never(_):
        raise AssertionError("it was looked at")

    checks = [
        check("first", lambda _: fail("no", "do")),
        check("second", never, "first"),
        check("third", never, "second"),
    ]
    _, second, third = examine(world.context(), checks)
    assert second.finding == warn("not looked at, because this failed: first", "Mend that first.")
    assert third.finding.told.endswith("failed: second")


def test_warnings_alone_exit_with_0_and_a_failure_with_1():
    assert exit_code([Examined("a", warn("x", "y")), Examined("b", ok("z"))]) == 0
    assert exit_code([Examined("a", ok("z")), Examined("b", fail("x", "y"))]) == 1


def test_every_name_is_asked_once_an_occasion_and_needs_only_what_comes_before_it():
    for occasion in Occasion:
        checks = [one for one in CHECKS if occasion in one.occasions]
        names = [one.name for one in checks]
        assert len(names) == len(set(names))
        every_name = {one.name for one in CHECKS}
        for number, one in enumerate(checks):
            assert one.needs <= every_name
            assert one.needs & set(names) <= set(names[:number])


def test_the_questions_of_this_machine_are_asked_without_aws(world, monkeypatch):
    def no_aws(_):
        raise AssertionError("AWS was asked")

    monkeypatch.setattr(world, "client", no_aws)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "x", ""))
    found = list(examine(world.context(Occasion.LOCAL)))
    assert [one.name for one in found] == ["Python", "torch", "disk", "memory", "ports", "dataset", "model"]
    assert "crashed" not in str(found)
