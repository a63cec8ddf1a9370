//! Who AWS says we are.
use crate::testing::{aws, told};
use insta::assert_snapshot;

#[tokio::test]
async fn nobody_is_logged_in() {
    let body = r#"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error></ErrorResponse>"#;
    let (aws, _) = aws(&[(403, "", body)]);
    assert_snapshot!(told(aws.identity(Some("prod")).await.unwrap_err()), @r"
    exit 3
    error: can't ask AWS who you are (log in: `aws sso login --profile prod`, or see `aws sts get-caller-identity --profile prod`): ExpiredToken: The security token included in the request is expired
    ");
}
