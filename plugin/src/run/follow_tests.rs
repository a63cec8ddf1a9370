//! Following a run against a scripted API server: broken streams, Pods that do not start, Jobs that fail.
use std::sync::Mutex;

use super::*;
use bytes::Bytes;
use eks_encrypt_job::api::bounds;
use futures::{Stream, StreamExt as _, stream};
use http_body_util::{Channel, Either, Full};
use kube::client::{Body, ClientBuilder};

use crate::testing::{NOT_SERVED, error_text, kubernetes, not_found, reached, reached_by};
use insta::assert_snapshot;

fn run() -> Run {
    Run::from_id("r1", "ops")
}

fn job(condition: Option<&str>) -> String {
    let conditions = condition.map_or_else(Vec::new, |name| {
        vec![serde_json::json!({"type": name, "status": "True", "reason": "BackoffLimitExceeded", "message": "too many"})]
    });
    serde_json::json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "eks-encrypt-r1"}, "status": {"conditions": conditions}}).to_string()
}

fn pods(states: &[serde_json::Value]) -> String {
    let pod = |(index, state): (usize, &serde_json::Value)| {
        serde_json::json!({"metadata": {"name": format!("pod-{index}"), "creationTimestamp": format!("2026-11-24T07:00:0{index}Z")},
            "status": {"containerStatuses": [{"name": "job", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}]}})
    };
    let items: Vec<_> = states.iter().enumerate().map(pod).collect();
    serde_json::json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items}).to_string()
}

/// Events of the Job, seen just now.
fn events(all: &[(&str, &str)]) -> String {
    let event = |(reason, message): &(&str, &str)| {
        serde_json::json!({"metadata": {"name": "e"}, "involvedObject": {}, "reason": reason, "message": message,
            "lastTimestamp": Timestamp::now().to_string()})
    };
    let items: Vec<_> = all.iter().map(event).collect();
    serde_json::json!({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": items}).to_string()
}

fn event(seq: u64, event: &str) -> String {
    format!(
        "2026-11-24T07:00:{seq:02}.5Z {{\"wire\":1,\"run\":\"r1\",\"pod\":\"pod-0\",\"seq\":{seq},\"time\":\"2026-11-24T07:00:{seq:02}Z\",{event}}}\n"
    )
}

fn started() -> String {
    event(1, r#""event":"started","version":"0.1.0","server":"v1.34.4","method":"annotate","watermark":"9","total":2"#)
}

fn failure() -> String {
    event(2, r#""event":"failure","namespace":"shop","name":"db","reason":"denied""#)
}

const FINISHED: &str = r#""event":"finished","result":"incomplete","tally":{"listed":2,"rewritten":1,"current":0,"gone":0,"failed":1},"reason":"1 failed""#;

fn over() -> serde_json::Value {
    let line = event(3, FINISHED);
    let (_, message) = line.split_once(' ').unwrap();
    serde_json::json!({"terminated": {"exitCode": 6, "message": message}})
}

fn in_minutes(minutes: u64) -> Instant {
    Instant::now() + Duration::from_secs(60 * minutes)
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_opened_again_and_repeats_nothing() {
    let logs = Mutex::new(vec![
        (200, format!("{}{}{}", started(), failure(), event(3, FINISHED))),
        (500, String::new()),
        (200, format!("{}{}", started(), failure())),
        (200, started()),
    ]);
    let asked = std::sync::Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let client = kubernetes(move |_, path| {
        let left = logs.lock().unwrap().len();
        if path.contains("/log?") {
            asked.lock().unwrap().push(path.to_owned());
            return logs.lock().unwrap().pop().unwrap();
        }
        match path.contains("/jobs/") {
            true => (200, job((left < 2).then_some("Failed"))),
            false => (200, pods(&[if left < 2 { over() } else { serde_json::json!({"running": {}}) }])),
        }
    });
    let terminal = Terminal::captured();
    let ended = follow(&reached(client), &run(), true, &terminal, in_minutes(80)).await.unwrap();
    assert_eq!(ended.job, JobEnd::Failed("BackoffLimitExceeded: too many".into()));
    assert_eq!(ended.last_word.unwrap().tally.failed, 1);
    assert_eq!(ended.progress.failures.len(), 1);
    assert_snapshot!(terminal.text(), @r"
    Pod pod-0 has begun: 2 Secrets, watermark 9, Job 0.1.0, API server v1.34.4
    failed: Secret shop/db: denied
    note: can't read the log of Pod pod-0 now: Failed to parse error data
    ");
    let asked = heard.lock().unwrap().clone();
    assert!(!asked[0].contains("sinceTime"), "{asked:?}");
    assert!(asked[1].contains("follow=true") && asked[1].contains("sinceTime"), "{asked:?}");
    assert!(!asked[3].contains("follow=true"), "an ended Pod's log ends: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled_ends_the_wait_in_half_a_minute() {
    let client = kubernetes(|_, path| match path.contains("/jobs/") {
        true => (200, job(None)),
        false => (
            200,
            pods(&[
                serde_json::json!({"waiting": {"reason": "ErrImagePull", "message": "registry.example/job:1: not found"}}),
            ]),
        ),
    });
    let (terminal, began) = (Terminal::captured(), Instant::now());
    let error = follow(&reached(client), &run(), true, &terminal, in_minutes(80)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(35), "{:?}", began.elapsed());
    assert_snapshot!(format!("{}\n{}", terminal.text(), error_text(error)), @r"
    waiting: its container waits: ErrImagePull: registry.example/job:1: not found
    exit 6
    error: Job eks-encrypt-r1 in namespace ops does not start: its container waits: ErrImagePull: registry.example/job:1: not found
      no Secret has been re-encrypted by this run, and the Job has been taken away again; mend this and run the same command again, or re-encrypt from here without a Pod: --local
    ");
}

/// An autoscaler may need minutes for a node: a person who can't wait must know what else there is.
#[tokio::test(start_paused = true)]
async fn a_pod_that_no_node_takes_is_explained_at_once_and_after_half_a_minute_there_is_another_way() {
    let unschedulable = serde_json::json!({"metadata": {"name": "pod-0"}, "status": {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 node(s) had untolerated taint"}]}});
    let list = serde_json::json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [unschedulable]});
    let client = kubernetes(move |_, path| match path {
        _ if path.contains("/jobs/") => (200, job(None)),
        _ if path.contains("/events") => (200, events(&[])),
        _ => (200, list.to_string()),
    });
    let (terminal, deadline) = (Terminal::captured(), Instant::now() + Duration::from_secs(40));
    follow(&reached(client.clone()), &run(), true, &terminal, deadline).await.unwrap_err();
    assert_snapshot!(terminal.text(), @r"
    waiting: no node takes its Pod: 0/3 nodes are available: 3 node(s) had untolerated taint
    no Pod of it has begun. To begin anew, take it away first: `kubectl delete job -n ops eks-encrypt-r1`. Then run the same command again with other settings, or do the same from here, with your own rights and without a Pod: `kubectl eks-encrypt reencrypt --namespace ops --local`
    ");
    let (terminal, began) = (Terminal::captured(), Instant::now());
    let error = follow(&reached(client), &run(), true, &terminal, in_minutes(80)).await.unwrap_err();
    assert!(matches!(error, Error::NotStarted { .. }) && began.elapsed() >= Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_may_not_be_made_is_explained_by_the_jobs_event() {
    let client = kubernetes(|_, path| match path {
        _ if path.contains("/jobs/") => (200, job(None)),
        _ if path.contains("/events") => {
            (200, events(&[("FailedCreate", "pods \"x\" is forbidden: violates PodSecurity")]))
        }
        _ => (200, pods(&[])),
    });
    let error = follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(80)).await.unwrap_err();
    assert!(error_text(error).contains("violates PodSecurity"));
}

#[tokio::test(start_paused = true)]
async fn time_that_is_up_leaves_the_job_at_work() {
    let client = kubernetes(|_, path| match path.contains("/jobs/") {
        true => (200, job(None)),
        false if path.contains("/log?") => (200, started()),
        false => (200, pods(&[serde_json::json!({"running": {}})])),
    });
    let error = follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(5)).await.unwrap_err();
    assert_snapshot!(error_text(error), @r"
    exit 7
    error: time is up after 5 min 0 s: Job eks-encrypt-r1 in namespace ops goes on in the cluster without us, and keeps its right to list and patch every Secret; run the same command again (after `reencrypt --without-aws`: `attach`): it follows the Job, or sees how it ended, and takes the right away
      to take the right away before (the Job then stops): kubectl delete clusterrolebinding eks-encrypt-r1
    ");
}

/// Nobody takes rights away that were not given; and once the Job has ended, the same command begins another.
#[tokio::test(start_paused = true)]
async fn time_that_is_up_for_a_job_with_somebodys_service_account_speaks_of_no_rights() {
    let client = kubernetes(|_, path| match path.contains("/jobs/") {
        true => (200, job(None)),
        false => (200, pods(&[])),
    });
    let theirs = Run { manages_rbac: false, ..run() };
    let error = follow(&reached(client), &theirs, true, &Terminal::captured(), in_minutes(5)).await.unwrap_err();
    assert_snapshot!(error_text(error), @r"
    exit 7
    error: time is up after 5 min 0 s: Job eks-encrypt-r1 in namespace ops goes on in the cluster without us
      to follow it again, or to see how it ended: kubectl eks-encrypt attach --namespace ops
    ");
}

#[tokio::test(start_paused = true)]
async fn an_ended_pod_without_a_log_does_not_hold_up_the_end() {
    let client = kubernetes(|_, path| match path.contains("/jobs/") {
        true => (200, job(Some("Failed"))),
        false if path.contains("/log?") => (500, String::new()),
        false => (200, pods(&[over()])),
    });
    let ended = follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(80)).await.unwrap();
    assert_eq!(ended.last_word.unwrap().tally.listed, 2);
}

/// An API server on which the newest Pod can't pull its image; with these Pods before it, and these events.
fn stuck(before: Vec<serde_json::Value>, said: &'static [(&'static str, &'static str)]) -> kube::Client {
    kubernetes(move |_, path| match path {
        _ if path.contains("/jobs/") => (200, job(None)),
        _ if path.contains("/events") => (200, events(said)),
        _ if path.contains("/log?") => (200, started()),
        _ => {
            let mut states = before.clone();
            states.push(serde_json::json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}}));
            (200, pods(&states))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_half_done_run_is_not_given_up_because_its_successor_does_not_start() {
    let stopped = serde_json::json!({"terminated": {"exitCode": 1}});
    let seen = stuck(vec![stopped], &[]);
    let drained =
        stuck(vec![], &[("SuccessfulCreate", "Created pod: pod-x"), ("SuccessfulCreate", "Created pod: pod-0")]);
    for client in [seen, drained] {
        let terminal = Terminal::captured();
        let error = follow(&reached(client), &run(), true, &terminal, in_minutes(20)).await.unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
        assert!(terminal.text().contains("waiting: its container waits: ErrImagePull"), "{}", terminal.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_process_made_is_not_given_up() {
    let error =
        follow(&reached(stuck(vec![], &[])), &run(), false, &Terminal::captured(), in_minutes(20)).await.unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
}

#[tokio::test]
async fn a_job_that_somebody_deleted_is_gone() {
    let client = kubernetes(|_, path| not_found(path));
    assert_snapshot!(error_text(follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(80)).await.unwrap_err()), @r"
    exit 6
    error: Job eks-encrypt-r1 in namespace ops is gone: somebody deleted it before it had ended; run `enable` or `reencrypt` (again) to begin another
    ");
}

#[tokio::test(start_paused = true)]
async fn a_proxys_404_and_a_starting_servers_refusals_do_not_end_the_wait() {
    let strays =
        Mutex::new(vec![(404, "404 page not found"), (404, NOT_SERVED), (401, "Unauthorized"), (403, "Forbidden")]);
    let client = kubernetes(move |_, path| match strays.lock().unwrap().pop() {
        Some((code, words)) => (code, words.to_owned()),
        None if path.contains("/jobs/") => (200, job(Some("Failed"))),
        None => (200, pods(&[])),
    });
    follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(80)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_lasts_is_told() {
    let client = kubernetes(|_, _| (403, "you may not".into()));
    let began = Instant::now();
    let error = follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(80)).await.unwrap_err();
    assert!(began.elapsed() >= MAX_REJECTION_TIME && began.elapsed() < MAX_REJECTION_TIME * 2, "{:?}", began.elapsed());
    assert_snapshot!(error_text(error), @r"
    exit 1
    error: can't see how Job eks-encrypt-r1 in namespace ops goes on; it goes on without us, and keeps its right to list and patch every Secret; run the same command again (after `reencrypt --without-aws`: `attach`): it follows the Job, or sees how it ended, and takes the right away
      to take the right away before (the Job then stops): kubectl delete clusterrolebinding eks-encrypt-r1
      why: you may not
    ");
}

/// Who has several clusters would paste a command into another one.
#[tokio::test(start_paused = true)]
async fn every_command_that_is_printed_names_the_cluster() {
    let commands = |text: String| -> Vec<String> {
        let named = text.match_indices("kubectl ").map(|(at, _)| text[at..].split(['`', '\n', '(']).next().unwrap());
        named.map(|command| command.trim().to_owned()).collect()
    };
    let silent = || kubernetes(|_, path| (200, if path.contains("/jobs/") { job(None) } else { pods(&[]) }));
    let mut all = Vec::new();
    for client in [stuck(vec![], &[]), silent(), kubernetes(|_, _| (403, "you may not".into()))] {
        let (kubernetes, terminal) = (reached_by(&["--context", "prod"], client), Terminal::captured());
        let error = follow(&kubernetes, &run(), false, &terminal, in_minutes(6)).await.unwrap_err();
        all.extend(commands(format!("{}\n{}", terminal.text(), error_text(error))));
    }
    assert_snapshot!(all.join("\n"), @r"
    kubectl delete job -n ops eks-encrypt-r1 --context prod
    kubectl eks-encrypt reencrypt --context prod --namespace ops --local
    kubectl delete clusterrolebinding eks-encrypt-r1 --context prod
    kubectl describe job,pod -n ops --context prod
    kubectl delete clusterrolebinding eks-encrypt-r1 --context prod
    kubectl delete clusterrolebinding eks-encrypt-r1 --context prod
    ");
}

/// The same line, in a version that nobody has made yet.
fn of_version_2(line: &str) -> String {
    line.replace(r#""wire":1"#, r#""wire":2"#).replace("0.1.0", "0.9.0")
}

/// Follows a Job that is of another version, until that is seen; what is said of it.
async fn unreadable(made: bool, condition: Option<&'static str>) -> String {
    let client = kubernetes(move |_, path| match path.contains("/jobs/") {
        true => (200, job(condition)),
        false if path.contains("/log?") => (200, of_version_2(&started())),
        false => (200, pods(&[serde_json::json!({"running": {}})])),
    });
    let (terminal, began) = (Terminal::captured(), Instant::now());
    let flagged = reached_by(&["--context", "prod"], client);
    let error = follow(&flagged, &run(), made, &terminal, in_minutes(80)).await.unwrap_err();
    assert!(began.elapsed() <= 2 * POLL_INTERVAL, "{:?}", began.elapsed());
    format!("{}{}", terminal.text(), error_text(error)).replace(crate::model::VERSION, "VERSION")
}

#[tokio::test(start_paused = true)]
async fn an_image_of_another_version_is_told_at_its_first_line() {
    assert_snapshot!(unreadable(true, None).await, @r"
    exit 6
    error: Job eks-encrypt-r1 in namespace ops can't be followed: its image speaks version 2 of the wire format (Job 0.9.0), and this plugin (VERSION) reads version 1
      the Job has been taken away again; what it may have written does no harm; run the same command again with an image of version VERSION, this plugin's own (--image), or re-encrypt from here without a Pod: --local
    ");
}

#[tokio::test(start_paused = true)]
async fn another_plugins_job_of_another_version_is_told_and_goes_on() {
    assert_snapshot!(unreadable(false, None).await, @r"
    exit 1
    error: Job eks-encrypt-r1 in namespace ops can't be followed: it speaks version 2 of the wire format (Job 0.9.0), and this plugin (VERSION) reads version 1
      it goes on without us, and keeps its right to list and patch every Secret; follow it with the version of the plugin that made it: `attach` then takes the right away
      to take the right away before (the Job then stops): kubectl delete clusterrolebinding eks-encrypt-r1 --context prod
    ");
}

#[tokio::test(start_paused = true)]
async fn a_job_of_another_version_that_has_ended_is_not_judged() {
    assert_snapshot!(unreadable(false, Some("Complete")).await, @r"
    exit 6
    error: Job eks-encrypt-r1 in namespace ops has ended (complete), but what became of the Secrets can't be read: it speaks version 2 of the wire format (Job 0.9.0), and this plugin (VERSION) reads version 1
      read its log: `kubectl logs -n ops job/eks-encrypt-r1 --context prod`; or run `reencrypt` with an image of version VERSION, this plugin's own, which writes every Secret again and says what became of it
    ");
}

/// A Job that was made to be read in version 2, and where its Pod is.
async fn made_for_version_2(condition: Option<&str>, state: serde_json::Value) -> Result<Ended, Error> {
    let mut made: serde_json::Value = serde_json::from_str(&job(condition)).unwrap();
    made["spec"] = serde_json::json!({"template": {"spec": {"containers": [
        {"name": "job", "env": [{"name": "EKS_ENCRYPT_WIRE_VERSION", "value": "2"}]}]}}});
    let client = kubernetes(move |_, path| match path.contains("/jobs/") {
        true => (200, made.to_string()),
        false if path.contains("/log?") => (200, started()),
        false => (200, pods(std::slice::from_ref(&state))),
    });
    follow(&reached(client), &run(), false, &Terminal::captured(), in_minutes(80)).await
}

/// Its Pod may wait for a node for minutes, and then its log can't be read.
#[tokio::test(start_paused = true)]
async fn a_job_made_for_another_version_is_told_before_it_says_anything() {
    let waiting = serde_json::json!({"waiting": {"reason": "ContainerCreating"}});
    let error = made_for_version_2(None, waiting).await.unwrap_err();
    assert!(matches!(error, Error::OtherVersion { .. }), "{error}");
}

/// An image of ours refuses a reader of another version, and says so in our version: that can be judged.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_its_maker_in_our_own_version_is_judged() {
    let ended = made_for_version_2(Some("Failed"), over()).await.unwrap();
    assert_eq!(ended.last_word.unwrap().tally.listed, 2);
}

/// Its log may be gone with its node: the termination message says it too.
#[tokio::test(start_paused = true)]
async fn a_last_word_of_another_version_is_seen_without_the_log() {
    let state = serde_json::json!({"terminated": {"exitCode": 0, "message": r#"{"wire":2,"event":"finished"}"#}});
    let client = kubernetes(move |_, path| match path.contains("/jobs/") {
        true => (200, job(Some("Complete"))),
        false if path.contains("/log?") => (500, String::new()),
        false => (200, pods(std::slice::from_ref(&state))),
    });
    let error = follow(&reached(client), &run(), false, &Terminal::captured(), in_minutes(80)).await.unwrap_err();
    assert!(matches!(error, Error::UnsupportedVersion { .. }), "{error}");
}

/// An API server whose logs are these pieces; whatever else it is asked, it answers by the path.
fn with_log<L: Stream<Item = Vec<u8>> + Send + 'static>(
    answer: impl Fn(&str) -> String + Send + 'static,
    log: impl Fn() -> L + Send + 'static,
) -> Client {
    type Answer = http::Response<Either<Full<Bytes>, Channel<Bytes>>>;
    let (service, mut handle) = tower_test::mock::pair::<http::Request<Body>, Answer>();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let path = request.uri().path();
            if !path.ends_with("/log") {
                send.send_response(http::Response::new(Either::Left(Full::from(answer(path)))));
                continue;
            }
            let (mut sender, body) = Channel::new(1);
            send.send_response(http::Response::new(Either::Right(body)));
            let mut log = Box::pin(log());
            tokio::spawn(async move {
                while let Some(piece) = log.next().await
                    && sender.send_data(piece.into()).await.is_ok()
                {}
            });
        }
    });
    bounds::client(ClientBuilder::new(service, "default"))
}

/// A Job that ends half a minute after it is first looked at, with a Pod that writes on.
fn ends_while_its_pod_writes() -> impl Fn(&str) -> String + Send + 'static {
    let began = Instant::now();
    move |path| match path.contains("/jobs/") {
        true => job((began.elapsed() > Duration::from_secs(30)).then_some("Complete")),
        false => pods(&[serde_json::json!({"running": {}})]),
    }
}

/// X2. Before, it kept the command until its own time was up.
#[tokio::test(start_paused = true)]
async fn a_pod_that_writes_for_ever_does_not_outlast_its_job() {
    let line_every_10_s = || {
        stream::unfold(0, |number| async move {
            sleep(Duration::from_secs(10)).await;
            Some((format!("line {number}\n").into_bytes(), number + 1))
        })
    };
    let client = with_log(ends_while_its_pod_writes(), line_every_10_s);
    let (terminal, began) = (Terminal::captured(), Instant::now());
    let ended = follow(&reached(client), &run(), true, &terminal, in_minutes(80)).await.unwrap();
    assert_eq!((ended.job, ended.last_word), (JobEnd::Complete, None));
    assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
}

/// Planted Pods come before the real one, and each could take its time.
#[tokio::test(start_paused = true)]
async fn several_pods_that_write_for_ever_do_not_either() {
    let running = vec![serde_json::json!({"running": {}}); 9];
    let began = Instant::now();
    let answer = move |path: &str| match path.contains("/jobs/") {
        true => job((began.elapsed() > Duration::from_secs(30)).then_some("Complete")),
        false => pods(&running),
    };
    let client = with_log(answer, || {
        stream::unfold((), |()| async {
            sleep(POLL_INTERVAL).await;
            Some((b"x\n".to_vec(), ()))
        })
    });
    follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(80)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
}

/// X3. Before, all of it was kept, and shown.
#[tokio::test(start_paused = true)]
async fn a_log_of_300_mib_without_a_line_end_is_one_short_note() {
    let client = with_log(ends_while_its_pod_writes(), || stream::iter(std::iter::repeat_n(vec![b'x'; 1 << 20], 300)));
    let terminal = Terminal::captured();
    follow(&reached(client), &run(), true, &terminal, in_minutes(80)).await.unwrap();
    let text = terminal.text();
    assert!(text.len() < 10_000, "{}", text.len());
    assert!(text.contains("note: the logs of this run are too long: the rest of them is not read"), "{text}");
}

/// Lines that are not the Job's, and lines that look like it.
#[tokio::test(start_paused = true)]
async fn a_flood_of_lines_does_not_fill_the_screen() {
    let note = |seq: u64| {
        format!(
            r#"{{"wire":1,"run":"r1","pod":"pod-0","seq":{seq},"time":"2026-11-24T07:00:00Z","event":"note","message":"m"}}"#
        )
    };
    let flood = move || stream::iter((1..50_000).map(move |seq| format!("noise\n{}\n", note(seq)).into_bytes()));
    let client = with_log(ends_while_its_pod_writes(), flood);
    let terminal = Terminal::captured();
    follow(&reached(client), &run(), true, &terminal, in_minutes(80)).await.unwrap();
    let (text, shown) = (terminal.text(), terminal.text().lines().count());
    assert!(shown > 100 && shown < 300, "{shown}");
    assert!(text.contains(" more lines of the log, see `kubectl logs`"), "{text}");
}

/// Its last word counted, because it was later, and its log was read.
#[tokio::test(start_paused = true)]
async fn a_pod_with_the_runs_label_that_the_job_does_not_own_is_not_read() {
    let client = kubernetes(|_, path| {
        assert!(!path.contains("/pods/theirs/"), "asked {path}");
        let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
        if path.contains("/log?") {
            return (200, format!("{}{}", started(), event(3, FINISHED)));
        }
        if path.contains("/jobs/") {
            let mut job = json(job(Some("Failed")));
            job["metadata"]["uid"] = "uid-1".into();
            return (200, job.to_string());
        }
        let mut pods = json(pods(&[over(), over()]));
        pods["items"][0]["metadata"]["ownerReferences"] =
            serde_json::json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "eks-encrypt-r1", "uid": "uid-1"}]);
        pods["items"][1]["metadata"]["name"] = "theirs".into();
        let word = r#"{"wire":1,"run":"r1","pod":"theirs","seq":9,"time":"2026-11-24T08:00:00Z","event":"finished",
            "result":"complete","tally":{"listed":2,"rewritten":2,"current":0,"gone":0,"failed":0}}"#;
        pods["items"][1]["status"]["containerStatuses"][0]["state"]["terminated"]["message"] =
            word.replace('\n', " ").into();
        (200, pods.to_string())
    });
    let ended = follow(&reached(client), &run(), true, &Terminal::captured(), in_minutes(80)).await.unwrap();
    assert_eq!(ended.last_word.unwrap().tally.failed, 1);
}

/// It was followed on, and its end taken for the run's; also where it took the place before the first look.
#[tokio::test(start_paused = true)]
async fn a_job_that_takes_the_place_of_the_runs_own_is_not_followed() {
    for made in [None, Some("uid-1".to_owned())] {
        let (is_known, looks) = (made.is_some(), std::sync::atomic::AtomicU32::new(0));
        let client = kubernetes(move |_, path| {
            if !path.contains("/jobs/") {
                return (200, pods(&[]));
            }
            let own = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 && !is_known;
            let mut job: serde_json::Value = serde_json::from_str(&job((!own).then_some("Complete"))).unwrap();
            job["metadata"]["uid"] = if own { "uid-1" } else { "uid-2" }.into();
            (200, job.to_string())
        });
        let run = Run { uid: made, ..run() };
        let ended = follow(&reached(client), &run, true, &Terminal::captured(), in_minutes(80)).await;
        assert!(matches!(ended, Err(Error::Deleted { .. })), "{ended:?}");
    }
}
