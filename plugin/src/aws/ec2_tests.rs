//! What EC2 is asked and how it may answer.
use insta::assert_snapshot;

use super::*;
use crate::testing::{Answer, asked, aws};

const TWO: Answer = (
    200,
    "",
    r#"<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
       <availabilityZoneInfo><item><zoneName>eu-central-1a</zoneName><zoneState>available</zoneState><messageSet/>
       <zoneId>euc1-az2</zoneId></item><item><zoneName>eu-central-1b</zoneName><zoneId>euc1-az3</zoneId></item>
       </availabilityZoneInfo></DescribeAvailabilityZonesResponse>"#,
);

#[tokio::test]
async fn the_zones_with_their_ids() {
    let (aws, http) = aws(&[TWO]);
    let zones = zones(&aws.sdk).await.unwrap();
    let told: Vec<String> = zones.iter().map(|zone| format!("{} is {}", zone.name, zone.id)).collect();
    assert_eq!(told, ["eu-central-1a is euc1-az2", "eu-central-1b is euc1-az3"]);
    assert_eq!(asked(&http), ["POST /"]);
    let request = http.actual_requests().next().unwrap();
    assert_eq!(request.uri(), "https://ec2.eu-central-1.amazonaws.com/");
    let signed = request.headers().get("authorization").unwrap();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signed}");
    assert!(signed.contains("/eu-central-1/ec2/aws4_request, SignedHeaders=content-type;host;x-amz-date"), "{signed}");
}

#[tokio::test]
async fn refusals_in_ec2s_words() {
    let mut all = Vec::new();
    for answer in [
        (
            403,
            "",
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized</Message></Error></Errors></Response>",
        ),
        (
            503,
            "",
            "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Slow down</Message></Error></Errors></Response>",
        ),
        (502, "", "<html>a proxy"),
        (200, "", "not XML"),
    ] {
        let (aws, _) = aws(&[answer]);
        let cause = zones(&aws.sdk).await.unwrap_err();
        all.push(format!("{cause} (passing: {})", cause.retryable));
    }
    assert_snapshot!(all.join("\n"), @r"
    UnauthorizedOperation: You are not authorized (passing: false)
    RequestLimitExceeded: Slow down (passing: true)
    HTTP 502: EC2 gives no reason (passing: true)
    response error: unknown token at 1:1 (passing: false)
    ");
}
