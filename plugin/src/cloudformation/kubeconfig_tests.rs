//! What is written, what is kept, and what is not touched.
use super::*;
use crate::testing;

const OTHERS: &str = "\
apiVersion: v1
kind: Config
clusters:
- name: minikube
  cluster:
    server: https://192.168.49.2:8443
    extensions:
    - extension: {last-update: \"Mon\", version: v1.38.1}
      name: cluster_info
contexts:
- name: minikube
  context: {cluster: minikube, namespace: \"on\", user: minikube}
current-context: minikube
users:
- name: minikube
  user: {token: \"0123\"}
preferences: {colors: true}
x-theirs: ~
";

fn entry() -> Entry {
    Entry::for_cluster(&testing::cluster(None), Some("prod"))
}

fn folder(content: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    if let Some(content) = content {
        std::fs::write(&file, content).unwrap();
    }
    (folder, file)
}

/// An error as people see it, with its causes, wherever the file is.
fn error_of(error: Error, folder: &tempfile::TempDir) -> String {
    format!("{:#}", anyhow::Error::new(error)).replace(&folder.path().display().to_string(), "HOME")
}

#[test]
fn a_new_file_is_what_aws_writes_and_its_owners_alone() {
    let (_folder, file) = folder(None);
    assert_eq!(write(&entry(), Some(&file)).unwrap(), file);
    insta::assert_snapshot!(std::fs::read_to_string(&file).unwrap(), @r"
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCllYVjBhRzl5YVhSNUlFRT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=
        server: https://ABC123.gr7.eu-central-1.eks.amazonaws.com
      name: arn:aws:eks:eu-central-1:111122223333:cluster/shop
    contexts:
    - context:
        cluster: arn:aws:eks:eu-central-1:111122223333:cluster/shop
        user: arn:aws:eks:eu-central-1:111122223333:cluster/shop
      name: arn:aws:eks:eu-central-1:111122223333:cluster/shop
    current-context: arn:aws:eks:eu-central-1:111122223333:cluster/shop
    kind: Config
    preferences: {}
    users:
    - user:
        exec:
          apiVersion: client.authentication.k8s.io/v1beta1
          args:
          - --region
          - eu-central-1
          - eks
          - get-token
          - --cluster-name
          - shop
          - --output
          - json
          command: aws
          env:
          - name: AWS_PROFILE
            value: prod
      name: arn:aws:eks:eu-central-1:111122223333:cluster/shop
    ");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!file.with_extension("lock").exists());
}

#[test]
fn it_is_read_by_the_kubernetes_client() {
    let (_folder, file) = folder(Some(OTHERS));
    write(&entry(), Some(&file)).unwrap();
    let read = kube::config::Kubeconfig::read_from(&file).unwrap();
    assert_eq!(read.current_context.as_deref(), Some("arn:aws:eks:eu-central-1:111122223333:cluster/shop"));
    assert_eq!(read.clusters.len(), 2);
}

#[test]
fn everything_of_others_is_kept() {
    let (_folder, file) = folder(Some(OTHERS));
    write(&entry(), Some(&file)).unwrap();
    let (before, mut after): (Value, Value) = (
        serde_saphyr::from_str(OTHERS).unwrap(),
        serde_saphyr::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap(),
    );
    for list in ["clusters", "contexts", "users"] {
        let ours = after[list].as_array_mut().unwrap().pop().unwrap();
        assert_eq!(ours["name"], entry().arn);
    }
    after["current-context"] = json!("minikube");
    assert_eq!(before, after);
}

#[test]
fn a_second_time_changes_nothing() {
    let (_folder, file) = folder(Some(OTHERS));
    write(&entry(), Some(&file)).unwrap();
    let once = std::fs::read_to_string(&file).unwrap();
    write(&entry(), Some(&file)).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), once);
}

#[test]
fn a_half_written_file_and_what_is_none_are_not_touched() {
    for (content, expected) in [
        ("apiVersion: v1\nkind: Config\nclusters:\n- cluster: {server: \"https://1", "can't be read"),
        ("- a\n", "no mapping"),
        ("kind: Deployment\n", "its kind is not Config"),
        ("clusters: 7\n", "no list"),
    ] {
        let (folder, file) = folder(Some(content));
        let said = error_of(write(&entry(), Some(&file)).unwrap_err(), &folder);
        assert!(said.contains(expected) && said.contains("was not touched"), "{said}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    }
}

#[test]
fn a_locked_file_is_not_touched() {
    let (folder, file) = folder(Some(OTHERS));
    std::fs::write(folder.path().join("config.lock"), "").unwrap();
    let said = error_of(write(&entry(), Some(&file)).unwrap_err(), &folder);
    insta::assert_snapshot!(said, @"kubeconfig HOME/config is locked, and was not touched: if no kubectl is at work, remove HOME/config.lock");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), OTHERS);
    assert!(folder.path().join("config.lock").exists(), "the lock is somebody else's");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_the_mode_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, file) = folder(Some(OTHERS));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    write(&entry(), Some(&link)).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read_to_string(&file).unwrap().contains("cluster/shop"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_namespace_of_the_context_stays() {
    let (_folder, file) = folder(None);
    write(&entry(), Some(&file)).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let theirs = text.replace("- context:", "- context:\n    namespace: shop");
    assert_ne!(text, theirs);
    std::fs::write(&file, &theirs).unwrap();
    write(&entry(), Some(&file)).unwrap();
    assert!(std::fs::read_to_string(&file).unwrap().contains("namespace: shop"));
}

#[cfg(unix)]
#[test]
fn a_device_and_a_link_to_nothing_are_not_touched() {
    let (folder, _) = folder(None);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("nothing"), &link).unwrap();
    for file in [Path::new("/dev/null"), &link, folder.path()] {
        assert!(matches!(write(&entry(), Some(file)), Err(Error::NoFile { .. })), "{}", file.display());
    }
    assert!(link.is_symlink());
}

#[test]
fn of_several_files_the_one_that_has_it_and_else_the_first() {
    let (folder, first) = folder(Some(OTHERS));
    let second = folder.path().join("second");
    let list = std::env::join_paths([&first, &second]).unwrap();
    assert_eq!(default_file(Some(&list), None, &entry().arn).unwrap(), first);
    write(&entry(), Some(&second)).unwrap();
    assert_eq!(default_file(Some(&list), None, &entry().arn).unwrap(), second);
    assert_eq!(default_file(None, Some("/home/me".into()), "").unwrap(), Path::new("/home/me/.kube/config"));
    assert!(matches!(default_file(None, None, ""), Err(Error::Nowhere)));
}
