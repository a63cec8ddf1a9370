//! What a request asks for, in the words of IAM: read from how AWS's protocols carry it.

use std::collections::HashMap;

use axum::http::{HeaderMap, Method, Uri};

use crate::aws::identity::Signer;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) service: String,
    pub(super) operation: String,
    pub(super) region: String,
    /// Parameters of the Query protocol (CloudFormation, EC2, STS, IAM); the others have none.
    pub(super) parameters: HashMap<String, String>,
}

impl Call {
    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let (service, region) = Signer::of(headers)
            .map_or_else(|| ("unsigned".to_owned(), String::new()), |by| (by.service.into(), by.region.into()));
        let parameters = if service == "eks" { HashMap::new() } else { form(body) };
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = match (target.and_then(|target| target.rsplit_once('.')), parameters.get("Action")) {
            // The JSON protocol, such as `TrentService.DescribeKey`.
            (Some((_, operation)), _) => operation.to_owned(),
            (None, Some(action)) => action.clone(),
            (None, None) => rest(method, uri.path()),
        };
        Self { service, operation, region, parameters }
    }

    /// For a list of calls.
    pub(super) fn name(&self) -> String {
        format!("{}:{} {}", self.service, self.operation, self.region)
    }
}

/// A form's fields. A template in it is longer than an `http::Uri` may be.
fn form(body: &[u8]) -> HashMap<String, String> {
    let body = String::from_utf8_lossy(body);
    let url = reqwest::Url::parse(&format!("http://form/?{body}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

/// EKS names what is asked for by method and path.
fn rest(method: &Method, path: &str) -> String {
    match (method, path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::GET, ["clusters"]) => "ListClusters".to_owned(),
        (&Method::GET, ["clusters", _]) => "DescribeCluster".to_owned(),
        (&Method::POST, ["clusters"]) => "CreateCluster".to_owned(),
        (method, _) => format!("{method} {path}"),
    }
}

#[cfg(test)]
mod tests {
    //! Each protocol.
    use super::*;

    fn named(method: &Method, path: &str, service: &str, target: Option<&str>, body: &str) -> String {
        let mut headers = HeaderMap::new();
        let signed = format!("AWS4-HMAC-SHA256 Credential=A/20260101/us-west-2/{service}/aws4_request, Signature=0");
        headers.insert("authorization", signed.parse().unwrap());
        if let Some(target) = target {
            headers.insert("x-amz-target", target.parse().unwrap());
        }
        Call::of(method, &path.parse().unwrap(), &headers, body.as_bytes()).name()
    }

    #[test]
    fn every_protocol_names_its_operation() {
        let get = |path| named(&Method::GET, path, "eks", None, "");
        assert_eq!(get("/clusters/kms-cluster"), "eks:DescribeCluster us-west-2");
        assert_eq!(get("/clusters/kms-cluster/node-groups"), "eks:GET /clusters/kms-cluster/node-groups us-west-2");
        let describe_key = named(&Method::POST, "/", "kms", Some("TrentService.DescribeKey"), "{}");
        assert_eq!(describe_key, "kms:DescribeKey us-west-2");
        let body = "Action=DescribeStacks&Version=2010-05-15&StackName=eks-encrypt-a%20b";
        assert_eq!(named(&Method::POST, "/", "cloudformation", None, body), "cloudformation:DescribeStacks us-west-2");
        assert_eq!(form(body.as_bytes())["StackName"], "eks-encrypt-a b");
    }

    #[test]
    fn a_template_of_the_greatest_length_is_read() {
        let template = "{".repeat(51_200);
        let body = format!("Action=CreateStack&TemplateBody={}", template.replace('{', "%7B"));
        assert_eq!(form(body.as_bytes())["TemplateBody"], template);
    }
}
