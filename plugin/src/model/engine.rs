//! How the engine runs.

use std::num::{NonZeroU32, NonZeroUsize};

use clap::ValueEnum as _;
use eks_encrypt_job::wire::event::Method;

/// `--concurrency` and `--max-qps`.
pub(crate) type Pace = (Option<NonZeroUsize>, Option<NonZeroU32>);

/// A method as the Job's environment has it.
pub(crate) fn method_name(method: Method) -> String {
    method.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
