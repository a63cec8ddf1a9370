//! What a file becomes, and what a person is told of one that is refused. A refusal is printed below the part of the file
//! that it is about; the rest is eksctl's own smallest example.
use std::collections::BTreeSet;

use super::*;
use insta::assert_snapshot;

mod fields;
mod groups;
mod values;

const HEAD: &str = "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n";
const METADATA: &str = "metadata:\n  name: kms-cluster\n  region: us-west-2\n";
const KEY: &str =
    "secretsEncryption:\n  keyARN: arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\n";

/// Every field that there is, most of them away from their defaults.
const FULL: &str = r#"
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata:
  name: shop
  region: cn-north-1
  version: "1.34"
  tags: {team: shop, cost-center: "12"}
  annotations: {wiki: https://wiki.example/shop}
availabilityZones: [cn-north-1a, cn-north-1b]
secretsEncryption:
  keyARN: arn:aws-cn:kms:cn-north-1:111122223333:alias/shop
vpc:
  cidr: 10.20.0.0/20
  nat:
    gateway: HighlyAvailable
  clusterEndpoints:
    publicAccess: true
    privateAccess: true
  publicAccessCIDRs: [203.0.113.0/24, 198.51.100.7/32]
accessConfig:
  authenticationMode: API
  bootstrapClusterCreatorAdminPermissions: false
cloudWatch:
  clusterLogging:
    enableTypes: [scheduler, audit]
managedNodeGroups:
- name: web
  instanceType: m7g.xlarge
  desiredCapacity: 3
  minSize: 1
  maxSize: 9
  volumeSize: 120
  volumeType: io2
  labels: {tier: web, example.com/team: shop}
  tags: {backup: ""}
  taints:
  - key: only
    value: web
    effect: NoExecute
  - {key: slow, effect: PreferNoSchedule}
  privateNetworking: true
  amiFamily: Bottlerocket
  updateConfig:
    maxUnavailablePercentage: 33
  availabilityZones: [cn-north-1b]
- name: batch
  instanceTypes: [m5.large, m5a.large, m6i.large]
  spot: true
  minSize: 0
  updateConfig: {maxUnavailable: 2}
"#;

fn parse(text: &str) -> Result<Spec, Error> {
    super::parse(&Source { file: "kms.yaml".into(), text: text.into() })
}

/// The smallest file, with these parts instead of its own, or besides.
fn file(parts: &str) -> String {
    let section = |text: &str| text.split_once(':').map(|(name, _)| name.to_owned());
    let instead = |own: &&str| !parts.lines().any(|line| section(line) == section(own));
    [HEAD, METADATA, KEY].into_iter().filter(instead).chain([parts]).collect()
}

/// What is said of each.
fn refused(all: &[&str]) -> String {
    let told = |parts: &&str| {
        let told = crate::testing::error_text(parse(&file(parts)).expect_err(parts));
        let told = told.strip_prefix("exit 2\nerror: ").unwrap().trim_end().to_owned();
        format!("{}\n=> {told}\n", parts.trim_end())
    };
    all.iter().map(told).collect::<Vec<_>>().join("\n")
}

/// What is said of a group with each of these, which may be several lines.
fn refused_groups(all: &[&str]) -> String {
    let group = |lines: &&str| format!("managedNodeGroups:\n- name: ng\n  {}\n", lines.replace('\n', "\n  "));
    let all: Vec<_> = all.iter().map(group).collect();
    let told = refused(&all.iter().map(String::as_str).collect::<Vec<_>>());
    told.replace("managedNodeGroups:\n- name: ng\n  ", "  ")
}

#[test]
fn the_smallest_file() {
    let spec = parse(&file("managedNodeGroups:\n- name: ng\n")).unwrap();
    insta::assert_debug_snapshot!(spec, @r#"
    Spec {
        name: "kms-cluster",
        region: "us-west-2",
        version: None,
        tags: {},
        key: "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        zones: [],
        network: Network {
            cidr: Cidr {
                first: 192.168.0.0,
                prefix: 16,
            },
            nat: Single,
            public: true,
            private: false,
            public_from: [],
        },
        access: Access {
            mode: "API_AND_CONFIG_MAP",
            creator_is_admin: true,
        },
        logs: [],
        groups: [
            Group {
                name: "ng",
                instance_types: [
                    "m5.large",
                ],
                ami_type: "AL2023_x86_64_STANDARD",
                min: 2,
                max: 2,
                desired: 2,
                volume: Volume {
                    gib: 80,
                    kind: "gp3",
                },
                labels: {},
                tags: {},
                taints: [],
                private: false,
                spot: false,
                update: None,
                zones: [],
            },
        ],
    }
    "#);
    assert!(parse(&file("")).unwrap().groups.is_empty());
}

#[test]
fn a_file_with_every_field() {
    insta::assert_debug_snapshot!(parse(FULL).unwrap(), @r#"
    Spec {
        name: "shop",
        region: "cn-north-1",
        version: Some(
            "1.34",
        ),
        tags: {
            "cost-center": "12",
            "team": "shop",
        },
        key: "arn:aws-cn:kms:cn-north-1:111122223333:alias/shop",
        zones: [
            "cn-north-1a",
            "cn-north-1b",
        ],
        network: Network {
            cidr: Cidr {
                first: 10.20.0.0,
                prefix: 20,
            },
            nat: HighlyAvailable,
            public: true,
            private: true,
            public_from: [
                "203.0.113.0/24",
                "198.51.100.7/32",
            ],
        },
        access: Access {
            mode: "API",
            creator_is_admin: false,
        },
        logs: [
            "audit",
            "scheduler",
        ],
        groups: [
            Group {
                name: "web",
                instance_types: [
                    "m7g.xlarge",
                ],
                ami_type: "BOTTLEROCKET_ARM_64",
                min: 1,
                max: 9,
                desired: 3,
                volume: Volume {
                    gib: 120,
                    kind: "io2",
                },
                labels: {
                    "example.com/team": "shop",
                    "tier": "web",
                },
                tags: {
                    "backup": "",
                },
                taints: [
                    Taint {
                        key: "only",
                        value: Some(
                            "web",
                        ),
                        effect: "NO_EXECUTE",
                    },
                    Taint {
                        key: "slow",
                        value: None,
                        effect: "PREFER_NO_SCHEDULE",
                    },
                ],
                private: true,
                spot: false,
                update: Some(
                    Percent(
                        33,
                    ),
                ),
                zones: [
                    "cn-north-1b",
                ],
            },
            Group {
                name: "batch",
                instance_types: [
                    "m5.large",
                    "m5a.large",
                    "m6i.large",
                ],
                ami_type: "AL2023_x86_64_STANDARD",
                min: 0,
                max: 1,
                desired: 0,
                volume: Volume {
                    gib: 80,
                    kind: "gp3",
                },
                labels: {},
                tags: {},
                taints: [],
                private: false,
                spot: true,
                update: Some(
                    Nodes(
                        2,
                    ),
                ),
                zones: [],
            },
        ],
    }
    "#);
}

#[test]
fn that_file_leaves_none_out() {
    let source = Source { file: "kms.yaml".into(), text: FULL.into() };
    let documents = source.documents().unwrap();
    let mut used = BTreeSet::new();
    names(&documents[0], "", &mut used);
    let unused: Vec<_> = schema::fields().into_iter().filter(|field| !used.contains(field)).collect();
    assert_eq!(unused, []);
}

fn names(node: &Node, place: &str, all: &mut BTreeSet<(String, String)>) {
    use crate::cluster_config::yaml::Value;
    for field in node.value.fields() {
        all.insert((place.to_owned(), field.name.clone()));
        names(&field.node, &field_path::under(place, &field.name), all);
    }
    if let Value::List(items) = &node.value {
        items.iter().for_each(|item| names(item, &format!("{place}[]"), all));
    }
}

/// eksctl's own reader has this hole: it takes `secretsencryption`, and then forgets it.
#[test]
fn no_field_is_read_in_other_letters() {
    for (place, name) in schema::fields() {
        let capital = name[..1].to_uppercase() + &name[1..];
        for other in [name.to_lowercase(), name.to_uppercase(), capital] {
            let text = FULL.replace(&format!("{name}:"), &format!("{other}:"));
            assert!(other == name || text != FULL, "{place} {name}");
            assert_eq!(parse(&text).is_err(), text != FULL, "{place} {other}");
        }
    }
}

#[test]
fn nothing_may_stand_beside_the_fields() {
    let lines: Vec<_> = FULL.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let name = line.trim_start_matches([' ', '-']);
        if !name.starts_with(char::is_alphabetic) || name.ends_with(':') {
            continue;
        }
        let more = format!("{}unheardOf: 1", " ".repeat(line.len() - name.len()));
        let text = [&lines[..=number], &[&more], &lines[number + 1..]].concat().join("\n");
        let error = parse(&text).expect_err(&more).to_string();
        assert!(error.starts_with(&format!("kms.yaml:{}: ", number + 2)) && error.contains("unheardOf"), "{error}");
    }
}

#[test]
fn every_way_to_write_it() {
    let smallest = parse(&file("")).unwrap();
    let anchors =
        format!("{HEAD}metadata: &meta {{name: &n kms-cluster, region: us-west-2, annotations: {{n: *n}}}}\n{KEY}");
    let json = r#"{"apiVersion": "eksctl.io/v1alpha5", "kind": "ClusterConfig", "secretsEncryption": {"keyARN":
        "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
        "metadata": {"name": "kms-cluster", "region": "us-west-2", "version": "auto"}}"#;
    let block = file("").replace("name: kms-cluster", "name: >\n    kms-cluster\n");
    let windows = format!("\u{feff}{}", file("").replace('\n', "\r\n"));
    for text in [&anchors, json, &block, &windows] {
        assert_eq!(parse(text).unwrap(), smallest, "{text}");
    }
    let merged = "managedNodeGroups:\n- &first {name: a, spot: true, minSize: 3}\n- {<<: *first, name: b}\n";
    let groups = parse(&file(merged)).unwrap().groups;
    assert!(groups.iter().all(|group| group.spot && group.min == 3) && groups[1].name == "b");
}
