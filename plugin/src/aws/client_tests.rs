//! Who AWS says we are.
use crate::testing::{aws, error_text};
use insta::assert_snapshot;

#[tokio::test]
async fn nobody_is_logged_in() {
    let body = r#"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error></ErrorResponse>"#;
    let (aws, _) = aws(&[(403, "", body)]);
    assert_snapshot!(error_text(aws.identity(Some("prod")).await.unwrap_err()), @r"
    exit 3
    error: can't ask AWS who you are (log in: `aws sso login --profile prod`, or see `aws sts get-caller-identity --profile prod`): ExpiredToken: The security token included in the request is expired
    ");
}

#[tokio::test]
async fn an_answer_without_an_end_is_refused_by_its_size() {
    for code in [200, 503] {
        let (aws, _) = aws(&[(code, "", Box::leak("<Error>".repeat(2 << 20).into_boxed_str()))]);
        let error = error_text(aws.identity(None).await.unwrap_err());
        assert!(error.contains("the answer is longer than 8192 KiB") && error.len() < 1_000, "{}", &error[..1_000]);
    }
}

/// B5.
#[tokio::test]
async fn of_an_error_of_megabytes_the_beginning_is_kept() {
    let words = "no ".repeat(2 << 20);
    let body = format!("<ErrorResponse><Error><Code>X</Code><Message>{words}</Message></Error></ErrorResponse>");
    let (aws, _) = aws(&[(403, "", Box::leak(body.into_boxed_str()))]);
    let error = error_text(aws.identity(None).await.unwrap_err());
    assert!(error.ends_with(" more bytes)") && error.len() < 4 << 10, "{}", error.len());
}
