//! The right cluster, and nothing else.
use super::*;
use crate::testing::{aws, cluster, described, error_text, kubeconfig, kubernetes as api_server};
use insta::assert_snapshot;

fn with(server: &str, authority: &str) -> Kubernetes {
    kubeconfig(api_server(|_, path| panic!("asked {path}")), server, authority)
}

#[tokio::test]
async fn the_same_server_in_other_letters_is_the_same() {
    for server in
        ["https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "https://abc123.gr7.eu-central-1.eks.amazonaws.com:443/"]
    {
        cluster(None).check_endpoint_and_ca(&with(server, "authority A")).unwrap();
    }
}

#[tokio::test]
async fn another_server_is_refused() {
    let error = cluster(None).check_endpoint_and_ca(&with("https://staging.example", "authority A")).unwrap_err();
    assert_snapshot!(error_text(error), @r"
    exit 3
    error: kubeconfig context prod is not EKS cluster shop: nothing was touched
      kubeconfig: https://staging.example CA bf9899e0f16bf2d9
      EKS:        https://ABC123.gr7.eu-central-1.eks.amazonaws.com CA bf9899e0f16bf2d9
      write the right one: aws eks update-kubeconfig --name shop --region eu-central-1
      or name its context: --context NAME
    ");
}

#[tokio::test]
async fn another_authority_port_path_or_scheme_is_refused() {
    let endpoint = "https://ABC123.gr7.eu-central-1.eks.amazonaws.com";
    for (server, authority) in [
        (endpoint.to_owned(), "authority B"),
        (format!("{endpoint}:8443"), "authority A"),
        (format!("{endpoint}/k8s/clusters/c-1"), "authority A"),
        (endpoint.replace("https", "http"), "authority A"),
    ] {
        assert!(cluster(None).check_endpoint_and_ca(&with(&server, authority)).is_err(), "{server} {authority}");
    }
}

#[tokio::test]
async fn a_kubeconfig_that_does_not_verify_is_refused() {
    let mut kubeconfig = with("https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    kubeconfig.verifies = false;
    assert_snapshot!(error_text(cluster(None).check_endpoint_and_ca(&kubeconfig).unwrap_err()), @r"
    exit 3
    error: kubeconfig context prod is not EKS cluster shop: nothing was touched
      kubeconfig: https://ABC123.gr7.eu-central-1.eks.amazonaws.com CA not checked (insecure-skip-tls-verify)
      EKS:        https://ABC123.gr7.eu-central-1.eks.amazonaws.com CA bf9899e0f16bf2d9
      write the right one: aws eks update-kubeconfig --name shop --region eu-central-1
      or name its context: --context NAME
    ");
}

#[tokio::test]
async fn no_authority_on_either_side_is_not_agreement() {
    let mut kubeconfig = with("https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "");
    kubeconfig.authorities.clear();
    let nameless = Cluster { authority: String::new(), ..cluster(None) };
    assert!(nameless.check_endpoint_and_ca(&kubeconfig).is_err());
}

#[tokio::test]
async fn what_eks_says_is_read() {
    let body = described(&serde_json::json!({
        "health": {"issues": [{"code": "KmsKeyDisabled", "message": "The key is disabled", "resourceIds": ["arn:k"]},
            {"code": "NewerThanWe"}]},
        "encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "arn:k"}}]}));
    let (aws, _) = aws(&[body]);
    let issue = |code: &str, message: &str, about: &[&str]| Issue {
        code: code.into(),
        message: message.into(),
        resources: about.iter().map(ToString::to_string).collect(),
    };
    let issues = vec![issue("KmsKeyDisabled", "The key is disabled", &["arn:k"]), issue("NewerThanWe", "", &[])];
    assert_eq!(describe(&aws, "shop").await.unwrap(), Cluster { issues, ..cluster(Some("arn:k")) });
}

#[tokio::test]
async fn a_cluster_that_is_not_there_or_not_active() {
    let (aws, _) = aws(&[(404, "ResourceNotFoundException", r#"{"message":"No cluster found for name: shop."}"#)]);
    let missing = error_text(describe(&aws, "shop").await.unwrap_err());
    let creating = Cluster { status: "CREATING".into(), ..cluster(None) };
    assert_snapshot!(format!("{missing}\n{}", error_text(creating.check_active().unwrap_err())), @r"
    exit 3
    error: can't describe EKS cluster shop in eu-central-1 (`aws eks list-clusters --region eu-central-1` shows what is there): ResourceNotFoundException: No cluster found for name: shop.
    exit 3
    error: EKS cluster shop is CREATING, not ACTIVE: wait until it is, then run the same command again
    ");
}
