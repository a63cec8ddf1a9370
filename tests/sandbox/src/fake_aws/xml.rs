//! CloudFormation's answers in the AWS Query protocol ("AWS query protocol" in the Smithy documentation): each result in an
//! envelope that is named after its operation, lists as `<member>`s.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;

/// The namespace of CloudFormation's one API version.
const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// No two are alike at AWS, and nothing here tells them apart.
const REQUEST_ID: &str = "00000000-0000-0000-0000-000000000000";

/// An element with text in it; nothing where there is no text.
pub(super) fn text(name: &str, value: Option<&str>) -> String {
    let escaped = |value: &str| value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    value.map(|value| format!("<{name}>{}</{name}>", escaped(value))).unwrap_or_default()
}

/// A list.
pub(super) fn list(name: &str, members: impl IntoIterator<Item = String>) -> String {
    let members: String = members.into_iter().map(|member| format!("<member>{member}</member>")).collect();
    format!("<{name}>{members}</{name}>")
}

/// The answer to an operation.
pub(super) fn result(operation: &str, inner: &str) -> Response {
    answer(
        StatusCode::OK,
        format!(
            r#"<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{inner}</{operation}Result><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>"#
        ),
    )
}

/// A refusal.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let whose = if refusal.status.is_server_error() { "Receiver" } else { "Sender" };
    let (code, message) = (text("Code", Some(refusal.code)), text("Message", Some(&refusal.message)));
    answer(
        refusal.status,
        format!(
            r#"<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{whose}</Type>{code}{message}</Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"#
        ),
    )
}

fn answer(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
}
