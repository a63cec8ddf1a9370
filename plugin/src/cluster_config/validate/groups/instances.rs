//! Instance types, and the image that fits them. A wrong image shows as nodes that never join. Input: `instanceType` or
//! `instanceTypes`, and `amiFamily`. Output: the types, and EKS's name of the image ("Nodegroup", amiType).

use super::file::AmiFamily;
use super::{ValueError, item, under};

/// eksctl's default.
const TYPE: &str = "m5.large";

/// As many as EKS takes ("CreateNodegroup", instanceTypes).
const MAX_TYPES: usize = 20;

/// What the processors of a type understand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Architecture {
    X86,
    Arm,
}

impl Architecture {
    fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        }
    }
}

pub(super) fn check(
    path: &str,
    one: Option<String>,
    several: Option<Vec<String>>,
    family: AmiFamily,
) -> Result<(Vec<String>, &'static str), ValueError> {
    let (path, types) = match (one, several) {
        (Some(_), Some(_)) => {
            return Err(ValueError::new(path, "has instanceType and instanceTypes: leave one"));
        }
        (one, None) => (under(path, "instanceType"), vec![one.unwrap_or_else(|| TYPE.to_owned())]),
        (None, Some(several)) => {
            let path = under(path, "instanceTypes");
            if several.is_empty() || several.len() > MAX_TYPES {
                return Err(ValueError::new(
                    &path,
                    format!("has {} types; EKS takes from 1 to {MAX_TYPES}", several.len()),
                ));
            }
            let architectures = several.iter().enumerate().map(|(index, name)| architecture(&item(&path, index), name));
            let architectures = architectures.collect::<Result<Vec<_>, _>>()?;
            let (first, all) = (&several[0], several.iter().zip(&architectures).enumerate());
            for (index, (name, architecture)) in all {
                if *architecture != architectures[0] {
                    let why = format!(
                        "is {name}, which is {}, but {first} is {}: no image runs on both; make a group for each",
                        architecture.name(),
                        architectures[0].name()
                    );
                    return Err(ValueError::new(&item(&path, index), why));
                }
                if several[..index].contains(name) {
                    return Err(ValueError::new(&item(&path, index), format!("is {name} a second time")));
                }
            }
            (path, several)
        }
    };
    let ami_type = match (family, architecture(&path, &types[0])?) {
        (AmiFamily::AmazonLinux2023, Architecture::X86) => "AL2023_x86_64_STANDARD",
        (AmiFamily::AmazonLinux2023, Architecture::Arm) => "AL2023_ARM_64_STANDARD",
        (AmiFamily::Bottlerocket, Architecture::X86) => "BOTTLEROCKET_x86_64",
        (AmiFamily::Bottlerocket, Architecture::Arm) => "BOTTLEROCKET_ARM_64",
    };
    Ok((types, ami_type))
}

/// A type's name says it: family letters, a generation, attributes (`g` for Graviton), and a size ("Amazon EC2 instance
/// type naming conventions").
fn architecture(path: &str, name: &str) -> Result<Architecture, ValueError> {
    let refused = |why: &str| Err(ValueError::new(path, format!("is `{name}`{why}")));
    let part = |text: &str| !text.is_empty() && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
    let family = name.split_once('.').filter(|(family, size)| part(family) && part(size)).map(|(family, _)| family);
    let rest = family.map_or("", |family| family.trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '-'));
    let Some(letters) = family.and_then(|family| family.strip_suffix(rest)).filter(|_| part(rest)) else {
        return refused(", which no EC2 instance type is named; one is m5.large");
    };
    match letters {
        "p" | "g" | "gr" => {
            return refused(", which has a GPU: its nodes need an image with drivers, which `create` does not choose");
        }
        "inf" | "trn" | "dl" => {
            return refused(
                ", which has an accelerator (Inferentia, Trainium, Gaudi): its nodes need an image with drivers, \
                            which `create` does not choose",
            );
        }
        "mac" => return refused(", a Mac, which can't be a node"),
        "a" => return refused(", of the first Graviton generation, on which EKS's images don't run; take m6g, say"),
        _ => {}
    }
    let attributes = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    Ok(if attributes.starts_with('g') { Architecture::Arm } else { Architecture::X86 })
}
