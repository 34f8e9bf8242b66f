"""What the emulated container runs: `work` writes a file and ends, `sleep` waits to be asked to end."""

import signal
import sys
import time
from pathlib import Path

action, out = sys.argv[1], Path(sys.argv[sys.argv.index("--out") + 1])


def end(_number, _frame):
    out.write_text("asked to end")
    sys.exit(7)


signal.signal(signal.SIGTERM, end)
print("container started", flush=True)
out.write_text("working")
if action == "sleep":
    time.sleep(60)
