"""CloudFormation's AWS::EKS::Cluster and AWS::EKS::Nodegroup, which moto has not. Input: a resource's properties, every
reference in them resolved. Output: a cluster or a node group in moto's EKS, or the error with which EKS would refuse it.

Names and attributes are those of the CloudFormation Template Reference, "AWS::EKS::Cluster" and "AWS::EKS::Nodegroup"."""

import hashlib
from typing import Any

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel
from moto.eks.models import Cluster, EKSBackend, Nodegroup, eks_backends

from moto_eks import certificate, checks

# moto's own default is 1.19.
KUBERNETES = "1.34"


def to_api(value: Any) -> Any:
    """CloudFormation writes `KeyArn` where EKS's API writes `keyArn`. Not for maps whose keys are a person's: labels, tags."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: to_api(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [to_api(inner) for inner in value]
    return value


class EksCluster(CloudFormationModel):
    """AWS::EKS::Cluster."""

    def __init__(self, cluster: Cluster, backend: EKSBackend):
        self.cluster = cluster
        self.backend = backend

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::EKS::Cluster"

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @property
    def physical_resource_id(self) -> str:
        return self.cluster.name

    @property
    def attributes(self) -> dict[str, str]:
        return {
            "Arn": self.cluster.arn,
            "CertificateAuthorityData": self.cluster.certificate_authority["data"],
            "ClusterSecurityGroupId": self.cluster.resources_vpc_config["clusterSecurityGroupId"],
            "EncryptionConfigKeyArn": encryption_key(self.cluster.encryption_config),
            "Endpoint": self.cluster.endpoint,
            "OpenIdConnectIssuerUrl": self.cluster.identity["oidc"]["issuer"],
        }

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in (
            "Arn",
            "CertificateAuthorityData",
            "ClusterSecurityGroupId",
            "EncryptionConfigKeyArn",
            "Endpoint",
            "OpenIdConnectIssuerUrl",
        )

    def get_cfn_attribute(self, attribute_name: str) -> str:
        if not self.has_cfn_attr(attribute_name):
            raise UnformattedGetAttTemplateException
        return self.attributes[attribute_name]

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **_: Any
    ) -> "EksCluster":
        properties = cloudformation_json["Properties"]
        encryption = to_api(properties.get("EncryptionConfig", []))
        network = to_api(properties["ResourcesVpcConfig"])
        network["vpcId"] = checks.subnets(network["subnetIds"], resource_name, account_id, region_name)
        network["clusterSecurityGroupId"] = f"sg-{digest(resource_name)[:17]}"
        if encryption:
            checks.key(encryption_key(encryption), account_id, region_name)
        backend = eks_backends[account_id][region_name]
        cluster = backend.create_cluster(
            name=resource_name,
            role_arn=properties["RoleArn"],
            version=properties.get("Version", KUBERNETES),
            resources_vpc_config=network,
            kubernetes_network_config=to_api(properties.get("KubernetesNetworkConfig")),
            logging=enabled_logs(properties),
            encryption_config=encryption,
            tags={tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])},
        )
        cluster.access_config = to_api(properties.get("AccessConfig", {"AuthenticationMode": "CONFIG_MAP"}))
        cluster.certificate_authority = certificate.authority()
        # The same for the same cluster, so that tests can show it.
        cluster.endpoint = f"https://{digest(cluster.arn)[:32].upper()}.gr7.{region_name}.eks.amazonaws.com"
        return cls(cluster, backend)

    def delete(self, account_id: str, region_name: str) -> None:
        self.backend.delete_cluster(self.cluster.name)


class EksNodegroup(CloudFormationModel):
    """AWS::EKS::Nodegroup."""

    def __init__(self, group: Nodegroup, backend: EKSBackend):
        self.group = group
        self.backend = backend

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::EKS::Nodegroup"

    @staticmethod
    def cloudformation_name_type() -> str:
        return "NodegroupName"

    @property
    def physical_resource_id(self) -> str:
        return f"{self.group.cluster_name}/{self.group.nodegroup_name}"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in ("Arn", "ClusterName", "Id", "NodegroupName")

    def get_cfn_attribute(self, attribute_name: str) -> str:
        attributes = {
            "Arn": self.group.arn,
            "ClusterName": self.group.cluster_name,
            "Id": self.physical_resource_id,
            "NodegroupName": self.group.nodegroup_name,
        }
        if attribute_name not in attributes:
            raise UnformattedGetAttTemplateException
        return attributes[attribute_name]

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **_: Any
    ) -> "EksNodegroup":
        properties = cloudformation_json["Properties"]
        backend = eks_backends[account_id][region_name]
        group = backend.create_nodegroup(
            cluster_name=properties["ClusterName"],
            nodegroup_name=resource_name,
            node_role=properties["NodeRole"],
            subnets=properties["Subnets"],
            scaling_config={key: int(value) for key, value in to_api(properties.get("ScalingConfig", {})).items()},
            instance_types=properties.get("InstanceTypes"),
            ami_type=properties.get("AmiType"),
            capacity_type=properties.get("CapacityType"),
            labels=properties.get("Labels"),
            taints=to_api(properties.get("Taints")),
            tags=properties.get("Tags"),
            launch_template=to_api(properties.get("LaunchTemplate")),
            version=properties.get("Version", KUBERNETES),
        )
        group.update_config = to_api(properties.get("UpdateConfig"))
        return cls(group, backend)

    def delete(self, account_id: str, region_name: str) -> None:
        self.backend.delete_nodegroup(self.group.cluster_name, self.group.nodegroup_name)


def encryption_key(encryption: list[dict[str, Any]]) -> str:
    """The key of an EncryptionConfig, which has one element at most."""
    return encryption[0]["provider"]["keyArn"] if encryption else ""


def enabled_logs(properties: dict[str, Any]) -> dict[str, Any] | None:
    """`Logging` in EKS's own form: here a list of types, there a list of what is on and what is off."""
    types = properties.get("Logging", {}).get("ClusterLogging", {}).get("EnabledTypes", [])
    return {"clusterLogging": [{"types": [kind["Type"] for kind in types], "enabled": True}]} if types else None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
