//! Who signed a request, and STS's GetCallerIdentity, which tells them. The endpoint believes the access key id of a
//! signed request, as moto does; the signature itself is checked where it is what proves an identity to somebody else,
//! in a token ([`super::token`]).

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::presigned::{Presigned, PresignedError};
use crate::info::{ACCOUNT, ADMIN_ROLE, CREATOR, Credentials, STRANGER};

/// What a request's `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signer<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl<'a> Signer<'a> {
    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let credential = header.split_once("Credential=")?.1.split([',', ' ']).next()?;
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key, _, region, service, _] = scope[..] else { return None };
        Some(Self { access_key, region, service })
    }
}

/// The `Authorization` header of the cluster's creator, for a request that this crate makes itself. Neither this endpoint nor moto
/// checks its signature.
pub(crate) fn authorization(service: &str, region: &str) -> String {
    let scope = format!("{}/20260101/{region}/{service}/aws4_request", CREATOR.id);
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}

/// The sandbox's principal with an access key.
pub(crate) fn principal(access_key: &str) -> Option<Credentials> {
    [CREATOR, ADMIN_ROLE, STRANGER].into_iter().find(|known| known.id == access_key)
}

/// Answers GetCallerIdentity of a presigned URL, which is what a token is.
pub(crate) fn presigned(url: &str, headers: &HeaderMap) -> Response {
    let signed_header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let answer = Presigned::parse(url).and_then(|presigned| presigned.verify(signed_header));
    match answer {
        Ok(principal) => caller_identity(principal),
        Err(error @ PresignedError::UnknownKey(_)) => refused("InvalidClientTokenId", &error.to_string()),
        Err(error) => refused("SignatureDoesNotMatch", &error.to_string()),
    }
}

/// The answer to GetCallerIdentity.
pub(crate) fn caller_identity(principal: Credentials) -> Response {
    // The ids of users and of roles begin otherwise than those of their keys.
    let (arn, id) = (principal.arn(), principal.id.replace("AKIA", "AIDA").replace("ASIA", "AROA"));
    xml(
        StatusCode::OK,
        &format!(
            r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{id}</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#
        ),
    )
}

fn refused(code: &str, message: &str) -> Response {
    xml(
        StatusCode::FORBIDDEN,
        &format!(
            r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"#
        ),
    )
}

fn xml(status: StatusCode, body: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml")], body.to_owned()).into_response()
}

#[cfg(test)]
mod tests {
    //! Reading the header.
    use super::*;

    #[test]
    fn the_header_tells_key_region_and_service() {
        let mut headers = HeaderMap::new();
        let value = "AWS4-HMAC-SHA256 Credential=AKIASANDBOXCREATOR00/20260102/us-west-2/eks/aws4_request, SignedHeaders=host, Signature=00";
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        let signer = Signer::of(&headers).unwrap();
        assert_eq!(signer, Signer { access_key: "AKIASANDBOXCREATOR00", region: "us-west-2", service: "eks" });
        assert_eq!(principal(signer.access_key).unwrap().principal, "user/creator");
    }
}
