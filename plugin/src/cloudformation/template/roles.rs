//! The two IAM roles: one that EKS takes on, one that nodes take on. EKS wants two different ones. Neither has rights on the
//! KMS key: EKS uses a grant, made with the rights of whoever creates the cluster. Input: none. Output: resources, and the
//! names of their policies for the plan.

use serde_json::{Value, json};

use crate::cloudformation::template::resources::{Resources, substitute};

/// EKS's role.
pub(super) const SERVICE: &str = "ServiceRole";

/// The nodes' role.
pub(super) const NODES: &str = "NodeInstanceRole";

/// What EKS may do (EKS User Guide, "Amazon EKS cluster IAM role"), security groups for Pods with it.
pub(crate) const SERVICE_POLICIES: [&str; 2] = ["AmazonEKSClusterPolicy", "AmazonEKSVPCResourceController"];

/// What nodes may do (EKS User Guide, "Amazon EKS node IAM role"): join, pull images, give Pods addresses, and be looked
/// into by Session Manager, because there is no SSH.
pub(crate) const NODE_POLICIES: [&str; 4] = [
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKS_CNI_Policy",
    "AmazonSSMManagedInstanceCore",
];

/// EKS's role. The service has one name in every partition.
pub(super) fn add_service(resources: &mut Resources) {
    let actions = json!(["sts:AssumeRole", "sts:TagSession"]);
    add(resources, SERVICE, &json!("eks.amazonaws.com"), &actions, &SERVICE_POLICIES);
}

/// The nodes' role. EC2 is called otherwise in China.
pub(super) fn add_nodes(resources: &mut Resources) {
    add(resources, NODES, &substitute("ec2.${AWS::URLSuffix}"), &json!(["sts:AssumeRole"]), &NODE_POLICIES);
}

fn add(resources: &mut Resources, id: &str, service: &Value, actions: &Value, policies: &[&str]) {
    let policy = |policy: &&str| substitute(&format!("arn:${{AWS::Partition}}:iam::aws:policy/{policy}"));
    let properties = json!({
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": [service]}, "Action": actions}],
        },
        "ManagedPolicyArns": policies.iter().map(policy).collect::<Value>(),
    });
    resources.add(id, "AWS::IAM::Role", properties);
}
