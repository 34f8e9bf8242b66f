from __future__ import annotations

import logging

from fine_tune_slm.emulator_log import emulator_log


def test_the_emulators_lines_go_to_a_file_and_not_to_the_terminal(tmp_path, caplog):
    logger = logging.getLogger("werkzeug")
    with emulator_log(tmp_path / "logs" / "emulator.log"):
        logger.error("a request")
    logger.error("after the run")
    assert "a request" in (tmp_path / "logs" / "emulator.log").read_text(encoding="utf-8")
    assert [record.getMessage() for record in caplog.records] == ["after the run"]
