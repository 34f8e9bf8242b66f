"""Publishes an archive as PublishModel does, in a process of its own: measured and killed by test_large_publication.

Arguments: bucket, run id, endpoint of the Hub. The token is in HF_TOKEN, AWS's endpoint in AWS_ENDPOINT_URL. Prints the
revision and the most memory that the process ever had.
"""

import json
import os
import re
import sys
from pathlib import Path

from pydantic import SecretStr
from slm_core.layout import RunKeys
from slm_core.publication import HubRepository, publish, tag
from slm_core.store import ObjectStore

bucket, run_id, endpoint = sys.argv[1:]
target = HubRepository(
    endpoint=endpoint, repo_id="local/adapter", token=SecretStr(os.environ["HF_TOKEN"]), is_private=True
)
publication = publish(ObjectStore(bucket), RunKeys(run_id), target, note=str)
tag(target, publication, run_id)
# not getrusage: it counts what the process that started this one had
status = Path("/proc/self/status").read_text(encoding="ascii")
peak_kib = re.search(r"VmHWM:\s+(\d+) kB", status)[1]
print(json.dumps({"revision": publication.revision, "peak_bytes": int(peak_kib) * 1024}))
