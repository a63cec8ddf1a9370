//! A life as it is told, call by call.

use std::collections::HashMap;

use super::super::stack_script::Step;
use super::*;

/// Makes a call and gives back the operation's result with what is new each time left out.
async fn ask(stack: &mut Stack, operation: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: HashMap<String, String> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (service, region) = ("cloudformation".to_owned(), "us-west-2".to_owned());
    let call = Call { service, operation: operation.to_owned(), region, parameters };
    let Some(ScriptedAnswer::Answer(answer) | ScriptedAnswer::AfterMoto(answer)) = stack.answer(&call) else {
        return "not ours".to_owned();
    };
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    String::from_utf8_lossy(&body).into_owned()
}

/// The texts of all elements of a name, in their order.
fn all(xml: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let texts = xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close)).map(|(text, _)| text);
    texts.collect::<Vec<_>>().join(" ")
}

const NAMED: [(&str, &str); 1] = [("StackName", "s")];

fn life() -> StackScript {
    StackScript::of([
        Step::new("CREATE_IN_PROGRESS").because("User Initiated").began("VPC", "AWS::EC2::VPC"),
        Step::new("CREATE_IN_PROGRESS").made("VPC", "AWS::EC2::VPC").began("ControlPlane", "AWS::EKS::Cluster"),
        Step::new("ROLLBACK_IN_PROGRESS").failed("ControlPlane", "AWS::EKS::Cluster", "no <grant>"),
    ])
}

#[tokio::test]
async fn a_stack_is_not_there_before_it_is_made_and_has_the_tags_it_was_made_with() {
    let mut stack = Stack::new(life());
    assert_eq!(ask(&mut stack, "DescribeStacks", &NAMED).await, "not ours");
    let tagged = [NAMED[0], ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v"), ("ClientRequestToken", "t")];
    let made = ask(&mut stack, "CreateStack", &tagged).await;
    assert!(all(&made, "StackId").starts_with("arn:aws:cloudformation:us-west-2:123456789012:stack/s/"), "{made}");
    assert_eq!(ask(&mut stack, "CreateStack", &tagged).await, made, "the same token is the same call");
    let other = ask(&mut stack, "CreateStack", &[NAMED[0], ("ClientRequestToken", "u")]).await;
    assert_eq!(all(&other, "Code"), "AlreadyExistsException");
    let told = ask(&mut stack, "DescribeStacks", &NAMED).await;
    assert_eq!(all(&told, "StackStatus") + &all(&told, "Key") + &all(&told, "Value"), "CREATE_IN_PROGRESSkv");
    let by_id = ask(&mut stack, "DescribeStacks", &[("StackName", &all(&made, "StackId"))]).await;
    assert_eq!(all(&by_id, "StackName"), "s");
    assert_eq!(ask(&mut stack, "DescribeStacks", &[("StackName", "other")]).await, "not ours");
}

#[tokio::test]
async fn time_passes_by_either_call_and_events_come_newest_first_in_pages() {
    let mut stack = Stack::new(life().existing("s", &[]));
    let told = ask(&mut stack, "DescribeStackEvents", &NAMED).await;
    assert_eq!(all(&told, "LogicalResourceId"), "VPC s");
    let status = ask(&mut stack, "DescribeStacks", &NAMED).await;
    assert_eq!(all(&status, "StackStatus"), "CREATE_IN_PROGRESS", "the other call sees the same turn");
    let told = ask(&mut stack, "DescribeStackEvents", &NAMED).await;
    assert_eq!(all(&told, "LogicalResourceId"), "ControlPlane VPC VPC s");
    let told = ask(&mut stack, "DescribeStackEvents", &NAMED).await;
    assert_eq!(all(&told, "LogicalResourceId"), "ControlPlane s ControlPlane VPC");
    assert_eq!(all(&told, "ResourceStatusReason"), "no &lt;grant&gt;");
    let token = all(&told, "NextToken");
    let rest = ask(&mut stack, "DescribeStackEvents", &[NAMED[0], ("NextToken", &token)]).await;
    assert_eq!(all(&rest, "LogicalResourceId") + &all(&rest, "NextToken"), "VPC s");
    let status = ask(&mut stack, "DescribeStacks", &NAMED).await;
    assert_eq!(all(&status, "StackStatus"), "ROLLBACK_IN_PROGRESS", "the last turn stays");
    let resources = ask(&mut stack, "DescribeStackResources", &NAMED).await;
    assert_eq!(all(&resources, "LogicalResourceId"), "ControlPlane VPC");
    assert_eq!(all(&resources, "ResourceStatus"), "CREATE_FAILED CREATE_COMPLETE");
}

#[tokio::test]
async fn a_refused_call_tells_nothing_and_lets_no_time_pass() {
    let late = Step::new("CREATE_COMPLETE").refused(&Refusal::throttling(), 2).refused(&Refusal::expired_token(), 1);
    let life = StackScript::of([Step::new("CREATE_IN_PROGRESS"), late]);
    let mut stack = Stack::new(life.create_refused(Refusal::access_denied("CreateStack")));
    assert_eq!(all(&ask(&mut stack, "CreateStack", &NAMED).await, "Code"), "AccessDenied");
    ask(&mut stack, "CreateStack", &NAMED).await;
    let mut told = Vec::new();
    for _ in 0..5 {
        let answer = ask(&mut stack, "DescribeStacks", &NAMED).await;
        told.push(all(&answer, "StackStatus") + &all(&answer, "Code"));
    }
    assert_eq!(told, ["CREATE_IN_PROGRESS", "Throttling", "Throttling", "ExpiredToken", "CREATE_COMPLETE"]);
}
