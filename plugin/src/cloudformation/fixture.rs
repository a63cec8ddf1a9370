//! CloudFormation's answers for tests, in its Query protocol's XML.

use aws_smithy_http_client::test_util::StaticReplayClient;

use crate::cloudformation::stack::{TEMPLATE_TAG, ZONES_TAG, digest};
use crate::testing::{Answer, aws};

/// The template of tests' stacks.
pub(crate) const OURS: &str = "{}";

/// The id of tests' stack.
pub(crate) const ID: &str = "arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1";

/// There is no such stack.
pub(crate) const ABSENT: Answer = (
    400,
    "",
    "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
     <Message>Stack with id eks-encrypt-shop does not exist</Message></Error></ErrorResponse>",
);

/// CreateStack has begun.
pub(crate) const BEGUN: Answer = (
    200,
    "",
    "<CreateStackResponse><CreateStackResult><StackId>arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1\
     </StackId></CreateStackResult></CreateStackResponse>",
);

/// An error.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    leaked(
        status,
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"),
    )
}

/// A stack of our template in this status.
pub(crate) fn stack(status: &str) -> Answer {
    tagged(status, Some(&digest(OURS)))
}

/// A stack with the tag that tells of its template, or without.
pub(crate) fn tagged(status: &str, template: Option<&str>) -> Answer {
    described(status, &template.map(|value| tag(TEMPLATE_TAG, value)).unwrap_or_default())
}

/// A stack of a template, in these zones.
pub(crate) fn in_zones(status: &str, template: &str, zones: &str) -> Answer {
    described(status, &format!("{}{}", tag(TEMPLATE_TAG, template), tag(ZONES_TAG, zones)))
}

fn tag(key: &str, value: &str) -> String {
    format!("<member><Key>{key}</Key><Value>{value}</Value></member>")
}

fn described(status: &str, tags: &str) -> Answer {
    leaked(
        200,
        format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>{ID}</StackId>\
             <StackName>eks-encrypt-shop</StackName><CreationTime>2026-11-24T07:00:00Z</CreationTime>\
             <StackStatus>{status}</StackStatus><StackStatusReason>so it is</StackStatusReason><Tags>{tags}</Tags></member></Stacks>\
             </DescribeStacksResult></DescribeStacksResponse>"
        ),
    )
}

/// Events, each as second, resource, kind, status and reason; newest first, as CloudFormation has them, and the token of
/// what follows.
pub(crate) fn events(events: &[(u32, &str, &str, &str, &str)], next: Option<&str>) -> Answer {
    let event = |(second, resource, kind, status, reason): &(u32, &str, &str, &str, &str)| {
        format!(
            "<member><EventId>{resource}-{status}-{second}</EventId><StackId>{ID}</StackId><StackName>eks-encrypt-shop</StackName>\
             <LogicalResourceId>{resource}</LogicalResourceId><ResourceType>{kind}</ResourceType>\
             <Timestamp>2026-11-24T07:{:02}:{:02}Z</Timestamp><ResourceStatus>{status}</ResourceStatus>\
             <ResourceStatusReason>{reason}</ResourceStatusReason></member>",
            second / 60,
            second % 60
        )
    };
    let all: String = events.iter().map(event).collect();
    let next = next.map(|token| format!("<NextToken>{token}</NextToken>")).unwrap_or_default();
    leaked(
        200,
        format!(
            "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>{all}</StackEvents>{next}\
             </DescribeStackEventsResult></DescribeStackEventsResponse>"
        ),
    )
}

/// A CloudFormation that gives these answers, and what it was asked.
pub(crate) fn cloudformation(answers: &[Answer]) -> (aws_sdk_cloudformation::Client, StaticReplayClient) {
    let (aws, http) = aws(answers);
    (aws_sdk_cloudformation::Client::new(&aws.sdk), http)
}

/// The bodies that were sent, in order.
pub(crate) fn sent(http: &StaticReplayClient) -> Vec<String> {
    let body = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    http.actual_requests().map(|request| body(request.body().bytes())).collect()
}

fn leaked(status: u16, body: String) -> Answer {
    (status, "", Box::leak(body.into_boxed_str()))
}
