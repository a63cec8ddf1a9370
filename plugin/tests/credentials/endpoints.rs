//! FIPS, dual-stack and endpoints of one's own, from the environment and from profiles.
use crate::support::{self, Shell};

fn sts(shell: &Shell, more: &[&str]) -> String {
    let url = shell.token(more).url();
    url.split_once("/?").unwrap().0.to_owned()
}

#[test]
fn fips_and_dual_stack() {
    let shell = || Shell::new().keys("AKID");
    assert_eq!(sts(&shell(), &[]), "https://sts.us-west-2.amazonaws.com");
    assert_eq!(sts(&shell(), &["--region", "cn-north-1"]), "https://sts.cn-north-1.amazonaws.com.cn");
    let fips = shell().set("AWS_USE_FIPS_ENDPOINT", "true");
    assert_eq!(sts(&fips, &[]), "https://sts-fips.us-west-2.amazonaws.com");
    let both = fips.set("AWS_USE_DUALSTACK_ENDPOINT", "true");
    assert_eq!(sts(&both, &[]), "https://sts-fips.us-west-2.amazonaws.com", "EKS takes no dual-stack host");
}

#[test]
fn the_same_of_a_profile() {
    let private = support::sts();
    let config = "[profile p]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\nregion = us-east-2
aws_access_key_id = AKID\naws_secret_access_key = s
[profile own]\nservices = private\naws_access_key_id = AKID\naws_secret_access_key = s
[services private]\nsts =\n  endpoint_url = PRIVATE"
        .replace("PRIVATE", &private.url());
    let shell = Shell::new().config(&config).unset("AWS_REGION");
    assert_eq!(sts(&shell, &["--profile", "p"]), "https://sts-fips.us-east-2.amazonaws.com");
    let shell = shell.set("AWS_PROFILE", "p");
    assert_eq!(sts(&shell, &[]), "https://sts-fips.us-east-2.amazonaws.com");
    // The roles of a profile are asked for where it says; the token is signed for STS's own name.
    let own = ["--profile", "own", "--region", "us-west-2", "--role-arn", "arn:aws:iam::111122223333:role/ops"];
    assert_eq!(sts(&shell, &own), "https://sts.us-west-2.amazonaws.com");
    assert_eq!(private.heard().len(), 1);
}

#[test]
fn no_region_at_all() {
    let said = Shell::new().keys("AKID").unset("AWS_REGION").token(&[]);
    assert_eq!(said.code, Some(2));
    insta::assert_snapshot!(said.stderr.trim(), @"error: no AWS region: add --region, or set AWS_REGION, or a region in the profile");
}
