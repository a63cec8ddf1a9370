//! The updates of a cluster, as ListUpdates and DescribeUpdate show them (EKS API Reference, "Update").

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::scenario::UpdateFailure;

/// One association.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) id: String,
    /// A call that comes twice with the same token is one call.
    pub(crate) token: Option<String>,
    pub(crate) status: Status,
    encryption_config: Value,
    created_at: Timestamp,
    errors: Vec<UpdateFailure>,
}

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    InProgress,
    Successful,
    Failed,
}

impl Update {
    /// A new association.
    pub(crate) fn new(token: Option<String>, encryption_config: Value) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            token,
            status: Status::InProgress,
            encryption_config,
            created_at: Timestamp::now(),
            errors: Vec::new(),
        }
    }

    /// Whether it was begun with this request.
    pub(crate) fn is_of(&self, encryption_config: &Value) -> bool {
        self.encryption_config == *encryption_config
    }

    /// Ends it.
    pub(crate) fn end(&mut self, result: Result<(), UpdateFailure>) {
        match result {
            Ok(()) => self.status = Status::Successful,
            Err(failure) => {
                self.status = Status::Failed;
                self.errors.push(failure);
            }
        }
    }

    /// As the API shows it.
    pub(crate) fn to_json(&self, cluster: &str) -> Value {
        let status = match self.status {
            Status::InProgress => "InProgress",
            Status::Successful => "Successful",
            Status::Failed => "Failed",
        };
        let error = |failure: &UpdateFailure| json!({ "errorCode": failure.error_code, "errorMessage": failure.error_message, "resourceIds": [cluster] });
        json!({
            "id": self.id,
            "status": status,
            "type": "AssociateEncryptionConfig",
            "params": [{ "type": "EncryptionConfig", "value": self.encryption_config.to_string() }],
            "createdAt": epoch(self.created_at),
            "errors": self.errors.iter().map(error).collect::<Vec<_>>(),
        })
    }
}

/// Time stamps of restJson1 are seconds since 1970.
pub(crate) fn epoch(time: Timestamp) -> f64 {
    let milliseconds = time.subsec_millisecond();
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 stay far below 2^52")]
    let seconds = time.as_second() as f64;
    seconds + f64::from(milliseconds) / 1000.0
}
