//! FIPS, dual-stack and endpoints of one's own, from the environment and from profiles.
use crate::support::{self, Server, Shell, tls};

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

/// Who we are: asked before EKS is.
const IDENTITY: &str =
    "<GetCallerIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><GetCallerIdentityResult>
    <Arn>arn:aws:iam::111122223333:user/ops</Arn><UserId>AIDA</UserId><Account>111122223333</Account>
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

/// Where AWS was looked for. A proxy leads all who ask for these names to one server, which knows who they are and nothing else.
fn looked_for(names: &[&str], shell: Shell, config: &str) -> Vec<String> {
    let (address, authority) = tls::serve(names, IDENTITY);
    let proxy = Server::proxy(address);
    let kubeconfig = "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c}}], \
                      clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]}";
    let shell = shell.keys("AKID").config(config).file("kubeconfig", kubeconfig).file("ca.pem", &authority);
    let (kubeconfig, bundle) =
        (shell.path("kubeconfig").display().to_string(), shell.path("ca.pem").display().to_string());
    let shell = shell.set("KUBECONFIG", &kubeconfig).set("AWS_CA_BUNDLE", &bundle).set("AWS_MAX_ATTEMPTS", "1");
    shell.set("HTTPS_PROXY", &proxy.url()).run(&["reencrypt", "--cluster", "shop", "--local", "--dry-run"]);
    proxy.heard().iter().filter_map(|asked| Some(asked.target.strip_suffix(":443")?.to_owned())).collect()
}

#[test]
fn fips_and_dual_stack_of_the_services() {
    let fips = || Shell::new().set("AWS_USE_FIPS_ENDPOINT", "true");
    let dual_stack = Shell::new().set("AWS_USE_DUALSTACK_ENDPOINT", "true");
    for (shell, config, names) in [
        (Shell::new(), "", ["sts.us-west-2.amazonaws.com", "eks.us-west-2.amazonaws.com"]),
        (fips(), "", ["sts-fips.us-west-2.amazonaws.com", "fips.eks.us-west-2.amazonaws.com"]),
        (dual_stack, "", ["sts.us-west-2.api.aws", "eks.us-west-2.api.aws"]),
        (
            fips(),
            "[default]\nuse_dualstack_endpoint = true",
            ["sts-fips.us-west-2.api.aws", "eks-fips.us-west-2.api.aws"],
        ),
    ] {
        assert_eq!(looked_for(&names, shell, config), names);
    }
}

#[test]
fn no_region_at_all() {
    let said = Shell::new().keys("AKID").unset("AWS_REGION").token(&[]);
    assert_eq!(said.code, Some(2));
    insta::assert_snapshot!(said.stderr.trim(), @"error: no AWS region: add --region, or set AWS_REGION, or a region in the profile");
}
