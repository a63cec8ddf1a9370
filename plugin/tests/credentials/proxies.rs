//! Proxies between us and AWS, with and without a password, and what NO_PROXY excepts; behind them a TLS server whose authority is
//! in AWS_CA_BUNDLE alone. (Proxies before the API server: `tests/e2e/e2e/kubeconfigs.rs`.)
use insta::assert_snapshot;

use crate::support::{Server, Shell, tls};

const ROLE: &str = "arn:aws:iam::111122223333:role/admin";

const ASSUMED: &str =
    "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>
    <AccessKeyId>ASIAASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

/// AWS behind a proxy, and a shell that trusts it.
fn behind_a_proxy() -> (Server, Shell) {
    let (address, authority) = tls::serve(&["sts.us-west-2.amazonaws.com"], ASSUMED);
    let shell = Shell::new().keys("AKID").file("ca.pem", &authority);
    let bundle = shell.path("ca.pem").display().to_string();
    (Server::proxy(address), shell.set("AWS_CA_BUNDLE", &bundle))
}

#[test]
fn aws_through_a_proxy_that_wants_a_password() {
    let (proxy, shell) = behind_a_proxy();
    let shell = shell.set("HTTPS_PROXY", &format!("http://alice:p%40ss@{}", proxy.address()));
    assert_eq!(shell.token(&["--role-arn", ROLE]).signer(), "ASIAASSUMED");
    let asked = proxy.heard();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].method.as_str(), asked[0].target.as_str()), ("CONNECT", "sts.us-west-2.amazonaws.com:443"));
    // alice:p@ss
    assert_eq!(asked[0].header("proxy-authorization"), Some("Basic YWxpY2U6cEBzcw=="));
}

#[test]
fn an_authority_that_nobody_named_is_not_trusted() {
    let (proxy, shell) = behind_a_proxy();
    let shell = shell.set("https_proxy", &proxy.url()).unset("AWS_CA_BUNDLE").set("AWS_MAX_ATTEMPTS", "1");
    assert_snapshot!(shell.error(&shell.token(&["--role-arn", ROLE])), @"error: can't assume role arn:aws:iam::111122223333:role/admin to make the cluster's token (does a proxy answer for AWS? set AWS_CA_BUNDLE to its certificate authority): dispatch failure: io error: client error (Connect): TLS handshake failed: invalid peer certificate: UnknownIssuer");
}

#[test]
fn credentials_are_not_blamed_for_a_proxy_that_is_not_there() {
    let shell = Shell::new().keys("AKID").set("HTTPS_PROXY", "http://127.0.0.1:1").set("AWS_MAX_ATTEMPTS", "1");
    assert_snapshot!(shell.error(&shell.token(&["--role-arn", ROLE])), @"error: can't assume role arn:aws:iam::111122223333:role/admin to make the cluster's token (AWS is not reached from here: is HTTPS_PROXY right, or AWS_ENDPOINT_URL for an endpoint of your own?): dispatch failure: io error: client error (Connect): tunnel error: failed to create underlying connection: tcp connect error: Connection refused (os error 111)");
}

#[test]
fn what_no_proxy_excepts_goes_straight_there() {
    for exceptions in ["127.0.0.1", "10.0.0.0/8,127.0.0.0/8", " example.com, 127.0.0.1 "] {
        let (address, authority) = tls::serve(&["127.0.0.1"], ASSUMED);
        let proxy = Server::proxy(address);
        let shell = Shell::new().keys("AKID").file("ca.pem", &authority);
        let bundle = shell.path("ca.pem").display().to_string();
        let shell = shell
            .set("AWS_CA_BUNDLE", &bundle)
            .set("AWS_ENDPOINT_URL_STS", &format!("https://{address}"))
            .set("HTTPS_PROXY", &proxy.url());
        assert_eq!(shell.token(&["--role-arn", ROLE]).signer(), "ASIAASSUMED");
        assert_eq!(proxy.heard().len(), 1, "without exceptions it goes through the proxy");
        assert_eq!(shell.set("NO_PROXY", exceptions).token(&["--role-arn", ROLE]).signer(), "ASIAASSUMED");
        assert_eq!(proxy.heard().len(), 1, "NO_PROXY={exceptions}");
    }
}
