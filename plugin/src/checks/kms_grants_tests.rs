//! Whose grants are taken for whose.
use super::*;
use crate::testing::{KEY, asked, aws, cluster, key, row};
use insta::assert_snapshot;
use serde_json::{Value, json};

const OURS: &str = "arn:aws:eks:eu-central-1:111122223333:cluster/shop";
const OTHERS: &str = "arn:aws:eks:eu-central-1:111122223333:cluster/staging";
const ROLE: &str = "arn:aws:iam::111122223333:role/shop-cluster";

fn leak(body: &Value) -> &'static str {
    Box::leak(body.to_string().into_boxed_str())
}

fn to(grantee: &str) -> Value {
    json!({"GrantId": "1", "GranteePrincipal": grantee})
}

fn about(cluster: &str, part: &str) -> Value {
    let constraints = match part {
        "SourceArn" => json!({ "SourceArn": cluster }),
        _ => json!({part: {"aws:eks:cluster-arn": cluster}}),
    };
    json!({"GrantId": "1", "GranteePrincipal": "eks.amazonaws.com", "Constraints": constraints})
}

async fn row_of(associated: bool, grants: &[Value]) -> String {
    let (aws, _) = aws(&[(200, "", leak(&json!({ "Grants": grants })))]);
    row(check(&aws, &key(), &cluster(associated.then_some(KEY))).await)
}

#[tokio::test]
async fn this_clusters_grants_are_not_others() {
    let parts = ["EncryptionContextSubset", "EncryptionContextEquals", "SourceArn"];
    let ours = parts.map(|part| about(OURS, part));
    assert!(row_of(true, &ours).await.contains("no grant to others"));
    assert!(
        row_of(true, &[to(ROLE), to("eks.amazonaws.com"), to("eks.eu-central-1.amazonaws.com")])
            .await
            .contains("no grant")
    );
    for part in parts {
        assert!(row_of(true, &[about(OTHERS, part)]).await.contains("cluster/staging"), "{part}");
    }
    // Nothing of this cluster can use a key that it does not have yet.
    assert!(
        row_of(false, &[to(ROLE)])
            .await
            .contains("1 grant lets others use the key: arn:aws:iam::111122223333:role/shop")
    );
    assert!(row_of(false, &[to("eks.amazonaws.com")]).await.contains("eks.amazonaws.com"));
}

#[tokio::test]
async fn what_is_said() {
    let autoscaling =
        "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let service = json!({"GrantId": "1", "GranteeServicePrincipal": "rds.eu-central-1.amazonaws.com"});
    let told = [
        row_of(false, &[]).await,
        row_of(false, &[about(OTHERS, "SourceArn")]).await,
        row_of(false, &[to(autoscaling), to(autoscaling), service, to("arn:a"), to("arn:b"), json!({"GrantId": "2"})])
            .await,
        row_of(true, &[json!({"GrantId": "2", "GranteePrincipal": "two\nlines"})]).await,
    ];
    assert_snapshot!(told.join("\n"), @r"
    ok    key use              no grant to others (what key policies and IAM allow is not seen here)
    warn  key use              shared: 1 grant lets others use the key:
                                 arn:aws:eks:eu-central-1:111122223333:cluster/staging
                               what helps: a key of the cluster's own: who disables or deletes a shared one takes the
                                 cluster down too, and EKS can't change the key later
    warn  key use              shared: 6 grants let others use the key:
                                 arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling,
                                 rds.eu-central-1.amazonaws.com, arn:a and 2 more
                               what helps: a key of the cluster's own: who disables or deletes a shared one takes the
                                 cluster down too, and EKS can't change the key later
    warn  key use              shared: 1 grant lets others use the key: two\nlines
                               what helps: tell its other users that this key must stay: who disables or deletes it takes
                                 the cluster down, and EKS can't change the key any more
    ");
}

#[tokio::test]
async fn pages_are_followed_up_to_a_bound() {
    let page = |next: &str| leak(&json!({"Grants": [to("arn:a")], "Truncated": true, "NextMarker": next}));
    let last = leak(&json!({"Grants": [to("arn:b")], "Truncated": false, "NextMarker": "3"}));
    let (client, http) = aws(&[(200, "", page("2")), (200, "", last)]);
    assert!(
        row(check(&client, &key(), &cluster(None)).await)
            .contains("shared: 2 grants let others use the key: arn:a, arn:b")
    );
    assert_eq!(asked(&http).len(), 2);
    let second = http.actual_requests().nth(1).unwrap().body().bytes().unwrap();
    assert!(String::from_utf8_lossy(second).contains(r#""Marker":"2""#));

    let (client, http) = aws(&[(200, "", page("x")); MAX_PAGES + 1]);
    assert!(row(check(&client, &key(), &cluster(None)).await).contains("shared: at least 5 grants let others"));
    assert_eq!(asked(&http).len(), MAX_PAGES);

    let ours = leak(&json!({"Grants": [about(OURS, "SourceArn")], "Truncated": true, "NextMarker": "x"}));
    let (client, _) = aws(&[(200, "", ours); MAX_PAGES]);
    assert!(row(check(&client, &key(), &cluster(None)).await).contains("no grant to others among the first 5 ("));
}

#[tokio::test]
async fn who_may_not_see_them_is_told_the_right() {
    let denied = (400, "AccessDeniedException", r#"{"message":"not authorized to perform: kms:ListGrants"}"#);
    let (aws, _) = aws(&[denied]);
    assert_snapshot!(row(check(&aws, &key(), &cluster(None)).await), @r"
    warn  key use              not known who else uses the key: AccessDeniedException: not authorized to perform:
                                 kms:ListGrants
                               what helps: allow kms:ListGrants on the key to your identity, to see it
    ");
}
