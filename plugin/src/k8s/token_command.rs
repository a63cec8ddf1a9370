//! The commands of kubeconfigs that make tokens for EKS: `aws eks get-token` and `aws-iam-authenticator token`, either of them
//! behind another command (`aws-vault exec prod -- aws ...`). Input: an exec entry. Output: what it asks for; nothing, where the
//! command is another one. Shell scripts and wrappers' own flags are not understood.

use kube::config::ExecConfig;

/// A command that makes tokens for EKS.
pub(crate) struct TokenCommand {
    /// Its files' names.
    files: &'static [&'static str],
    /// Its subcommand, among whatever options.
    subcommand: &'static [&'static str],
    /// What to call it.
    pub(crate) called: &'static str,
    /// The options that are followed by a value.
    values: &'static [&'static str],
    /// The same in one letter, and what each stands for.
    short: &'static [(char, &'static str)],
    /// The options that name the cluster. A local cluster's id (`aws eks get-token --cluster-id`) is none: EKS finds clusters by
    /// their names alone.
    pub(crate) name: &'static [&'static str],
}

const TOKEN_COMMANDS: [TokenCommand; 2] = [
    TokenCommand {
        files: &["aws"],
        subcommand: &["eks", "get-token"],
        called: "`aws eks get-token`",
        values: &[
            "ca-bundle",
            "cli-binary-format",
            "cli-connect-timeout",
            "cli-read-timeout",
            "cluster-id",
            "cluster-name",
            "color",
            "endpoint-url",
            "output",
            "profile",
            "query",
            "region",
            "role-arn",
        ],
        short: &[],
        name: &["cluster-name"],
    },
    TokenCommand {
        files: &["aws-iam-authenticator", "heptio-authenticator-aws"],
        subcommand: &["token"],
        called: "`aws-iam-authenticator token`",
        values: &["cluster-id", "config", "external-id", "log-format", "region", "role", "session-name"],
        short: &[
            ('c', "config"),
            ('e', "external-id"),
            ('i', "cluster-id"),
            ('l', "log-format"),
            ('r', "role"),
            ('s', "session-name"),
        ],
        name: &["cluster-id"],
    },
];

/// What a command asks for that makes tokens for EKS, where nothing else has a part in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// The cluster's name; or a local cluster's id.
    pub(crate) cluster: String,
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    /// The role to assume, and how.
    pub(crate) role_arn: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
    /// Where STS is.
    pub(crate) endpoint_url: Option<String>,
    /// Whom to trust there.
    pub(crate) ca_bundle: Option<String>,
}

/// What an exec entry's command asks for, if it is one of the tools itself: `aws-vault exec prod -- aws ...` gets its
/// credentials in its own way, and `aws-iam-authenticator -c FILE` its cluster's name.
pub(crate) fn token_request(exec: &ExecConfig) -> Option<Request> {
    let call = parse_call(exec)?;
    let value = |names: &[&str]| call.argument(names).map(str::to_owned);
    if !call.before.is_empty() || value(&["config"]).is_some() {
        return None;
    }
    Some(Request {
        cluster: value(&["cluster-name", "cluster-id"])?,
        region: value(&["region"]),
        profile: value(&["profile"]),
        role_arn: value(&["role-arn", "role"]),
        external_id: value(&["external-id"]),
        session_name: value(&["session-name"]),
        endpoint_url: value(&["endpoint-url"]),
        ca_bundle: value(&["ca-bundle"]),
    })
}

/// An option and its value.
type Argument<'a> = (&'a str, &'a str);

/// A call of one of the tools.
pub(crate) struct Call<'a> {
    exec: &'a ExecConfig,
    /// The words before it.
    before: Vec<&'a str>,
    pub(crate) tool: &'static TokenCommand,
    arguments: Vec<Argument<'a>>,
}

/// The call in an exec entry, if there is one.
pub(crate) fn parse_call(exec: &ExecConfig) -> Option<Call<'_>> {
    let mut before: Vec<&str> = exec.command.iter().chain(exec.args.iter().flatten()).map(String::as_str).collect();
    (0..before.len()).find_map(|at| {
        let tool = TOKEN_COMMANDS.iter().find(|tool| tool.files.contains(&program_name(before[at]).as_str()))?;
        let arguments = parse_arguments(tool, &before[at + 1..])?;
        before.truncate(at);
        Some(Call { exec, before: std::mem::take(&mut before), tool, arguments })
    })
}

impl Call<'_> {
    /// The value of the last of these options.
    pub(crate) fn argument(&self, names: &[&str]) -> Option<&str> {
        let set = self.arguments.iter().rev().find(|(name, value)| names.contains(name) && !value.is_empty());
        set.map(|(_, value)| *value)
    }

    /// A variable that the entry, or `env NAME=value` before the command, sets for it.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let by_env = self.before.first().is_some_and(|word| program_name(word) == "env");
        let inline = self.before.iter().filter(|_| by_env).filter_map(|word| word.split_once('='));
        let entries = self.exec.env.iter().flatten();
        let entries = entries.filter_map(|entry| Some((entry.get("name")?.as_str(), entry.get("value")?.as_str())));
        // What is set later, or closer to the command, counts.
        let (_, value) = entries.chain(inline).rfind(|(set, _)| *set == name)?;
        Some(value).filter(|value| !value.is_empty())
    }
}

/// A path's last part, without Windows's ending.
fn program_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}

/// The options with values, in order, if the subcommand is the one that makes tokens.
fn parse_arguments<'a>(tool: &'static TokenCommand, words: &[&'a str]) -> Option<Vec<Argument<'a>>> {
    let (mut found, mut subcommand) = (Vec::new(), tool.subcommand.iter().peekable());
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if let Some(option) = word.strip_prefix("--") {
            let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            if tool.values.contains(&name) {
                found.push((name, value.or_else(|| words.next())?));
            }
        } else if let Some(option) = word.strip_prefix('-') {
            let Some((_, name)) = tool.short.iter().find(|(letter, _)| option.starts_with(*letter)) else { continue };
            // `-i shop`, `-i=shop` and `-ishop`.
            let value = option.get(1..).filter(|value| !value.is_empty());
            let value = value.map(|value| value.strip_prefix('=').unwrap_or(value));
            found.push((*name, value.or_else(|| words.next())?));
        } else if subcommand.peek().is_some_and(|next| **next == word) {
            subcommand.next();
        } else {
            return None;
        }
    }
    subcommand.peek().is_none().then_some(found)
}
