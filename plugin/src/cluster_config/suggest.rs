//! Names that a person may have meant: `secretsencryption` is no field of a ClusterConfig, and a tool that skips it leaves a
//! cluster without its key. Input: a name as written and one that we read. Output: whether they are too alike to be let be.

/// A name that we read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldName {
    /// The name, in exactly these letters.
    pub(crate) name: &'static str,
    /// What people also write for it, folded as [`fold_case`] does: too far from the name to be a slip of the finger.
    pub(crate) aliases: &'static [&'static str],
}

impl FieldName {
    /// Whether `written` is not this name, but must have been meant as it.
    pub(crate) fn is_similar(&self, written: &str) -> bool {
        self.edit_distance(written).is_some()
    }

    /// How many slips make `written` of this name, if it is another name and must have been meant as this one.
    pub(crate) fn edit_distance(&self, written: &str) -> Option<usize> {
        let (name, other) = (fold_case(self.name), fold_case(written));
        if written == self.name {
            return None;
        }
        if self.aliases.contains(&other.as_str()) {
            return Some(0);
        }
        // Two slips in a short name make another word.
        let most = if name.len() < 6 { 1 } else { 2 };
        Some(strsim::osa_distance(&name, &other)).filter(|slips| *slips <= most)
    }
}

/// The name that must have been meant, of several.
pub(crate) fn nearest(written: &str, names: impl IntoIterator<Item = FieldName>) -> Option<&'static str> {
    let near = names.into_iter().filter_map(|wanted| Some((wanted.edit_distance(written)?, wanted.name)));
    near.min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

/// A name without capitals, dashes and underscores.
fn fold_case(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    //! What is too alike, and what is eksctl's.
    use super::FieldName;
    use crate::cluster_config::fields::{API_VERSION, KIND};
    use crate::cluster_config::{self, METADATA, SECRETS_ENCRYPTION};

    const NAME: FieldName = cluster_config::NAME.field;
    const REGION: FieldName = cluster_config::REGION.field;
    const KEY: FieldName = cluster_config::KEY.field;

    #[test]
    fn slips_and_other_words_for_it() {
        for (wanted, written) in [
            (SECRETS_ENCRYPTION, "secretsencryption"),
            (SECRETS_ENCRYPTION, "SecretsEncryption"),
            (SECRETS_ENCRYPTION, "secretEncryption"),
            (SECRETS_ENCRYPTION, "secretsEncription"),
            (SECRETS_ENCRYPTION, "secrets_encryption"),
            (SECRETS_ENCRYPTION, "encryptionConfig"),
            (METADATA, "metaData"),
            (METADATA, "meta"),
            (KEY, "keyArn"),
            (KEY, "keyarn"),
            (KEY, "key"),
            (KEY, "kmsKeyARN"),
            (KEY, "kmsKeyId"),
            (KEY, "arn"),
            (NAME, "Name"),
            (NAME, "clusterName"),
            (REGION, "awsRegion"),
            (REGION, "regoin"),
            (API_VERSION, "apiversion"),
            (KIND, "Kind"),
        ] {
            assert!(wanted.is_similar(written), "{written} for {}", wanted.name);
            assert!(!wanted.is_similar(wanted.name), "{}", wanted.name);
        }
    }

    #[test]
    fn what_eksctl_reads_beside_our_fields_is_let_be() {
        let top = "accessConfig addons addonsConfig autoModeConfig availabilityZones capabilities cloudWatch \
            controlPlaneScalingConfig deletionProtection fargateProfiles gitops iam iamIdentityMappings identityProviders karpenter \
            kubernetesNetworkConfig localZones managedNodeGroups nodeGroups outpost privateCluster remoteNetworkConfig status \
            upgradePolicy vpc zonalShiftConfig";
        for written in top.split_whitespace() {
            for wanted in [API_VERSION, KIND, METADATA, SECRETS_ENCRYPTION] {
                assert!(!wanted.is_similar(written), "{written} for {}", wanted.name);
            }
        }
        for written in ["version", "tags", "annotations", "accountID"] {
            for wanted in [NAME, REGION] {
                assert!(!wanted.is_similar(written), "{written} for {}", wanted.name);
            }
        }
    }
}
