"""Ways through the workflow that several tiers expect."""

from __future__ import annotations

HAPPY_PATH = [
    "Receive",
    "PrepareRun",
    "StartInstance",
    "AwaitInstance",
    "CheckInstance",
    "InstanceIsReady",
    "StartTraining",
    "AwaitTraining",
    "CheckTraining",
    "HowTrainingGoes",
    "ArchiveArtifacts",
    "StopInstance",
    "AssessModel",
    "WhetherToPublish",
    "PublishModel",
    "CompleteRun",
    "Succeeded",
]
