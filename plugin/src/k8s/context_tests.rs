//! Kubeconfigs as the tools write them, and what each of them says.
use super::*;
use crate::testing::error_text;
use insta::assert_snapshot;

const SERVER: &str = "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com";
const ARN: &str = "arn:aws:eks:eu-central-1:111122223333:cluster/shop";

/// A kubeconfig of one context.
fn kubeconfig(context: &str, cluster: &str, server: &str, user: &str) -> Kubeconfig {
    let text = format!(
        "
apiVersion: v1
kind: Config
preferences: {{}}
current-context: {context}
contexts:
- name: {context}
  context: {{cluster: {cluster}, user: someone}}
clusters:
- name: {cluster}
  cluster: {{server: {server}, certificate-authority-data: LS0t}}
users:
- name: someone
  user: {user}
"
    );
    Kubeconfig::from_yaml(&text).unwrap()
}

/// A user with this command, its arguments and its environment.
fn exec(command: &[&str], env: &[(&str, &str)]) -> String {
    let env: Vec<_> = env.iter().map(|(name, value)| serde_json::json!({"name": name, "value": value})).collect();
    serde_json::json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command[0],
        "args": command[1..], "env": env, "interactiveMode": "IfAvailable", "provideClusterInfo": false}})
    .to_string()
}

/// All that is said of a context.
fn error_of(kubeconfig: &Kubeconfig, context: Option<&str>) -> String {
    let guess = match inspect_context(kubeconfig, context) {
        Ok(guess) => guess,
        Err(error) => return error_text(error),
    };
    let line = |what: &str, known: Result<Option<Inferred>, Error>| match known {
        Ok(Some(known)) => known.told,
        Ok(None) => format!("{what} unknown"),
        Err(error) => error_text(error),
    };
    [line("cluster", guess.name().map(Some)), line("region", guess.region()), line("profile", guess.profile())]
        .join("\n")
}

/// What the command alone says, on a server that says nothing.
fn said_by(command: &[&str], env: &[(&str, &str)]) -> String {
    let config = kubeconfig("c", "c", "https://127.0.0.1:8443", &exec(command, env));
    let guess = inspect_context(&config, None).unwrap();
    let short =
        |known: Result<Option<Inferred>, Error>| known.ok().flatten().map_or("-".to_owned(), |known| known.value);
    [short(guess.name().map(Some)), short(guess.region()), short(guess.profile())].join(" ")
}

#[test]
fn as_aws_eks_update_kubeconfig_writes_it() {
    let command = ["aws", "--region", "eu-central-1", "eks", "get-token", "--cluster-name", "shop", "--output", "json"];
    let plain = kubeconfig(ARN, ARN, SERVER, &exec(&command, &[]));
    let renamed = kubeconfig("prod", ARN, SERVER, &exec(&command, &[("AWS_PROFILE", "shop-admin")]));
    assert_snapshot!([error_of(&plain, None), error_of(&renamed, Some("prod"))].join("\n"), @r"
    cluster shop: from the arguments of `aws eks get-token` in context arn:aws:eks:eu-central-1:111122223333:cluster/shop
    region eu-central-1: from the arguments of `aws eks get-token` in context arn:aws:eks:eu-central-1:111122223333:cluster/shop
    profile unknown
    cluster shop: from the arguments of `aws eks get-token` in context prod
    region eu-central-1: from the arguments of `aws eks get-token` in context prod
    profile shop-admin: from AWS_PROFILE set for `aws eks get-token` in context prod
    ");
}

#[test]
fn as_eksctl_writes_it() {
    let command = ["aws-iam-authenticator", "token", "-i", "shop"];
    let env = [("AWS_STS_REGIONAL_ENDPOINTS", "regional"), ("AWS_DEFAULT_REGION", "eu-central-1")];
    let context = "admin@shop.eu-central-1.eksctl.io";
    let cluster = "shop.eu-central-1.eksctl.io";
    let named_alone = kubeconfig(context, cluster, "https://127.0.0.1:8443", "{token: t}");
    let all = kubeconfig(context, cluster, SERVER, &exec(&command, &env));
    assert_snapshot!([error_of(&all, None), error_of(&named_alone, None)].join("\n"), @r"
    cluster shop: from the arguments of `aws-iam-authenticator token` in context admin@shop.eu-central-1.eksctl.io
    region eu-central-1: from AWS_DEFAULT_REGION set for `aws-iam-authenticator token` in context admin@shop.eu-central-1.eksctl.io
    profile unknown
    cluster shop: from the cluster entry's name in context admin@shop.eu-central-1.eksctl.io
    region eu-central-1: from the cluster entry's name in context admin@shop.eu-central-1.eksctl.io
    profile unknown
    ");
}

#[test]
fn as_people_write_it_by_hand() {
    let config =
        kubeconfig("prod", "kubernetes", SERVER, &exec(&["aws-iam-authenticator", "token", "-i", "shop"], &[]));
    assert_snapshot!(error_of(&config, None), @r"
    cluster shop: from the arguments of `aws-iam-authenticator token` in context prod
    region eu-central-1: from the server's address in context prod
    profile unknown
    ");
}

#[test]
fn a_name_of_the_cluster_entry_is_enough() {
    let config = kubeconfig("prod", ARN, "https://127.0.0.1:8443", "{token: t}");
    assert_snapshot!(error_of(&config, None), @r"
    cluster shop: from the cluster entry's name in context prod
    region eu-central-1: from the cluster entry's name in context prod
    profile unknown
    ");
}

#[test]
fn a_name_of_the_context_is_enough() {
    let arn = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/shop";
    let config = kubeconfig(arn, "c", "https://127.0.0.1:8443", "{token: t}");
    assert_snapshot!(error_of(&config, None), @r"
    cluster shop: from the name of context arn:aws-cn:eks:cn-north-1:111122223333:cluster/shop
    region cn-north-1: from the name of context arn:aws-cn:eks:cn-north-1:111122223333:cluster/shop
    profile unknown
    ");
}

#[test]
fn a_local_clusters_id_is_not_its_name() {
    let command = ["aws", "eks", "get-token", "--cluster-id", "0e0f1a2b-1111-2222-3333-444455556666"];
    let known = kubeconfig("prod", ARN, SERVER, &exec(&command, &[]));
    let unknown = kubeconfig("prod", "c", SERVER, &exec(&command, &[]));
    assert_snapshot!([error_of(&known, None), error_of(&unknown, None)].join("\n"), @r"
    cluster shop: from the cluster entry's name in context prod
    region eu-central-1: from the cluster entry's name in context prod
    profile unknown
    exit 2
    error: kubeconfig context prod does not say which EKS cluster it is (its credentials come from the command aws, its server is 0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com): add --cluster NAME
    region eu-central-1: from the server's address in context prod
    profile unknown
    ");
}

#[test]
fn behind_a_proxy_nothing_is_known() {
    let rancher = "https://someone:secret@rancher.example/k8s/clusters/c-m-abc";
    let users = [
        "{token: kubeconfig-user-abc}",
        "{client-certificate-data: LS0t, client-key-data: LS0t}",
        &exec(&["/usr/local/bin/tsh", "kube", "credentials", "--kube-cluster=shop"], &[]),
        &exec(&["sh", "-c", "aws eks get-token --cluster-name shop"], &[]),
        "{}",
    ];
    let said: Vec<_> = users.iter().map(|user| error_of(&kubeconfig("shop", "shop", rancher, user), None)).collect();
    assert!(!said.concat().contains("secret"));
    assert_snapshot!(said.join("\n"), @r"
    exit 2
    error: kubeconfig context shop does not say which EKS cluster it is (its credentials come from a token, its server is rancher.example): add --cluster NAME and --region REGION
    region unknown
    profile unknown
    exit 2
    error: kubeconfig context shop does not say which EKS cluster it is (its credentials come from a client certificate, its server is rancher.example): add --cluster NAME and --region REGION
    region unknown
    profile unknown
    exit 2
    error: kubeconfig context shop does not say which EKS cluster it is (its credentials come from the command tsh, its server is rancher.example): add --cluster NAME and --region REGION
    region unknown
    profile unknown
    exit 2
    error: kubeconfig context shop does not say which EKS cluster it is (its credentials come from the command sh, its server is rancher.example): add --cluster NAME and --region REGION
    region unknown
    profile unknown
    exit 2
    error: kubeconfig context shop does not say which EKS cluster it is (its credentials come from a user entry that says nothing, its server is rancher.example): add --cluster NAME and --region REGION
    region unknown
    profile unknown
    ");
}

#[test]
fn sources_that_disagree_are_not_chosen_from() {
    let command = ["aws", "eks", "get-token", "--cluster-name", "staging", "--region", "us-east-1", "--profile", "p"];
    assert_snapshot!(error_of(&kubeconfig("prod", ARN, SERVER, &exec(&command, &[])), None), @r"
    exit 2
    error: kubeconfig context prod names more than one cluster: add --cluster NAME
      cluster staging: from the arguments of `aws eks get-token` in context prod
      cluster shop: from the cluster entry's name in context prod
    exit 2
    error: kubeconfig context prod names more than one region: add --region REGION
      region us-east-1: from the arguments of `aws eks get-token` in context prod
      region eu-central-1: from the cluster entry's name in context prod
      region eu-central-1: from the server's address in context prod
    profile p: from the arguments of `aws eks get-token` in context prod
    ");
}

#[test]
fn contexts_that_are_not_there() {
    let config = kubeconfig("prod", ARN, SERVER, "{token: t}");
    let dangling = Kubeconfig { clusters: Vec::new(), auth_infos: Vec::new(), ..kubeconfig("prod", "c", SERVER, "{}") };
    let many = Kubeconfig {
        contexts: (0..12).map(|n| kube::config::NamedContext { name: format!("c{n}"), ..Default::default() }).collect(),
        ..Default::default()
    };
    let told = [
        error_of(&config, Some("prdo")),
        error_of(&many, None),
        error_of(&Kubeconfig { current_context: Some(String::new()), ..Default::default() }, None),
        error_of(&dangling, None),
        error_of(&many, Some("c1")),
    ];
    assert_snapshot!(told.join("\n"), @r"
    exit 3
    error: the kubeconfig has no context prdo; add --context NAME, one of: prod
    exit 3
    error: the kubeconfig has no current context; add --context NAME, one of: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ...
    exit 3
    error: the kubeconfig has no current context; it has no contexts at all: write one with `aws eks update-kubeconfig --name CLUSTER --region REGION`
    exit 2
    error: kubeconfig context prod does not say which EKS cluster it is (its credentials come from a user entry that says nothing, its server is missing): add --cluster NAME and --region REGION
    region unknown
    profile unknown
    exit 2
    error: kubeconfig context c1 does not say which EKS cluster it is (its credentials come from a user entry that says nothing, its server is missing): add --cluster NAME and --region REGION
    region unknown
    profile unknown
    ");
}

#[test]
fn every_spelling_of_the_command() {
    for (command, said) in [
        ("aws eks get-token --cluster-name=shop --region=eu-west-1 --profile=admin", "shop eu-west-1 admin"),
        ("aws --profile admin --region eu-west-1 eks get-token --cluster-name shop", "shop eu-west-1 admin"),
        ("aws --profile eks --debug eks --no-verify-ssl get-token --cluster-name shop", "shop - eks"),
        ("/usr/local/bin/aws eks get-token --cluster-name shop --role-arn arn:aws:iam::1:role/eks", "shop - -"),
        (r"C:\Amazon\AWSCLIV2\AWS.EXE eks get-token --cluster-name shop", "shop - -"),
        ("aws eks get-token --cluster-name old --cluster-name shop", "shop - -"),
        ("aws-iam-authenticator token --cluster-id shop -r arn:aws:iam::1:role/eks", "shop - -"),
        ("aws-iam-authenticator token --cluster-id=shop --region eu-west-1", "shop eu-west-1 -"),
        ("aws-iam-authenticator -i=shop token", "shop - -"),
        ("aws-iam-authenticator token -ishop --token-only", "shop - -"),
        ("heptio-authenticator-aws token -i shop", "shop - -"),
        ("aws-vault exec prod -- aws eks get-token --cluster-name shop", "shop - -"),
        ("aws-vault exec aws -- aws eks get-token --cluster-name shop", "shop - -"),
        ("env AWS_PROFILE=admin AWS_REGION=eu-west-1 aws eks get-token --cluster-name shop", "shop eu-west-1 admin"),
        // Nothing that makes tokens for EKS, or nothing that we are sure to understand.
        ("aws eks update-kubeconfig --name shop --region eu-west-1", "- - -"),
        ("aws eks get-token --unheard-of value --cluster-name shop", "- - -"),
        ("aws eks get-token --cluster-name", "- - -"),
        ("aws eks get-token --cluster-name=", "- - -"),
        ("aws-iam-authenticator verify -i shop", "- - -"),
        ("laws eks get-token --cluster-name shop", "- - -"),
        ("aws-iam-authenticator -é token -i shop", "shop - -"),
    ] {
        assert_eq!(said_by(&command.split(' ').collect::<Vec<_>>(), &[]), said, "{command}");
    }
}

#[test]
fn the_environment_counts_where_no_argument_does() {
    let bare = ["aws", "eks", "get-token", "--cluster-name", "shop"];
    let argued = [&bare[..], &["--region", "eu-west-1", "--profile", "admin"]].concat();
    let both = [("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-east-2"), ("AWS_PROFILE", "other")];
    assert_eq!(said_by(&bare, &both), "shop us-east-1 other");
    assert_eq!(said_by(&argued, &both), "shop eu-west-1 admin");
    assert_eq!(said_by(&bare, &[("AWS_DEFAULT_REGION", "us-east-2"), ("AWS_PROFILE", "")]), "shop us-east-2 -");
    assert_eq!(said_by(&["env", "AWS_PROFILE=near", "aws", "eks", "get-token"], &[("AWS_PROFILE", "far")]), "- - near");
}
