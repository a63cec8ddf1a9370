//! Which proxy is between us and the API server. Input: the kubeconfig's `proxy-url`, or else HTTPS_PROXY and NO_PROXY. Output:
//! the proxy's address, if there is one. The rules are kubectl's (Go's golang.org/x/net/http/httpproxy): names, upper case
//! first; NO_PROXY holds hosts, domains, addresses and networks, each with a port or without, or `*`; loopback is never
//! proxied; and NO_PROXY has no say in what the kubeconfig names.
//!
//! kube has rules of its own, but holds NO_PROXY against the proxy's address instead of the server's, and takes an empty
//! entry in it (`NO_PROXY=a,`) for an error (kube-client 5.0.0, src/config/file_loader.rs).

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::cause::Cause;

/// The proxy for this server. `named`: the kubeconfig's.
pub(super) fn proxy_for(
    server: &Uri,
    named: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, Cause> {
    if let Some(url) = named.filter(|url| !url.is_empty()) {
        return parse_proxy(url, "its proxy-url").map(Some);
    }
    let either = |name: &str| non_empty(variable, name).or_else(|| non_empty(variable, &name.to_ascii_lowercase()));
    let name = if server.scheme_str() == Some("http") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
    match either(name) {
        Some(url) if !bypass_proxy(server, &either("NO_PROXY").unwrap_or_default()) => {
            parse_proxy(&url, name).map(Some)
        }
        _ => Ok(None),
    }
}

fn non_empty(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

fn parse_proxy(url: &str, from: &str) -> Result<Uri, Cause> {
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    // SOCKS servers resolve names either way; kube knows the one word.
    let full = full.strip_prefix("socks5h://").map(|rest| format!("socks5://{rest}")).unwrap_or(full);
    let proxy: Option<Uri> = full.parse().ok();
    let proxy = proxy.filter(|proxy| proxy.host().is_some_and(|host| !host.is_empty()));
    // It may hold a password, and is not shown.
    proxy.ok_or_else(|| {
        Cause::message(format!("{from} is not the address of a proxy, such as http://proxy.example:3128"))
    })
}

/// Whether the server is reached without the environment's proxy.
fn bypass_proxy(server: &Uri, exceptions: &str) -> bool {
    let Some(host) = server.host() else { return true };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback()) {
        return true;
    }
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let entries: Vec<&str> = exceptions.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if entries.contains(&"*") {
        return true;
    }
    let rules: Vec<&str> = entries.into_iter().filter_map(|entry| no_proxy_entry(entry, port)).collect();
    let matcher = Matcher::builder().all("http://proxy").no(rules.join(",")).build();
    matcher.intercept(server).is_none()
}

/// An entry without its port, if it is about this one; `*.example.com` is `.example.com`.
fn no_proxy_entry(entry: &str, port: u16) -> Option<&str> {
    let (host, wanted) = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None if entry.matches(':').count() == 1 => {
            entry.split_once(':').map_or((entry, None), |(host, port)| (host, Some(port)))
        }
        None => (entry, None),
    };
    let about = wanted.is_none_or(|wanted| wanted.parse() == Ok(port));
    about.then(|| host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    //! Proxies and exceptions as people set them.
    use super::*;

    const SERVER: &str = "https://abc.gr7.eu-central-1.eks.amazonaws.com";

    fn proxy(server: &str, named: Option<&str>, environment: &[(&str, &str)]) -> String {
        let variable =
            |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        match proxy_for(&server.parse().unwrap(), named, &variable) {
            Ok(Some(proxy)) => proxy.to_string(),
            Ok(None) => "direct".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_environment_s_proxy() {
        let by = |environment: &[(&str, &str)]| proxy(SERVER, None, environment);
        assert_eq!(by(&[]), "direct");
        assert_eq!(by(&[("HTTPS_PROXY", "http://proxy:3128")]), "http://proxy:3128/");
        assert_eq!(by(&[("https_proxy", "proxy:3128")]), "http://proxy:3128/", "http is what no scheme means");
        assert_eq!(by(&[("HTTPS_PROXY", ""), ("https_proxy", "http://b")]), "http://b/", "empty is not set");
        assert_eq!(by(&[("HTTPS_PROXY", "http://a"), ("https_proxy", "http://b")]), "http://a/");
        assert_eq!(by(&[("HTTPS_PROXY", "http://user:p%40ss@a:1")]), "http://user:p%40ss@a:1/");
        assert_eq!(
            by(&[("HTTP_PROXY", "http://a"), ("ALL_PROXY", "http://a")]),
            "direct",
            "these are about other things"
        );
        assert_eq!(proxy("http://api.example", None, &[("HTTP_PROXY", "http://a")]), "http://a/");
    }

    #[test]
    fn what_no_proxy_excepts() {
        for (server, exceptions, excepted) in [
            (SERVER, "*", true),
            (SERVER, "a,*", true),
            (SERVER, ".amazonaws.com", true),
            (SERVER, "amazonaws.com", true),
            (SERVER, "*.amazonaws.com", true),
            (SERVER, " localhost , .eks.amazonaws.com,", true),
            (SERVER, ".eks.amazonaws.com:443", true),
            (SERVER, ".eks.amazonaws.com:6443", false),
            (SERVER, "aws.com", false),
            (SERVER, "proxy", false),
            (SERVER, ",", false),
            (SERVER, "", false),
            ("https://api.example:6443", "api.example:6443", true),
            ("https://api.example:6443", "api.example:443", false),
            ("https://API.example", "api.EXAMPLE", true),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:443", false),
            ("https://10.1.2.3:6443", "*", true),
            ("https://11.1.2.3", "10.0.0.0/8", false),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://[fd00::1]:6443", "fd00::1", true),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", true),
            ("https://[fd00::1]:6443", "[fd00::1]:443", false),
            ("https://127.0.0.1:6443", "", true),
            ("https://[::1]:6443", "", true),
            ("https://localhost:6443", "", true),
        ] {
            let environment = [("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", exceptions)];
            let direct = proxy(server, None, &environment) == "direct";
            assert_eq!(direct, excepted, "{server} with NO_PROXY={exceptions}");
        }
    }

    #[test]
    fn the_kubeconfig_s_own_comes_first_and_knows_no_exceptions() {
        let environment = [("HTTPS_PROXY", "http://other"), ("NO_PROXY", "*")];
        assert_eq!(proxy(SERVER, Some("http://mine:8080"), &environment), "http://mine:8080/");
        assert_eq!(proxy(SERVER, Some("socks5h://mine:1080"), &environment), "socks5://mine:1080/");
        assert_eq!(proxy(SERVER, Some(""), &[]), "direct");
    }

    #[test]
    fn what_is_no_address_is_an_error_and_is_not_shown() {
        let said = proxy(SERVER, None, &[("HTTPS_PROXY", "http://alice:secret@")]);
        insta::assert_snapshot!(said, @"HTTPS_PROXY is not the address of a proxy, such as http://proxy.example:3128");
    }
}
