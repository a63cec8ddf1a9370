//! Generates the gRPC service of a KMS v2 plugin. Its six messages are written by hand in `src/kms/messages.rs`, so that
//! no protocol compiler is needed to build this crate.

use tonic_prost_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::kms::messages::{route}Request"))
            .output_type(format!("crate::kms::messages::{route}Response"))
            .codec_path("tonic_prost::ProstCodec")
            .build()
    };
    let service = Service::builder()
        .package("v2")
        .name("KeyManagementService")
        .method(method("status", "Status"))
        .method(method("encrypt", "Encrypt"))
        .method(method("decrypt", "Decrypt"))
        .build();
    Builder::new().build_client(false).compile(&[service]);
    println!("cargo::rerun-if-changed=build.rs");
}
