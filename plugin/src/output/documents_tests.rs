//! The documents of commands that end early: the whole of each.
use insta::assert_snapshot;

use super::*;
use crate::testing::{KEY, kubernetes, preflight_report};

/// A document as scripts get it.
fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap()
}

/// A cluster that has the key, after one check.
fn checked_ground() -> PreflightReport {
    let ground = preflight_report(kubernetes(|_, path| panic!("asked {path}")), &[]);
    PreflightReport { checks: vec![Check::ok("association", "this key is associated already")], ..ground }
}

#[tokio::test]
async fn the_checks_that_passed() {
    let (mut ground, cluster_ref) =
        (checked_ground(), ClusterRef { key_arn: KEY.into(), ..ClusterRef::from_report(&checked_ground()) });
    let of = |ground: &PreflightReport| {
        let document = passed_document(ground, &cluster_ref);
        json(&ChecksDocument { head: document.head.held_fast(), ..document })
    };
    assert_snapshot!(of(&ground), @r#"
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Checks",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "clusterArn": "arn:aws:eks:eu-central-1:111122223333:cluster/shop",
      "context": "prod",
      "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
      "association": "associated",
      "passed": true,
      "exitCode": 0,
      "checks": [
        {
          "check": "association",
          "result": "ok",
          "found": "this key is associated already"
        }
      ]
    }
    "#);
    ground.eks = None;
    let without_aws: serde_json::Value = serde_json::from_str(&of(&ground)).unwrap();
    assert_eq!((without_aws.get("association"), &without_aws["passed"]), (None, &true.into()));
}

#[test]
fn the_checks_of_which_one_failed() {
    let checks = [
        Check::ok("cluster", "ACTIVE"),
        Check::failed("association", "no key is associated with this cluster", Some("associate one".to_owned())),
        Check::skipped("rights", "no"),
    ];
    let document = failed_document(&checks, ExitCode::Refused);
    assert_snapshot!(json(&ChecksDocument { head: document.head.held_fast(), ..document }), @r#"
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Checks",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "passed": false,
      "exitCode": 3,
      "checks": [
        {
          "check": "cluster",
          "result": "ok",
          "found": "ACTIVE"
        },
        {
          "check": "association",
          "result": "failed",
          "found": "no key is associated with this cluster",
          "cure": "associate one",
          "exitCode": 3
        },
        {
          "check": "rights",
          "result": "skipped",
          "found": "not checked: no"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn what_has_been_begun() {
    let cluster_ref = ClusterRef::from_report(&checked_ground());
    let run = Run::from_id("r1", "ops");
    let vouched = ClusterRef { context: "prod".into(), ..ClusterRef::default() };
    let all = [
        started_document(&cluster_ref, Some(Association::InProgress { update: "u-1".into() }), None, &[]),
        started_document(&cluster_ref, Some(Association::Associated), Some(&run), &[]),
        started_document(&vouched, None, Some(&run), &[]),
    ];
    let all = all.map(|document| json(&StartedDocument { head: document.head.held_fast(), ..document }));
    assert_snapshot!(all.join("\n"), @r#"
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Begun",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "clusterArn": "arn:aws:eks:eu-central-1:111122223333:cluster/shop",
      "context": "prod",
      "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
      "association": "inProgress",
      "update": "u-1",
      "checks": []
    }
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Begun",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "clusterArn": "arn:aws:eks:eu-central-1:111122223333:cluster/shop",
      "context": "prod",
      "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
      "association": "associated",
      "run": "r1",
      "namespace": "ops",
      "job": "eks-encrypt-r1",
      "checks": []
    }
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Begun",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "context": "prod",
      "run": "r1",
      "namespace": "ops",
      "job": "eks-encrypt-r1",
      "checks": []
    }
    "#);
}
