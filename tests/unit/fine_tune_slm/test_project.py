from __future__ import annotations

from pathlib import Path

from fine_tune_slm.project import find_project


def test_the_checkout_around_a_directory_is_found(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "aws_config.yml").touch()
    (tmp_path / "template.yaml").touch()
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    assert find_project(inside) == tmp_path


def test_elsewhere_the_checkout_that_the_package_was_installed_from_is_taken(tmp_path):
    assert find_project(tmp_path) == Path(__file__).resolve().parents[3]
