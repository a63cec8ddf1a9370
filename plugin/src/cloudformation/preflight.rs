//! Every check before anything is created, as one table, and the template that rests on them. Input: the file's `Spec`, and AWS.
//! Output: the ground that the steps stand on, or the table's last line and an exit code. Reads only.

use eks_encrypt_job::wire::exit::ExitCode;
use serde_json::Value;

use crate::aws::client::{self, AwsContext};
use crate::aws::cluster::{self, Cluster};
use crate::aws::ec2;
use crate::aws::key::{self, Key};
use crate::cause::Cause;
use crate::checks::table::{Check, Checks};
use crate::checks::{check_identity, key_warnings};
use crate::cloudformation::plan::PlanInput;
use crate::cloudformation::stack::{self, Stack, StackPlan};
use crate::cloudformation::{template, zones};
use crate::cluster_config::spec::Spec;
use crate::error::CliError;
use crate::ui::terminal::Terminal;

/// What the checks found.
pub(crate) struct CreatePreflight {
    pub(crate) aws: AwsContext,
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    /// Whose it is going to be.
    pub(crate) account: String,
    pub(crate) key: Key,
    /// The zones' names.
    pub(crate) zones: Vec<String>,
    pub(crate) template: Value,
    /// What there is to do about the stack.
    pub(crate) plan: StackPlan,
}

impl CreatePreflight {
    /// For the plan's text.
    pub(crate) fn plan_input(&self) -> PlanInput<'_> {
        // `key::check` lets no other pass.
        PlanInput { account: &self.account, key_arn: &self.key.arn, key_state: "Enabled", zones: &self.zones }
    }

    /// How many resources the stack is going to have.
    pub(crate) fn resources(&self) -> u64 {
        self.template["Resources"].as_object().map_or(0, |resources| resources.len() as u64)
    }
}

/// Makes all checks that can be made. `delete` is the command that deletes the stack.
pub(crate) async fn run_checks(
    spec: &Spec,
    aws: Result<AwsContext, client::Error>,
    (profile, delete): (Option<&str>, &str),
    terminal: &Terminal,
) -> Result<CreatePreflight, CliError> {
    terminal.println("Checks (nothing is created):");
    let mut checks = Checks::new(terminal);
    let ground = match check_identity(&mut checks, aws, profile).await {
        Some((aws, check_identity)) => preflight(&mut checks, spec, aws, (&check_identity, delete)).await,
        None => {
            checks
                .add_all(["key", "zones", "cluster", "stack"].map(|name| Check::skipped(name, "AWS does not know us")));
            None
        }
    };
    checks.close()?;
    // Where something is missing, its check has failed.
    ground.ok_or(CliError { code: ExitCode::Refused, error: anyhow::anyhow!("a check gave no result, which is a bug") })
}

async fn preflight(
    checks: &mut Checks<'_>,
    spec: &Spec,
    aws: AwsContext,
    (identity, delete): (&str, &str),
) -> Option<CreatePreflight> {
    let to_be = future_cluster(spec, identity);
    let cloudformation = aws_sdk_cloudformation::Client::new(&aws.sdk);
    let key = check_key(checks, spec, &aws, &to_be).await;
    let found = stack::find(&cloudformation, &spec.stack()).await;
    let zones = match &found {
        // A stack that is there has made its choice.
        Ok(Some(there)) if !there.zones.is_empty() => Some(there.zones.clone()),
        _ => check_zones(checks, spec, &aws).await,
    };
    let template = match (&key, &zones) {
        (Some(key), Some(zones)) => match template::render(spec, zones, &key.arn) {
            Ok(template) => Some(template),
            Err(error) => {
                checks.add(Check::from_error("template", error));
                None
            }
        },
        _ => None,
    };
    let plan = check_stack(checks, spec, &aws, (found, delete), template.as_ref()).await;
    let account = to_be.account().to_owned();
    Some(CreatePreflight { aws, cloudformation, account, key: key?, zones: zones?, template: template?, plan: plan? })
}

/// The key, and what a person should know of it before a cluster depends on it for ever.
async fn check_key(checks: &mut Checks<'_>, spec: &Spec, aws: &AwsContext, to_be: &Cluster) -> Option<Key> {
    let key = match key::check(aws, &spec.key).await {
        Ok(key) => key,
        Err(error) => {
            checks.add(Check::from_error("key", error));
            return None;
        }
    };
    checks.add(Check::ok("key", key.arn.clone()));
    // Who may create clusters need not be allowed to look at a key's rotation and grants.
    checks.add_all(key_warnings::static_warnings(&key, to_be));
    Some(key)
}

/// The cluster as it is going to be: its account and its region are known.
fn future_cluster(spec: &Spec, identity: &str) -> Cluster {
    let mut arn = identity.split(':');
    let (partition, account) = (arn.nth(1).unwrap_or("aws"), arn.nth(2).unwrap_or_default());
    Cluster {
        name: spec.name.clone(),
        arn: format!("arn:{partition}:eks:{}:{account}:cluster/{}", spec.region, spec.name),
        ..Cluster::default()
    }
}

async fn check_zones(checks: &mut Checks<'_>, spec: &Spec, aws: &AwsContext) -> Option<Vec<String>> {
    let chosen = match ec2::zones(&aws.sdk).await {
        Ok(known) => zones::choose(spec, &known).map_err(CliError::from),
        // The file names them, and CloudFormation refuses what can't be.
        Err(cause) if !spec.zones.is_empty() => {
            let found =
                format!("{}: as the file has them, not compared with what EC2 has: {cause}", spec.zones.join(", "));
            checks.add(Check::warn("zones", crate::ui::terminal::one_line(&found), None));
            return Some(spec.zones.clone());
        }
        Err(cause) => {
            let cure = "allow ec2:DescribeAvailabilityZones to your identity, or name two zones in availabilityZones";
            let found =
                crate::ui::terminal::one_line(&format!("can't ask EC2 for the zones of {}: {cause}", spec.region));
            checks.add(Check::failed("zones", found, Some(cure.to_owned())));
            return None;
        }
    };
    match chosen {
        Ok(zones) => {
            checks.add(Check::ok("zones", zones.join(", ")));
            Some(zones)
        }
        Err(stop) => {
            checks.add(Check::from_error("zones", stop));
            None
        }
    }
}

/// What there is to do: nothing of that name must be there, but what an earlier call of this command began.
async fn check_stack(
    checks: &mut Checks<'_>,
    spec: &Spec,
    aws: &AwsContext,
    (found, delete): (Result<Option<Stack>, stack::Error>, &str),
    template: Option<&Value>,
) -> Option<StackPlan> {
    let Some(template) = template else {
        checks.add(Check::skipped("stack", "there is no template to compare it with"));
        checks.add(check_no_cluster(spec, aws).await);
        return None;
    };
    let name = spec.stack();
    let plan = match found.and_then(|found| stack::plan(found, &name, &template.to_string(), delete)) {
        Ok(plan) => plan,
        Err(error) => {
            checks.add(Check::from_error("stack", error));
            return None;
        }
    };
    let found = match &plan {
        StackPlan::Create => format!("{name} is free"),
        StackPlan::Follow(_) => format!("{name} is being created already, from this file: it is followed"),
        StackPlan::WaitForRollback(_) => {
            format!("{name} has failed, and CloudFormation removes what it had made: that is followed")
        }
        StackPlan::Verify(_) => format!("{name} was created from this file: the cluster's key is looked at"),
    };
    checks.add(Check::ok("stack", found));
    if plan == StackPlan::Create {
        checks.add(check_no_cluster(spec, aws).await);
    }
    Some(plan)
}

/// Whether the cluster's name is free.
async fn check_no_cluster(spec: &Spec, aws: &AwsContext) -> Check {
    const NAME: &str = "cluster";
    match cluster::try_describe(aws, &spec.name).await {
        Err(Cause { code: Some(code), .. }) if code == "ResourceNotFoundException" => {
            Check::ok(NAME, format!("the name {} is free in {}", spec.name, spec.region))
        }
        Err(cause) => Check::failed(
            NAME,
            crate::ui::terminal::one_line(&format!("can't ask EKS whether there is a cluster {}: {cause}", spec.name)),
            Some("allow eks:DescribeCluster to your identity".to_owned()),
        ),
        Ok(there) => Check::failed(
            NAME,
            format!("EKS has a cluster {} in {} already ({})", there.name, spec.region, there.status),
            Some(format!(
                "choose another metadata.name; or put that cluster's Secrets under the key: `kubectl eks-encrypt enable --cluster {} \
                 --key-arn {} --region {}`",
                spec.name, spec.key, spec.region
            )),
        ),
    }
}

#[cfg(test)]
#[path = "preflight_tests.rs"]
mod tests;
