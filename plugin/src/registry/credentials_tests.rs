//! Whose login is taken for ECR.
use super::*;
use crate::model::reference::parse_destination;
use crate::testing::{aws, error_text};

const HOST: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
const TOKEN: &str = r#"{"authorizationData":[{"authorizationToken":"QVdTOmZyZXNo"}]}"#;
const DENIED: &str = r#"{"__type":"AccessDeniedException","message":"User alice is not authorized"}"#;

#[tokio::test]
async fn aws_comes_before_what_docker_has_kept_and_docker_before_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, format!(r#"{{"auths":{{"{HOST}":{{"auth":"QVdTOmtlcHQ="}}}}}}"#)).unwrap();
    let (to, ecr) = (parse_destination(&format!("{HOST}/job")).unwrap(), ecr::from_registry(HOST).unwrap());
    let denied = (400, "AccessDeniedException", DENIED);
    let client = Client::new(&aws(&[(200, "", TOKEN), denied, denied]).0.sdk);
    let password =
        async |files: &[PathBuf]| ecr_credentials(&ecr, &client, &to, files).await.map(|found| found.password);
    assert_eq!(password(std::slice::from_ref(&file)).await.unwrap(), "fresh");
    assert_eq!(password(std::slice::from_ref(&file)).await.unwrap(), "kept");
    let told = error_text(password(&[]).await.unwrap_err());
    assert!(told.starts_with("exit 3\nerror: ECR gives no password") && told.contains("alice"), "{told}");
}

#[tokio::test]
async fn what_is_typed_comes_first_and_aws_is_not_asked_where_it_must_not_be() {
    let typed = Credentials { username: "a".into(), password: "b".into(), from: "--username".into() };
    let to = parse_destination(&format!("{HOST}/job")).unwrap();
    let login = login(Some(&typed), &to, &AwsUse::Never).await.unwrap();
    assert_eq!(login.known.credentials.unwrap().username, "a");
    assert!(matches!(login.ecr, Some((_, None))));
}
