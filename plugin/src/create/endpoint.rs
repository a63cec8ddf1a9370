//! Where EC2 is reached, as the SDK would find out (AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "FIPS
//! and dual-stack"; AWS General Reference, "Amazon EC2 endpoints and quotas"). Input: the AWS configuration. Output: a URL.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// The URL: what the person has set, or else EC2's own in the region.
pub(crate) fn of_ec2(sdk: &SdkConfig, region: &str) -> String {
    let key = ServiceConfigKey::builder().service_id("EC2").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| sdk.service_config()?.load_config(key));
    let url = own.or_else(|| sdk.endpoint_url().map(str::to_owned)).unwrap_or_else(|| {
        let (fips, dual) = (sdk.use_fips().unwrap_or_default(), sdk.use_dual_stack().unwrap_or_default());
        format!("https://{}", host(region, fips, dual))
    });
    // Signed is what is sent, and what is sent has a path.
    format!("{}/", url.trim_end_matches('/'))
}

fn host(region: &str, fips: bool, dual_stack: bool) -> String {
    let china = region.starts_with("cn-");
    let suffix = match (china, dual_stack) {
        (false, false) => "amazonaws.com",
        (false, true) => "api.aws",
        (true, false) => "amazonaws.com.cn",
        (true, true) => "api.amazonwebservices.com.cn",
    };
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

    #[test]
    fn hosts_of_partitions() {
        let hosts = [
            ("us-west-2", false, false),
            ("us-west-2", true, false),
            ("us-west-2", false, true),
            ("us-west-2", true, true),
            ("us-gov-west-1", false, false),
            ("us-gov-west-1", true, false),
            ("cn-north-1", false, false),
            ("cn-north-1", false, true),
        ]
        .map(|(region, fips, dual)| host(region, fips, dual));
        insta::assert_snapshot!(hosts.join("\n"), @r"
        ec2.us-west-2.amazonaws.com
        ec2-fips.us-west-2.amazonaws.com
        ec2.us-west-2.api.aws
        ec2-fips.us-west-2.api.aws
        ec2.us-gov-west-1.amazonaws.com
        ec2.us-gov-west-1.amazonaws.com
        ec2.cn-north-1.amazonaws.com.cn
        ec2.cn-north-1.api.amazonwebservices.com.cn
        ");
    }

    #[test]
    fn what_the_person_has_set_wins() {
        let sdk = SdkConfig::builder().region(Region::new("us-west-2")).endpoint_url("http://127.0.0.1:5000").build();
        assert_eq!(of_ec2(&sdk, "us-west-2"), "http://127.0.0.1:5000/");
    }
}
