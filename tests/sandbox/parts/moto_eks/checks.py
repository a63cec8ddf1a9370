"""What EKS looks at before it makes a cluster, and moto does not. Input: properties of AWS::EKS::Cluster. Output: nothing,
or the error that EKS would answer with.

The key: "must be symmetric, able to encrypt and decrypt data, created in the same AWS Region as the cluster" (EKS User
Guide, "Encrypt Kubernetes secrets with KMS"). The subnets: "Amazon EKS VPC and subnet requirements" in the same guide."""

import json
from typing import Any, NoReturn

from moto.ec2.models import ec2_backends
from moto.eks.exceptions import InvalidParameterException, InvalidRequestException
from moto.kms.models import Key, kms_backends

# Zones in which EKS has no control planes ("VPC and subnet requirements").
UNSUPPORTED_ZONES = {"use1-az3", "usw1-az2", "cac1-az3"}


def subnets(ids: list[str], cluster: str, account_id: str, region: str) -> str:
    """Whether a cluster can live in these subnets. Answers their VPC."""
    ec2 = ec2_backends[account_id][region]
    found = [ec2.get_subnet(subnet) for subnet in ids]
    zones = {subnet.availability_zone_id: subnet.availability_zone for subnet in found}
    if len(zones) < 2:
        invalid("Subnets specified must be in at least two different AZs")
    for zone_id, name in zones.items():
        if zone_id in UNSUPPORTED_ZONES:
            invalid(
                f"Cannot create cluster '{cluster}' because EKS does not support creating control plane instances "
                f"in {name}, the targeted availability zone."
            )
    return found[0].vpc_id


def key(arn: str, account_id: str, region: str) -> None:
    """Whether EKS can use a key. The sentences are those of `association.rs`."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "kms":
        unusable(arn, "it is not a KMS key")
    if parts[3] != region:
        unusable(arn, f"it is in {parts[3]}, the cluster is in {region}")
    backend = kms_backends[parts[4]][region]
    key_id = backend.any_id_to_key_id(arn)
    if key_id not in backend.keys:
        unusable(arn, "it does not exist")
    found = backend.keys[key_id]
    if found.key_state != "Enabled":
        unusable(arn, f"its state is {found.key_state}")
    if found.key_spec != "SYMMETRIC_DEFAULT":
        unusable(arn, f"it is not symmetric ({found.key_spec})")
    if denies_grants(found):
        # As EKS says it (cluster-api-provider-aws#2432).
        raise InvalidRequestException(message="User not authorized to perform kms:CreateGrant operation")


def denies_grants(found: Key) -> bool:
    """Whether the key's policy denies kms:CreateGrant: how a test makes a key that every check before passes."""
    statements = json.loads(found.policy).get("Statement", [])
    return any(
        statement.get("Effect") == "Deny" and "kms:CreateGrant" in listed(statement.get("Action"))
        for statement in statements
    )


def listed(one_or_more: Any) -> list[Any]:
    """A policy's element, which may be a list or a single value."""
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def unusable(arn: str, why: str) -> NoReturn:
    invalid(f"The KMS key {arn} can't be used: {why}")


def invalid(message: str) -> NoReturn:
    raise InvalidParameterException(message=message)
