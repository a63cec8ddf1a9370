//! The token webhook, as EKS has one in front of each cluster: kube-apiserver asks who a bearer token belongs to, and
//! `k8s-aws-v1.` tokens (what `aws eks get-token` prints) are presigned GetCallerIdentity URLs.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thiserror::Error;

use super::presigned::{CLUSTER_HEADER, Presigned, PresignedError, presign};
use crate::info::Credentials;

/// What tokens begin with.
const PREFIX: &str = "k8s-aws-v1.";

/// "The token has a time to live (TTL) of 15 minutes" (AWS CLI Command Reference, eks get-token).
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How far a clock may be ahead of ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A token that proves nobody.
#[derive(Debug, Error)]
pub(crate) enum TokenError {
    #[error("the token does not begin with {PREFIX}")]
    Prefix,
    #[error("the token is not base64 of a URL")]
    Encoding,
    #[error(transparent)]
    Presigned(#[from] PresignedError),
    #[error("the token was signed at {0}, more than 15 minutes ago")]
    Expired(Timestamp),
    #[error("the token was signed at {0}, which is to come")]
    Future(Timestamp),
}

/// A token as `aws eks get-token` makes it, signed at any time: what a test needs in order to have an old one.
#[must_use]
pub fn mint(endpoint: &str, principal: Credentials, cluster: &str, at: Timestamp) -> String {
    let url = presign(endpoint, principal, cluster, at).unwrap_or_default();
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url))
}

/// Answers a TokenReview (`authentication.k8s.io/v1`).
pub(crate) fn review(review: &Value, cluster: &str) -> Value {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let status = match check(token, cluster, Timestamp::now()) {
        Ok(principal) => {
            let (arn, id) = (principal.arn(), principal.id);
            json!({
                "authenticated": true,
                "user": { "username": arn, "uid": format!("aws-iam-authenticator:{id}"), "groups": [], "extra": {
                    "accessKeyId": [id], "arn": [arn], "canonicalArn": [arn], "sessionName": [""],
                } },
            })
        }
        Err(error) => json!({ "authenticated": false, "error": error.to_string() }),
    };
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status })
}

fn check(token: &str, cluster: &str, now: Timestamp) -> Result<Credentials, TokenError> {
    let encoded = token.strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
    let url = URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).map_err(|_| TokenError::Encoding)?;
    let presigned = Presigned::parse(std::str::from_utf8(&url).map_err(|_| TokenError::Encoding)?)?;
    let age = now.duration_since(presigned.signed_at());
    if age > LIFETIME {
        return Err(TokenError::Expired(presigned.signed_at()));
    }
    if age < -SKEW {
        return Err(TokenError::Future(presigned.signed_at()));
    }
    Ok(presigned.verify(|header| (header == CLUSTER_HEADER).then(|| cluster.to_owned()))?)
}

#[cfg(test)]
mod tests {
    //! Which tokens are refused, and in which words.
    use super::*;
    use crate::info::CREATOR;

    fn token(cluster: &str, at: Timestamp) -> String {
        mint("http://127.0.0.1:4566", CREATOR, cluster, at)
    }

    #[test]
    fn a_token_lives_fifteen_minutes() {
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let token = token("sandbox", at);
        assert_eq!(check(&token, "sandbox", at + SignedDuration::from_mins(15)).unwrap().principal, "user/creator");
        let late = at + SignedDuration::from_mins(15) + SignedDuration::from_secs(1);
        let error = check(&token, "sandbox", late).unwrap_err();
        insta::assert_snapshot!(error, @"the token was signed at 2026-01-02T03:04:05Z, more than 15 minutes ago");
        let early = at - SignedDuration::from_mins(6);
        assert!(matches!(check(&token, "sandbox", early), Err(TokenError::Future(_))));
    }

    #[test]
    fn a_token_of_another_cluster_is_refused() {
        let now = Timestamp::now();
        let error = check(&token("other", now), "sandbox", now).unwrap_err();
        insta::assert_snapshot!(error, @"the signature does not match what was signed");
    }

    #[test]
    fn the_answer_names_the_principal() {
        let asked = json!({ "spec": { "token": token("sandbox", Timestamp::now()) } });
        let status = review(&asked, "sandbox")["status"].clone();
        assert_eq!(status["user"]["username"], "arn:aws:iam::123456789012:user/creator");
        let refused = review(&json!({ "spec": { "token": "nonsense" } }), "sandbox")["status"].clone();
        assert_eq!(refused["authenticated"], false);
    }
}
