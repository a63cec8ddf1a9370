//! The HTTP client for the sandbox's own ports.

/// A client that no proxy of the person who runs the sandbox comes between.
pub(crate) fn http() -> reqwest::Client {
    // The client can speak TLS and wants to know with what, though no port of a sandbox that it asks does. The first to
    // install one wins; all are the same.
    rustls::crypto::ring::default_provider().install_default().ok();
    // Nobody's certificate is of interest, and reading the system's takes time. Fails only where a proxy or TLS is set up, which
    // is not the case.
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap_or_default()
}
