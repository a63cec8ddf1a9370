//! How CloudFormation refuses a call. Codes and statuses from the CloudFormation API Reference, "Common Error Types", and from
//! CreateStack and DescribeStacks there.

use axum::http::StatusCode;

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    /// Too many calls.
    #[must_use]
    pub fn throttling() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded")
    }

    /// Temporary credentials that were good and have expired.
    #[must_use]
    pub fn expired_token() -> Self {
        Self::new(StatusCode::FORBIDDEN, "ExpiredToken", "The security token included in the request is expired")
    }

    /// A right that the caller has not.
    #[must_use]
    pub fn access_denied(action: &str) -> Self {
        let who = crate::info::CREATOR.arn();
        let message = format!(
            "User: {who} is not authorized to perform: cloudformation:{action} because no identity-based policy allows \
             the cloudformation:{action} action"
        );
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// A trouble of AWS's own.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "An internal error occurred")
    }

    pub(super) fn exists(name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "AlreadyExistsException", format!("Stack [{name}] already exists"))
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}
