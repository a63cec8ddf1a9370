//! The report as scripts and auditors get it: the whole of it.
use eks_encrypt_job::engine::verify::{Cost, Level, ServersAgree};
use eks_encrypt_job::wire::event::RunResult;

use super::*;
use crate::testing::{KEY, cluster};
use crate::ui::progress::Finished;
use insta::assert_snapshot;

fn run() -> Run {
    Run::from_id("20261124-070000-beef", "ops")
}

/// The report of this verdict, with what changes from day to day held fast.
fn json(verdict: &Verdict, progress: &Progress, cluster_ref: &ClusterRef, checks: &[Check], code: ExitCode) -> String {
    let run = run();
    let report = Report::new(&run, verdict, progress, cluster_ref, checks, Duration::from_millis(312_900), code);
    let report = Report { head: report.head.held_fast(), ..report };
    serde_json::to_string_pretty(&report).unwrap()
}

#[test]
fn done_and_proven() {
    let tally = Tally { listed: 2_000, rewritten: 1_990, current: 8, gone: 2, failed: 0 };
    let covered = Tally { listed: 2_001, current: 2_000, gone: 1, ..Tally::default() };
    let agreed = ServersAgree { servers: 2, level: Level::Matched };
    let verified = Verified { agreed, tally: covered, rounds: 1, cost: Cost::default() };
    let verdict = Verdict::Done { tally, evidence: Evidence::Command(verified) };
    let cluster_ref = ClusterRef {
        cluster_arn: cluster(None).arn,
        context: "prod".into(),
        key_arn: KEY.into(),
        ..ClusterRef::default()
    };
    let checks = [
        Check::ok("association", "no key is associated yet"),
        Check::warn("key rotation", "it is off", Some("turn it on".to_owned())),
    ];
    assert_snapshot!(json(&verdict, &Progress::default(), &cluster_ref, &checks, ExitCode::Done), @r#"
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Report",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "clusterArn": "arn:aws:eks:eu-central-1:111122223333:cluster/shop",
      "context": "prod",
      "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
      "run": "20261124-070000-beef",
      "namespace": "ops",
      "done": true,
      "prove": "full",
      "proven": true,
      "verified": {
        "agreed": {
          "servers": 2,
          "level": "matched"
        },
        "tally": {
          "listed": 2001,
          "rewritten": 0,
          "current": 2000,
          "gone": 1,
          "failed": 0
        },
        "rounds": 1,
        "cost": {
          "millis": 0,
          "connections": 0,
          "metricsBytes": 0
        }
      },
      "exitCode": 0,
      "tookSeconds": 312,
      "tally": {
        "listed": 2000,
        "rewritten": 1990,
        "current": 8,
        "gone": 2,
        "failed": 0
      },
      "failures": [],
      "checks": [
        {
          "check": "association",
          "result": "ok",
          "found": "no key is associated yet"
        },
        {
          "check": "key rotation",
          "result": "warn",
          "found": "it is off",
          "cure": "turn it on"
        }
      ]
    }
    "#);
}

#[test]
fn done_but_not_proven() {
    let verdict =
        Verdict::Done { tally: Tally { listed: 1, rewritten: 1, ..Tally::default() }, evidence: Evidence::NotWanted };
    let text = json(&verdict, &Progress::default(), &ClusterRef::default(), &[], ExitCode::Done);
    assert!(
        text.contains("\"done\": true,\n  \"prove\": \"none\",\n  \"proven\": false,") && !text.contains("\"proof\""),
        "{text}"
    );
}

#[test]
fn incomplete() {
    let tally = Tally { listed: 2_000, rewritten: 1_999, failed: 1, ..Tally::default() };
    let mut progress = Progress::default();
    progress.failures.insert(("shop".into(), "db".into()), "admission webhook \"policy.example\" denied it".into());
    let verdict = Verdict::Incomplete { tally, why: "1 of 2,000 Secrets could not be re-encrypted".into() };
    let cluster_ref = ClusterRef { context: "prod".into(), ..ClusterRef::default() };
    assert_snapshot!(json(&verdict, &progress, &cluster_ref, &[], ExitCode::Incomplete), @r#"
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Report",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "context": "prod",
      "run": "20261124-070000-beef",
      "namespace": "ops",
      "done": false,
      "proven": false,
      "reason": "1 of 2,000 Secrets could not be re-encrypted",
      "exitCode": 6,
      "tookSeconds": 312,
      "tally": {
        "listed": 2000,
        "rewritten": 1999,
        "current": 0,
        "gone": 0,
        "failed": 1
      },
      "failures": [
        {
          "namespace": "shop",
          "name": "db",
          "reason": "admission webhook \"policy.example\" denied it"
        }
      ]
    }
    "#);
}

#[test]
fn a_proof_that_does_not_hold_is_shown_and_is_none() {
    let tally = Tally { listed: 2, rewritten: 2, ..Tally::default() };
    let moved = Tally { listed: 2, current: 1, rewritten: 1, ..Tally::default() };
    let proof = Some(Proof { passes: 5, tally: moved, servers: None });
    let finished = Some(Finished { result: RunResult::Incomplete, tally, proof, reason: None });
    let verdict = Verdict::Incomplete { tally, why: "the proof does not hold".into() };
    let mut progress = Progress::default();
    progress.finished = finished;
    let text = json(&verdict, &progress, &ClusterRef::default(), &[], ExitCode::Incomplete);
    assert!(text.contains("\"done\": false,\n  \"proven\": false,"), "{text}");
    assert!(text.contains("\"passes\": 5"), "{text}");
}

#[test]
fn a_run_that_is_not_done_is_not_proven_whatever_its_proof_says() {
    let tally = Tally { listed: 1, rewritten: 1, ..Tally::default() };
    let proof = Some(Proof { passes: 1, tally: Tally { listed: 1, current: 1, ..Tally::default() }, servers: None });
    let mut progress = Progress::default();
    progress.finished = Some(Finished { result: RunResult::Complete, tally, proof, reason: None });
    let verdict = Verdict::Incomplete { tally, why: "the Job says complete but has failed".into() };
    let text = json(&verdict, &progress, &ClusterRef::default(), &[], ExitCode::Incomplete);
    assert!(text.contains("\"done\": false,\n  \"proven\": false,"), "{text}");
}
