//! The HTTP client for the sandbox's own ports.

/// A client that no proxy of the person who runs the sandbox comes between.
pub(crate) fn http() -> reqwest::Client {
    // Fails only where a proxy or TLS is set up, which is not the case.
    reqwest::Client::builder().no_proxy().build().unwrap_or_default()
}
