//! What a file may hold, and what a person is told of one that does not give a cluster and a key.
use super::*;
use crate::testing::error_text;
use insta::assert_snapshot;

const HEAD: &str = "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n";

/// eksctl's own example of a cluster with a key, in its usual company.
const FULL: &str = "\
# our shop
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata:
  name: kms-cluster
  region: us-west-2
  version: '1.34'
  tags: {team: shop, 1: 2}
iam:
  withOIDC: true
managedNodeGroups:
- name: ng
  minSize: 2
  labels: {region: here}
secretsEncryption:
  keyARN: arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
";

fn parse(file: &str, text: &str) -> Result<ClusterConfig, Error> {
    super::parse(&Source { file: file.into(), text: text.into() })
}

fn config(key: &str) -> ClusterConfig {
    ClusterConfig { name: "kms-cluster".into(), region: "us-west-2".into(), key: key.into(), file: "kms.yaml".into() }
}

/// What is said of each of these.
fn refused(texts: &[&str]) -> String {
    let told = |text: &&str| error_text(parse("kms.yaml", text).expect_err(text)).replace("exit 2\n", "");
    texts.iter().map(told).collect::<Vec<_>>().join("\n")
}

/// The same of files that begin as they must.
fn refused_after_head(texts: &[&str]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| format!("{HEAD}{text}")).collect();
    refused(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_file_of_eksctl_is_read_and_its_other_fields_are_let_be() {
    let key = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    assert_eq!(parse("kms.yaml", FULL).unwrap(), config(key));
}

#[test]
fn every_way_to_write_it() {
    let anchors = format!(
        "{HEAD}x: &meta {{name: kms-cluster, region: eu-west-1}}\nmetadata:\n  <<: *meta\n  region: &r us-west-2\nsecretsEncryption: {{keyARN: alias/shop}}\nagain: *r\n"
    );
    let json = r#"{"apiVersion": "eksctl.io/v1alpha5", "kind": "ClusterConfig",
        "metadata": {"name": "kms-cluster", "region": "us-west-2"}, "secretsEncryption": {"keyARN": "alias/shop"}}"#;
    let plain = format!(
        "{HEAD}metadata:\n  name: kms-cluster\n  region: us-west-2\nsecretsEncryption:\n  keyARN: >\n    alias/shop\n"
    );
    let windows = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    let marked = format!("---\n{plain}---\n# the end\n");
    for text in [&anchors, json, &plain, &windows, &marked] {
        assert_eq!(parse("kms.yaml", text).unwrap(), config("alias/shop"), "{text}");
    }
}

#[test]
fn not_yaml_or_not_one_document() {
    assert_snapshot!(refused(&[
        "",
        "# nothing\n---\n",
        "apiVersion: eksctl.io/v1alpha5\nmetadata:\n\tname: shop\n",
        "metadata:\n  name: {{ .Values.name }}\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  name: prod\n",
        &format!("{FULL}secretsEncryption:\n  keyARN: alias/other\n"),
        &format!("{FULL}---\napiVersion: v1\nkind: ConfigMap\n---\n- a\n"),
        &format!("---\n{FULL}---\nhello\n").repeat(4),
    ]), @r"
    error: kms.yaml is empty: -f takes an eksctl ClusterConfig
    error: kms.yaml is empty: -f takes an eksctl ClusterConfig
    error: kms.yaml:3: can't be read as YAML: tabs disallowed within this context (block indentation)
    error: kms.yaml:2: can't be read as YAML: expected string scalar
    error: kms.yaml:4: `name` is given a second time in the same place: leave one of them
    error: kms.yaml:17: `secretsEncryption` is given a second time in the same place: leave one of them
    error: kms.yaml has 3 YAML documents, where -f takes one ClusterConfig: put it into a file of its own
      line 2: ClusterConfig kms-cluster
      line 18: ConfigMap
      line 21: a list
    error: kms.yaml has 8 YAML documents, where -f takes one ClusterConfig: put it into a file of its own
      line 3: ClusterConfig kms-cluster
      line 19: text
      line 22: ClusterConfig kms-cluster
      line 38: text
      line 41: ClusterConfig kms-cluster
      ...
    ");
}

#[test]
fn a_file_that_would_grow_or_nest_without_end() {
    let mut laughs = String::from("a0: &a0 [ha, ha]\n");
    for n in 1..40 {
        laughs.push_str(&format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1));
    }
    assert_snapshot!(refused(&[&laughs, &"[".repeat(100_000), &"{a: ".repeat(100_000)]), @r"
    error: kms.yaml:11: can't be read as YAML: YAML document too large or too complex: total_replayed_events=10001 > 10000
    error: kms.yaml:1: can't be read as YAML: recursion limit exceeded
    error: kms.yaml:1: can't be read as YAML: recursion limit exceeded
    ");
}

#[test]
fn something_else() {
    assert_snapshot!(refused(&[
        "hello\n",
        "- a\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: \"a\\nb\"}\n",
        "apiVersion: eksctl.io/v1alpha4\nkind: ClusterConfig\n",
        "apiVersion: eksctl.io/v1alpha5\nkind: [ClusterConfig]\n",
        "Resources: {}\n",
        "apiVersion: eksctl.io/v1alpha5\n",
        "apiversion: eksctl.io/v1alpha5\nkind: ClusterConfig\n",
        "apiVersion: eksctl.io/v1alpha5\nKind: ClusterConfig\n",
    ]), @r"
    error: kms.yaml:1: this is text; -f takes an eksctl file: kind ClusterConfig, apiVersion eksctl.io/v1alpha5
    error: kms.yaml:1: this is a list; -f takes an eksctl file: kind ClusterConfig, apiVersion eksctl.io/v1alpha5
    error: kms.yaml:2: kind is Secret and apiVersion is v1; -f takes an eksctl file: kind ClusterConfig, apiVersion eksctl.io/v1alpha5
    error: kms.yaml:1: kind is ClusterConfig and apiVersion is eksctl.io/v1alpha4; -f takes an eksctl file: kind ClusterConfig, apiVersion eksctl.io/v1alpha5
    error: kms.yaml:2: kind is a list and apiVersion is eksctl.io/v1alpha5; -f takes an eksctl file: kind ClusterConfig, apiVersion eksctl.io/v1alpha5
    error: kms.yaml has no kind: an eksctl ClusterConfig begins with
      apiVersion: eksctl.io/v1alpha5
      kind: ClusterConfig
    error: kms.yaml has no kind: an eksctl ClusterConfig begins with
      apiVersion: eksctl.io/v1alpha5
      kind: ClusterConfig
    error: kms.yaml:1: an eksctl ClusterConfig has no field `apiversion`: did you mean `apiVersion`?
    error: kms.yaml:2: an eksctl ClusterConfig has no field `Kind`: did you mean `kind`?
    ");
}

#[test]
fn a_near_miss_is_named_wherever_it_is() {
    let key = "arn:aws:kms:us-west-2:111122223333:key/1";
    let meta = "metadata: {name: shop, region: us-west-2}\n";
    assert_snapshot!(refused_after_head(&[
        &format!("{meta}secretsencryption:\n  keyARN: {key}\n"),
        &format!("{meta}SecretsEncryption:\n  keyARN: {key}\n"),
        &format!("{meta}secretEncryption:\n  keyARN: {key}\n"),
        "metaData:\n  name: shop\n",
        &format!("{meta}secretsEncryption:\n  keyArn: {key}\n"),
        &format!("{meta}secretsEncryption:\n  kmsKeyARN: {key}\n"),
        &format!("{meta}secretsEncryption:\n  key: {key}\n"),
        "metadata:\n  Name: shop\n",
        "metadata:\n  name: shop\n  regoin: us-west-2\n",
        &format!("{meta}secretsEncryption:\n  keyARN: {key}\n  keyarn: {key}\n"),
        &format!("{meta}secretsEncryption:\n  keyARN: {key}\nsecretsencryption:\n  keyARN: {key}\n"),
    ]), @r"
    error: kms.yaml:4: an eksctl ClusterConfig has no field `secretsencryption`: did you mean `secretsEncryption`?
    error: kms.yaml:4: an eksctl ClusterConfig has no field `SecretsEncryption`: did you mean `secretsEncryption`?
    error: kms.yaml:4: an eksctl ClusterConfig has no field `secretEncryption`: did you mean `secretsEncryption`?
    error: kms.yaml:3: an eksctl ClusterConfig has no field `metaData`: did you mean `metadata`?
    error: kms.yaml:5: an eksctl ClusterConfig has no field `secretsEncryption.keyArn`: did you mean `secretsEncryption.keyARN`?
    error: kms.yaml:5: an eksctl ClusterConfig has no field `secretsEncryption.kmsKeyARN`: did you mean `secretsEncryption.keyARN`?
    error: kms.yaml:5: an eksctl ClusterConfig has no field `secretsEncryption.key`: did you mean `secretsEncryption.keyARN`?
    error: kms.yaml:4: an eksctl ClusterConfig has no field `metadata.Name`: did you mean `metadata.name`?
    error: kms.yaml:5: an eksctl ClusterConfig has no field `metadata.regoin`: did you mean `metadata.region`?
    error: kms.yaml:6: an eksctl ClusterConfig has no field `secretsEncryption.keyarn`: did you mean `secretsEncryption.keyARN`?
    error: kms.yaml:6: an eksctl ClusterConfig has no field `secretsencryption`: did you mean `secretsEncryption`?
    ");
}

#[test]
fn what_is_missing_or_misplaced() {
    let meta = "metadata: {name: shop, region: us-west-2}\n";
    assert_snapshot!(refused_after_head(&[
        "",
        "metadata:\n  name: shop\nsecretsEncryption:\n  keyARN: alias/shop\n",
        &format!("{meta}iam: {{}}\n"),
        &format!("{meta}secretsEncryption:\n"),
        &format!("{meta}secretsEncryption:\n  other: alias/shop\n"),
        &format!("{meta}secretsEncryption:\nkeyARN: alias/shop\n"),
        "metadata:\n  name: shop\n  region: us-west-2\n  secretsEncryption:\n    keyARN: alias/shop\n",
        "metadata:\nname: shop\nregion: us-west-2\n",
    ]), @r"
    error: kms.yaml: there is no metadata.name, the EKS cluster's name; add
      metadata:
        name: shop
    error: kms.yaml:3: there is no metadata.region, the cluster's AWS region; add
      metadata:
        region: us-west-2
    error: kms.yaml: there is no secretsEncryption.keyARN, the KMS key to put the Secrets under; add
      secretsEncryption:
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID
    error: kms.yaml:4: there is no secretsEncryption.keyARN, the KMS key to put the Secrets under; add
      secretsEncryption:
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID
    error: kms.yaml:4: there is no secretsEncryption.keyARN, the KMS key to put the Secrets under; add
      secretsEncryption:
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID
    error: kms.yaml:5: `keyARN` is at the top level, where it means nothing: it belongs under `secretsEncryption`, indented
    error: kms.yaml:6: `secretsEncryption` is under `metadata`, where it means nothing: it belongs at the top level, not indented
    error: kms.yaml:4: `name` is at the top level, where it means nothing: it belongs under `metadata`, indented
    ");
}

#[test]
fn values_that_are_no_text() {
    let meta = "metadata: {name: shop, region: us-west-2}\n";
    assert_snapshot!(refused_after_head(&[
        "metadata:\n  name:\n",
        "metadata:\n  name: '  '\n",
        "metadata:\n  name: 12\n",
        "metadata:\n  name: shop\n  region: no\n",
        "metadata: shop\n",
        &format!("{meta}secretsEncryption:\n  keyARN: \"\"\n"),
        &format!("{meta}secretsEncryption:\n  keyARN:\n  - alias/shop\n"),
        &format!("{meta}secretsEncryption: alias/shop\n"),
    ]), @r"
    error: kms.yaml:4: metadata.name is empty; it is the EKS cluster's name, such as shop
    error: kms.yaml:4: metadata.name is empty; it is the EKS cluster's name, such as shop
    error: kms.yaml:4: metadata.name is a number to YAML, but must be text: put it in quotes
    error: kms.yaml:5: metadata.region is a yes or no to YAML, but must be text: put it in quotes
    error: kms.yaml:3: metadata is text, but must hold
        name: shop
    error: kms.yaml:5: secretsEncryption.keyARN is empty; it is the KMS key to put the Secrets under, such as arn:aws:kms:REGION:ACCOUNT:key/ID
    error: kms.yaml:5: secretsEncryption.keyARN is a list, but must be text, such as arn:aws:kms:REGION:ACCOUNT:key/ID
    error: kms.yaml:4: secretsEncryption is text, but must hold
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID
    ");
}

#[test]
fn files_that_can_not_be_read() {
    let large = Source::from_reader("disk.img", std::io::repeat(b'#')).unwrap_err();
    let binary = Source::from_reader("kms.zip", &b"PK\x03\x04\xff\xfe"[..]).unwrap_err();
    let missing = read(Path::new("no-such-folder/kms.yaml")).unwrap_err();
    let folder = read(Path::new("src")).unwrap_err();
    let told = [large, binary, missing, folder].map(error_text).join("\n");
    assert_snapshot!(told, @r"
    exit 2
    error: disk.img is larger than 1 MiB, and so no eksctl ClusterConfig: -f names the wrong file
    exit 2
    error: kms.zip is not UTF-8 text: -f names the wrong file, or it was saved in another encoding
    exit 2
    error: can't read no-such-folder/kms.yaml, the file that -f names: No such file or directory (os error 2)
    exit 2
    error: can't read src, the file that -f names: Is a directory (os error 21)
    ");
}

/// X6: before, it took the stack.
#[test]
fn sixty_levels_are_an_error_and_twenty_are_not() {
    let flow = |depth| format!("{HEAD}x: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    let block = |depth| {
        let lines: String = (0..depth).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        format!("{HEAD}{lines}")
    };
    assert_snapshot!(refused(&[&flow(60), &block(60), &format!("{}hello", "- ".repeat(60))]), @r"
    error: kms.yaml:3: can't be read as YAML: YAML document too large or too complex: limits breached: Depth { depth: 25 }
    error: kms.yaml:27: can't be read as YAML: YAML document too large or too complex: limits breached: Depth { depth: 25 }
    error: kms.yaml:1: can't be read as YAML: YAML document too large or too complex: limits breached: Depth { depth: 25 }
    ");
    for deep in [flow(20), block(20)] {
        assert!(matches!(parse("kms.yaml", &deep), Err(Error::Missing { .. })));
    }
}

/// One value that is written often.
#[test]
fn aliases_of_a_long_text_do_not_take_the_memory() {
    let text = format!("{HEAD}x: &x {}\ny: [{}]\n", "x".repeat(500_000), "*x, ".repeat(900));
    assert_snapshot!(refused(&[&text]), @"error: kms.yaml:4: can't be read as YAML: YAML document too large or too complex: limits breached: ScalarBytes { total_scalar_bytes: 8500047 }");
}
