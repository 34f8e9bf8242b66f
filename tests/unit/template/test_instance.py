"""The instance and its volume: what a redeploy may replace, what the host looks like, and that no data is formatted."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.unit.template.test_template import TEMPLATE

RESOURCES, PARAMETERS, CONDITIONS = TEMPLATE["Resources"], TEMPLATE["Parameters"], TEMPLATE["Conditions"]
INSTANCE, VOLUME = (RESOURCES[name]["Properties"] for name in ("GpuInstance", "CheckpointVolume"))
MOUNT_SCRIPT = INSTANCE["UserData"]["Fn::Base64"].split("mount-checkpoints <<'SCRIPT'\n")[1].split("SCRIPT\n")[0]
# not in the schema: EC2's guide says of it that updates are not supported
FIXED_BESIDES = {"AWS::EC2::Volume": {"AvailabilityZone"}}


def _fixed_properties(resource_type):
    """Return the properties of which CloudFormation's schema says that a change may replace the resource."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return {path.split("/")[2] for path in paths} | FIXED_BESIDES.get(resource_type, set())


def _named(value) -> set[str]:
    """Return every parameter, resource and condition that a value is made of."""
    if isinstance(value, list):
        return set().union(*map(_named, value))
    if isinstance(value, dict):
        return set().union(*(_LEAVES.get(key, _named)(one) for key, one in value.items()))
    return set()


def _substituted(value) -> set[str]:
    return set(re.findall(r"\$\{([\w:]+)", value if isinstance(value, str) else value[0]))


_LEAVES = {
    "Ref": lambda name: {name},
    "Condition": lambda one: {one} if isinstance(one, str) else _named(one),
    "Fn::GetAtt": lambda path: {path[0]},
    "Fn::Sub": _substituted,
    "Fn::If": lambda parts: {parts[0]} | _named(parts[1:]),
}


def _decides_replacement(logical_id):
    """Return the parameters and resources whose change could replace a resource."""
    resource = RESOURCES[logical_id]
    fixed = _fixed_properties(resource["Type"]) & resource["Properties"].keys()
    found, waiting = (
        {logical_id},
        {*_named([resource["Properties"][name] for name in fixed]), resource.get("Condition")},
    )
    while waiting:
        name = waiting.pop()
        if name is None or name in found or name.startswith("AWS::"):
            continue
        found.add(name)
        if name in CONDITIONS:
            waiting |= _named(CONDITIONS[name])
        elif name in RESOURCES:
            waiting |= _decides_replacement(name)
    return found


def test_only_what_describes_the_machine_can_replace_the_instance():
    decisive = _decides_replacement("GpuInstance")
    assert decisive & set(PARAMETERS) == {
        "ImageId",
        "InstanceId",
        "InstanceType",
        "SubnetId",
        "VpcId",
        "AvailabilityZone",
    }
    assert decisive & set(RESOURCES) == {"GpuInstance", "InstanceSecurityGroup"}


def test_only_what_describes_the_machine_can_replace_the_volume():
    decisive = _decides_replacement("CheckpointVolume")
    assert decisive & set(RESOURCES) == {"CheckpointVolume", "GpuInstance", "InstanceSecurityGroup"}
    assert not decisive & {"CheckpointVolumeGiB", "Stage", "GitCommit"}


def test_no_launch_template_stands_between_the_stack_and_its_instance():
    assert "LaunchTemplate" in _fixed_properties("AWS::EC2::Instance")
    assert "LaunchTemplate" not in INSTANCE


def test_the_image_is_pinned_by_the_user_and_never_looked_up_at_a_redeploy():
    assert PARAMETERS["ImageId"]["Type"] == "AWS::EC2::Image::Id"
    assert INSTANCE["ImageId"] == {"Ref": "ImageId"}


def test_the_volume_outlives_the_stack_and_the_root_disk_does_not():
    volume = RESOURCES["CheckpointVolume"]
    assert (volume["DeletionPolicy"], volume["UpdateReplacePolicy"]) == ("Retain", "Retain")
    (root,) = INSTANCE["BlockDeviceMappings"]
    assert root["Ebs"]["DeleteOnTermination"] is True


@pytest.mark.parametrize("disk", [INSTANCE["BlockDeviceMappings"][0]["Ebs"], VOLUME], ids=["root", "checkpoints"])
def test_both_disks_are_gp3_and_encrypted(disk):
    assert (disk["VolumeType"], disk["Encrypted"]) == ("gp3", True)


def test_metadata_wants_a_token_stays_on_the_host_and_tells_the_deadline_tag():
    assert INSTANCE["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "InstanceMetadataTags": "enabled",
    }


def test_nothing_leads_in_and_only_https_leads_out():
    group = RESOURCES["InstanceSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    assert {(one["IpProtocol"], one["FromPort"], one["ToPort"]) for one in group["SecurityGroupEgress"]} == {
        ("tcp", 443, 443)
    }
    assert INSTANCE.keys().isdisjoint({"KeyName", "NetworkInterfaces"})


def test_with_an_instance_of_ones_own_none_is_made_and_everything_follows_it():
    made = {"GpuInstance", "InstanceSecurityGroup", "CheckpointVolumeAttachment"}
    assert {name for name, one in RESOURCES.items() if one.get("Condition") == "MakesInstance"} == made
    assert CONDITIONS["MakesVolume"]["Fn::And"][0] == {"Condition": "MakesInstance"}
    value = RESOURCES["InstanceIdParameter"]["Properties"]["Value"]
    assert value == {"Fn::If": ["MakesInstance", {"Ref": "GpuInstance"}, {"Ref": "InstanceId"}]}
    elsewhere = {name for name, one in RESOURCES.items() if "GpuInstance" in _named(one["Properties"])}
    assert elsewhere == {"InstanceIdParameter", "CheckpointVolume", "CheckpointVolumeAttachment"}


def test_subnet_and_network_are_given_together_or_not_at_all():
    rule = TEMPLATE["Rules"]["NetworkIsWhole"]
    assert {"SubnetId", "VpcId"} == _named(rule["RuleCondition"]) == _named(rule["Assertions"][0]["Assert"])


class Host:
    """The commands that the mounting script calls, each a stub that notes its call; the device is a file."""

    def __init__(self, directory: Path) -> None:
        self._bin, self._log, self.device = directory / "bin", directory / "calls", directory / "nvme1n1"
        self._bin.mkdir()
        self.device.write_bytes(bytes(8192))
        self.answer(
            "lsblk",
            f"echo '/dev/nvme0n1 Amazon Elastic Block Store gpt'; echo '{self.device} Amazon Elastic Block Store'",
        )
        self.answer("mountpoint", "exit 1")
        for quiet in ("mkfs.ext4", "mkdir", "mount", "resize2fs", "sleep"):
            self.answer(quiet, "")

    def answer(self, command: str, script: str) -> None:
        """Make a command note its call and then do what the script says."""
        file = self._bin / command
        file.write_text(f'#!/bin/sh\necho "{command} $*" >>"{self._log}"\n{script}\n')
        file.chmod(0o755)

    def boot(self) -> subprocess.CompletedProcess[str]:
        """Return how the mounting script ended."""
        environment = {"PATH": f"{self._bin}{os.pathsep}/usr/bin{os.pathsep}/bin"}
        return subprocess.run(
            ["sh", "-c", MOUNT_SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def calls(self, command: str) -> list[str]:
        """Return the calls of one command so far."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line for line in lines if line.split()[0] == command]


@pytest.fixture
def host(tmp_path) -> Host:
    """A host with a checkpoint volume."""
    return Host(tmp_path)


def test_an_empty_volume_is_formatted_once_and_mounted_at_every_boot(host):
    host.answer("blkid", f'[ -e "{host.device}.formatted" ] || exit 2')
    host.answer("mkfs.ext4", f'touch "{host.device}.formatted"')
    assert [host.boot().returncode for _ in range(3)] == [0, 0, 0]
    assert host.calls("mkfs.ext4") == [f"mkfs.ext4 -q -L checkpoints {host.device}"]
    assert host.calls("mount") == [f"mount {host.device} /mnt/checkpoints"] * 3


@pytest.mark.parametrize(("status", "meaning"), [(0, "a file system"), (4, "a usage error"), (8, "several signatures")])
def test_a_volume_that_holds_something_is_never_formatted(host, status, meaning):
    host.answer("blkid", f"exit {status} # {meaning}")
    host.boot()
    assert host.calls("blkid") == [f"blkid -p {host.device}"]
    assert host.calls("mkfs.ext4") == []


def test_a_volume_that_cannot_be_read_is_never_formatted_though_blkid_finds_nothing(host):
    host.answer("blkid", "exit 2")
    host.device.unlink()
    assert host.boot().returncode != 0
    assert host.calls("mkfs.ext4") == []


def test_without_the_volume_nothing_is_formatted_and_the_first_boot_fails(host):
    host.answer(
        "lsblk",
        "echo '/dev/nvme0n1 Amazon Elastic Block Store gpt'; echo '/dev/nvme2n1 Amazon EC2 NVMe Instance Storage'",
    )
    host.answer("blkid", "exit 2")
    ended = host.boot()
    assert (ended.returncode, ended.stderr) == (1, "no checkpoint volume\n")
    assert len(host.calls("lsblk")) == 60
    assert host.calls("mkfs.ext4") == []
