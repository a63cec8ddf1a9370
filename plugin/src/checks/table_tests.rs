//! The table as it is read, by people and by scripts.
use super::*;
use crate::testing::KEY;
use insta::{assert_json_snapshot, assert_snapshot};

fn whole(terminal: &Terminal) -> Checks<'_> {
    let mut checks = Checks::new(terminal);
    checks.add(Check::ok("AWS identity", "arn:aws:iam::111122223333:user/alice"));
    checks.add_all([
        Check::ok("Kubernetes identity", "alice@example"),
        Check::warn(
            "key rotation",
            "automatic rotation is off: the same key material for ever, which auditors ask about (AWS Config cmk-backing-key-rotation-enabled)",
            Some(format!("`aws kms enable-key-rotation --key-id {KEY}`")),
        ),
    ]);
    checks.add(Check::failed("admission", "first thing\nsecond thing", Some("mend both".into())));
    let other =
        crate::aws::association::Error::OtherKey { cluster: "shop".into(), has: "arn:k".into(), asked: KEY.into() };
    checks.add(Check::from_error("association", other));
    checks.add(Check::skipped("rights", "it needs the Kubernetes identity"));
    checks
}

#[test]
fn a_whole_table() {
    let terminal = Terminal::captured();
    let closing = whole(&terminal).summary_line();
    assert_snapshot!(format!("{}\n{closing}", terminal.text()), @r"
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    Kubernetes identity  alice@example
      warn  key rotation         automatic rotation is off: the same key material for ever, which auditors ask about (AWS
                                   Config cmk-backing-key-rotation-enabled)
                                 what helps:
                                   `aws kms enable-key-rotation --key-id arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`
      FAIL  admission            first thing
                                 second thing
                                 what helps: mend both
      FAIL  association          EKS cluster shop has another key already, and EKS can't change it
                                   it has:    arn:k
                                   you asked: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
                                   to use new key material, rotate the key that it has: aws kms enable-key-rotation --key-id
                                     arn:k
      -     rights               not checked: it needs the Kubernetes identity
    2 checks failed, 1 not checked, 1 warning; nothing was changed.
    ");
}

#[test]
fn a_narrow_terminal_breaks_texts_but_no_commands() {
    let terminal = Terminal::captured();
    let checks = whole(&terminal);
    assert_snapshot!(checks.all[2].row(80), @r"
    warn  key rotation         automatic rotation is off: the same key material
                                 for ever, which auditors ask about (AWS Config
                                 cmk-backing-key-rotation-enabled)
                               what helps:
                                 `aws kms enable-key-rotation --key-id arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`
    ");
    assert_eq!(checks.all[2].row(20), checks.all[2].row(TEXT_COLUMN + MIN_TEXT_WIDTH));
}

#[test]
fn the_first_failure_gives_the_exit_code() {
    let terminal = Terminal::captured();
    let mut checks = Checks::new(&terminal);
    assert_eq!(checks.failed(), None);
    checks.add(Check::warn("key", "old", None));
    checks.add(Check::skipped("rights", "nobody asked"));
    assert_eq!(checks.failed(), None);
    let other = crate::aws::association::Error::OtherKey { cluster: "shop".into(), has: "a".into(), asked: "b".into() };
    checks.add(Check::from_error("association", other));
    checks.add(Check::failed("admission", "broken", None));
    assert_eq!(checks.failed(), Some(ExitCode::OtherKey));
}

#[test]
fn the_closing_line() {
    let rows = [
        vec![Check::ok("a", "")],
        vec![Check::ok("a", ""), Check::warn("b", "", None)],
        vec![Check::failed("a", "", None), Check::warn("b", "", None), Check::warn("c", "", None)],
        vec![Check::failed("a", "", None), Check::failed("b", "", None), Check::skipped("c", "")],
        vec![Check::ok("a", ""), Check::skipped("c", "")],
    ];
    let terminal = Terminal::captured();
    let told = rows.map(|all| Checks { terminal: &terminal, all }.summary_line());
    assert_snapshot!(told.join("\n"), @r"
    Every check passed.
    Every check passed, 1 warning.
    1 check failed, 2 warnings; nothing was changed.
    2 checks failed, 1 not checked; nothing was changed.
    No check failed, 1 not checked.
    ");
}

#[test]
fn other_peoples_words_stay_in_their_place() {
    let check = Check::ok("kubeconfig", "context \u{1b}[2Jprod\r");
    assert_snapshot!(check.row(120), @r"  ok    kubeconfig           context \u{1b}[2Jprod\r");
}

#[test]
fn rows_for_scripts() {
    let terminal = Terminal::captured();
    assert_json_snapshot!(whole(&terminal).into_all(), @r#"
    [
      {
        "check": "AWS identity",
        "result": "ok",
        "found": "arn:aws:iam::111122223333:user/alice"
      },
      {
        "check": "Kubernetes identity",
        "result": "ok",
        "found": "alice@example"
      },
      {
        "check": "key rotation",
        "result": "warn",
        "found": "automatic rotation is off: the same key material for ever, which auditors ask about (AWS Config cmk-backing-key-rotation-enabled)",
        "cure": "`aws kms enable-key-rotation --key-id arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`"
      },
      {
        "check": "admission",
        "result": "failed",
        "found": "first thing\nsecond thing",
        "cure": "mend both",
        "exitCode": 3
      },
      {
        "check": "association",
        "result": "failed",
        "found": "EKS cluster shop has another key already, and EKS can't change it\n  it has:    arn:k\n  you asked: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\n  to use new key material, rotate the key that it has: aws kms enable-key-rotation --key-id arn:k",
        "exitCode": 4
      },
      {
        "check": "rights",
        "result": "skipped",
        "found": "not checked: it needs the Kubernetes identity"
      }
    ]
    "#);
}
