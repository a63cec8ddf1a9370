//! The parser of the metrics' text.

use super::*;
use crate::api_servers::key_hash::sha256;

const TO: &str = "transformation_type=\"to_storage\"";

fn last_used(labels: &str, time: &str) -> String {
    format!("apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds{{{labels}}} {time}\n")
}

fn labels(server: &str, key: &str) -> String {
    format!("apiserver_id_hash=\"{}\",key_id_hash=\"{}\",provider_name=\"p\",{TO}", sha256(server), sha256(key))
}

/// The answer to one text, and whether reading ended before the text did.
fn scan(depth: Depth, text: &str, chunk: usize) -> Result<(Answer, bool), MetricsError> {
    let mut scan = Scan::new(depth);
    for chunk in text.as_bytes().chunks(chunk) {
        if scan.push(chunk)? {
            return Ok((scan.answer, true));
        }
    }
    scan.end().map(|answer| (answer, false))
}

fn answer(text: &str) -> Result<Answer, MetricsError> {
    scan(Depth::Keys, text, usize::MAX).map(|(answer, _)| answer)
}

fn write_key(now: i64, text: &str) -> WriteKey {
    Answer { date: Some(Timestamp::from_second(now).unwrap()), ..answer(text).unwrap() }.write_key()
}

fn known(key: &str) -> WriteKey {
    WriteKey::Known(KeyHash::of_arn(key))
}

#[test]
fn text_in_two_chunks_at_any_byte_reads_the_same() {
    let text = format!(
        "# HELP aggregator x\naggregator{{a=\"}}é\\n\\\"\"}} 1\r\n\n{}{}apiserver_z 1\n",
        last_used(&labels("a", "old"), "1.7e+09"),
        last_used(&labels("a", "new"), "1.700000001e+09")
    );
    for at in 0..=text.len() {
        let mut scan = Scan::new(Depth::Keys);
        let (start, end) = text.as_bytes().split_at(at);
        assert!(!scan.push(start).unwrap() || at == text.len());
        assert!(scan.push(end).unwrap() || at == text.len());
        assert_eq!(scan.answer.server, Some(sha256("a")), "{at}");
        assert_eq!(scan.answer.stored.len(), 2, "{at}");
    }
    assert!(scan(Depth::Keys, &text, 1).unwrap().1);
}

#[test]
fn labels_in_any_order_with_others_between_are_read() {
    let (server, key) = (sha256("a"), sha256("k"));
    let labels = format!(" z = \"a,b=\\\"c\\\\\" , {TO}, key_id_hash=\"{key}\",apiserver_id_hash=\"{server}\", ");
    let text = last_used(&labels, "1.7643e+09 1764300000000");
    assert_eq!(write_key(1_764_300_001, &text), known("k"));
    assert_eq!(answer(&text).unwrap().server, Some(server));
}

#[test]
fn escapes_in_a_label_value_are_resolved() {
    let (labels, value) = sample(br#"{a="x\\y\"z\n}",b=""} 2"#).unwrap();
    assert_eq!(labels, [("a", "x\\y\"z\n}".to_owned()), ("b", String::new())]);
    assert!((value - 2.0).abs() < f64::EPSILON);
}

#[test]
fn line_of_a_needed_metric_that_is_broken_is_an_error() {
    let good = labels("a", "k");
    for line in [
        last_used(&good, "NaN"),
        last_used(&good, ""),
        last_used(&good, "soon"),
        last_used(&good[..good.len() - 1], "1"),
        last_used(&format!("{TO},key_id_hash=\"sha256:00\""), "1"),
        last_used(TO, "1"),
        last_used(&format!("{good},filler=\"{}\"", "x".repeat(LONGEST_LINE)), "1"),
    ] {
        assert!(matches!(answer(&line), Err(MetricsError::Line)), "{line:.200}");
    }
}

#[test]
fn line_of_another_metric_that_is_huge_is_skipped_not_kept() {
    let mut scan = Scan::new(Depth::Keys);
    scan.push(b"aggregator{a=\"").unwrap();
    for _ in 0..100 {
        assert!(!scan.push(&[b'x'; 100_000]).unwrap());
        assert!(scan.line.len() <= LONGEST_LINE && scan.line.capacity() <= 2 * LONGEST_LINE);
    }
    scan.push(b"\"} 1\n").unwrap();
    scan.push(last_used(&labels("a", "k"), "1").as_bytes()).unwrap();
    assert_eq!(scan.end().unwrap().stored.len(), 1);
}

#[test]
fn reading_ends_at_the_first_later_name() {
    let keys = last_used(&labels("a", "k"), "1");
    for later in
        ["# HELP apiserver_f x\n", "# TYPE apiserver_f counter\n", "apiserver_f{a=\"b\"} 1\n", "apiserver_f 1\n"]
    {
        let (answer, early) = scan(Depth::Keys, &format!("{keys}{later}never"), usize::MAX).unwrap();
        assert!(early && answer.server.is_some(), "{later}");
    }
    for same in [
        "# apiserver_f\n",
        "# EOF\n",
        "# HELP apiserver_envelope_encryption_key_id_hash_total x\n",
        "apiserver_envelope_encryption_key_id_hash_total 1\n",
        "# HELP apiserver x\napiserver_sum 1\n",
    ] {
        assert!(!scan(Depth::Keys, &format!("{same}{keys}"), usize::MAX).unwrap().1, "{same}");
    }
}

#[test]
fn start_time_is_read_past_the_keys() {
    let keys = last_used(&labels("a", "k"), "1");
    let text = format!("{keys}apiserver_f 1\nprocess_start_time_seconds 1.76430000025e+09\nprocess_v 1\nnever");
    assert_eq!(scan(Depth::Keys, &text, 7).unwrap().0.started, None);
    let (answer, early) = scan(Depth::StartTime, &text, 7).unwrap();
    assert_eq!(answer.started, Some(Timestamp::from_millisecond(1_764_300_000_250).unwrap()));
    assert!(early && answer.stored.len() == 1);
}

#[test]
fn text_that_ends_within_a_line_is_an_error() {
    let text = last_used(&labels("a", "k"), "1.7643e+09");
    assert!(matches!(answer(&text[..text.len() - 2]), Err(MetricsError::CutOff)));
    assert!(answer(&text).is_ok());
    assert_eq!(answer("").unwrap().server, None);
}

#[test]
fn answer_that_names_two_servers_is_an_error() {
    let text = last_used(&labels("a", "k"), "1") + &last_used(&labels("b", "k"), "1");
    assert!(matches!(answer(&text), Err(MetricsError::TwoServers)));
}

#[test]
fn answer_with_too_many_keys_is_an_error() {
    let text: String = (0..=MOST_KEYS).map(|number| last_used(&labels("a", &number.to_string()), "1")).collect();
    assert!(matches!(answer(&text), Err(MetricsError::ManyKeys)));
}

#[test]
fn write_key_is_the_only_fresh_one() {
    let old = last_used(&labels("a", "old"), "1000");
    let new = last_used(&labels("a", "new"), "1.016e+03");
    assert_eq!(write_key(1015, &old), known("old"));
    assert_eq!(write_key(1016, &old), WriteKey::Idle);
    // What was encrypted under the old key may reach etcd a minute later.
    let several = write_key(1016, &format!("{new}{old}"));
    assert!(matches!(several, WriteKey::Several(keys) if keys.len() == 2));
    let again = last_used(&labels("a", "new"), "1.06e+03");
    assert!(matches!(write_key(1060, &format!("{again}{old}")), WriteKey::Several(_)));
    assert_eq!(write_key(1061, &format!("{again}{old}")), known("new"));
}

#[test]
fn write_key_without_a_trustworthy_clock_is_idle() {
    let text = last_used(&labels("a", "k"), "1000");
    assert_eq!(answer(&text).unwrap().write_key(), WriteKey::Idle);
    assert_eq!(write_key(995, &text), known("k"));
    assert_eq!(write_key(994, &text), WriteKey::Idle);
}

#[test]
fn key_that_was_only_read_with_is_no_write_key() {
    let text = last_used(&labels("a", "k").replace("to_storage", "from_storage"), "1000");
    assert_eq!(write_key(1000, &text), WriteKey::Idle);
    assert_eq!(answer(&text).unwrap().server, Some(sha256("a")));
}

#[test]
fn fuzz_reads_any_text_the_same_in_any_pieces() {
    let text = format!(
        "# HELP a [ALPHA] x\n# TYPE a counter\na{{b=\"c\\n\"}} 1 2\n{}# HELP process_start_time_seconds x\n\
         process_start_time_seconds 1.7e9\n# HELP process_z x\n",
        last_used(&labels("a", "k"), "1.7e9")
    );
    let words = |read: Result<(Answer, bool), MetricsError>| {
        read.map(|(answer, early)| (format!("{:?}{:?}", answer.started, answer.stored()), answer.server, early))
            .map_err(|error| error.to_string())
    };
    crate::fuzz::fuzz(&[text.as_bytes(), b"x 1\n"], |bytes| {
        let read = |chunk| {
            let mut scan = Scan::new(Depth::StartTime);
            for chunk in bytes.chunks(chunk) {
                if scan.push(chunk)? {
                    return Ok((scan.answer, true));
                }
                assert!(scan.line.len() <= LONGEST_LINE && scan.answer.stored.len() <= MOST_KEYS);
            }
            scan.end().map(|answer| (answer, false))
        };
        assert_eq!(words(read(7)), words(read(4096)));
    });
}
