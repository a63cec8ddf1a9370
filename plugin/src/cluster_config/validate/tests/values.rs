//! Values of the cluster that can't be.
use super::*;

fn metadata(more: &str) -> String {
    format!("metadata:\n  name: shop\n  region: us-west-2\n  {more}\n")
}

/// What is said of each value of `keyARN`.
fn refused_keys(all: &[&str]) -> String {
    let all: Vec<_> = all.iter().map(|key| format!("secretsEncryption:\n  keyARN: {key}\n")).collect();
    let told = refused(&all.iter().map(String::as_str).collect::<Vec<_>>());
    told.replace("secretsEncryption:\n  keyARN: ", "")
}

#[test]
fn names() {
    let long = "a".repeat(101);
    let of = |name: &str| format!("metadata:\n  name: {name}\n  region: us-west-2\n");
    let all = ["my_shop", "-shop", "my shop", "köln", "\"\"", &long].map(of);
    assert_snapshot!(refused(&all.each_ref().map(String::as_str)), @r#"
    metadata:
      name: my_shop
      region: us-west-2
    => kms.yaml:6: metadata.name is `my_shop`, with a `_`: EKS would take it, but the CloudFormation stack is named eks-encrypt-my_shop, and a stack's name has letters, digits and dashes alone

    metadata:
      name: -shop
      region: us-west-2
    => kms.yaml:6: metadata.name is `-shop`; a cluster's name has letters, digits and dashes alone, and begins with no dash

    metadata:
      name: my shop
      region: us-west-2
    => kms.yaml:6: metadata.name is `my shop`; a cluster's name has letters, digits and dashes alone, and begins with no dash

    metadata:
      name: köln
      region: us-west-2
    => kms.yaml:6: metadata.name is `köln`; a cluster's name has letters, digits and dashes alone, and begins with no dash

    metadata:
      name: ""
      region: us-west-2
    => kms.yaml:6: metadata.name is empty

    metadata:
      name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      region: us-west-2
    => kms.yaml:6: metadata.name is 101 characters long; EKS takes 100
    "#);
}

#[test]
fn regions() {
    let of = |region: &str| format!("metadata:\n  name: shop\n  region: {region}\n");
    let all =
        ["us-west-2a", "uswest2", "us-west", "US-WEST-2", "us-iso-east-1", "eu-isoe-west-1", "eusc-de-east-1", "\"\""]
            .map(of);
    assert_snapshot!(refused(&all.each_ref().map(String::as_str)), @r#"
    metadata:
      name: shop
      region: us-west-2a
    => kms.yaml:7: metadata.region is `us-west-2a`, an availability zone: its region is us-west-2

    metadata:
      name: shop
      region: uswest2
    => kms.yaml:7: metadata.region is `uswest2`, which no AWS region is named; one is us-west-2

    metadata:
      name: shop
      region: us-west
    => kms.yaml:7: metadata.region is `us-west`, which no AWS region is named; one is us-west-2

    metadata:
      name: shop
      region: US-WEST-2
    => kms.yaml:7: metadata.region is `US-WEST-2`, which no AWS region is named; one is us-west-2

    metadata:
      name: shop
      region: us-iso-east-1
    => kms.yaml:7: metadata.region is `us-iso-east-1`, in a partition of AWS with names of its own for services and roles, for which `create` has no template; it has one for aws, aws-cn and aws-us-gov

    metadata:
      name: shop
      region: eu-isoe-west-1
    => kms.yaml:7: metadata.region is `eu-isoe-west-1`, in a partition of AWS with names of its own for services and roles, for which `create` has no template; it has one for aws, aws-cn and aws-us-gov

    metadata:
      name: shop
      region: eusc-de-east-1
    => kms.yaml:7: metadata.region is `eusc-de-east-1`, in a partition of AWS with names of its own for services and roles, for which `create` has no template; it has one for aws, aws-cn and aws-us-gov

    metadata:
      name: shop
      region: ""
    => kms.yaml:7: metadata.region is empty
    "#);
}

#[test]
fn versions() {
    let all = ["latest", "v1.34", "1.34.1", "\"1.9\"", "\"2.10\"", "\"\""]
        .map(|version| metadata(&format!("version: {version}")));
    assert_snapshot!(refused(&all.each_ref().map(String::as_str)), @r#"
    metadata:
      name: shop
      region: us-west-2
      version: latest
    => kms.yaml:8: metadata.version is `latest`, which is another version tomorrow, so that a dry run and the run after it could differ: name one, such as "1.34", or take the line away for EKS's default

    metadata:
      name: shop
      region: us-west-2
      version: v1.34
    => kms.yaml:8: metadata.version is `v1.34`; EKS's versions look like "1.34", in quotes, without a patch number

    metadata:
      name: shop
      region: us-west-2
      version: 1.34.1
    => kms.yaml:8: metadata.version is `1.34.1`; EKS's versions look like "1.34", in quotes, without a patch number

    metadata:
      name: shop
      region: us-west-2
      version: "1.9"
    => kms.yaml:8: metadata.version is `1.9`; EKS's versions look like "1.34", in quotes, without a patch number

    metadata:
      name: shop
      region: us-west-2
      version: "2.10"
    => kms.yaml:8: metadata.version is `2.10`; EKS's versions look like "1.34", in quotes, without a patch number

    metadata:
      name: shop
      region: us-west-2
      version: ""
    => kms.yaml:8: metadata.version is ``; EKS's versions look like "1.34", in quotes, without a patch number
    "#);
    for (written, version) in [("auto", None), ("\"1.34\"", Some("1.34"))] {
        let spec = parse(&file(&metadata(&format!("version: {written}")))).unwrap();
        assert_eq!(spec.version.as_deref(), version);
    }
}

#[test]
fn tags() {
    let many: Vec<_> = (0..46).map(|n| format!("t{n}: \"\"")).collect();
    let all = [
        "aws:team: shop".to_owned(),
        "\"\": shop".to_owned(),
        "team: a|b".to_owned(),
        "Team: a, team: b".to_owned(),
        "\"te\\tam\": b".to_owned(),
        format!("{}: shop", "t".repeat(129)),
        format!("team: {}", "v".repeat(257)),
        many.join(", "),
    ]
    .map(|tags| metadata(&format!("tags: {{{tags}}}")));
    assert_snapshot!(refused(&all.each_ref().map(String::as_str)), @r#"
    metadata:
      name: shop
      region: us-west-2
      tags: {aws:team: shop}
    => kms.yaml:8: metadata.tags.aws:team begins with aws:, which AWS keeps for itself

    metadata:
      name: shop
      region: us-west-2
      tags: {"": shop}
    => kms.yaml:8: metadata.tags has a tag without a name

    metadata:
      name: shop
      region: us-west-2
      tags: {team: a|b}
    => kms.yaml:8: metadata.tags.team has `|` in it; tags have letters, digits, blanks and _.:/=+-@ alone

    metadata:
      name: shop
      region: us-west-2
      tags: {Team: a, team: b}
    => kms.yaml:8: metadata.tags.team differs from Team in capitals alone, which AWS takes for twice

    metadata:
      name: shop
      region: us-west-2
      tags: {"te\tam": b}
    => kms.yaml:8: metadata.tags.te\tam has `\t` in it; tags have letters, digits, blanks and _.:/=+-@ alone

    metadata:
      name: shop
      region: us-west-2
      tags: {ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt: shop}
    => kms.yaml:8: metadata.tags.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt is longer than 128 characters, the most that a tag's name has

    metadata:
      name: shop
      region: us-west-2
      tags: {team: vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv}
    => kms.yaml:8: metadata.tags.team has a value longer than 256 characters, the most that a tag's has

    metadata:
      name: shop
      region: us-west-2
      tags: {t0: "", t1: "", t2: "", t3: "", t4: "", t5: "", t6: "", t7: "", t8: "", t9: "", t10: "", t11: "", t12: "", t13: "", t14: "", t15: "", t16: "", t17: "", t18: "", t19: "", t20: "", t21: "", t22: "", t23: "", t24: "", t25: "", t26: "", t27: "", t28: "", t29: "", t30: "", t31: "", t32: "", t33: "", t34: "", t35: "", t36: "", t37: "", t38: "", t39: "", t40: "", t41: "", t42: "", t43: "", t44: "", t45: ""}
    => kms.yaml:8: metadata.tags has 46 tags; 40 fit beside those that AWS and `create` add
    "#);
}

#[test]
fn keys() {
    assert_snapshot!(refused_keys(&[
        "arn:aws:iam::111122223333:role/shop",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-cn:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-west-2:1111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd",
        "arn:aws:kms:us-west-2:111122223333:1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-west-2:111122223333:grant/1",
        "arn:aws:kms:us-west-2",
        "arn:aws:kms:us-west-2:111122223333:alias/aws/eks",
        "alias/aws/eks",
        "alias/",
        "alias/my key",
        "shop",
        "\"\"",
    ]), @r#"
    arn:aws:iam::111122223333:role/shop
    => kms.yaml:7: secretsEncryption.keyARN is `arn:aws:iam::111122223333:role/shop`, an ARN of iam, not of kms; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    => kms.yaml:7: secretsEncryption.keyARN is a key of region `eu-west-1`, but metadata.region is us-west-2: EKS takes only a key of the cluster's region

    arn:aws-cn:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    => kms.yaml:7: secretsEncryption.keyARN is of partition `aws-cn`, but region us-west-2 is in aws: arn:aws:kms:...

    arn:aws:kms:us-west-2:1111:key/1234abcd-12ab-34cd-56ef-1234567890ab
    => kms.yaml:7: secretsEncryption.keyARN is of account `1111`, but an account's number has 12 digits

    arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd
    => kms.yaml:7: secretsEncryption.keyARN is `arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd`, which names no KMS key; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    arn:aws:kms:us-west-2:111122223333:1234abcd-12ab-34cd-56ef-1234567890ab
    => kms.yaml:7: secretsEncryption.keyARN is `arn:aws:kms:us-west-2:111122223333:1234abcd-12ab-34cd-56ef-1234567890ab`, which names no KMS key; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    arn:aws:kms:us-west-2:111122223333:grant/1
    => kms.yaml:7: secretsEncryption.keyARN is `arn:aws:kms:us-west-2:111122223333:grant/1`, which names no KMS key; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    arn:aws:kms:us-west-2
    => kms.yaml:7: secretsEncryption.keyARN is `arn:aws:kms:us-west-2`, an ARN cut short; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    arn:aws:kms:us-west-2:111122223333:alias/aws/eks
    => kms.yaml:7: secretsEncryption.keyARN is `arn:aws:kms:us-west-2:111122223333:alias/aws/eks`, a key that AWS manages, which EKS does not take; make one of your own: `aws kms create-key`

    alias/aws/eks
    => kms.yaml:7: secretsEncryption.keyARN is `alias/aws/eks`, a key that AWS manages, which EKS does not take; make one of your own: `aws kms create-key`

    alias/
    => kms.yaml:7: secretsEncryption.keyARN is `alias/`, which names no KMS key; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    alias/my key
    => kms.yaml:7: secretsEncryption.keyARN is `alias/my key`, which names no KMS key; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    shop
    => kms.yaml:7: secretsEncryption.keyARN is `shop`, which names no KMS key; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too

    ""
    => kms.yaml:7: secretsEncryption.keyARN is empty; a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too
    "#);
}

#[test]
fn keys_that_enable_takes_too() {
    for key in [
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "mrk-1234abcd12ab34cd56ef1234567890ab",
        "alias/shop/secrets_1",
        "arn:aws:kms:us-west-2:111122223333:alias/shop",
        "arn:aws:kms:us-west-2:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    ] {
        assert_eq!(parse(&file(&format!("secretsEncryption:\n  keyARN: {key}\n"))).unwrap().key, key);
    }
    let gov = "metadata:\n  name: shop\n  region: us-gov-west-1\nsecretsEncryption:\n  \
        keyARN: arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/shop\n";
    assert_eq!(parse(&file(gov)).unwrap().region, "us-gov-west-1");
}

#[test]
fn zones() {
    assert_snapshot!(refused(&[
        "availabilityZones: [us-west-2a]\n",
        "availabilityZones: [us-west-2a, us-west-2a]\n",
        "availabilityZones: [us-west-2a, us-west-1b]\n",
        "availabilityZones:\n- us-west-2a\n- us-west-2-lax-1a\n",
        "availabilityZones: [usw2-az1, usw2-az2]\n",
        "availabilityZones: [us-west-2, us-west-2a]\n",
    ]), @r"
    availabilityZones: [us-west-2a]
    => kms.yaml:8: availabilityZones has only us-west-2a; EKS needs two zones at least: add one, or take all away

    availabilityZones: [us-west-2a, us-west-2a]
    => kms.yaml:8: availabilityZones[1] is us-west-2a a second time

    availabilityZones: [us-west-2a, us-west-1b]
    => kms.yaml:8: availabilityZones[1] is `us-west-1b`; the zones of us-west-2 are named us-west-2a, us-west-2b and so on

    availabilityZones:
    - us-west-2a
    - us-west-2-lax-1a
    => kms.yaml:10: availabilityZones[1] is `us-west-2-lax-1a`, a local or Wavelength zone, where `create` makes nothing

    availabilityZones: [usw2-az1, usw2-az2]
    => kms.yaml:8: availabilityZones[0] is `usw2-az1`; the zones of us-west-2 are named us-west-2a, us-west-2b and so on

    availabilityZones: [us-west-2, us-west-2a]
    => kms.yaml:8: availabilityZones[0] is `us-west-2`; the zones of us-west-2 are named us-west-2a, us-west-2b and so on
    ");
}

#[test]
fn networks() {
    let many = format!("vpc:\n  publicAccessCIDRs: [{}]\n", vec!["203.0.113.0/24"; 41].join(", "));
    assert_snapshot!(refused(&[
        "vpc:\n  cidr: 10.0.0.0\n",
        "vpc:\n  cidr: ten/16\n",
        "vpc:\n  cidr: 10.0.0.0/33\n",
        "vpc:\n  cidr: 10.0.0.0/8\n",
        "vpc:\n  cidr: 10.0.0.0/25\n",
        "vpc:\n  cidr: 10.0.1.0/16\n",
        "vpc:\n  cidr: 172.32.0.0/16\n",
        "vpc:\n  clusterEndpoints: {publicAccess: false}\n",
        "vpc:\n  clusterEndpoints: {publicAccess: false, privateAccess: true}\n  publicAccessCIDRs: [203.0.113.0/24]\n",
        "vpc:\n  publicAccessCIDRs:\n  - 203.0.113.0/24\n  - 203.0.113.7\n",
        "vpc:\n  publicAccessCIDRs: [10.0.0.0/8]\n",
        "vpc:\n  publicAccessCIDRs: [203.0.113.0/24]\nmanagedNodeGroups:\n- name: ng\n",
        &many,
    ]), @r"
    vpc:
      cidr: 10.0.0.0
    => kms.yaml:9: vpc.cidr is `10.0.0.0`, which is no range of IPv4 addresses, such as 192.168.0.0/16

    vpc:
      cidr: ten/16
    => kms.yaml:9: vpc.cidr is `ten/16`, which is no range of IPv4 addresses, such as 192.168.0.0/16

    vpc:
      cidr: 10.0.0.0/33
    => kms.yaml:9: vpc.cidr is `10.0.0.0/33`, which is no range of IPv4 addresses, such as 192.168.0.0/16

    vpc:
      cidr: 10.0.0.0/8
    => kms.yaml:9: vpc.cidr is 10.0.0.0/8; the VPC that `create` makes is from /16 to /24

    vpc:
      cidr: 10.0.0.0/25
    => kms.yaml:9: vpc.cidr is 10.0.0.0/25; the VPC that `create` makes is from /16 to /24

    vpc:
      cidr: 10.0.1.0/16
    => kms.yaml:9: vpc.cidr is `10.0.1.0/16`, but that range begins earlier: write 10.0.0.0/16

    vpc:
      cidr: 172.32.0.0/16
    => kms.yaml:9: vpc.cidr is 172.32.0.0/16, addresses that others have on the internet, and that Pods then could not reach; take some of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10

    vpc:
      clusterEndpoints: {publicAccess: false}
    => kms.yaml:9: vpc.clusterEndpoints has both publicAccess and privateAccess off: nobody could reach the API server; turn one of them on

    vpc:
      clusterEndpoints: {publicAccess: false, privateAccess: true}
      publicAccessCIDRs: [203.0.113.0/24]
    => kms.yaml:10: vpc.publicAccessCIDRs is there, but vpc.clusterEndpoints.publicAccess is false: there is no public endpoint to restrict

    vpc:
      publicAccessCIDRs:
      - 203.0.113.0/24
      - 203.0.113.7
    => kms.yaml:11: vpc.publicAccessCIDRs[1] is `203.0.113.7`, one address, where a range is wanted: 203.0.113.7/32

    vpc:
      publicAccessCIDRs: [10.0.0.0/8]
    => kms.yaml:9: vpc.publicAccessCIDRs[0] is 10.0.0.0/8, private addresses, which the public endpoint never sees; EKS refuses them

    vpc:
      publicAccessCIDRs: [203.0.113.0/24]
    managedNodeGroups:
    - name: ng
    => kms.yaml:9: vpc.publicAccessCIDRs would keep out the nodes, which reach the API server by its public endpoint as long as there is no other: set vpc.clusterEndpoints.privateAccess to true

    vpc:
      publicAccessCIDRs: [203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24, 203.0.113.0/24]
    => kms.yaml:9: vpc.publicAccessCIDRs has 41 ranges; EKS takes 40
    ");
}

#[test]
fn networks_that_are_taken() {
    let network = |vpc: &str| parse(&file(&format!("vpc: {vpc}\nmanagedNodeGroups:\n- name: ng\n"))).unwrap().network;
    assert_eq!(network("{cidr: 100.64.0.0/16}").cidr.to_string(), "100.64.0.0/16");
    assert!(!network("{clusterEndpoints: {publicAccess: false, privateAccess: true}}").public);
    assert_eq!(network("{publicAccessCIDRs: [0.0.0.0/0]}").public_from, ["0.0.0.0/0"]);
    assert!(parse(&file("vpc: {publicAccessCIDRs: [203.0.113.7/32]}\n")).is_ok(), "no nodes to keep out");
    assert!(parse(&file("vpc: {publicAccessCIDRs: [10.0.0.0/7]}\n")).is_ok(), "half of it is public");
}

#[test]
fn access_and_logs() {
    assert_snapshot!(refused(&[
        "accessConfig:\n  authenticationMode: CONFIG_MAP\n  bootstrapClusterCreatorAdminPermissions: false\n",
    ]), @r"
    accessConfig:
      authenticationMode: CONFIG_MAP
      bootstrapClusterCreatorAdminPermissions: false
    => kms.yaml:10: accessConfig.bootstrapClusterCreatorAdminPermissions is false, which EKS does not take with authenticationMode CONFIG_MAP: nobody could ever get in
    ");
    for all in ["\"*\"", "all", "scheduler, audit, all"] {
        let spec = parse(&file(&format!("cloudWatch: {{clusterLogging: {{enableTypes: [{all}]}}}}\n"))).unwrap();
        assert_eq!(spec.logs, ["api", "audit", "authenticator", "controllerManager", "scheduler"]);
    }
}
