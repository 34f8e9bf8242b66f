"""Archives depend on content alone, and a sandbox sees them where a function expects them."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from fine_tune_slm.localcloud.deploy.archives import zip_directory
from fine_tune_slm.localcloud.deploy.package import Packager
from fine_tune_slm.localcloud.errors import TemplateUnsupportedError
from fine_tune_slm.localcloud.runtime.function_files import extracted, mapped_environment
from fine_tune_slm.localcloud.seams.cloudformation_types import require_supported
from fine_tune_slm.localcloud.seams.states import MAX_PAYLOAD_BYTES, is_within_payload_limit


@pytest.fixture
def code(tmp_path):
    directory = tmp_path / "code"
    (directory / "package" / "__pycache__").mkdir(parents=True)
    (directory / "package" / "__init__.py").write_text("")
    (directory / "package" / "__pycache__" / "x.pyc").write_text("stale")
    (directory / "handler.py").write_text("x = 1\n")
    return directory


def test_an_archive_depends_on_content_and_not_on_time(code):
    first = zip_directory(code)
    os.utime(code / "handler.py", (1, 1))
    assert zip_directory(code) == first
    (code / "handler.py").write_text("x = 2\n")
    assert zip_directory(code) != first


def test_a_layers_content_lies_under_its_prefix_without_caches(code):
    with zipfile.ZipFile(io.BytesIO(zip_directory(code, "python"))) as archive:
        assert archive.namelist() == ["python/handler.py", "python/package/__init__.py"]


def test_equal_archives_share_a_directory_and_others_do_not(code, tmp_path):
    archive = zip_directory(code)
    first, second = extracted(tmp_path / "out", [archive]), extracted(tmp_path / "out", [archive])
    assert first == second
    assert (first / "handler.py").read_text() == "x = 1\n"
    assert extracted(tmp_path / "out", [archive, archive]) != first


def test_values_that_are_a_sandbox_path_lead_to_this_machine(tmp_path):
    directories = {"/opt": tmp_path / "layers", "/tmp": tmp_path / "scratch"}
    variables = {"CONFIG_DIR": "/opt", "FILE": "/opt/a.yml", "HOME": "/tmp/hf", "NAME": "/optional", "ROOT": "/x/opt"}
    assert mapped_environment(variables, directories) == {
        "CONFIG_DIR": f"{tmp_path}/layers",
        "FILE": f"{tmp_path}/layers/a.yml",
        "HOME": f"{tmp_path}/scratch/hf",
        "NAME": "/optional",
        "ROOT": "/x/opt",
    }


def test_a_type_that_nobody_creates_is_named():
    require_supported(["AWS::S3::Bucket", "AWS::Lambda::Alias", "AWS::SecretsManager::Secret"])
    with pytest.raises(TemplateUnsupportedError, match="AWS::Bedrock::Agent, AWS::Glue::Job"):
        require_supported(["AWS::S3::Bucket", "AWS::Glue::Job", "AWS::Bedrock::Agent"])


def test_the_payload_limit_counts_bytes_as_json():
    assert is_within_payload_limit("x" * (MAX_PAYLOAD_BYTES - 2))
    assert not is_within_payload_limit("x" * (MAX_PAYLOAD_BYTES - 1))
    assert not is_within_payload_limit("é" * (MAX_PAYLOAD_BYTES // 2))


@pytest.mark.parametrize("is_built", [False, True])
def test_a_python_layer_lies_under_python_once_whether_it_was_built_or_not(tmp_path, is_built):
    package = tmp_path / "layer" / ("python/core" if is_built else "core")
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    uploaded = []

    class Store:
        def create_bucket(self, **_request):
            pass

        def put_object(self, **request):
            uploaded.append(zipfile.ZipFile(io.BytesIO(request["Body"])).namelist())

    layer = {"Type": "AWS::Serverless::LayerVersion", "Metadata": {"BuildMethod": "python3.13"}}
    Packager(Store(), tmp_path).package({"Resources": {"Layer": layer | {"Properties": {"ContentUri": "layer"}}}})
    assert uploaded == [["python/core/__init__.py"]]
