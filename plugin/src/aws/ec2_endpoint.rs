//! Where EC2 is reached, as the SDK would find out (AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "FIPS
//! and dual-stack"; AWS General Reference, "Amazon EC2 endpoints and quotas"). Input: the AWS configuration. Output: a URL.

use aws_config::SdkConfig;

use crate::aws::endpoint;

/// The URL: what the person has set, or else EC2's own in the region.
pub(crate) async fn ec2_endpoint(sdk: &SdkConfig, region: &str) -> String {
    let url = match endpoint::configured_url(sdk, "EC2") {
        Some(url) => url,
        None => {
            let (fips, dual) = (sdk.use_fips().unwrap_or_default(), sdk.use_dual_stack().unwrap_or_default());
            format!("https://{}", host(region, fips, dual).await)
        }
    };
    // Signed is what is sent, and what is sent has a path.
    format!("{}/", url.trim_end_matches('/'))
}

async fn host(region: &str, fips: bool, dual_stack: bool) -> String {
    let suffix = endpoint::sts_domain(region, dual_stack).await.unwrap_or_else(|| "amazonaws.com".to_owned());
    // GovCloud's usual endpoints are FIPS endpoints.
    let word = match (fips, region.starts_with("us-gov-") && !dual_stack) {
        (true, false) => "ec2-fips",
        _ => "ec2",
    };
    format!("{word}.{region}.{suffix}")
}

#[cfg(test)]
mod tests {
    //! The hosts, and what people set instead.
    use aws_config::Region;

    use super::*;

    #[tokio::test]
    async fn hosts_of_partitions() {
        let mut hosts = Vec::new();
        for (region, fips, dual) in [
            ("us-west-2", false, false),
            ("us-west-2", true, false),
            ("us-west-2", false, true),
            ("us-west-2", true, true),
            ("us-gov-west-1", false, false),
            ("us-gov-west-1", true, false),
            ("cn-north-1", false, false),
            ("cn-north-1", false, true),
            ("us-iso-east-1", false, false),
        ] {
            hosts.push(host(region, fips, dual).await);
        }
        insta::assert_snapshot!(hosts.join("\n"), @r"
        ec2.us-west-2.amazonaws.com
        ec2-fips.us-west-2.amazonaws.com
        ec2.us-west-2.api.aws
        ec2-fips.us-west-2.api.aws
        ec2.us-gov-west-1.amazonaws.com
        ec2.us-gov-west-1.amazonaws.com
        ec2.cn-north-1.amazonaws.com.cn
        ec2.cn-north-1.api.amazonwebservices.com.cn
        ec2.us-iso-east-1.c2s.ic.gov
        ");
    }

    #[tokio::test]
    async fn what_the_person_has_set_wins() {
        let sdk = SdkConfig::builder().region(Region::new("us-west-2")).endpoint_url("http://127.0.0.1:5000").build();
        assert_eq!(ec2_endpoint(&sdk, "us-west-2").await, "http://127.0.0.1:5000/");
    }
}
