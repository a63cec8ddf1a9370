//! Clusters for this command's tests: the least that a file can ask for, and all of it. Input: a region. Output: a `Spec` and
//! what goes with it.

use std::collections::BTreeMap;

use crate::cluster_config::spec::{Access, Cidr, Group, Nat, Network, Spec, Taint, Update, Volume};

/// The zones that are chosen, or named, in the tests' regions.
pub(crate) fn zones(region: &str) -> Vec<String> {
    // Two, for once: the least that EKS takes.
    let letters: &[&str] = if region == "cn-north-1" { &["a", "b"] } else { &["a", "b", "c"] };
    letters.iter().map(|letter| format!("{region}{letter}")).collect()
}

/// A key of this region.
pub(crate) fn key(region: &str) -> String {
    let partition = match region {
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("cn-") => "aws-cn",
        _ => "aws",
    };
    format!("arn:{partition}:kms:{region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
}

/// Name, region, key, and the name of one node group.
pub(crate) fn minimal(region: &str) -> Spec {
    Spec {
        name: "kms-cluster".into(),
        region: region.into(),
        version: None,
        tags: BTreeMap::new(),
        key: key(region),
        zones: Vec::new(),
        network: Network {
            cidr: Cidr { first: [192, 168, 0, 0].into(), prefix: 16 },
            nat: Nat::Single,
            public: true,
            private: false,
            public_from: Vec::new(),
        },
        access: Access { mode: "API_AND_CONFIG_MAP".into(), creator_is_admin: true },
        logs: Vec::new(),
        groups: vec![group("ng")],
    }
}

/// Every field.
pub(crate) fn full(region: &str) -> Spec {
    let zones = zones(region);
    let (first, last) = (&zones[0], &zones[zones.len() - 1]);
    Spec {
        version: Some("1.34".into()),
        tags: pairs([("cost-center", "4711"), ("team", "shop")]),
        zones: zones.clone(),
        network: Network {
            cidr: Cidr { first: [10, 20, 0, 0].into(), prefix: 20 },
            nat: Nat::HighlyAvailable,
            public: true,
            private: true,
            public_from: vec!["203.0.113.0/24".into(), "198.51.100.7/32".into()],
        },
        access: Access { mode: "API".into(), creator_is_admin: false },
        logs: ["api", "audit", "authenticator"].map(str::to_owned).to_vec(),
        groups: vec![
            Group {
                instance_types: ["m5.large", "m5a.large"].map(str::to_owned).to_vec(),
                min: 0,
                max: 6,
                desired: 3,
                volume: Volume { gib: 120, kind: "gp3".into() },
                labels: pairs([("example.com/tier", "batch")]),
                tags: pairs([("team", "batch")]),
                taints: vec![
                    Taint { key: "example.com/batch".into(), value: Some("true".into()), effect: "NO_SCHEDULE" },
                    Taint { key: "example.com/slow".into(), value: None, effect: "PREFER_NO_SCHEDULE" },
                ],
                private: true,
                spot: true,
                update: Some(Update::Percent(34)),
                zones: vec![last.clone(), first.clone()],
                ..group("batch")
            },
            Group {
                instance_types: vec!["m6g.large".into()],
                ami_type: "BOTTLEROCKET_ARM_64",
                volume: Volume { gib: 100, kind: "gp3".into() },
                private: true,
                update: Some(Update::Nodes(1)),
                ..group("batch-arm")
            },
            Group { volume: Volume { gib: 50, kind: "io1".into() }, zones: vec![zones[1].clone()], ..group("web") },
        ],
        ..minimal(region)
    }
}

/// A node group of which the file says only the name.
pub(crate) fn group(name: &str) -> Group {
    Group {
        name: name.into(),
        instance_types: vec!["m5.large".into()],
        ami_type: "AL2023_x86_64_STANDARD",
        min: 2,
        max: 2,
        desired: 2,
        volume: Volume { gib: 80, kind: "gp3".into() },
        labels: BTreeMap::new(),
        tags: BTreeMap::new(),
        taints: Vec::new(),
        private: false,
        spot: false,
        update: None,
        zones: Vec::new(),
    }
}

/// Tags, or labels.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
