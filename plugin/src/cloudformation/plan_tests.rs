//! The plan, word for word.

use super::*;
use crate::cloudformation::examples::{full, key, minimal, zones};

fn planned(spec: &Spec) -> String {
    let (key, zones) = (key(&spec.region), zones(&spec.region));
    let found = PlanInput { account: "111122223333", key_arn: &key, key_state: "Enabled", zones: &zones };
    text(spec, &found).unwrap()
}

/// What people copy may be longer than a line.
#[track_caller]
fn fits(text: &str) {
    for line in text.lines().filter(|line| !line.contains("arn:")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_least() {
    let text = planned(&minimal("us-west-2"));
    fits(&text);
    insta::assert_snapshot!(text.trim_matches('\n'), @r"
    To be created in us-west-2, account 111122223333, as one CloudFormation stack,
    eks-encrypt-kms-cluster:

      cluster     kms-cluster
      Kubernetes  EKS's default version
      key         arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
                  Enabled. EKS encrypts Secrets and all other API data with it from
                    the first write on. A cluster can't be taken off its key, and is
                    lost if the key is deleted.
      API server  public, from everywhere
      access      API_AND_CONFIG_MAP; whoever creates the stack is an administrator
                    of the cluster
      VPC         192.168.0.0/16
      zones       us-west-2a, us-west-2b, us-west-2c
      subnets     public: 192.168.0.0/19, 192.168.32.0/19, 192.168.64.0/19
                  private: 192.168.96.0/19, 192.168.128.0/19, 192.168.160.0/19
      NAT         1 gateway, in us-west-2a
      IAM roles   for EKS: AmazonEKSClusterPolicy, AmazonEKSVPCResourceController
                  for nodes: AmazonEKSWorkerNodePolicy,
                    AmazonEC2ContainerRegistryPullOnly, AmazonEKS_CNI_Policy,
                    AmazonSSMManagedInstanceCore
      node group  ng: 2 nodes of m5.large, in public subnets,
                    AL2023_x86_64_STANDARD, 80 GiB gp3

    This costs money from its creation until the stack is deleted:

      the control plane, by the hour
      node group ng: 2 nodes of m5.large, each with a volume of 80 GiB gp3 and a
        public IPv4 address
      1 NAT gateway, by the hour and by what goes through it; its public IPv4
        address
    ");
}

#[test]
fn all_of_it() {
    let text = planned(&full("us-gov-west-1"));
    fits(&text);
    insta::assert_snapshot!(text.trim_matches('\n'), @r"
    To be created in us-gov-west-1, account 111122223333, as one CloudFormation
    stack, eks-encrypt-kms-cluster:

      cluster     kms-cluster
      Kubernetes  1.34
      key         arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
                  Enabled. EKS encrypts Secrets and all other API data with it from
                    the first write on. A cluster can't be taken off its key, and is
                    lost if the key is deleted.
      API server  public, from 203.0.113.0/24, 198.51.100.7/32; and private, inside
                    the VPC
      access      API; whoever creates the stack gets no rights in the cluster
                    (`aws eks create-access-entry` gives some)
      VPC         10.20.0.0/20
      zones       us-gov-west-1a, us-gov-west-1b, us-gov-west-1c
      subnets     public: 10.20.0.0/23, 10.20.2.0/23, 10.20.4.0/23
                  private: 10.20.6.0/23, 10.20.8.0/23, 10.20.10.0/23
      NAT         3 gateways, one in each zone
      IAM roles   for EKS: AmazonEKSClusterPolicy, AmazonEKSVPCResourceController
                  for nodes: AmazonEKSWorkerNodePolicy,
                    AmazonEC2ContainerRegistryPullOnly, AmazonEKS_CNI_Policy,
                    AmazonSSMManagedInstanceCore
      node group  batch: 3 spot nodes (0 to 6) of m5.large or m5a.large, in private
                    subnets of us-gov-west-1c, us-gov-west-1a,
                    AL2023_x86_64_STANDARD, 120 GiB gp3
                    labels: example.com/tier=batch
                    taint: example.com/batch=true:NO_SCHEDULE
                    taint: example.com/slow:PREFER_NO_SCHEDULE
                    tags: team=batch
                    updates: 34 % of the nodes at a time
      node group  batch-arm: 2 nodes of m6g.large, in private subnets,
                    BOTTLEROCKET_ARM_64, 100 GiB gp3
                    updates: 1 node at a time
      node group  web: 2 nodes of m5.large, in public subnets of us-gov-west-1b,
                    AL2023_x86_64_STANDARD, 50 GiB io1 with 100 IOPS
      tags        cost-center=4711, team=shop

    This costs money from its creation until the stack is deleted:

      the control plane, by the hour
      node group batch: 3 spot nodes (0 to 6) of m5.large or m5a.large, each with a
        volume of 120 GiB gp3
      node group batch-arm: 2 nodes of m6g.large, each with a volume of 100 GiB gp3
      node group web: 2 nodes of m5.large, each with a volume of 50 GiB io1 with 100
        IOPS and a public IPv4 address
      3 NAT gateways, by the hour and by what goes through them; their public IPv4
        addresses
      CloudWatch: the control plane's logs (api, audit, authenticator)
    ");
}

#[test]
fn a_dry_run_ends_with_what_it_did_not_do() {
    let (spec, zones) = (minimal("us-west-2"), zones("us-west-2"));
    let found = PlanInput { account: "111122223333", key_arn: &spec.key, key_state: "Enabled", zones: &zones };
    assert!(dry_run(&spec, &found).unwrap().ends_with("\n\nThis was a dry run: nothing was created."));
}

#[test]
fn what_ends_in_a_failed_stack_is_said_before() {
    let mut spec = minimal("us-west-2");
    spec.network.public_from = vec!["203.0.113.0/24".into()];
    spec.network.nat = Nat::Disable;
    spec.groups[0].private = true;
    let text = planned(&spec);
    fits(&text);
    insta::assert_snapshot!(text[text.find("\nBe aware").unwrap()..].trim_matches('\n'), @r"
    Be aware: nodes reach the API server as everybody does, and publicAccessCIDRs
    must let them in, or they never join and the stack fails. With
    clusterEndpoints.privateAccess: true they don't need it.

    Be aware: the nodes of ng have no way to images and to EKS without a NAT
    gateway: they never join, and the stack fails, unless vpc.nat.gateway is
    Single or HighlyAvailable.
    ");
    (spec.network.public, spec.network.private) = (false, true);
    spec.groups.clear();
    let text = planned(&spec);
    insta::assert_snapshot!(text[text.find("\nBe aware").unwrap()..].trim_matches('\n'), @r"
    Be aware: kubectl reaches the cluster from inside its VPC alone, and so does
    `kubectl eks-encrypt`.

    Be aware: without node groups, nothing can run in the cluster, CoreDNS included.
    ");
}
