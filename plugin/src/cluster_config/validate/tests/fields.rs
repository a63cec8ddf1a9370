//! Fields that are unknown, elsewhere, missing, or of another kind.
use super::*;

#[test]
fn a_slip_of_the_finger_is_named() {
    assert_snapshot!(refused(&[
        "secretsencryption:\n  keyARN: alias/shop\n",
        "SecretsEncryption:\n  keyARN: alias/shop\n",
        "encryptionConfig:\n  keyARN: alias/shop\n",
        "secretsEncryption:\n  keyArn: alias/shop\n",
        "secretsEncryption:\n  kmsKeyId: alias/shop\n",
        "metadata:\n  clusterName: shop\n  region: us-west-2\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  kubernetesVersion: '1.34'\n",
        "managednodegroups: []\n",
        "vpc:\n  nat:\n    Gateway: Single\n",
        "vpc:\n  publicAccessCidrs: [203.0.113.0/24]\n",
        "managedNodeGroups:\n- name: ng\n  minsize: 1\n",
        "managedNodeGroups:\n- name: ng\n- name: other\n  desiredSize: 1\n",
        "managedNodeGroups:\n- name: ng\n  taints:\n  - key: a\n    efect: NoSchedule\n",
    ]), @r"
    secretsencryption:
      keyARN: alias/shop
    => kms.yaml:8: an eksctl ClusterConfig has no field `secretsencryption`: did you mean `secretsEncryption`?

    SecretsEncryption:
      keyARN: alias/shop
    => kms.yaml:8: an eksctl ClusterConfig has no field `SecretsEncryption`: did you mean `secretsEncryption`?

    encryptionConfig:
      keyARN: alias/shop
    => kms.yaml:8: an eksctl ClusterConfig has no field `encryptionConfig`: did you mean `secretsEncryption`?

    secretsEncryption:
      keyArn: alias/shop
    => kms.yaml:7: an eksctl ClusterConfig has no field `secretsEncryption.keyArn`: did you mean `secretsEncryption.keyARN`?

    secretsEncryption:
      kmsKeyId: alias/shop
    => kms.yaml:7: an eksctl ClusterConfig has no field `secretsEncryption.kmsKeyId`: did you mean `secretsEncryption.keyARN`?

    metadata:
      clusterName: shop
      region: us-west-2
    => kms.yaml:6: an eksctl ClusterConfig has no field `metadata.clusterName`: did you mean `metadata.name`?

    metadata:
      name: shop
      region: us-west-2
      kubernetesVersion: '1.34'
    => kms.yaml:8: an eksctl ClusterConfig has no field `metadata.kubernetesVersion`: did you mean `metadata.version`?

    managednodegroups: []
    => kms.yaml:8: an eksctl ClusterConfig has no field `managednodegroups`: did you mean `managedNodeGroups`?

    vpc:
      nat:
        Gateway: Single
    => kms.yaml:10: an eksctl ClusterConfig has no field `vpc.nat.Gateway`: did you mean `vpc.nat.gateway`?

    vpc:
      publicAccessCidrs: [203.0.113.0/24]
    => kms.yaml:9: an eksctl ClusterConfig has no field `vpc.publicAccessCidrs`: did you mean `vpc.publicAccessCIDRs`?

    managedNodeGroups:
    - name: ng
      minsize: 1
    => kms.yaml:10: an eksctl ClusterConfig has no field `managedNodeGroups[0].minsize`: did you mean `managedNodeGroups[0].minSize`?

    managedNodeGroups:
    - name: ng
    - name: other
      desiredSize: 1
    => kms.yaml:11: an eksctl ClusterConfig has no field `managedNodeGroups[1].desiredSize`: did you mean `managedNodeGroups[1].desiredCapacity`?

    managedNodeGroups:
    - name: ng
      taints:
      - key: a
        efect: NoSchedule
    => kms.yaml:12: an eksctl ClusterConfig has no field `managedNodeGroups[0].taints[0].efect`: did you mean `managedNodeGroups[0].taints[0].effect`?
    ");
}

#[test]
fn what_eksctl_reads_and_create_does_not() {
    assert_snapshot!(refused(&[
        "nodeGroups:\n- name: ng\n",
        "nodegroups:\n- name: ng\n",
        "addons:\n- name: vpc-cni\n",
        "iam:\n  withOIDC: true\n",
        "privateCluster:\n  enabled: true\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  accountID: '111122223333'\n",
        "vpc:\n  id: vpc-0123456789abcdef0\n",
        "vpc:\n  subnets: {}\n",
        "accessConfig:\n  accessEntries: []\n",
        "cloudWatch:\n  clusterLogging:\n    logRetentionInDays: 7\n",
        "managedNodeGroups:\n- name: ng\n  ssh: {allow: true}\n",
        "managedNodeGroups:\n- name: ng\n  iam: {}\n",
        "managedNodeGroups:\n- name: ng\n  volumeEncrypted: true\n",
        "managedNodeGroups:\n- name: ng\n  subnets: [subnet-0123456789abcdef0]\n",
        "iam: {}\nvpc:\n  id: vpc-0123456789abcdef0\nmanagedNodeGroups:\n- name: ng\n- name: other\n  iam: {}\n  ssh: {}\n",
    ]), @r"
    nodeGroups:
    - name: ng
    => kms.yaml:8: `nodeGroups` is a field of eksctl that `create` does not support; nothing was created: write `managedNodeGroups` instead

    nodegroups:
    - name: ng
    => kms.yaml:8: `nodegroups` (eksctl's `nodeGroups`) is a field of eksctl that `create` does not support; nothing was created: write `managedNodeGroups` instead

    addons:
    - name: vpc-cni
    => kms.yaml:8: `addons` is a field of eksctl that `create` does not support; nothing was created: remove it, because EKS brings vpc-cni, kube-proxy and coredns; add others when the cluster is there

    iam:
      withOIDC: true
    => kms.yaml:8: `iam` is a field of eksctl that `create` does not support; nothing was created: remove it, and set it up with eksctl or AWS's own tools when the cluster is there

    privateCluster:
      enabled: true
    => kms.yaml:8: `privateCluster` is a field of eksctl that `create` does not support; nothing was created: remove it, or make the cluster with eksctl and then run `kubectl eks-encrypt enable`

    metadata:
      name: shop
      region: us-west-2
      accountID: '111122223333'
    => kms.yaml:8: `metadata.accountID` is a field of eksctl that `create` does not support; nothing was created: remove it, or make the cluster with eksctl and then run `kubectl eks-encrypt enable`

    vpc:
      id: vpc-0123456789abcdef0
    => kms.yaml:9: `vpc.id` is a field of eksctl that `create` does not support; nothing was created: remove it, because the cluster gets a VPC of its own; for another VPC, make the cluster with eksctl and then run `kubectl eks-encrypt enable`

    vpc:
      subnets: {}
    => kms.yaml:9: `vpc.subnets` is a field of eksctl that `create` does not support; nothing was created: remove it, because the cluster gets a VPC of its own; for another VPC, make the cluster with eksctl and then run `kubectl eks-encrypt enable`

    accessConfig:
      accessEntries: []
    => kms.yaml:9: `accessConfig.accessEntries` is a field of eksctl that `create` does not support; nothing was created: remove it, and set it up with eksctl or AWS's own tools when the cluster is there

    cloudWatch:
      clusterLogging:
        logRetentionInDays: 7
    => kms.yaml:10: `cloudWatch.clusterLogging.logRetentionInDays` is a field of eksctl that `create` does not support; nothing was created: remove it, and set it up with eksctl or AWS's own tools when the cluster is there

    managedNodeGroups:
    - name: ng
      ssh: {allow: true}
    => kms.yaml:10: `managedNodeGroups[0].ssh` is a field of eksctl that `create` does not support; nothing was created: remove it, or make the cluster with eksctl and then run `kubectl eks-encrypt enable`

    managedNodeGroups:
    - name: ng
      iam: {}
    => kms.yaml:10: `managedNodeGroups[0].iam` is a field of eksctl that `create` does not support; nothing was created: remove it, because all groups share one role, made for the cluster; add policies when the cluster is there

    managedNodeGroups:
    - name: ng
      volumeEncrypted: true
    => kms.yaml:10: `managedNodeGroups[0].volumeEncrypted` is a field of eksctl that `create` does not support; nothing was created: remove it, or make the cluster with eksctl and then run `kubectl eks-encrypt enable`

    managedNodeGroups:
    - name: ng
      subnets: [subnet-0123456789abcdef0]
    => kms.yaml:10: `managedNodeGroups[0].subnets` is a field of eksctl that `create` does not support; nothing was created: remove it, because the group gets the subnets and the security group that are made for the cluster

    iam: {}
    vpc:
      id: vpc-0123456789abcdef0
    managedNodeGroups:
    - name: ng
    - name: other
      iam: {}
      ssh: {}
    => kms.yaml:8: `iam` is a field of eksctl that `create` does not support; nothing was created: remove it, and set it up with eksctl or AWS's own tools when the cluster is there
    it does not support these either:
      line 10: vpc.id
      line 14: managedNodeGroups[1].iam
      line 15: managedNodeGroups[1].ssh
    ");
}

#[test]
fn no_field_of_eksctls_is_called_unknown_or_is_ours_too() {
    let ours: BTreeSet<_> = schema::fields().into_iter().collect();
    for place in ["", "metadata", "vpc", "accessConfig", "cloudWatch.clusterLogging", "managedNodeGroups[]"] {
        let theirs: Vec<_> = unsupported::fields_of(place).collect();
        assert!(!theirs.is_empty(), "{place}");
        for name in theirs {
            assert!(!ours.contains(&(place.to_owned(), name.to_owned())), "{place}.{name}");
            assert!(unsupported::remediation(place, name).is_some(), "{place}.{name}");
        }
    }
}

#[test]
fn misplaced_or_unheard_of() {
    assert_snapshot!(refused(&[
        "keyARN: alias/shop\n",
        "tags: {team: shop}\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  secretsEncryption: {keyARN: alias/shop}\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  availabilityZones: [us-west-2a]\n",
        "vpc:\n  gateway: Single\n",
        "managedNodeGroups:\n- name: ng\n  maxUnavailable: 1\n",
        "managedNodeGroups:\n- name: ng\n  colour: red\n",
        "secretsEncryption:\n  keyARN: alias/shop\n  algorithm: aes\n",
        "spec: {}\n",
        "\"no\\nsuch\": 1\n",
    ]), @r#"
    keyARN: alias/shop
    => kms.yaml:8: `keyARN` is at the top level, where it means nothing: it belongs under `secretsEncryption`

    tags: {team: shop}
    => kms.yaml:8: `tags` is at the top level, where it means nothing: it belongs under `metadata`, or in an item of `managedNodeGroups`

    metadata:
      name: shop
      region: us-west-2
      secretsEncryption: {keyARN: alias/shop}
    => kms.yaml:8: `secretsEncryption` is under `metadata`, where it means nothing: it belongs at the top level, not indented

    metadata:
      name: shop
      region: us-west-2
      availabilityZones: [us-west-2a]
    => kms.yaml:8: `availabilityZones` is under `metadata`, where it means nothing: it belongs at the top level, not indented, or in an item of `managedNodeGroups`

    vpc:
      gateway: Single
    => kms.yaml:9: `gateway` is under `vpc`, where it means nothing: it belongs under `vpc.nat`

    managedNodeGroups:
    - name: ng
      maxUnavailable: 1
    => kms.yaml:10: `maxUnavailable` is under `managedNodeGroups[0]`, where it means nothing: it belongs under `managedNodeGroups[].updateConfig`

    managedNodeGroups:
    - name: ng
      colour: red
    => kms.yaml:10: an eksctl ClusterConfig has no field `managedNodeGroups[0].colour`; under `managedNodeGroups[0]` `create` takes name, instanceType, instanceTypes, desiredCapacity, minSize, maxSize, volumeSize, volumeType, labels, tags, taints, privateNetworking, spot, amiFamily, updateConfig and availabilityZones

    secretsEncryption:
      keyARN: alias/shop
      algorithm: aes
    => kms.yaml:8: an eksctl ClusterConfig has no field `secretsEncryption.algorithm`; under `secretsEncryption` `create` takes keyARN alone

    spec: {}
    => kms.yaml:8: an eksctl ClusterConfig has no field `spec`; at the top level `create` takes apiVersion, kind, metadata, availabilityZones, secretsEncryption, vpc, accessConfig, cloudWatch and managedNodeGroups

    "no\nsuch": 1
    => kms.yaml:8: an eksctl ClusterConfig has no field `no\nsuch`; at the top level `create` takes apiVersion, kind, metadata, availabilityZones, secretsEncryption, vpc, accessConfig, cloudWatch and managedNodeGroups
    "#);
}

#[test]
fn missing() {
    assert_snapshot!(refused(&[
        "metadata:\n  name: shop\n",
        "metadata:\n  region: us-west-2\n",
        "secretsEncryption: {}\n",
        "managedNodeGroups:\n- instanceType: m5.large\n",
        "managedNodeGroups:\n- name: ng\n  taints:\n  - key: a\n",
    ]), @r"
    metadata:
      name: shop
    => kms.yaml:5: there is no metadata.region, the cluster's AWS region; add
      metadata:
        region: us-west-2

    metadata:
      region: us-west-2
    => kms.yaml:5: there is no metadata.name, the EKS cluster's name; add
      metadata:
        name: shop

    secretsEncryption: {}
    => kms.yaml:6: there is no secretsEncryption.keyARN, the KMS key to put the Secrets under; add
      secretsEncryption:
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID

    managedNodeGroups:
    - instanceType: m5.large
    => kms.yaml:9: managedNodeGroups[0] has no `name`: add it

    managedNodeGroups:
    - name: ng
      taints:
      - key: a
    => kms.yaml:11: managedNodeGroups[0].taints[0] has no `effect`: add it
    ");
    let told = |text: &str| crate::testing::error_text(parse(&format!("{HEAD}{text}")).unwrap_err());
    assert_snapshot!([told(METADATA), told(KEY)].join("\n"), @r"
    exit 2
    error: kms.yaml: there is no secretsEncryption.keyARN, the KMS key to put the Secrets under; add
      secretsEncryption:
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID
    exit 2
    error: kms.yaml: there is no metadata.name, the EKS cluster's name; add
      metadata:
        name: shop
    ");
}

#[test]
fn of_another_kind() {
    assert_snapshot!(refused(&[
        "metadata:\n  name: shop\n  region: us-west-2\n  version: 1.30\n",
        "metadata:\n  name: 0123\n  region: us-west-2\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  tags: {urgent: yes}\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  tags: {team: }\n",
        "metadata:\n  name: shop\n  region: us-west-2\n  version:\n",
        "metadata: shop\n",
        "metadata:\n  name:\n  region: us-west-2\n",
        "secretsEncryption:\n",
        "secretsEncryption: alias/shop\n",
        "secretsEncryption:\n  keyARN: [alias/shop]\n",
        "vpc:\n  clusterEndpoints:\n    publicAccess: \"true\"\n",
        "availabilityZones: us-west-2a\n",
        "availabilityZones: [1, 2]\n",
        "managedNodeGroups:\n  name: ng\n",
        "managedNodeGroups: [ng]\n",
        "managedNodeGroups:\n- name: ng\n  minSize: \"2\"\n",
        "managedNodeGroups:\n- name: ng\n  minSize: 1.5\n",
        "managedNodeGroups:\n- name: ng\n  minSize: -1\n",
        "managedNodeGroups:\n- name: ng\n  minSize: 99999999999\n",
        "managedNodeGroups:\n- name: ng\n  taints: {only: web:NoSchedule}\n",
        "managedNodeGroups:\n- name: ng\n  privateNetworking:\n",
    ]), @r#"
    metadata:
      name: shop
      region: us-west-2
      version: 1.30
    => kms.yaml:8: metadata.version is a number to YAML, but must be text: write "1.30", in quotes

    metadata:
      name: 0123
      region: us-west-2
    => kms.yaml:6: metadata.name is a number to YAML, but must be text: write "0123", in quotes

    metadata:
      name: shop
      region: us-west-2
      tags: {urgent: yes}
    => kms.yaml:8: metadata.tags.urgent is a yes or no to YAML, but must be text: write "yes", in quotes

    metadata:
      name: shop
      region: us-west-2
      tags: {team: }
    => kms.yaml:8: metadata.tags.team has no value: write one, or take the line away

    metadata:
      name: shop
      region: us-west-2
      version:
    => kms.yaml:8: metadata.version has no value: write one, or take the line away

    metadata: shop
    => kms.yaml:5: metadata is text, but must hold
        name: shop

    metadata:
      name:
      region: us-west-2
    => kms.yaml:6: metadata.name is empty; it is the EKS cluster's name, such as shop

    secretsEncryption:
    => kms.yaml:6: there is no secretsEncryption.keyARN, the KMS key to put the Secrets under; add
      secretsEncryption:
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID

    secretsEncryption: alias/shop
    => kms.yaml:6: secretsEncryption is text, but must hold
        keyARN: arn:aws:kms:REGION:ACCOUNT:key/ID

    secretsEncryption:
      keyARN: [alias/shop]
    => kms.yaml:7: secretsEncryption.keyARN is a list, but must be text

    vpc:
      clusterEndpoints:
        publicAccess: "true"
    => kms.yaml:10: vpc.clusterEndpoints.publicAccess is text, but must be true or false, without quotes

    availabilityZones: us-west-2a
    => kms.yaml:8: availabilityZones is text, but must be a list: one `- ` line for each

    availabilityZones: [1, 2]
    => kms.yaml:8: availabilityZones[0] is a number to YAML, but must be text: write "1", in quotes

    managedNodeGroups:
      name: ng
    => kms.yaml:8: managedNodeGroups is a mapping, but must be a list: one `- ` line for each

    managedNodeGroups: [ng]
    => kms.yaml:8: managedNodeGroups[0] is text, but must hold `name: value` lines

    managedNodeGroups:
    - name: ng
      minSize: "2"
    => kms.yaml:10: managedNodeGroups[0].minSize is text, but must be a whole number, without quotes

    managedNodeGroups:
    - name: ng
      minSize: 1.5
    => kms.yaml:10: managedNodeGroups[0].minSize is a number to YAML, but must be a whole number, without quotes

    managedNodeGroups:
    - name: ng
      minSize: -1
    => kms.yaml:10: managedNodeGroups[0].minSize is -1, but must be a whole number from 0 to 4294967295

    managedNodeGroups:
    - name: ng
      minSize: 99999999999
    => kms.yaml:10: managedNodeGroups[0].minSize is 99999999999, but must be a whole number from 0 to 4294967295

    managedNodeGroups:
    - name: ng
      taints: {only: web:NoSchedule}
    => kms.yaml:10: managedNodeGroups[0].taints is a mapping, but must be a list: one `- ` line for each

    managedNodeGroups:
    - name: ng
      privateNetworking:
    => kms.yaml:10: managedNodeGroups[0].privateNetworking has no value: write one, or take the line away
    "#);
}

#[test]
fn a_number_is_shown_as_it_is_written() {
    for before in ["", "# Käfer \u{1f512}\n", "\u{feff}", "# one\r\n"] {
        for written in ["1.30", "0x1e", "1e3", "0o17", "+1.0", "TRUE", ".inf"] {
            let version = format!("  version: {written}\n");
            let flow = format!("metadata: {{name: shop, region: us-west-2, version: {written}}}\n");
            for text in [format!("{before}{HEAD}{METADATA}{version}{KEY}"), format!("{before}{HEAD}{flow}{KEY}")] {
                let error = parse(&text).expect_err(&text).to_string();
                assert!(
                    error.contains("metadata.version is") && error.contains(&format!("write \"{written}\"")),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn words_that_a_field_can_not_hold() {
    assert_snapshot!(refused(&[
        "vpc: {nat: {gateway: single}}\n",
        "vpc: {nat: {gateway: none}}\n",
        "accessConfig: {authenticationMode: api}\n",
        "accessConfig: {authenticationMode: API_AND_CONFIGMAP}\n",
        "cloudWatch: {clusterLogging: {enableTypes: [api, controllermanager]}}\n",
        "managedNodeGroups:\n- name: ng\n  amiFamily: Ubuntu2404\n",
        "managedNodeGroups:\n- name: ng\n  volumeType: st1\n",
        "managedNodeGroups:\n- name: ng\n  taints:\n  - {key: a, effect: Never}\n",
        "managedNodeGroups:\n- name: ng\n  taints:\n  - {key: a, effect: \"\"}\n",
    ]), @r#"
    vpc: {nat: {gateway: single}}
    => kms.yaml:8: vpc.nat.gateway is `single`, but must be `Single`, in exactly these letters

    vpc: {nat: {gateway: none}}
    => kms.yaml:8: vpc.nat.gateway is `none`, but must be Disable, Single or HighlyAvailable

    accessConfig: {authenticationMode: api}
    => kms.yaml:8: accessConfig.authenticationMode is `api`, but must be `API`, in exactly these letters

    accessConfig: {authenticationMode: API_AND_CONFIGMAP}
    => kms.yaml:8: accessConfig.authenticationMode is `API_AND_CONFIGMAP`, but must be `API_AND_CONFIG_MAP`, in exactly these letters

    cloudWatch: {clusterLogging: {enableTypes: [api, controllermanager]}}
    => kms.yaml:8: cloudWatch.clusterLogging.enableTypes[1] is `controllermanager`, but must be `controllerManager`, in exactly these letters

    managedNodeGroups:
    - name: ng
      amiFamily: Ubuntu2404
    => kms.yaml:10: managedNodeGroups[0].amiFamily is `Ubuntu2404`, but must be AmazonLinux2023 or Bottlerocket

    managedNodeGroups:
    - name: ng
      volumeType: st1
    => kms.yaml:10: managedNodeGroups[0].volumeType is `st1`, but must be gp2, gp3, io1 or io2

    managedNodeGroups:
    - name: ng
      taints:
      - {key: a, effect: Never}
    => kms.yaml:11: managedNodeGroups[0].taints[0].effect is `Never`, but must be NoSchedule, PreferNoSchedule or NoExecute

    managedNodeGroups:
    - name: ng
      taints:
      - {key: a, effect: ""}
    => kms.yaml:11: managedNodeGroups[0].taints[0].effect is ``, but must be NoSchedule, PreferNoSchedule or NoExecute
    "#);
}

#[test]
fn no_cluster_config_at_all() {
    let told = |text: &str| crate::testing::error_text(parse(text).unwrap_err());
    let documents = format!("{0}---\n{0}", file(""));
    let all =
        ["", "a: [\n", &documents, "apiVersion: v1\nkind: Secret\n", &format!("{}vpc: {{}}\nvpc: {{}}\n", file(""))];
    assert_snapshot!(all.map(told).join("\n"), @r"
    exit 2
    error: kms.yaml is empty: -f takes an eksctl ClusterConfig
    exit 2
    error: kms.yaml:1: can't be read as YAML: unclosed bracket '['
    exit 2
    error: kms.yaml has 2 YAML documents, where -f takes one ClusterConfig: put it into a file of its own
      line 1: ClusterConfig kms-cluster
      line 9: ClusterConfig kms-cluster
    exit 2
    error: kms.yaml:2: kind is Secret and apiVersion is v1; -f takes an eksctl file: kind ClusterConfig, apiVersion eksctl.io/v1alpha5
    exit 2
    error: kms.yaml:9: `vpc` is given a second time in the same place: leave one of them
    ");
    assert_snapshot!(crate::testing::error_text(read(Path::new("no-such-folder/kms.yaml")).unwrap_err()), @r"
    exit 2
    error: can't read no-such-folder/kms.yaml, the file that -f names: No such file or directory (os error 2)
    ");
}
