//! The last words: what was done, what to write down elsewhere, and what is not proven. Input: the verdict and the names.
//! Output: text.

use std::time::Duration;

use eks_encrypt_job::engine::verify::{Level, Verified};
use eks_encrypt_job::wire::event::Proof;
use eks_encrypt_job::wire::outcome::Failure;

use crate::model::followup::{kubectl, verify};
use crate::model::options::KubeOptions;
use crate::model::run::Run;
use crate::output::cluster_ref::ClusterRef;
use crate::run::verdict::{Evidence, Verdict};
use crate::ui::progress::{Progress, elapsed, thousands};

/// How many failed Secrets are listed by name; the rest is counted.
const MAX_LISTED: usize = 50;

/// The whole text.
pub(crate) fn text(
    verdict: &Verdict,
    progress: &Progress,
    cluster_ref: &ClusterRef,
    run: &Run,
    took: Duration,
) -> String {
    let (head, tally, proof) = match verdict {
        Verdict::Done { tally, evidence: Evidence::Command(verified) } => (
            format!("Done and proven: every Secret is under {}.", cluster_ref.key_description()),
            tally,
            verified_line(verified),
        ),
        Verdict::Done { tally, evidence: Evidence::Job(proof) } => {
            let head = format!("Done, and proven by the Job: every Secret is under {}.", cluster_ref.key_description());
            (head, tally, proof_line(proof))
        }
        Verdict::Done { tally, evidence: Evidence::NotWanted } => {
            ("Done: every Secret is accounted for. NOT PROVEN.".to_owned(), tally, String::new())
        }
        Verdict::Unproven { tally, why, .. } => {
            (format!("NOT PROVEN: every Secret was written, but not seen under the key: {why}."), tally, String::new())
        }
        Verdict::Incomplete { tally, why } => (format!("NOT DONE: {why}."), tally, String::new()),
    };
    let count = thousands;
    let facts = format!(
        "\n{head}\n\n{}  \
         Secrets   {} listed: {} rewritten, {} current already, {} deleted meanwhile, {} failed\n{proof}  \
         took      {}\n  \
         run       {}{}\n",
        cluster_ref.summary_rows(),
        count(tally.listed),
        count(tally.rewritten),
        count(tally.current),
        count(tally.gone),
        count(tally.failed),
        elapsed(took),
        run.id,
        log(run, &cluster_ref.flags),
    );
    let rest = match verdict {
        Verdict::Done { evidence, .. } => {
            let elsewhere =
                if cluster_ref.key_arn.is_empty() { String::new() } else { iac_snippets(&cluster_ref.key_arn) };
            let known = match evidence {
                Evidence::Command(verified) => servers_seen(verified),
                Evidence::Job(proof) => {
                    proof_statement(proof, &verify(&cluster_ref.flags, Some(&run.namespace), &cluster_ref.key_arn))
                }
                Evidence::NotWanted => NOT_PROVEN.to_owned(),
            };
            format!("{elsewhere}{known}")
        }
        Verdict::Unproven { failures, .. } => {
            format!(
                "{}{UNPROVEN}  {}\n",
                failed_names(failures),
                verify(&cluster_ref.flags, Some(&run.namespace), &cluster_ref.key_arn)
            )
        }
        Verdict::Incomplete { .. } => failures(progress, tally.failed, run),
    };
    format!("{facts}{rest}")
}

/// After an association alone. `reencrypt`: the command for the rest.
pub(crate) fn associated(cluster_ref: &ClusterRef, reencrypt: &str) -> String {
    format!(
        "\nDone: the key is associated. Secrets that were there before stay under the key of their time until they are written.\n\n\
         {}\nTo re-encrypt them: {reencrypt}\n{}",
        cluster_ref.summary_rows(),
        iac_snippets(&cluster_ref.key_arn)
    )
}

/// Where its log is, if a Job has one.
fn log(run: &Run, flags: &KubeOptions) -> String {
    if run.job.is_empty() {
        return String::new();
    }
    format!(" ({})", kubectl(flags, &format!("logs -n {} job/{}", run.namespace, run.job)))
}

/// What `verify` says.
pub(crate) fn verification(
    cluster_ref: &ClusterRef,
    verified: Result<&Verified, &str>,
    failures: &[Failure],
    took: Duration,
) -> String {
    let (head, proof, rest) = match verified {
        Ok(verified) => (
            format!("Proven: every Secret is under {}.", cluster_ref.key_description()),
            verified_line(verified),
            servers_seen(verified),
        ),
        Err(why) => (format!("NOT PROVEN: {why}."), String::new(), failed_names(failures)),
    };
    format!("\n{head}\n\n{}{proof}  took      {}\n{rest}", cluster_ref.summary_rows(), elapsed(took))
}

/// Secrets that could not be verified.
fn failed_names(failures: &[Failure]) -> String {
    let line = |Failure { namespace, name, reason }: &Failure| format!("  {namespace}/{name}: {reason}\n");
    let named: String = failures.iter().take(MAX_LISTED).map(line).collect();
    if named.is_empty() { named } else { format!("\nNot verified:\n{named}") }
}

/// What this command has seen.
fn verified_line(verified: &Verified) -> String {
    let Verified { agreed, tally, rounds, .. } = verified;
    let begun = if *rounds == 1 { String::new() } else { format!(", begun {rounds} times") };
    format!(
        "  proof     {}; {} Secrets verified{begun}: {} rewritten, {} deleted meanwhile\n",
        servers_agree(agreed.servers),
        thousands(tally.listed),
        thousands(tally.rewritten),
        thousands(tally.gone)
    )
}

fn servers_agree(servers: u32) -> String {
    if servers == 1 {
        "1 API server writes under the key".to_owned()
    } else {
        format!("{servers} API servers write under the key")
    }
}

/// What the Job says of its own proof.
fn proof_line(proof: &Proof) -> String {
    let Proof { passes, tally, servers } = proof;
    let looked = if *passes == 1 { String::new() } else { format!(", in pass {passes}") };
    let servers = servers.map(|agreed| format!("{}; ", servers_agree(agreed.servers))).unwrap_or_default();
    format!(
        "  proof     {servers}{} touched{looked}: {} rewritten, {} deleted meanwhile\n",
        thousands(tally.listed),
        thousands(tally.rewritten),
        thousands(tally.gone)
    )
}

/// Said plainly: an auditor must not read more into "proven" than there is.
fn servers_seen(verified: &Verified) -> String {
    let servers = match verified.agreed.servers {
        1 => "the API server wrote under the key".to_owned(),
        2 => "both API servers wrote under the key".to_owned(),
        servers => format!("all {servers} API servers wrote under the key"),
    };
    format!(
        "\nSeen with your own rights: {servers}, before and after; no other one can have written in between;\n\
         and every Secret was written since, or found under the key.\n\
         {}{PROOF_SCOPE}",
        describe_level(verified.agreed.level)
    )
}

fn proof_statement(proof: &Proof, verify: &str) -> String {
    let level = proof.servers.map_or(Level::Agreed, |agreed| agreed.level);
    format!(
        "\nThe Job says so, and nobody else has looked: whoever has rights in its namespace could have made it say that.\n\
         To see it with your own rights:\n  {verify}\n{}{PROOF_SCOPE}",
        describe_level(level)
    )
}

/// How it is known which key it is.
fn describe_level(level: Level) -> &'static str {
    match level {
        Level::Matched => "Which key it is, they say themselves: each reports the hash of its ARN.\n",
        Level::Changed => {
            "That it is yours is inferred: it is another key than before the association, and they do not report the hash of\n\
             its ARN.\n"
        }
        Level::Agreed => "Which key it is, nothing shows.\n",
    }
}

/// The failed Secrets by name, and what to do.
fn failures(progress: &Progress, failed: u64, run: &Run) -> String {
    let line = |((namespace, name), reason): (&(String, String), &String)| format!("  {namespace}/{name}: {reason}\n");
    let listed: String = progress.failures.iter().take(MAX_LISTED).map(line).collect();
    let more = usize::try_from(failed).unwrap_or(usize::MAX).saturating_sub(progress.failures.len().min(MAX_LISTED));
    let more = match (more, run.job.is_empty()) {
        (0, _) => String::new(),
        (more, true) => format!("  and {more} more; `-o json` names a thousand of them\n"),
        (more, false) => format!("  and {more} more, see the Job's log\n"),
    };
    let head = match (failed, progress.failures.is_empty()) {
        (0, true) => "",
        // All are written; these are named by the proof.
        (0, false) => "\nDo not stay under the key:\n",
        _ => "\nNot re-encrypted:\n",
    };
    format!(
        "{head}{listed}{more}\nMend the cause, then run `enable` or `reencrypt` (again): it goes through every Secret once more.\n"
    )
}

/// What describes the cluster elsewhere must say the same, or the next apply sees a difference.
fn iac_snippets(arn: &str) -> String {
    format!(
        "\nWrite it down where the cluster is described, or the next apply will see a difference:\n\n  \
         eksctl (ClusterConfig):\n    secretsEncryption:\n      keyARN: {arn}\n\n  \
         Terraform (aws_eks_cluster):\n    encryption_config {{\n      resources = [\"secrets\"]\n      provider {{\n        key_arn = \"{arn}\"\n      }}\n    }}\n\n  \
         CloudFormation (AWS::EKS::Cluster), in a template that makes a new cluster:\n    EncryptionConfig:\n      - Resources: [secrets]\n        Provider:\n          KeyArn: {arn}\n    \
         Not in the template of this cluster: adding it there replaces the cluster.\n"
    )
}

/// What no proof can show.
const PROOF_SCOPE: &str = "Beyond proof: EKS lets nobody look into its etcd. Older copies of the Secrets stay there until it compacts (minutes),\n\
     and in backups.\n";

/// What helps where there is no proof.
const UNPROVEN: &str =
    "\nA Secret that an API server with another key wrote last is under that key. Fix the cause, then run:\n";

/// And no more into "done".
const NOT_PROVEN: &str = "\nKnown: the API server confirmed each of our writes, and answered that the other Secrets had been written since\n\
     the run began or were deleted.\n\
     Not proven: that nothing was left behind; the proof was turned off (--prove none). Older copies of the Secrets stay in\n\
     etcd until it compacts (minutes), and in backups.\n";

#[cfg(test)]
mod tests {
    //! The last words, word for word.
    use super::*;
    use crate::testing::{KEY, cluster};
    use eks_encrypt_job::engine::verify::{Cost, ServersAgree};
    use eks_encrypt_job::wire::outcome::Tally;

    fn run() -> Run {
        Run::from_id("20261124-070000-beef", "eks-encrypt")
    }

    fn cluster_ref() -> ClusterRef {
        ClusterRef {
            cluster_arn: cluster(None).arn,
            context: "prod".into(),
            key_arn: KEY.into(),
            ..ClusterRef::default()
        }
    }

    #[test]
    fn done() {
        let tally = Tally { listed: 2_000, rewritten: 1_990, current: 8, gone: 2, failed: 0 };
        let covered = Tally { listed: 2_001, current: 2_000, gone: 1, ..Tally::default() };
        let agreed = ServersAgree { servers: 2, level: Level::Matched };
        let verified = Verified { agreed, tally: covered, rounds: 1, cost: Cost::default() };
        let verdict = Verdict::Done { tally, evidence: Evidence::Command(verified) };
        let text = text(&verdict, &Progress::default(), &cluster_ref(), &run(), Duration::from_secs(312));
        insta::assert_snapshot!(text, @r#"

        Done and proven: every Secret is under the key.

          cluster   shop (eu-central-1, account 111122223333)
          key       arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
          Secrets   2,000 listed: 1,990 rewritten, 8 current already, 2 deleted meanwhile, 0 failed
          proof     2 API servers write under the key; 2,001 Secrets verified: 0 rewritten, 1 deleted meanwhile
          took      5 min 12 s
          run       20261124-070000-beef (kubectl logs -n eks-encrypt job/eks-encrypt-20261124-070000-beef)

        Write it down where the cluster is described, or the next apply will see a difference:

          eksctl (ClusterConfig):
            secretsEncryption:
              keyARN: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab

          Terraform (aws_eks_cluster):
            encryption_config {
              resources = ["secrets"]
              provider {
                key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
              }
            }

          CloudFormation (AWS::EKS::Cluster), in a template that makes a new cluster:
            EncryptionConfig:
              - Resources: [secrets]
                Provider:
                  KeyArn: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
            Not in the template of this cluster: adding it there replaces the cluster.

        Seen with your own rights: both API servers wrote under the key, before and after; no other one can have written in between;
        and every Secret was written since, or found under the key.
        Which key it is, they say themselves: each reports the hash of its ARN.
        Beyond proof: EKS lets nobody look into its etcd. Older copies of the Secrets stay there until it compacts (minutes),
        and in backups.
        "#);
    }

    /// A Job that somebody applied may have run before the association: then its Secrets are under another key.
    #[test]
    fn a_key_that_was_not_seen_is_not_vouched_for() {
        let tally = Tally { listed: 1, current: 1, ..Tally::default() };
        let agreed = ServersAgree { servers: 2, level: Level::Changed };
        let evidence = Evidence::Job(Proof { passes: 1, tally, servers: Some(agreed) });
        let verdict = Verdict::Done { tally, evidence };
        let unknown = ClusterRef { context: "prod".into(), ..ClusterRef::default() };
        let told = text(&verdict, &Progress::default(), &unknown, &run(), Duration::from_secs(9));
        insta::assert_snapshot!(told.lines().take(5).collect::<Vec<_>>().join("\n"), @r"

        Done, and proven by the Job: every Secret is under the API server's current key. Whether that is your key is not known here.

          cluster   that of kubeconfig context prod
          key       not known to this run; `kubectl eks-encrypt status` shows which the cluster has
        ");
        assert!(!told.contains("Terraform"));
    }

    #[test]
    fn secrets_that_do_not_stay_are_not_called_failed() {
        let mut progress = Progress::default();
        progress.failures.insert(("shop".into(), "db".into()), "does not stay under the current key".into());
        let tally = Tally { listed: 2, rewritten: 2, ..Tally::default() };
        let verdict = Verdict::Incomplete { tally, why: "the proof does not hold".into() };
        let run = Run { job: String::new(), ..run() };
        let text = text(&verdict, &progress, &cluster_ref(), &run, Duration::from_secs(38));
        insta::assert_snapshot!(text[text.find("  run ").unwrap()..], @r"
          run       20261124-070000-beef

        Do not stay under the key:
          shop/db: does not stay under the current key

        Mend the cause, then run `enable` or `reencrypt` (again): it goes through every Secret once more.
        ");
        // A run from here has no log that could be looked at.
        let failed = Tally { listed: 90, rewritten: 30, failed: 60, ..Tally::default() };
        let more = failures(&progress, failed.failed, &run);
        assert!(more.contains("\nNot re-encrypted:\n") && more.contains("and 59 more; `-o json`"), "{more}");
    }

    #[test]
    fn done_without_proof() {
        let tally = Tally { listed: 1, rewritten: 1, ..Tally::default() };
        let verdict = Verdict::Done { tally, evidence: Evidence::NotWanted };
        let text = text(&verdict, &Progress::default(), &cluster_ref(), &run(), Duration::from_secs(9));
        assert!(text.starts_with("\nDone: every Secret is accounted for. NOT PROVEN.\n"), "{text}");
        insta::assert_snapshot!(text[text.find("\nKnown").unwrap()..], @r"

        Known: the API server confirmed each of our writes, and answered that the other Secrets had been written since
        the run began or were deleted.
        Not proven: that nothing was left behind; the proof was turned off (--prove none). Older copies of the Secrets stay in
        etcd until it compacts (minutes), and in backups.
        ");
    }

    #[test]
    fn incomplete_names_the_secrets() {
        let tally = Tally { listed: 2_000, rewritten: 1_997, failed: 3, ..Tally::default() };
        let mut progress = Progress::default();
        progress
            .failures
            .insert(("shop".into(), "db".into()), "admission webhook \"policy.example\" denied the request: no".into());
        let verdict = Verdict::Incomplete { tally, why: "3 of 2,000 Secrets could not be re-encrypted".into() };
        let text = text(&verdict, &progress, &cluster_ref(), &run(), Duration::from_secs(38));
        insta::assert_snapshot!(text, @r#"

        NOT DONE: 3 of 2,000 Secrets could not be re-encrypted.

          cluster   shop (eu-central-1, account 111122223333)
          key       arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
          Secrets   2,000 listed: 1,997 rewritten, 0 current already, 0 deleted meanwhile, 3 failed
          took      38 s
          run       20261124-070000-beef (kubectl logs -n eks-encrypt job/eks-encrypt-20261124-070000-beef)

        Not re-encrypted:
          shop/db: admission webhook "policy.example" denied the request: no
          and 2 more, see the Job's log

        Mend the cause, then run `enable` or `reencrypt` (again): it goes through every Secret once more.
        "#);
    }
}
