//! EKS's errors as they come over the wire (restJson1): the code in the header `x-amzn-errortype`, the message in the
//! body. Codes and statuses from the EKS API Reference, "AssociateEncryptionConfig" and "Common Errors".

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error that an EKS call answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EksError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl EksError {
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub(crate) fn in_use(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ResourceInUseException", message)
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterException", message)
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestException", message)
    }

    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ServerException", message)
    }

    pub(crate) fn throttled() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", "Rate exceeded")
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    pub(crate) fn unknown_client() -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new(StatusCode::FORBIDDEN, "UnrecognizedClientException", message)
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    #[cfg(test)]
    pub(crate) fn output(&self) -> String {
        format!("{} {}: {}", self.status.as_u16(), self.code, self.message)
    }
}

impl IntoResponse for EksError {
    fn into_response(self) -> Response {
        (self.status, [("x-amzn-errortype", self.code)], Json(json!({ "message": self.message }))).into_response()
    }
}
