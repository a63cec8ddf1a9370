//! A presigned GetCallerIdentity: read, and its signature made again to see that it is the same. That is how STS knows
//! who made it, and how it knows for which cluster: the cluster's name is a signed header whose value the URL omits.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use thiserror::Error;

use super::identity::principal;
use crate::info::Credentials;

/// A presigned URL that proves nothing.
#[derive(Debug, Error)]
pub(crate) enum PresignedError {
    #[error("the URL is not a presigned GetCallerIdentity: {0}")]
    NotPresigned(&'static str),
    #[error("access key {0} is not known")]
    UnknownKey(String),
    #[error("the signature does not match what was signed")]
    Signature,
}

/// A presigned GetCallerIdentity.
#[derive(Debug)]
pub(crate) struct Presigned {
    base: String,
    access_key: String,
    region: String,
    signed_at: Timestamp,
    expires: Duration,
    signed_headers: Vec<String>,
    signature: String,
}

impl Presigned {
    /// Reads the URL's query.
    pub(crate) fn parse(url: &str) -> Result<Self, PresignedError> {
        use PresignedError::NotPresigned;
        let url = reqwest::Url::parse(url).map_err(|_| NotPresigned("it is not a URL"))?;
        let value = |name: &'static str| {
            let found = url.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned()).ok_or(NotPresigned(name))
        };
        if value("Action")? != "GetCallerIdentity" {
            return Err(NotPresigned("Action"));
        }
        let credential = value("X-Amz-Credential")?;
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key, _, region, "sts", _] = scope[..] else { return Err(NotPresigned("X-Amz-Credential")) };
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", value("X-Amz-Date")?)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|_| NotPresigned("X-Amz-Date"))?;
        let expires = value("X-Amz-Expires")?.parse().map_err(|_| NotPresigned("X-Amz-Expires"))?;
        let mut base = url.clone();
        base.query_pairs_mut().clear().extend_pairs(url.query_pairs().filter(|(key, _)| !key.starts_with("X-Amz-")));
        Ok(Self {
            base: base.into(),
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            signed_at: time.timestamp(),
            expires: Duration::from_secs(expires),
            signed_headers: value("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: value("X-Amz-Signature")?,
        })
    }

    /// When it was signed.
    pub(crate) fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// Signs it again with the secret that its access key has here, with the values that the signed headers should
    /// have, and gives the principal if that comes to the same.
    pub(crate) fn verify(&self, header: impl Fn(&str) -> Option<String>) -> Result<Credentials, PresignedError> {
        let principal =
            principal(&self.access_key).ok_or_else(|| PresignedError::UnknownKey(self.access_key.clone()))?;
        let others = self.signed_headers.iter().filter(|name| *name != "host");
        let headers: Vec<(&str, String)> = others
            .map(|name| Some((name.as_str(), header(name)?)))
            .collect::<Option<_>>()
            .ok_or(PresignedError::Signature)?;
        let again = self.sign(principal, &headers).ok_or(PresignedError::Signature)?;
        if again == self.signature { Ok(principal) } else { Err(PresignedError::Signature) }
    }

    fn sign(&self, principal: Credentials, headers: &[(&str, String)]) -> Option<String> {
        let identity =
            Identity::new(principal.id, principal.secret, principal.token.map(Into::into), None, "sandbox").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(self.expires);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sts")
            .time(SystemTime::from(self.signed_at))
            .settings(settings)
            .build()
            .ok()?;
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let request = SignableRequest::new("GET", &self.base, headers, SignableBody::Bytes(&[])).ok()?;
        let (instructions, _) = sign(request, &params.into()).ok()?.into_parts();
        let signature = instructions.params().iter().find(|(name, _)| *name == "X-Amz-Signature")?;
        Some(signature.1.to_string())
    }
}

/// The header in which a token is bound to its cluster.
pub(crate) const CLUSTER_HEADER: &str = "x-k8s-aws-id";

/// Presigns GetCallerIdentity for a cluster, as `aws eks get-token` does, at any time.
pub(crate) fn presign(endpoint: &str, principal: Credentials, cluster: &str, at: Timestamp) -> Option<String> {
    let (region, expires) = ("us-west-2", 60);
    let mut presigned = Presigned {
        base: format!("{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15"),
        access_key: principal.id.to_owned(),
        region: region.to_owned(),
        signed_at: at,
        expires: Duration::from_secs(expires),
        signed_headers: vec!["host".to_owned(), CLUSTER_HEADER.to_owned()],
        signature: String::new(),
    };
    presigned.signature = presigned.sign(principal, &[(CLUSTER_HEADER, cluster.to_owned())])?;
    let (date, time) = (at.strftime("%Y%m%d"), at.strftime("%Y%m%dT%H%M%SZ"));
    let credential = format!("{}%2F{date}%2F{region}%2Fsts%2Faws4_request", principal.id);
    Some(format!(
        "{}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={time}&X-Amz-Expires={expires}\
         &X-Amz-SignedHeaders=host%3B{CLUSTER_HEADER}&X-Amz-Signature={}",
        presigned.base, presigned.signature
    ))
}

#[cfg(test)]
mod tests {
    //! That a signature proves key and cluster.
    use super::*;
    use crate::info::CREATOR;

    fn url(principal: Credentials, cluster: &str) -> String {
        presign("http://127.0.0.1:4566", principal, cluster, Timestamp::now()).unwrap()
    }

    #[test]
    fn the_signature_proves_the_cluster() {
        let presigned = Presigned::parse(&url(CREATOR, "sandbox")).unwrap();
        assert_eq!(presigned.verify(|_| Some("sandbox".to_owned())).unwrap().principal, "user/creator");
        assert!(matches!(presigned.verify(|_| Some("other".to_owned())), Err(PresignedError::Signature)));
        assert!(matches!(presigned.verify(|_| None), Err(PresignedError::Signature)));
    }

    #[test]
    fn somebody_elses_secret_proves_nothing() {
        let forger = Credentials { secret: "guessed", ..CREATOR };
        let presigned = Presigned::parse(&url(forger, "sandbox")).unwrap();
        assert!(matches!(presigned.verify(|_| Some("sandbox".to_owned())), Err(PresignedError::Signature)));
    }
}
