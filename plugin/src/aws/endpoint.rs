//! Where a service is reached that we call, or sign for, without a client of the SDK: what the person has set, and the domains
//! of the region's partition. Input: the AWS configuration. Output: addresses, as the SDK's own clients would find them.
//!
//! (AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "FIPS and dual-stack endpoints". The partitions' domains
//! come from the STS client's rules, which the SDK keeps up to date.)

use aws_config::SdkConfig;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_types::service_config::ServiceConfigKey;

/// The address that the person has set for a service (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the same in a profile).
pub(crate) fn configured_url(sdk: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| sdk.service_config()?.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

/// STS's own address in the region, for a URL that an API server is to believe. Not what the person has set, such as a VPC
/// endpoint's name, and never the dual-stack one: EKS refuses a token for any other host (kubernetes-sigs/aws-iam-authenticator,
/// `pkg/token/token.go`, `stsHostsForPartition`, `verifyHost`), and nobody here calls that URL.
pub(crate) async fn sts_endpoint(sdk: &SdkConfig, region: &str) -> Option<String> {
    default_sts(region, sdk.use_fips().unwrap_or_default(), false).await
}

/// The domain under which a region's services are: `amazonaws.com`, `amazonaws.com.cn`, `c2s.ic.gov`, ...
pub(crate) async fn sts_domain(region: &str, dual_stack: bool) -> Option<String> {
    let url = default_sts(region, false, dual_stack).await?;
    let (_, domain) = url.split_once(&format!(".{region}."))?;
    Some(domain.to_owned())
}

async fn default_sts(region: &str, fips: bool, dual_stack: bool) -> Option<String> {
    let params = Params::builder().region(region).use_fips(fips).use_dual_stack(dual_stack).build().ok()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.ok()?;
    Some(endpoint.url().to_owned())
}

#[cfg(test)]
mod tests {
    //! The hosts that tokens are signed for, partition by partition; as `aws eks get-token` signs them.
    use super::*;

    #[tokio::test]
    async fn sts_of_partitions() {
        let mut hosts = Vec::new();
        for (region, fips, dual_stack) in [
            ("us-west-2", false, false),
            ("us-east-1", false, false),
            ("us-west-2", true, false),
            ("us-west-2", false, true),
            ("us-west-2", true, true),
            ("us-gov-west-1", false, false),
            ("us-gov-west-1", true, false),
            ("cn-north-1", false, false),
            ("us-iso-east-1", false, false),
            ("eusc-de-east-1", false, false),
        ] {
            hosts.push(default_sts(region, fips, dual_stack).await.unwrap_or_default());
        }
        insta::assert_snapshot!(hosts.join("\n"), @r"
        https://sts.us-west-2.amazonaws.com
        https://sts.us-east-1.amazonaws.com
        https://sts-fips.us-west-2.amazonaws.com
        https://sts.us-west-2.api.aws
        https://sts-fips.us-west-2.api.aws
        https://sts.us-gov-west-1.amazonaws.com
        https://sts.us-gov-west-1.amazonaws.com
        https://sts.cn-north-1.amazonaws.com.cn
        https://sts.us-iso-east-1.c2s.ic.gov
        https://sts.eusc-de-east-1.amazonaws.eu
        ");
    }
}
