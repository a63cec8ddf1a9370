//! The whole template as golden files, which cfn-lint checks end to end (`tests/e2e/e2e/create_templates.rs`); and, one by
//! one, what must not be lost when they are written anew.

use super::*;
use crate::cloudformation::examples::{full, group, key, minimal, zones};
use crate::cluster_config::spec::{Cidr, Nat};
use crate::cluster_config::validate;

/// One of each partition.
const REGIONS: [&str; 3] = ["us-west-2", "us-gov-west-1", "cn-north-1"];

fn rendered(spec: &Spec) -> Value {
    render(spec, &zones(&spec.region), &key(&spec.region)).unwrap()
}

#[test]
fn the_golden_templates_are_not_stale() {
    for region in REGIONS {
        for (name, spec) in [("minimal", minimal(region)), ("full", full(region))] {
            let path = format!("{}/src/cloudformation/golden/{name}-{region}.json", env!("CARGO_MANIFEST_DIR"));
            let template = serde_json::to_string_pretty(&rendered(&spec)).unwrap() + "\n";
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &template).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == template, "{path} is stale. If that was meant, make it anew: make golden");
        }
    }
}

/// What `create` makes of the files in `examples/` is what the golden templates are of.
#[test]
fn the_golden_templates_are_those_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kms-cluster.yaml");
    for region in REGIONS {
        let zones = zones(region);
        for (file, spec) in [
            (include_str!("examples/minimal.yaml"), minimal(region)),
            (include_str!("examples/full.yaml"), full(region)),
        ] {
            let text = file
                .replace("$REGION", region)
                .replace("$KEY", &key(region))
                .replace("$ZONES", &zones.join(", "))
                .replace("$FIRST", &zones[0])
                .replace("$SECOND", &zones[1])
                .replace("$LAST", &zones[zones.len() - 1]);
            std::fs::write(&path, text).unwrap();
            assert_eq!(validate::read(&path).unwrap(), spec, "{region}");
        }
    }
}

#[test]
fn the_cluster_has_the_key_from_birth() {
    let template = rendered(&minimal("us-west-2"));
    let cluster = &template["Resources"]["ControlPlane"]["Properties"];
    assert_eq!(
        cluster["EncryptionConfig"],
        json!([{"Provider": {"KeyArn": key("us-west-2")}, "Resources": ["secrets"]}])
    );
    assert!(cluster.get("Version").is_none(), "EKS chooses");
    assert_eq!(cluster["AccessConfig"]["AuthenticationMode"], "API_AND_CONFIG_MAP");
}

/// The template is written once for all partitions; what differs is left to CloudFormation.
#[test]
fn no_partition_is_written_down_but_the_keys() {
    for region in REGIONS {
        let text = rendered(&full(region)).to_string().replace(&key(region), "");
        assert!(!text.contains("arn:aws"), "{text}");
        assert!(!text.contains("ec2.amazonaws"), "{text}");
    }
}

#[test]
fn one_nat_gateway_none_or_one_in_each_zone() {
    let count = |nat| {
        let mut spec = minimal("us-west-2");
        spec.network.nat = nat;
        let template = rendered(&spec);
        let of =
            |kind: &str| template["Resources"].as_object().unwrap().values().filter(|it| it["Type"] == kind).count();
        (of("AWS::EC2::NatGateway"), of("AWS::EC2::EIP"), of("AWS::EC2::Route"))
    };
    assert_eq!(count(Nat::Disable), (0, 0, 1));
    assert_eq!(count(Nat::Single), (1, 1, 4));
    assert_eq!(count(Nat::HighlyAvailable), (3, 3, 4));
}

/// What a template refers to: other resources, and what CloudFormation itself knows.
fn referred(value: &Value, found: &mut Vec<String>) {
    let mut add = |id: &Value| found.extend(id.as_str().map(str::to_owned));
    match value {
        Value::Object(fields) => {
            fields.get("Ref").into_iter().for_each(&mut add);
            fields.get("Fn::GetAtt").into_iter().for_each(|pair| add(&pair[0]));
            fields.get("DependsOn").and_then(Value::as_array).into_iter().flatten().for_each(&mut add);
            fields.values().for_each(|value| referred(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| referred(value, found)),
        _ => {}
    }
}

/// The golden templates show two ways of many; cfn-lint sees no others.
#[test]
fn nothing_is_referred_to_that_is_not_there() {
    for nat in [Nat::Disable, Nat::Single, Nat::HighlyAvailable] {
        for groups in [0, 1, 3] {
            let mut spec = full("us-west-2");
            spec.network.nat = nat;
            spec.groups.truncate(groups);
            let template = rendered(&spec);
            let mut ids = Vec::new();
            referred(&template, &mut ids);
            assert!(ids.len() > 40, "{ids:?}");
            for id in ids {
                assert!(template["Resources"].get(&id).is_some(), "{id}, with {nat:?} and {groups} node groups");
            }
        }
    }
}

/// eksctl has this from its two stacks; in one stack it must be said.
#[test]
fn nodes_wait_for_their_way_out() {
    let template = rendered(&full("us-west-2"));
    let after = |id: &str| template["Resources"][id]["DependsOn"].clone();
    assert_eq!(
        after("NodeGroup0"),
        json!([
            "NATPrivateSubnetRouteUSWEST2A",
            "NATPrivateSubnetRouteUSWEST2C",
            "RouteTableAssociationPrivateUSWEST2A",
            "RouteTableAssociationPrivateUSWEST2C"
        ])
    );
    assert_eq!(after("NodeGroup2"), json!(["PublicSubnetRoute", "RouteTableAssociationPublicUSWEST2B"]));
    assert_eq!(after("NATGatewayUSWEST2A"), json!(["PublicSubnetRoute", "RouteTableAssociationPublicUSWEST2A"]));
    assert_eq!(after("NATIPUSWEST2A"), json!(["VPCGatewayAttachment"]));
}

/// Names that differ in a dash alone.
#[test]
fn node_groups_never_share_an_id() {
    let mut spec = minimal("us-west-2");
    spec.groups = vec![group("a-b"), group("ab")];
    let template = rendered(&spec);
    let name = |id: &str| template["Resources"][id]["Properties"]["NodegroupName"].clone();
    assert_eq!([name("NodeGroup0"), name("NodeGroup1")], ["a-b", "ab"]);
}

#[test]
fn bottlerockets_containers_get_the_volume() {
    let template = rendered(&full("us-west-2"));
    let data = &template["Resources"]["NodeGroup1LaunchTemplate"]["Properties"]["LaunchTemplateData"];
    insta::assert_json_snapshot!(data["BlockDeviceMappings"], @r#"
    [
      {
        "DeviceName": "/dev/xvdb",
        "Ebs": {
          "VolumeSize": 100,
          "VolumeType": "gp3",
          "DeleteOnTermination": true,
          "Iops": 3000,
          "Throughput": 125
        }
      }
    ]
    "#);
}

#[test]
fn only_what_a_volumes_kind_takes_is_said_of_it() {
    let mut spec = minimal("us-west-2");
    for (kind, iops, throughput) in [("gp3", Some(3_000), Some(125)), ("gp2", None, None), ("io2", Some(100), None)] {
        spec.groups[0].volume.kind = kind.into();
        let template = rendered(&spec);
        let data = &template["Resources"]["NodeGroup0LaunchTemplate"]["Properties"]["LaunchTemplateData"];
        let ebs = &data["BlockDeviceMappings"][0]["Ebs"];
        assert_eq!((ebs["Iops"].as_u64(), ebs["Throughput"].as_u64()), (iops, throughput), "{kind}");
    }
}

#[test]
fn without_node_groups_nobody_has_their_role() {
    let mut spec = minimal("us-west-2");
    spec.groups.clear();
    let template = rendered(&spec);
    assert!(template["Resources"].get("NodeInstanceRole").is_none());
    assert!(template["Outputs"].get("NodeInstanceRoleARN").is_none());
}

#[test]
fn what_cloudformation_would_refuse_is_refused() {
    let refused = |spec: &Spec| render(spec, &zones(&spec.region), &key(&spec.region)).unwrap_err().to_string();
    let mut spec = minimal("us-west-2");
    spec.groups[0].zones = vec!["us-west-2d".into()];
    insta::assert_snapshot!(refused(&spec), @"node group ng is to be in us-west-2d, but the cluster is in us-west-2a, us-west-2b, us-west-2c: name it in the file's availabilityZones too (nothing was created)");
    spec = minimal("us-west-2");
    spec.groups = (0..60).map(|number| group(&format!("ng-{number}"))).collect();
    // How long it is to the byte is the golden templates' business.
    let words = refused(&spec);
    let (begin, end) = (words.find("is ").unwrap() + 3, words.find(" bytes").unwrap());
    insta::assert_snapshot!(words.replace(&words[begin..end], "MANY"), @"the CloudFormation template is MANY bytes long, and CloudFormation takes 51,200 at most: 60 node groups with all their labels, taints and tags are too many for one stack (nothing was created)");
    spec = minimal("us-west-2");
    spec.network.cidr = Cidr { first: [10, 0, 0, 0].into(), prefix: 28 };
    insta::assert_snapshot!(refused(&spec), @"vpc.cidr 10.0.0.0/28 can't be cut into subnets: it must be /16, /24 or anything between (nothing was created)");
}
