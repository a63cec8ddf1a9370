//! What a stack that is there already means, and what CreateStack is asked.
use insta::assert_snapshot;

use super::*;
use crate::cloudformation::fixture::{ABSENT, BEGUN, OURS, cloudformation, error, sent, stack, tagged};
use crate::testing::{Answer, error_text};

const NAME: &str = "eks-encrypt-shop";
const DELETE: &str = "aws cloudformation delete-stack ...";

async fn planned(answer: Answer) -> String {
    let (client, _) = cloudformation(&[answer]);
    let planned = find(&client, NAME).await.and_then(|found| plan(found, NAME, OURS, DELETE));
    planned.map_or_else(error_text, |plan| format!("{plan:?}"))
}

#[tokio::test]
async fn every_status_of_a_stack_that_is_there() {
    let mut all = vec![planned(ABSENT).await];
    for status in [
        "CREATE_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "CREATE_COMPLETE",
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "DELETE_IN_PROGRESS",
        "DELETE_FAILED",
        "UPDATE_COMPLETE",
        "REVIEW_IN_PROGRESS",
    ] {
        all.push(format!("{status}: {}", planned(stack(status)).await));
    }
    all.push(format!("not ours: {}", planned(tagged("CREATE_COMPLETE", None)).await));
    all.push(format!("of another file: {}", planned(tagged("CREATE_IN_PROGRESS", Some("00"))).await));
    all.push(format!("denied: {}", planned(error(403, "AccessDenied", "not authorized")).await));
    assert_snapshot!(all.join("\n"), @r#"
    Create
    CREATE_IN_PROGRESS: Follow("arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1")
    ROLLBACK_IN_PROGRESS: WaitForRollback("arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1")
    CREATE_COMPLETE: Verify("arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1")
    ROLLBACK_COMPLETE: exit 3
    error: stack eks-encrypt-shop of an earlier attempt is ROLLBACK_COMPLETE: so it is
      delete it, then run the same command again: `aws cloudformation delete-stack ...`
    ROLLBACK_FAILED: exit 3
    error: stack eks-encrypt-shop of an earlier attempt is ROLLBACK_FAILED: so it is
      delete it, then run the same command again: `aws cloudformation delete-stack ...`
    DELETE_IN_PROGRESS: exit 3
    error: stack eks-encrypt-shop of an earlier attempt is DELETE_IN_PROGRESS
      wait until CloudFormation has removed what it had made, then run the same command again
    DELETE_FAILED: exit 3
    error: stack eks-encrypt-shop of an earlier attempt is DELETE_FAILED: so it is
      delete it, then run the same command again: `aws cloudformation delete-stack ...`
    UPDATE_COMPLETE: exit 3
    error: stack eks-encrypt-shop is there already (UPDATE_COMPLETE), and your file makes another template than the one it was made of: `create` changes no cluster that is there. Use the file and the plugin version of then, or choose another metadata.name
    REVIEW_IN_PROGRESS: exit 3
    error: stack eks-encrypt-shop of an earlier attempt is REVIEW_IN_PROGRESS: so it is
      delete it, then run the same command again: `aws cloudformation delete-stack ...`
    not ours: exit 3
    error: there is a CloudFormation stack eks-encrypt-shop already, and `create` did not make it: choose another metadata.name
    of another file: exit 3
    error: stack eks-encrypt-shop is there already (CREATE_IN_PROGRESS), and your file makes another template than the one it was made of: `create` changes no cluster that is there. Use the file and the plugin version of then, or choose another metadata.name
    denied: exit 3
    error: can't ask CloudFormation for stack eks-encrypt-shop (you need cloudformation:DescribeStacks): AccessDenied: not authorized
    "#);
}

fn wanted(tags: &BTreeMap<String, String>) -> StackRequest<'_> {
    static ZONES: std::sync::LazyLock<[String; 2]> = std::sync::LazyLock::new(|| ["a".to_owned(), "b".to_owned()]);
    StackRequest { stack: NAME, template: OURS, zones: &*ZONES, tags, delete: DELETE }
}

#[tokio::test]
async fn what_createstack_is_asked() {
    let (client, http) = cloudformation(&[BEGUN]);
    let tags = [("team".to_owned(), "shop".to_owned())].into();
    let id = create(&client, &wanted(&tags)).await.unwrap();
    assert_eq!(id, crate::cloudformation::fixture::ID);
    let body = sent(&http).remove(0);
    let token = body.split('&').find_map(|field| field.strip_prefix("ClientRequestToken=")).unwrap();
    assert_eq!(token.len(), 32);
    assert_snapshot!(body.replace(token, "TOKEN").replace('&', "\n"), @r"
    Action=CreateStack
    Version=2010-05-15
    StackName=eks-encrypt-shop
    TemplateBody=%7B%7D
    Capabilities.member.1=CAPABILITY_IAM
    OnFailure=ROLLBACK
    Tags.member.1.Key=team
    Tags.member.1.Value=shop
    Tags.member.2.Key=eks-encrypt%2Ftemplate
    Tags.member.2.Value=44136fa355b3678a1146ad16f7e8649e
    Tags.member.3.Key=eks-encrypt%2Fzones
    Tags.member.3.Value=a%20b
    ClientRequestToken=TOKEN
    ");
}

async fn refused(answers: &[Answer]) -> String {
    let (client, _) = cloudformation(answers);
    let tags = BTreeMap::new();
    create(&client, &wanted(&tags)).await.map_or_else(error_text, |id| format!("goes on: {id}"))
}

#[tokio::test]
async fn what_createstack_may_answer() {
    let exists = error(400, "AlreadyExistsException", "Stack [eks-encrypt-shop] already exists");
    let busy = error(503, "ServiceUnavailable", "try again");
    let denied = error(403, "AccessDenied", "User: alice is not authorized to perform: cloudformation:CreateStack");
    let all = [
        format!("somebody was faster with the same file: {}", refused(&[exists, stack("CREATE_IN_PROGRESS")]).await),
        format!("with another: {}", refused(&[exists, tagged("CREATE_IN_PROGRESS", Some("00"))]).await),
        format!("an answer was lost: {}", refused(&[busy, stack("CREATE_IN_PROGRESS")]).await),
        format!("and nothing is there: {}", refused(&[busy, ABSENT]).await),
        format!("and nobody knows: {}", refused(&[busy, busy]).await),
        format!("denied: {}", refused(&[denied]).await),
    ];
    assert_snapshot!(all.join("\n"), @r"
    somebody was faster with the same file: goes on: arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1
    with another: exit 3
    error: stack eks-encrypt-shop is there already (CREATE_IN_PROGRESS), and your file makes another template than the one it was made of: `create` changes no cluster that is there. Use the file and the plugin version of then, or choose another metadata.name
    an answer was lost: goes on: arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1
    and nothing is there: exit 1
    error: CloudFormation did not answer whether it creates stack eks-encrypt-shop: run the same command again, which goes on if it does: ServiceUnavailable: try again
    and nobody knows: exit 1
    error: CloudFormation did not answer whether it creates stack eks-encrypt-shop: run the same command again, which goes on if it does: ServiceUnavailable: try again
    denied: exit 3
    error: CloudFormation refuses to create stack eks-encrypt-shop; nothing was created: AccessDenied: User: alice is not authorized to perform: cloudformation:CreateStack
      what helps: allow that action to your identity: CloudFormation does everything with your rights
    ");
}
