//! Which zones are chosen, and what is said where there are none.

use super::*;
use crate::cloudformation::examples::minimal;

fn zones(described: &[(&str, &str)]) -> Vec<Zone> {
    described.iter().map(|(name, id)| Zone { name: (*name).into(), id: (*id).into() }).collect()
}

fn oregon() -> Vec<Zone> {
    zones(&[
        ("us-west-2d", "usw2-az4"),
        ("us-west-2b", "usw2-az2"),
        ("us-west-2a", "usw2-az1"),
        ("us-west-2c", "usw2-az3"),
    ])
}

/// Where the file names these zones, and its node group those.
fn spec(named: &[&str], group: &[&str]) -> Spec {
    let owned = |zones: &[&str]| zones.iter().map(|zone| (*zone).to_owned()).collect();
    let mut spec = minimal("us-west-2");
    spec.zones = owned(named);
    spec.groups[0].zones = owned(group);
    spec
}

fn refused(spec: &Spec, known: &[Zone]) -> String {
    choose(spec, known).unwrap_err().to_string()
}

#[test]
fn the_first_three_by_name_whatever_ec2s_order() {
    assert_eq!(choose(&spec(&[], &[]), &oregon()).unwrap(), ["us-west-2a", "us-west-2b", "us-west-2c"]);
}

#[test]
fn two_are_enough_where_there_are_two() {
    let mut spec = minimal("us-west-1");
    spec.zones.clear();
    let known = zones(&[("us-west-1c", "usw1-az1"), ("us-west-1b", "usw1-az3")]);
    assert_eq!(choose(&spec, &known).unwrap(), ["us-west-1b", "us-west-1c"]);
}

#[test]
fn us_east_1_gets_two_and_never_the_one_without_eks() {
    let mut spec = minimal("us-east-1");
    spec.zones.clear();
    // The letters are the account's own: here the zone without EKS is called a.
    let known = zones(&[
        ("us-east-1a", "use1-az3"),
        ("us-east-1b", "use1-az1"),
        ("us-east-1c", "use1-az2"),
        ("us-east-1d", "use1-az4"),
    ]);
    assert_eq!(choose(&spec, &known).unwrap(), ["us-east-1b", "us-east-1c"]);
}

#[test]
fn zones_of_node_groups_are_among_them() {
    assert_eq!(choose(&spec(&[], &["us-west-2d"]), &oregon()).unwrap(), ["us-west-2a", "us-west-2b", "us-west-2d"],);
    let all = ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"];
    assert_eq!(choose(&spec(&[], &all), &oregon()).unwrap(), all);
}

#[test]
fn zones_of_the_file_are_used_as_they_are() {
    let named = ["us-west-2d", "us-west-2a"];
    assert_eq!(choose(&spec(&named, &[]), &oregon()).unwrap(), named);
    // EC2 was not asked.
    assert_eq!(choose(&spec(&named, &[]), &[]).unwrap(), named);
}

#[test]
fn zones_of_the_file_are_checked() {
    insta::assert_snapshot!(refused(&spec(&["us-west-2a", "us-west-2x"], &[]), &oregon()), @"us-west-2x is not an availability zone that this account can use in us-west-2: it has us-west-2a, us-west-2b, us-west-2c, us-west-2d (nothing was created)");
    insta::assert_snapshot!(refused(&spec(&["us-west-2a", "us-west-2a"], &[]), &oregon()), @"availability zone us-west-2a stands twice in availabilityZones: name two different ones (nothing was created)");
    insta::assert_snapshot!(refused(&spec(&["us-west-2a"], &[]), &[]), @"availabilityZones names us-west-2a alone, and EKS needs two: name another one (nothing was created)");
    let canada = zones(&[("ca-central-1a", "cac1-az1"), ("ca-central-1d", "cac1-az3")]);
    insta::assert_snapshot!(refused(&spec(&["ca-central-1a", "ca-central-1d"], &[]), &canada), @"EKS makes no clusters in availability zone ca-central-1d (cac1-az3): name another one (nothing was created)");
    assert!(refused(&spec(&[], &["us-west-2x"]), &oregon()).contains("us-west-2x"));
}

#[test]
fn fewer_than_two_are_refused() {
    insta::assert_snapshot!(refused(&spec(&[], &[]), &oregon()[..1]), @"EKS needs two availability zones; of those that this account has in us-west-2, it can use: us-west-2d (nothing was created)");
    insta::assert_snapshot!(refused(&spec(&[], &[]), &[]), @"EKS needs two availability zones; of those that this account has in us-west-2, it can use: none (nothing was created)");
}
