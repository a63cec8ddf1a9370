//! Mutated files and answers: none panics, hangs or exhausts the memory.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::json;

use crate::cluster_config::Source;
use crate::model::run::{Run, job_end};
use crate::run::log::{Log, LogLine};
use crate::run::verdict::{evaluate, final_event};
use crate::run::wire_version::OtherWireVersion;
use crate::run::{find, pod_status};
use crate::ui::progress::Progress;
use crate::ui::terminal::one_line;

#[path = "../../job/src/fuzz.rs"]
pub(crate) mod mutate;

use mutate::fuzz;

const CLUSTER_CONFIG: &[u8] = include_bytes!("cloudformation/examples/full.yaml");

const ANCHORS: &[u8] = b"apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nx: &a {name: shop, region: us-west-2}\nmetadata:\n  <<: *a\n\
    secretsEncryption: {keyARN: alias/shop}\ny: [*a, *a, !!binary aGk=, 0x1F, .inf, |\n  text\n  ]\n";

#[test]
fn cluster_configs() {
    fuzz(&[CLUSTER_CONFIG, ANCHORS], |bytes| {
        let Ok(source) = Source::from_reader("x", bytes) else { return };
        _ = crate::cluster_config::parse(&source).map_err(|error| error.to_string());
        _ = crate::cluster_config::validate::parse(&source).map_err(|error| error.to_string());
    });
}

#[test]
fn log_lines() {
    let line = |event: &str| {
        format!(
            r#"2026-11-24T07:00:00.5Z {{"wire":1,"run":"r","pod":"p","seq":1,"time":"2026-11-24T07:00:00Z",{event}}}"#
        )
    };
    let tally = r#""tally":{"listed":2,"rewritten":1,"current":0,"gone":0,"failed":1}"#;
    let lines = [
        line(r#""event":"started","version":"0.1.0","server":"v1.34.4","method":"annotate","watermark":"9","total":2"#),
        line(&format!(r#""event":"progress","phase":"rewrite",{tally},"rateMilli":500"#)),
        line(&format!(r#""event":"progress","phase":"prove",{tally},"rateMilli":1"#)),
        line(r#""event":"failure","namespace":"shop","name":"db","reason":"denied""#),
        line(r#""event":"note","message":"m""#),
        line(&format!(r#""event":"finished","result":"incomplete",{tally},"reason":"1 failed""#)),
        line(r#""event":"sung""#).replace(r#""wire":1"#, r#""wire":2"#),
    ];
    let corpus: Vec<_> = lines.iter().map(String::as_bytes).collect();
    let (mut log, mut progress) = (Log::default(), Progress::default());
    let mut at = 0;
    fuzz(&corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        at += 1;
        let shown = match log.read("p", &text) {
            LogLine::Event(line) => progress.fold(&line, Duration::from_millis(at)),
            LogLine::Note(note) => Some(note),
            LogLine::OtherVersion(foreign) => Some(foreign.to_string()),
            LogLine::Duplicate => None,
        };
        assert!(shown.is_none_or(|shown| shown.len() < 64 << 10 && shown == one_line(&shown)));
        assert!(progress.frame(Duration::from_millis(at), 80).text.len() < 1_000);
        if at % 64 == 0 {
            // Or most events would be of the past.
            (log, progress) = Default::default();
        }
    });
}

#[test]
fn answers_about_a_job() {
    let word = r#"{"wire":1,"run":"r","pod":"p","seq":9,"time":"2026-11-24T07:00:00Z","event":"finished","result":"complete","tally":
        {"listed":1,"rewritten":1,"current":0,"gone":0,"failed":0}}"#;
    let job = json!({"metadata": {"name": "eks-encrypt-r", "namespace": "ops", "labels": {"eks-encrypt/run": "r"}},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": [{"name": "EKS_ENCRYPT_WIRE_VERSION", "value": "2"}]}]}}},
        "status": {"failed": 1, "conditions": [{"type": "Failed", "status": "True", "reason": "x", "message": "y"}]}});
    let status = |state: serde_json::Value| {
        json!({"metadata": {"name": "p"}, "status": {"phase": "Running", "containerStatuses": [{"name": "job", "image": "", "imageID": "",
            "ready": false, "restartCount": 0, "state": state}], "conditions": [{"type": "PodScheduled", "status": "False"}]}})
    };
    let event = json!({"metadata": {"name": "e"}, "involvedObject": {}, "reason": "FailedCreate", "message": "m",
        "lastTimestamp": "2026-11-24T07:00:00Z"});
    let all = [
        job,
        status(json!({"terminated": {"exitCode": 0, "message": word}})),
        status(json!({"waiting": {"reason": "ErrImagePull", "message": "m"}})),
        event,
    ]
    .map(|object| object.to_string());
    let corpus: Vec<_> = all.iter().map(String::as_bytes).collect();
    let (mut a_job, now) = (Job::default(), "2026-11-24T07:01:00Z".parse().unwrap());
    fuzz(&corpus, |bytes| {
        let (pod, event) = (serde_json::from_slice::<Pod>(bytes).ok(), serde_json::from_slice::<Event>(bytes).ok());
        if let Ok(job) = serde_json::from_slice::<Job>(bytes) {
            let _ = (Run::from_job(&job), OtherWireVersion::from_job_env(&job), find::job_key_arn(&job));
            a_job = job;
        }
        let pods: Vec<Pod> = pod.into_iter().collect();
        let _ = (pod_status::has_started(&a_job, &pods), OtherWireVersion::from_job(&a_job, &pods));
        _ = pod_status::pending_reason(&a_job, pods.first(), &Vec::from_iter(event), now);
        let word = final_event(&pods, "r");
        if let Some(end) = job_end(&a_job) {
            _ = evaluate(&end, word.as_ref(), &Progress::default());
        }
    });
}
