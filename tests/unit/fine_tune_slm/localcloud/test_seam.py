"""Seams are checked before they are made and undone afterwards, whatever happens."""

from __future__ import annotations

import pytest

from fine_tune_slm.localcloud.errors import SeamBrokenError
from fine_tune_slm.localcloud.seams.seam import MOTO_VERSION, Seam, installed, require_moto


class Target:
    def greet(self, name):
        return f"hello {name}"

    @classmethod
    def make(cls, kind):
        return kind

    @property
    def colour(self):
        return "blue"


def test_a_seam_holds_inside_the_block_and_is_undone_behind_it():
    shouting = Seam(Target, "greet", ("self", "name"), lambda old: lambda self, name: old(self, name).upper())
    painted = Seam(Target, "colour", ("self",), lambda old: property(lambda self: f"not {old.__get__(self)}"))
    made = Seam(Target, "make", ("cls", "kind"), lambda old: classmethod(lambda cls, kind: old.__func__(cls, kind) * 2))
    with installed([shouting, painted, made]):
        assert Target().greet("you") == "HELLO YOU"
        assert Target().colour == "not blue"
        assert Target.make("ab") == "abab"
    assert (Target().greet("you"), Target().colour, Target.make("ab")) == ("hello you", "blue", "ab")


def test_a_seam_is_undone_when_the_block_fails():
    original = Target.greet
    with pytest.raises(KeyboardInterrupt), installed([Seam(Target, "greet", ("self", "name"), lambda _: None)]):
        raise KeyboardInterrupt
    assert Target.greet is original


def test_a_name_that_is_gone_is_refused():
    with (
        pytest.raises(SeamBrokenError, match=r"moto has no .*Target\.farewell"),
        installed([_seam("farewell", ("self",))]),
    ):
        pass


def test_a_name_with_other_parameters_is_refused_before_any_seam_is_made():
    original = Target.greet
    with (
        pytest.raises(SeamBrokenError, match=r"takes \('cls', 'kind'\)"),
        installed([_seam("greet", ("self", "name")), _seam("make", ("cls",))]),
    ):
        pass
    assert Target.greet is original


def test_an_operation_that_was_missing_is_missing_again():
    with installed([Seam(Target, "farewell", None, lambda _: lambda self: "bye")]):
        assert Target().farewell() == "bye"
    assert not hasattr(Target, "farewell")


def test_an_operation_that_should_be_missing_and_is_there_is_refused():
    with pytest.raises(SeamBrokenError), installed([_seam("greet", None)]):
        pass


def test_another_version_of_moto_is_refused_with_the_remedy():
    require_moto(MOTO_VERSION)
    with pytest.raises(SeamBrokenError, match=r"needs moto 5\.2\.5, installed is 5\.2\.6\. Install the pinned version"):
        require_moto("5.2.6")


def _seam(name, parameters):
    return Seam(Target, name, parameters, lambda old: old)
