//! Node groups: what can't be, and what is filled in.
use super::*;

#[test]
fn names() {
    let long = format!("managedNodeGroups:\n- name: {}\n", "n".repeat(64));
    assert_snapshot!(refused(&[
        "managedNodeGroups:\n- name: ng\n- name: ng\n",
        "managedNodeGroups:\n- name: -ng\n",
        "managedNodeGroups:\n- name: my.group\n",
        "managedNodeGroups:\n- name: \"\"\n",
        &long,
    ]), @r#"
    managedNodeGroups:
    - name: ng
    - name: ng
    => kms.yaml:10: managedNodeGroups[1].name is `ng`, as managedNodeGroups[0] is named: each group needs a name of its own

    managedNodeGroups:
    - name: -ng
    => kms.yaml:9: managedNodeGroups[0].name is `-ng`; a group's name has letters, digits, dashes and underscores alone, the first a letter or a digit

    managedNodeGroups:
    - name: my.group
    => kms.yaml:9: managedNodeGroups[0].name is `my.group`; a group's name has letters, digits, dashes and underscores alone, the first a letter or a digit

    managedNodeGroups:
    - name: ""
    => kms.yaml:9: managedNodeGroups[0].name is empty

    managedNodeGroups:
    - name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
    => kms.yaml:9: managedNodeGroups[0].name is 64 characters long; EKS takes 63
    "#);
}

#[test]
fn instance_types() {
    let many = format!("instanceTypes: [{}]", vec!["m5.large"; 21].join(", "));
    assert_snapshot!(refused_groups(&[
        "instanceType: m5.large\ninstanceTypes: [m5.large]",
        "instanceType: large",
        "instanceType: M5.large",
        "instanceType: m.large",
        "instanceType: \"\"",
        "instanceTypes: []",
        &many,
        "instanceTypes:\n- m5.large\n- m5.large",
        "instanceTypes:\n- m5.large\n- m6g.large",
        "instanceType: g5g.xlarge",
        "instanceType: p5.48xlarge",
        "instanceTypes: [m5.large, inf2.xlarge]",
        "instanceType: trn1.2xlarge",
        "instanceType: dl1.24xlarge",
        "instanceType: mac2.metal",
        "instanceType: a1.large",
    ]), @r#"
      instanceType: m5.large
      instanceTypes: [m5.large]
    => kms.yaml:9: managedNodeGroups[0] has instanceType and instanceTypes: leave one

      instanceType: large
    => kms.yaml:10: managedNodeGroups[0].instanceType is `large`, which no EC2 instance type is named; one is m5.large

      instanceType: M5.large
    => kms.yaml:10: managedNodeGroups[0].instanceType is `M5.large`, which no EC2 instance type is named; one is m5.large

      instanceType: m.large
    => kms.yaml:10: managedNodeGroups[0].instanceType is `m.large`, which no EC2 instance type is named; one is m5.large

      instanceType: ""
    => kms.yaml:10: managedNodeGroups[0].instanceType is ``, which no EC2 instance type is named; one is m5.large

      instanceTypes: []
    => kms.yaml:10: managedNodeGroups[0].instanceTypes has 0 types; EKS takes from 1 to 20

      instanceTypes: [m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large, m5.large]
    => kms.yaml:10: managedNodeGroups[0].instanceTypes has 21 types; EKS takes from 1 to 20

      instanceTypes:
      - m5.large
      - m5.large
    => kms.yaml:12: managedNodeGroups[0].instanceTypes[1] is m5.large a second time

      instanceTypes:
      - m5.large
      - m6g.large
    => kms.yaml:12: managedNodeGroups[0].instanceTypes[1] is m6g.large, which is arm64, but m5.large is x86_64: no image runs on both; make a group for each

      instanceType: g5g.xlarge
    => kms.yaml:10: managedNodeGroups[0].instanceType is `g5g.xlarge`, which has a GPU: its nodes need an image with drivers, which `create` does not choose

      instanceType: p5.48xlarge
    => kms.yaml:10: managedNodeGroups[0].instanceType is `p5.48xlarge`, which has a GPU: its nodes need an image with drivers, which `create` does not choose

      instanceTypes: [m5.large, inf2.xlarge]
    => kms.yaml:10: managedNodeGroups[0].instanceTypes[1] is `inf2.xlarge`, which has an accelerator (Inferentia, Trainium, Gaudi): its nodes need an image with drivers, which `create` does not choose

      instanceType: trn1.2xlarge
    => kms.yaml:10: managedNodeGroups[0].instanceType is `trn1.2xlarge`, which has an accelerator (Inferentia, Trainium, Gaudi): its nodes need an image with drivers, which `create` does not choose

      instanceType: dl1.24xlarge
    => kms.yaml:10: managedNodeGroups[0].instanceType is `dl1.24xlarge`, which has an accelerator (Inferentia, Trainium, Gaudi): its nodes need an image with drivers, which `create` does not choose

      instanceType: mac2.metal
    => kms.yaml:10: managedNodeGroups[0].instanceType is `mac2.metal`, a Mac, which can't be a node

      instanceType: a1.large
    => kms.yaml:10: managedNodeGroups[0].instanceType is `a1.large`, of the first Graviton generation, on which EKS's images don't run; take m6g, say
    "#);
}

#[test]
fn an_image_fits_its_types() {
    let image = |name: &str, family: &str| {
        let parts = format!("managedNodeGroups:\n- {{name: ng, instanceType: {name}, amiFamily: {family}}}\n");
        parse(&file(&parts)).unwrap().groups.remove(0).ami_type
    };
    let types = [
        "m5.large",
        "m7i-flex.large",
        "u-6tb1.56xlarge",
        "hpc7a.12xlarge",
        "i4i.large",
        "t4g.medium",
        "c7gn.large",
        "im4gn.large",
        "is4gen.medium",
        "x2gd.medium",
        "m8g.metal-24xl",
    ];
    let told =
        types.map(|name| format!("{name:<16} {:<22} {}", image(name, "AmazonLinux2023"), image(name, "Bottlerocket")));
    assert_snapshot!(told.join("\n"), @r"
    m5.large         AL2023_x86_64_STANDARD BOTTLEROCKET_x86_64
    m7i-flex.large   AL2023_x86_64_STANDARD BOTTLEROCKET_x86_64
    u-6tb1.56xlarge  AL2023_x86_64_STANDARD BOTTLEROCKET_x86_64
    hpc7a.12xlarge   AL2023_x86_64_STANDARD BOTTLEROCKET_x86_64
    i4i.large        AL2023_x86_64_STANDARD BOTTLEROCKET_x86_64
    t4g.medium       AL2023_ARM_64_STANDARD BOTTLEROCKET_ARM_64
    c7gn.large       AL2023_ARM_64_STANDARD BOTTLEROCKET_ARM_64
    im4gn.large      AL2023_ARM_64_STANDARD BOTTLEROCKET_ARM_64
    is4gen.medium    AL2023_ARM_64_STANDARD BOTTLEROCKET_ARM_64
    x2gd.medium      AL2023_ARM_64_STANDARD BOTTLEROCKET_ARM_64
    m8g.metal-24xl   AL2023_ARM_64_STANDARD BOTTLEROCKET_ARM_64
    ");
}

#[test]
fn sizes() {
    assert_snapshot!(refused_groups(&[
        "minSize: 5\nmaxSize: 3",
        "maxSize: 1",
        "minSize: 0\nmaxSize: 0",
        "minSize: 3\ndesiredCapacity: 2",
        "maxSize: 3\ndesiredCapacity: 4",
    ]), @r"
      minSize: 5
      maxSize: 3
    => kms.yaml:11: managedNodeGroups[0].maxSize is 3, less than minSize, which is 5

      maxSize: 1
    => kms.yaml:10: managedNodeGroups[0].maxSize is 1, less than minSize, which is 2 unless the file says otherwise: set it too

      minSize: 0
      maxSize: 0
    => kms.yaml:11: managedNodeGroups[0].maxSize is 0; EKS takes 1 or more (minSize and desiredCapacity may be 0)

      minSize: 3
      desiredCapacity: 2
    => kms.yaml:11: managedNodeGroups[0].desiredCapacity is 2, less than minSize, which is 3

      maxSize: 3
      desiredCapacity: 4
    => kms.yaml:11: managedNodeGroups[0].desiredCapacity is 4, more than maxSize, which is 3
    ");
}

#[test]
fn sizes_that_are_left_out() {
    let sizes = |lines: &str| {
        let group = parse(&file(&format!("managedNodeGroups:\n- {{name: ng, {lines}}}\n"))).unwrap().groups.remove(0);
        format!("{lines:<36} min {} max {} desired {}", group.min, group.max, group.desired)
    };
    let all = [
        "spot: false",
        "desiredCapacity: 3",
        "minSize: 4",
        "maxSize: 5",
        "minSize: 0",
        "desiredCapacity: 0",
        "minSize: 1, maxSize: 9",
        "desiredCapacity: 3, maxSize: 9",
        "minSize: 1, desiredCapacity: 3",
    ];
    assert_snapshot!(all.map(sizes).join("\n"), @r"
    spot: false                          min 2 max 2 desired 2
    desiredCapacity: 3                   min 3 max 3 desired 3
    minSize: 4                           min 4 max 4 desired 4
    maxSize: 5                           min 2 max 5 desired 2
    minSize: 0                           min 0 max 1 desired 0
    desiredCapacity: 0                   min 0 max 1 desired 0
    minSize: 1, maxSize: 9               min 1 max 9 desired 1
    desiredCapacity: 3, maxSize: 9       min 3 max 9 desired 3
    minSize: 1, desiredCapacity: 3       min 1 max 3 desired 3
    ");
}

#[test]
fn volumes_and_updates() {
    assert_snapshot!(refused_groups(&[
        "volumeSize: 8",
        "volumeSize: 20000",
        "volumeSize: 2\namiFamily: Bottlerocket",
        "updateConfig: {}",
        "updateConfig: {maxUnavailable: 1, maxUnavailablePercentage: 10}",
        "updateConfig: {maxUnavailable: 0}",
        "updateConfig:\n  maxUnavailablePercentage: 101",
    ]), @r"
      volumeSize: 8
    => kms.yaml:10: managedNodeGroups[0].volumeSize is 8; a node's volume has from 20 to 16384 GiB

      volumeSize: 20000
    => kms.yaml:10: managedNodeGroups[0].volumeSize is 20000; a node's volume has from 20 to 16384 GiB

      volumeSize: 2
      amiFamily: Bottlerocket
    => kms.yaml:10: managedNodeGroups[0].volumeSize is 2; a node's volume has from 4 to 16384 GiB

      updateConfig: {}
    => kms.yaml:10: managedNodeGroups[0].updateConfig needs maxUnavailable or maxUnavailablePercentage

      updateConfig: {maxUnavailable: 1, maxUnavailablePercentage: 10}
    => kms.yaml:10: managedNodeGroups[0].updateConfig has maxUnavailable and maxUnavailablePercentage: leave one

      updateConfig: {maxUnavailable: 0}
    => kms.yaml:10: managedNodeGroups[0].updateConfig.maxUnavailable is 0; EKS takes from 1 to 100

      updateConfig:
        maxUnavailablePercentage: 101
    => kms.yaml:11: managedNodeGroups[0].updateConfig.maxUnavailablePercentage is 101; EKS takes from 1 to 100
    ");
}

#[test]
fn labels() {
    let long = format!("labels:\n  team: {}", "v".repeat(64));
    let long_name = format!("labels:\n  {}: a", "n".repeat(64));
    assert_snapshot!(refused_groups(&[
        "labels:\n  team: shop\n  node-role.kubernetes.io/web: \"true\"",
        "labels: {kubernetes.io/arch: amd64}",
        "labels: {app.k8s.io/name: shop}",
        "labels: {eks.amazonaws.com/nodegroup: ng}",
        "labels: {team: \"\"}",
        "labels: {team: a b}",
        "labels:\n  team: shop\n  team.of: a b",
        "labels: {team-: a}",
        "labels: {Example.com/team: a}",
        "labels: {a/b/c: a}",
        &long,
        &long_name,
    ]), @r#"
      labels:
        team: shop
        node-role.kubernetes.io/web: "true"
    => kms.yaml:12: managedNodeGroups[0].labels.node-role.kubernetes.io/web is a label of Kubernetes' own, with which the kubelet refuses to start: take another prefix, or none (kubelet.kubernetes.io and node.kubernetes.io are allowed)

      labels: {kubernetes.io/arch: amd64}
    => kms.yaml:10: managedNodeGroups[0].labels.kubernetes.io/arch is a label of Kubernetes' own, with which the kubelet refuses to start: take another prefix, or none (kubelet.kubernetes.io and node.kubernetes.io are allowed)

      labels: {app.k8s.io/name: shop}
    => kms.yaml:10: managedNodeGroups[0].labels.app.k8s.io/name is a label of Kubernetes' own, with which the kubelet refuses to start: take another prefix, or none (kubelet.kubernetes.io and node.kubernetes.io are allowed)

      labels: {eks.amazonaws.com/nodegroup: ng}
    => kms.yaml:10: managedNodeGroups[0].labels.eks.amazonaws.com/nodegroup is a label that EKS keeps for itself

      labels: {team: ""}
    => kms.yaml:10: managedNodeGroups[0].labels.team has an empty value, which EKS does not take for a label; write "true", say

      labels: {team: a b}
    => kms.yaml:10: managedNodeGroups[0].labels.team has value `a b`; Kubernetes takes letters, digits, `-`, `_` and `.`, the latter three inside

      labels:
        team: shop
        team.of: a b
    => kms.yaml:12: managedNodeGroups[0].labels.team.of has value `a b`; Kubernetes takes letters, digits, `-`, `_` and `.`, the latter three inside

      labels: {team-: a}
    => kms.yaml:10: managedNodeGroups[0].labels.team- is named `team-`; Kubernetes takes NAME or PREFIX/NAME, such as team or example.com/team

      labels: {Example.com/team: a}
    => kms.yaml:10: managedNodeGroups[0].labels.Example.com/team is named `Example.com/team`; Kubernetes takes NAME or PREFIX/NAME, such as team or example.com/team

      labels: {a/b/c: a}
    => kms.yaml:10: managedNodeGroups[0].labels.a/b/c is named `a/b/c`; Kubernetes takes NAME or PREFIX/NAME, such as team or example.com/team

      labels:
        team: vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv
    => kms.yaml:11: managedNodeGroups[0].labels.team has a value longer than 63 characters, the most that Kubernetes takes

      labels:
        nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn: a
    => kms.yaml:11: managedNodeGroups[0].labels.nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn has a name longer than 63 characters, the most that EKS takes
    "#);
    for label in ["node.kubernetes.io/pool", "example.com/team", "mykubernetes.io/team"] {
        assert!(
            parse(&file(&format!("managedNodeGroups:\n- {{name: ng, labels: {{{label}: a}}}}\n"))).is_ok(),
            "{label}"
        );
    }
}

#[test]
fn taints_and_tags() {
    let taints =
        |count| (0..count).map(|n| format!("{{key: k{n}, effect: NoSchedule}}")).collect::<Vec<_>>().join(", ");
    let many = format!("taints: [{}]", taints(51));
    let tags = (0..45).map(|n| format!("t{n}: a")).collect::<Vec<_>>().join(", ");
    assert_snapshot!(refused_groups(&[
        "taints:\n- {key: \"\", effect: NoSchedule}",
        "taints:\n- {key: only, value: a b, effect: NoSchedule}",
        "taints:\n- {key: only, value: a, effect: NoSchedule}\n- {key: only, value: b, effect: NoSchedule}",
        &many,
        "tags: {\"aws:team\": shop}",
    ]), @r#"
      taints:
      - {key: "", effect: NoSchedule}
    => kms.yaml:11: managedNodeGroups[0].taints[0].key is named ``; Kubernetes takes NAME or PREFIX/NAME, such as team or example.com/team

      taints:
      - {key: only, value: a b, effect: NoSchedule}
    => kms.yaml:11: managedNodeGroups[0].taints[0].value has value `a b`; Kubernetes takes letters, digits, `-`, `_` and `.`, the latter three inside

      taints:
      - {key: only, value: a, effect: NoSchedule}
      - {key: only, value: b, effect: NoSchedule}
    => kms.yaml:12: managedNodeGroups[0].taints[1] is `only` with the same effect a second time

      taints: [{key: k0, effect: NoSchedule}, {key: k1, effect: NoSchedule}, {key: k2, effect: NoSchedule}, {key: k3, effect: NoSchedule}, {key: k4, effect: NoSchedule}, {key: k5, effect: NoSchedule}, {key: k6, effect: NoSchedule}, {key: k7, effect: NoSchedule}, {key: k8, effect: NoSchedule}, {key: k9, effect: NoSchedule}, {key: k10, effect: NoSchedule}, {key: k11, effect: NoSchedule}, {key: k12, effect: NoSchedule}, {key: k13, effect: NoSchedule}, {key: k14, effect: NoSchedule}, {key: k15, effect: NoSchedule}, {key: k16, effect: NoSchedule}, {key: k17, effect: NoSchedule}, {key: k18, effect: NoSchedule}, {key: k19, effect: NoSchedule}, {key: k20, effect: NoSchedule}, {key: k21, effect: NoSchedule}, {key: k22, effect: NoSchedule}, {key: k23, effect: NoSchedule}, {key: k24, effect: NoSchedule}, {key: k25, effect: NoSchedule}, {key: k26, effect: NoSchedule}, {key: k27, effect: NoSchedule}, {key: k28, effect: NoSchedule}, {key: k29, effect: NoSchedule}, {key: k30, effect: NoSchedule}, {key: k31, effect: NoSchedule}, {key: k32, effect: NoSchedule}, {key: k33, effect: NoSchedule}, {key: k34, effect: NoSchedule}, {key: k35, effect: NoSchedule}, {key: k36, effect: NoSchedule}, {key: k37, effect: NoSchedule}, {key: k38, effect: NoSchedule}, {key: k39, effect: NoSchedule}, {key: k40, effect: NoSchedule}, {key: k41, effect: NoSchedule}, {key: k42, effect: NoSchedule}, {key: k43, effect: NoSchedule}, {key: k44, effect: NoSchedule}, {key: k45, effect: NoSchedule}, {key: k46, effect: NoSchedule}, {key: k47, effect: NoSchedule}, {key: k48, effect: NoSchedule}, {key: k49, effect: NoSchedule}, {key: k50, effect: NoSchedule}]
    => kms.yaml:10: managedNodeGroups[0].taints has 51 taints; EKS takes 50

      tags: {"aws:team": shop}
    => kms.yaml:10: managedNodeGroups[0].tags.aws:team begins with aws:, which AWS keeps for itself
    "#);
    let parts = format!(
        "metadata:\n  name: shop\n  region: us-west-2\n  tags: {{team: shop}}\nmanagedNodeGroups:\n- name: ng\n  tags: {{{tags}}}\n"
    );
    assert_snapshot!(parse(&file(&parts)).unwrap_err(), @"kms.yaml:11: managedNodeGroups[0].tags has 46 tags with those of metadata.tags; 40 fit beside those that AWS and `create` add");
}

#[test]
fn where_nodes_are() {
    let of =
        |zones: &str, more: &str| format!("{more}managedNodeGroups:\n- name: ng\n  availabilityZones: [{zones}]\n");
    let cluster = "availabilityZones: [us-west-2a, us-west-2b]\n";
    assert_snapshot!(refused(&[
        &of("us-west-2c", cluster),
        &of("us-west-2a, us-west-2a", cluster),
        &of("eu-west-1a", ""),
        "vpc: {nat: {gateway: Disable}}\nmanagedNodeGroups:\n- name: ng\n  privateNetworking: true\n",
    ]), @r"
    availabilityZones: [us-west-2a, us-west-2b]
    managedNodeGroups:
    - name: ng
      availabilityZones: [us-west-2c]
    => kms.yaml:11: managedNodeGroups[0].availabilityZones[0] is us-west-2c, which is none of the cluster's zones, us-west-2a, us-west-2b

    availabilityZones: [us-west-2a, us-west-2b]
    managedNodeGroups:
    - name: ng
      availabilityZones: [us-west-2a, us-west-2a]
    => kms.yaml:11: managedNodeGroups[0].availabilityZones[1] is us-west-2a a second time

    managedNodeGroups:
    - name: ng
      availabilityZones: [eu-west-1a]
    => kms.yaml:10: managedNodeGroups[0].availabilityZones[0] is `eu-west-1a`; the zones of us-west-2 are named us-west-2a, us-west-2b and so on

    vpc: {nat: {gateway: Disable}}
    managedNodeGroups:
    - name: ng
      privateNetworking: true
    => kms.yaml:11: managedNodeGroups[0].privateNetworking is true, but vpc.nat.gateway is Disable: these nodes could load no images and reach no AWS service, and would never join; `create` makes no VPC endpoints that could stand in
    ");
    assert!(parse(&file(&of("us-west-2b", cluster))).is_ok());
    assert!(parse(&file(&of("us-west-2b", ""))).is_ok(), "the cluster's are chosen later, around the groups'");
    assert!(
        parse(&file("vpc: {nat: {gateway: Disable}}\nmanagedNodeGroups:\n- name: ng\n")).is_ok(),
        "public nodes need none"
    );
}
