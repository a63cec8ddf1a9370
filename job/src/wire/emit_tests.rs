//! The lines as a reader gets them.
use super::*;
use crate::wire::event::{Phase, RunResult};
use crate::wire::outcome::Tally;

fn finished(reason: &str) -> Event {
    let tally = Tally { listed: 1, failed: 1, ..Tally::default() };
    Event::Finished { result: RunResult::Incomplete, tally, proof: None, reason: Some(reason.into()) }
}

/// What stands in the termination message after `events`.
fn left_behind(events: Vec<Event>) -> String {
    let name = format!("eks-encrypt-emit-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, "something older and longer than that").unwrap();
    let mut emit = Emit::new(Vec::new(), Some(path.clone()), "r1".into(), "p1".into());
    events.into_iter().for_each(|event| emit.event(event));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

#[test]
fn lines_are_json_and_count_up_from_1() {
    let mut emit = Emit::new(Vec::new(), None, "r1".into(), "p1".into());
    emit.event(Event::Progress { phase: Phase::Rewrite, tally: Tally::default(), rate_milli: 1500 });
    emit.event(Event::Note { message: "two\nlines".into() });
    emit.event(finished("why"));
    let text = String::from_utf8(emit.out).unwrap();
    let mut lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter_mut().for_each(|line| line["time"] = "T".into());
    insta::assert_json_snapshot!(lines, @r#"
    [
      {
        "wire": 1,
        "run": "r1",
        "pod": "p1",
        "seq": 1,
        "time": "T",
        "event": "progress",
        "phase": "rewrite",
        "tally": {
          "listed": 0,
          "rewritten": 0,
          "current": 0,
          "gone": 0,
          "failed": 0
        },
        "rateMilli": 1500
      },
      {
        "wire": 1,
        "run": "r1",
        "pod": "p1",
        "seq": 2,
        "time": "T",
        "event": "note",
        "message": "two\nlines"
      },
      {
        "wire": 1,
        "run": "r1",
        "pod": "p1",
        "seq": 3,
        "time": "T",
        "event": "finished",
        "result": "incomplete",
        "tally": {
          "listed": 1,
          "rewritten": 0,
          "current": 0,
          "gone": 0,
          "failed": 1
        },
        "reason": "why"
      }
    ]
    "#);
}

#[test]
fn the_last_line_is_left_as_the_termination_message() {
    let text = left_behind(vec![Event::Note { message: "not this".into() }, finished("why")]);
    let line: Line = serde_json::from_str(&text).unwrap();
    assert_eq!((line.seq, line.event), (2, finished("why")));
}

#[test]
fn a_termination_message_fits_and_keeps_the_tally() {
    let text = left_behind(vec![finished(&"x".repeat(5000))]);
    assert!(text.len() <= TERMINATION_LIMIT);
    let line: Line = serde_json::from_str(&text).unwrap();
    let Event::Finished { tally, .. } = line.event else { panic!("{text}") };
    assert_eq!(tally.failed, 1);
}

#[test]
fn no_file_is_made_where_the_kubelet_made_none() {
    let path = std::env::temp_dir().join(format!("eks-encrypt-emit-none-{}", std::process::id()));
    Emit::new(Vec::new(), Some(path.clone()), "r1".into(), "p1".into()).event(finished("why"));
    assert!(!path.exists());
}
