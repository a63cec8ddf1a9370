//! One run at a time: a second one is refused, names who is at work, and writes nothing.

use super::gate;
use super::judge::{Before, cleaned_up, times};
use super::running::{BEGUN, Running};
use super::support::{admin, associated, control_plane, enable, filled, plugin};

#[tokio::test]
async fn a_second_run_is_refused_by_the_lease_and_the_first_one_finishes() {
    let sandbox = control_plane();
    filled(&sandbox, 300, 3).await;
    associated(&sandbox, &sandbox.info().keys.customer);
    let before = Before::of(&sandbox).await;

    gate::shut(&sandbox, "seed-2", "secret-2");
    let mut first = Running::start(&sandbox, "first", &enable(&sandbox, &["--local"]));
    first.until(BEGUN);
    let second = plugin(&sandbox, &["reencrypt", "--local", "--yes", "--output=json"]);
    first.at_work();
    assert_eq!(second.code, Some(3), "{}", second.stderr);
    let holder = ["get", "lease", "-n", "eks-encrypt", "eks-encrypt", "--output=jsonpath={.spec.holderIdentity}"];
    let holder = admin(&sandbox, &holder).ok();
    assert!(holder.contains("/local-"), "{holder}");
    let words = format!("another run is at work: {holder} has the lease");
    assert!(second.stderr.contains(&words), "{words}: {}", second.stderr);
    let report: serde_json::Value = serde_json::from_str(&second.stdout).unwrap();
    assert_eq!((&report["done"], &report["exitCode"]), (&false.into(), &3.into()), "{report}");

    gate::open(&sandbox);
    let said = first.end();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("300 listed: 300 rewritten"), "{}", said.stderr);
    before.all_moved(&sandbox).await;
    // One time stands in all of them: the second run wrote none.
    assert_eq!(times(&sandbox).len(), 1);
    cleaned_up(&sandbox).await;
}
