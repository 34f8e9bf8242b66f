"""Local code, layers and definitions of a SAM template, uploaded under keys that are their content's hash.

A function's version is new when its key is, so a hash of the content is what makes a change publish and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fine_tune_slm.localcloud.deploy.archives import zip_directory
from fine_tune_slm.localcloud.errors import TemplateUnsupportedError

ARTIFACTS_BUCKET = "local-deployment-artifacts"
_URI_PROPERTY = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


@dataclass(frozen=True)
class Packager:
    """Uploads what a template refers to on this disk."""

    s3_client: Any
    base: Path

    def package(self, template: dict[str, Any]) -> None:
        """Replace every local path of the template by where its content lies in the artifacts bucket.

        Raises: TemplateUnsupportedError when a path does not exist.
        """
        self.s3_client.create_bucket(Bucket=ARTIFACTS_BUCKET)
        shared = template.get("Globals", {}).get("Function", {}).get("CodeUri")
        for name, resource in template["Resources"].items():
            key = _URI_PROPERTY.get(resource["Type"])
            if key is None:
                continue
            properties = resource.setdefault("Properties", {})
            uri = properties.get(key, shared if key == "CodeUri" else None)
            if isinstance(uri, str) and not uri.startswith("s3://"):
                properties[key] = self._upload(name, resource, self.base / uri)

    def _upload(self, name: str, resource: dict[str, Any], path: Path) -> dict[str, str]:
        if not path.exists():
            raise TemplateUnsupportedError(f"Resource {name} of the template refers to a path that does not exist")
        content = path.read_bytes() if path.is_file() else zip_directory(path, _prefix(resource, path))
        key = f"{name}/{hashlib.sha256(content).hexdigest()}"
        self.s3_client.put_object(Bucket=ARTIFACTS_BUCKET, Key=key, Body=content)
        return {"Bucket": ARTIFACTS_BUCKET, "Key": key}


def _prefix(resource: dict[str, Any], path: Path) -> str:
    """Return where in its zip a layer's content goes: what `sam build` makes for Python lies under python/ already."""
    build_method = str(resource.get("Metadata", {}).get("BuildMethod", ""))
    is_python_layer = resource["Type"] == "AWS::Serverless::LayerVersion" and build_method.startswith("python")
    return "python" if is_python_layer and not (path / "python").is_dir() else ""
