//! Associating a key through the real `aws` command line, with etcd showing what the API server then writes with.

use eks_encrypt_sandbox::etcd_oracle::inspect::Storage;
use eks_encrypt_sandbox::options::Options;
use eks_encrypt_sandbox::sandbox::Sandbox;

use super::support::{
    associate, associated, aws, control_plane, key_of, kubectl, one_api_server, secret, start, wait_for_update,
};

#[tokio::test]
async fn what_was_written_before_stays_under_the_old_key_until_an_empty_patch_moves_it() {
    let sandbox = control_plane();
    // These change nothing.
    the_endpoint_tells_of_its_own_cluster_in_its_own_region_only(&sandbox);
    keys_that_eks_can_not_use_are_refused_and_change_nothing(&sandbox).await;
    secret(&sandbox, "before");

    let id = associate(&sandbox, &sandbox.info().keys.customer).json()["update"]["id"].as_str().unwrap().to_owned();
    assert_eq!(wait_for_update(&sandbox, &id)["status"], "Successful");
    let cluster = aws(&sandbox, &["eks", "describe-cluster", "--name", "sandbox"]).json()["cluster"].clone();
    assert_eq!(cluster["status"], "ACTIVE");
    assert_eq!(cluster["encryptionConfig"][0]["provider"]["keyArn"], sandbox.info().keys.customer);
    assert_eq!(cluster["encryptionConfig"][0]["resources"][0], "secrets");
    let updates = aws(&sandbox, &["eks", "list-updates", "--name", "sandbox"]).json();
    assert_eq!(updates["updateIds"][0], id);

    secret(&sandbox, "after");
    let stored = sandbox.inspect().await.unwrap();
    assert_eq!(stored.secret("default/before").unwrap().storage, Storage::AwsOwnedKey);
    assert_eq!(stored.secret("default/after").unwrap().storage, Storage::CustomerKey);

    kubectl(&sandbox, &["patch", "secret", "before", "--type=merge", "--patch={}"]).ok();
    let moved = sandbox.inspect().await.unwrap();
    assert_eq!(moved.secret("default/before").unwrap().storage, Storage::CustomerKey);

    // Once it is current, an empty patch writes nothing: that is what makes a proof by touching possible.
    kubectl(&sandbox, &["patch", "secret", "before", "--type=merge", "--patch={}"]).ok();
    let again = sandbox.inspect().await.unwrap();
    let revision = |inspection: &eks_encrypt_sandbox::etcd_oracle::inspect::Inspection| {
        inspection.secret("default/before").unwrap().mod_revision
    };
    assert_eq!(revision(&again), revision(&moved));
    assert!(revision(&moved) > revision(&stored));
}

#[tokio::test]
async fn a_legacy_cluster_stores_plain_until_a_key_is_associated() {
    let sandbox = start(Options { legacy: true, ..one_api_server() });
    secret(&sandbox, "before");
    assert_eq!(sandbox.inspect().await.unwrap().secret("default/before").unwrap().storage, Storage::Plain);

    // By its alias, as people may give it.
    associated(&sandbox, "alias/customer").await;
    secret(&sandbox, "after");
    let stored = sandbox.inspect().await.unwrap();
    assert_eq!(stored.secret("default/before").unwrap().storage, Storage::Plain);
    assert_eq!(stored.secret("default/after").unwrap().storage, Storage::CustomerKey);
}

async fn keys_that_eks_can_not_use_are_refused_and_change_nothing(sandbox: &Sandbox) {
    let keys = &sandbox.info().keys;
    let elsewhere = keys.customer.replace("us-west-2", "eu-west-1");
    let absent = format!("{}0", keys.customer);
    for (key, why) in [
        (&keys.disabled, "its state is Disabled"),
        (&keys.pending_deletion, "its state is PendingDeletion"),
        (&keys.asymmetric, "it is not symmetric (RSA_2048)"),
        (&elsewhere, "it is in eu-west-1, the cluster is in us-west-2"),
        (&absent, "it does not exist"),
    ] {
        let error = associate(sandbox, key).error();
        assert!(error.contains("(InvalidParameterException)") && error.contains(why), "{key}: {error}");
    }
    let updates = aws(sandbox, &["eks", "list-updates", "--name", "sandbox"]).json();
    assert_eq!(updates["updateIds"].as_array().unwrap().len(), 0);
    assert_eq!(key_of(sandbox).await, None);
}

fn the_endpoint_tells_of_its_own_cluster_in_its_own_region_only(sandbox: &Sandbox) {
    let error = aws(sandbox, &["--region", "eu-west-1", "eks", "describe-cluster", "--name", "sandbox"]).error();
    assert!(error.contains("(ResourceNotFoundException)"), "{error}");
    let error = aws(sandbox, &["eks", "describe-cluster", "--name", "nobody"]).error();
    assert!(
        error.contains("(ResourceNotFoundException)") && error.contains("No cluster found for name: nobody."),
        "{error}"
    );
    let list = aws(sandbox, &["eks", "list-clusters"]).json();
    assert_eq!(list["clusters"][0], "sandbox");
    let versions = aws(sandbox, &["eks", "describe-cluster-versions"]).json();
    assert_eq!(versions["clusterVersions"][0]["clusterVersion"], "1.34");
    // AWS's own key is in an account that is not the caller's.
    let owned = sandbox.info().keys.aws_owned.clone().unwrap();
    assert!(!owned.contains(eks_encrypt_sandbox::info::ACCOUNT), "{owned}");
}
