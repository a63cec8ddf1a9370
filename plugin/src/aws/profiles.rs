//! The person's AWS profiles, as far as we must look into them ourselves: whether the one that is meant exists, and what its
//! credentials rest on. Input: AWS's configuration files (`AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`). Output: an error
//! that names the profiles that there are, and the command that renews what has expired.
//!
//! The SDK itself takes a profile that does not exist for one without credentials, and goes on to those of the machine.

use aws_config::profile::{self, Profile, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};
use eks_encrypt_job::wire::exit::ExitCode;

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::ui::terminal::one_line;

/// How many profiles a message lists.
const MAX_LISTED: usize = 10;

/// How long a chain of `source_profile` may be: the SDK itself refuses loops.
const MAX_CHAIN: usize = 10;

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file can't be read, or is not of its form.
    #[error("can't read the AWS configuration files")]
    Unreadable(#[source] Cause),
    /// There is no profile of this name.
    #[error("there is no AWS profile {profile} ({from}); {there}")]
    NoProfile { profile: String, from: &'static str, there: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// The profiles, of which one is selected.
pub(crate) struct Profiles {
    set: ProfileSet,
    /// Whether the person has named it on the command line.
    named: bool,
}

/// Reads the files. Selected is the profile that was named on the command line, or else the environment's; it must exist.
/// `inherited`: the environment's, where the SDK does not know the variable.
pub(crate) async fn load(profile: Option<&str>, inherited: Option<&str>) -> Result<Profiles, Error> {
    load_from(&Fs::real(), &Env::real(), profile, inherited).await
}

async fn load_from(fs: &Fs, env: &Env, profile: Option<&str>, inherited: Option<&str>) -> Result<Profiles, Error> {
    let name = profile.or(inherited).map(|name| name.to_owned().into());
    let set = profile::load(fs, env, &Default::default(), name).await;
    let set = set.map_err(|error| Error::Unreadable(Cause::from_error(&error)))?;
    let from = if profile.is_some() { "--profile" } else { "the environment's AWS_PROFILE" };
    let selected = set.selected_profile();
    // Nobody needs to have named `default`, and nobody needs to have it.
    if set.get_profile(selected).is_none() && (profile.is_some() || selected != "default") {
        return Err(Error::NoProfile { profile: one_line(selected), from, there: listed(&set) });
    }
    Ok(Profiles { set, named: profile.is_some() })
}

fn listed(set: &ProfileSet) -> String {
    let mut names: Vec<_> = set.profiles().map(one_line).collect();
    names.sort_unstable();
    match names.len() {
        0 => "there are none at all: `aws configure sso` makes one".to_owned(),
        n if n > MAX_LISTED => format!("there are: {}, ...", names[..MAX_LISTED].join(", ")),
        _ => format!("there are: {}", names.join(", ")),
    }
}

impl Profiles {
    /// What helps when the credentials are refused, or can't be had; nothing, where the profile does not say.
    /// `environment`: whether there are keys in the environment.
    pub(crate) fn credential_hint(&self, environment: bool) -> Option<String> {
        if environment && !self.named {
            return Some(
                "the credentials are those of AWS_ACCESS_KEY_ID in your environment: renew them, or unset them"
                    .to_owned(),
            );
        }
        let mut name = self.set.selected_profile();
        for _ in 0..MAX_CHAIN {
            let profile = self.set.get_profile(name)?;
            if let Some(cure) = of_profile(profile) {
                return Some(cure);
            }
            name = profile.get("source_profile").filter(|source| *source != name)?;
        }
        None
    }
}

/// What helps with the credentials that a profile has by itself.
fn of_profile(profile: &Profile) -> Option<String> {
    let (name, get) = (one_line(profile.name()), |key| profile.get(key));
    let beyond_us = get("mfa_serial").map(|_| "wants an MFA code (mfa_serial), for which this plugin can't ask");
    let beyond_us = beyond_us.or(get("login_session").map(|_| "is of `aws login`, which this plugin can't read"));
    if let Some(beyond_us) = beyond_us {
        return Some(format!(
            "profile {name} {beyond_us}: `eval \"$(aws configure export-credentials --profile {name} --format env)\"`, \
             and leave --profile out"
        ));
    }
    if let Some(session) = get("sso_session") {
        return Some(format!("log in: `aws sso login --sso-session {}`", one_line(session)));
    }
    if get("sso_start_url").is_some() {
        return Some(format!("log in: `aws sso login --profile {name}`"));
    }
    get("credential_process").map(|_| format!("see what the credential_process of profile {name} says"))
}

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
