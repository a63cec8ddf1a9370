//! `--dry-run`: says what would be, asks nothing but reading calls, and prints the template that a run would use.

use serde_json::Value;

use super::support::{OREGON, account, create, file, minimal, only_read, stacks, template};
use crate::support::run;

#[test]
fn nothing_but_reading_calls_and_the_very_template() {
    let (account, key) = account();
    let text = minimal(OREGON, &key);
    let output = create(&account, &text, &["--dry-run"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("This was a dry run: nothing was created."), "{}", output.stderr);
    assert!(output.stderr.contains(&key), "{}", output.stderr);
    assert_eq!(
        only_read(&account),
        [
            "cloudformation:DescribeStacks us-west-2",
            "ec2:DescribeAvailabilityZones us-west-2",
            "eks:DescribeCluster us-west-2",
            "kms:DescribeKey us-west-2",
            "sts:GetCallerIdentity us-west-2",
        ]
    );
    assert_eq!(stacks(&account, OREGON).len(), 0);
    assert!(!account.kubeconfig().exists());

    // The run uses what was printed, byte by byte.
    create(&account, &text, &[]).ok();
    let printed: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(template(&account, OREGON), printed);
    assert_eq!(create_dry(&account, &text), output.stdout, "a dry run can be had of what is there already");
}

fn create_dry(account: &eks_encrypt_sandbox::fake_aws::FakeAws, text: &str) -> String {
    create(account, text, &["--dry-run"]).stdout
}

#[test]
fn zones_that_the_file_names_are_used_or_refused_but_never_replaced() {
    let (account, key) = account();
    let text = minimal(OREGON, &key) + "availabilityZones: [us-west-2a, us-west-2d]\n";
    let printed = create(&account, &text, &["--dry-run"]).ok();
    assert!(printed.contains(r#""us-west-2d""#) && !printed.contains(r#""us-west-2b""#), "{printed}");

    let output = create(&account, &text.replace("us-west-2d", "us-west-2x"), &["--dry-run"]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(output.plain_text().contains("us-west-2x"), "{}", output.stderr);
    assert_eq!(output.stdout, "");
}

#[test]
fn the_template_is_one_that_the_aws_command_line_can_deploy() {
    let (account, key) = account();
    let printed = create(&account, &minimal(OREGON, &key), &["--dry-run"]).ok();
    let template = file(&account, &printed);
    let mut deploy = account.command("aws").unwrap();
    deploy.args(["cloudformation", "create-stack", "--region", OREGON, "--stack-name", "mine", "--template-body"]);
    deploy.arg(format!("file://{}", template.display())).args(["--capabilities", "CAPABILITY_IAM"]);
    run(&mut deploy).ok();
    assert_eq!(stacks(&account, OREGON)[0]["StackStatus"], "CREATE_COMPLETE");
}
