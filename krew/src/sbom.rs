//! The SBOM of a binary: CycloneDX 1.5 as JSON. Input: its crates (`tree`). Output: a file that scanners read.
//!
//! cargo-cyclonedx is not used: it takes the features of the whole workspace, names the folder that it ran in, writes beside the
//! sources, and would have to be compiled first. This uses the same library, and is reproducible: no serial number, which would
//! be random, and the commit's time.

use anyhow::Context;
use cyclonedx_bom::external_models::date_time::DateTime;
use cyclonedx_bom::external_models::spdx::SpdxExpression;
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::bom::{Bom, SpecVersion};
use cyclonedx_bom::models::component::{Classification, Component, Components, Scope};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::models::tool::{Tool, Tools};
use jiff::Timestamp;

use crate::VERSION;
use crate::tree::{Crate, Id, Tree, tree};

/// The file.
pub(crate) fn sbom(text: &str, time: u32) -> anyhow::Result<Vec<u8>> {
    let Tree { root, crates } = tree(text)?;
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut ours = None;
    for (id, known) in &crates {
        let component = component(id, known, *id == root)?;
        if *id == root {
            ours = Some(component);
        } else {
            components.push(component);
        }
        dependencies.push(Dependency {
            dependency_ref: purl(id)?.to_string(),
            dependencies: known.needs.iter().map(|need| Ok(purl(need)?.to_string())).collect::<anyhow::Result<_>>()?,
        });
    }
    let bom = Bom {
        serial_number: None,
        spec_version: SpecVersion::V1_5,
        metadata: Some(Metadata {
            timestamp: Some(DateTime::try_from(Timestamp::from_second(time.into())?.to_string())?),
            tools: Some(Tools::List(vec![Tool::new("eks-encrypt", env!("CARGO_PKG_NAME"), VERSION)])),
            component: ours,
            ..Metadata::default()
        }),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(dependencies)),
        ..Bom::default()
    };
    let mut json = Vec::new();
    bom.output_as_json_v1_5(&mut json)?;
    json.push(b'\n');
    Ok(json)
}

fn component(id: &Id, known: &Crate, is_root: bool) -> anyhow::Result<Component> {
    let purl = purl(id)?;
    let kind = if is_root { Classification::Application } else { Classification::Library };
    let mut component = Component::new(kind, &id.name, &id.version, Some(purl.to_string()));
    component.scope = Some(if known.shipped { Scope::Required } else { Scope::Excluded });
    component.licenses = known.licence.clone().map(|licence| {
        // Some crates still write `/` for OR; a name that SPDX does not know stays as it is.
        let choice = SpdxExpression::parse_lax(licence.clone()).map(LicenseChoice::Expression);
        Licenses(vec![choice.unwrap_or_else(|_| LicenseChoice::license(&licence))])
    });
    // A crate of ours is in no registry, and a scanner would take another one's of that name for it.
    component.purl = (!known.ours).then_some(purl);
    Ok(component)
}

fn purl(id: &Id) -> anyhow::Result<Purl> {
    Purl::new("cargo", &id.name, &id.version)
        .with_context(|| format!("{} {} makes no package URL", id.name, id.version))
}

#[cfg(test)]
#[path = "sbom_tests.rs"]
mod tests;
