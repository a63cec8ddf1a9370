//! The last words, word for word.

use super::*;
use crate::cloudformation::examples::{full, minimal};

fn created(spec: &Spec, context: Option<&str>) -> String {
    let created = Created {
        account: "111122223333",
        key_arn: &spec.key,
        version: "1.34",
        endpoint: "https://ABC123.gr7.us-west-2.eks.amazonaws.com",
        zones: 3,
        context,
        delete: "aws cloudformation delete-stack ...",
        look: &["kubectl get nodes".to_owned()],
        took: Duration::from_secs(843),
    };
    text(spec, &created)
}

#[test]
fn the_least() {
    let context = "arn:aws:eks:us-west-2:111122223333:cluster/kms-cluster";
    insta::assert_snapshot!(created(&minimal("us-west-2"), Some(context)).trim_matches('\n'), @r"
    Created and checked: EKS says that the cluster has your key, from its first
    write on.

      cluster     kms-cluster (us-west-2, account 111122223333)
      key         arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      Kubernetes  1.34, https://ABC123.gr7.us-west-2.eks.amazonaws.com
      node group  ng: 2 nodes of m5.large
      context     arn:aws:eks:us-west-2:111122223333:cluster/kms-cluster
      stack       eks-encrypt-kms-cluster
      took        14 min 3 s

    This costs money until it is deleted:

      the control plane, by the hour
      node group ng: 2 nodes of m5.large, each with a volume of 80 GiB gp3 and a
        public IPv4 address
      1 NAT gateway, by the hour and by what goes through it; its public IPv4
        address

    This deletes it:

      aws cloudformation delete-stack ...

    but not:

      the KMS key, which was there before
      this cluster's entry in kubeconfigs
      what Kubernetes makes in AWS: load balancers and the volumes of
        PersistentVolumeClaims. Delete their Services, Ingresses and claims first,
        with kubectl: a load balancer also keeps the VPC from being deleted

    To look at it:

      kubectl get nodes
    ");
}

#[test]
fn all_of_it_without_a_kubeconfig() {
    let text = created(&full("us-west-2"), None);
    insta::assert_snapshot!(text.trim_matches('\n'), @r"
    Created and checked: EKS says that the cluster has your key, from its first
    write on.

      cluster     kms-cluster (us-west-2, account 111122223333)
      key         arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      Kubernetes  1.34, https://ABC123.gr7.us-west-2.eks.amazonaws.com
      node group  batch: 3 spot nodes (0 to 6) of m5.large or m5a.large
      node group  batch-arm: 2 nodes of m6g.large
      node group  web: 2 nodes of m5.large
      context     none was written into a kubeconfig
      stack       eks-encrypt-kms-cluster
      took        14 min 3 s

    This costs money until it is deleted:

      the control plane, by the hour
      node group batch: 3 spot nodes (0 to 6) of m5.large or m5a.large, each with a
        volume of 120 GiB gp3
      node group batch-arm: 2 nodes of m6g.large, each with a volume of 100 GiB gp3
      node group web: 2 nodes of m5.large, each with a volume of 50 GiB io1 with 100
        IOPS and a public IPv4 address
      3 NAT gateways, by the hour and by what goes through them; their public IPv4
        addresses
      CloudWatch: the control plane's logs (api, audit, authenticator)

    This deletes it:

      aws cloudformation delete-stack ...

    but not:

      the KMS key, which was there before
      this cluster's entry in kubeconfigs
      the log group /aws/eks/kms-cluster/cluster in CloudWatch
      what Kubernetes makes in AWS: load balancers and the volumes of
        PersistentVolumeClaims. Delete their Services, Ingresses and claims first,
        with kubectl: a load balancer also keeps the VPC from being deleted

    To look at it:

      kubectl get nodes
    ");
}
