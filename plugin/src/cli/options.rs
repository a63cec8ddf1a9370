//! Groups of flags as the options that everything below this folder knows.

/// Defines `$flags`: a group of flags that clap reads as `$args`, and that everybody else uses as `$options`. A field that differs has
/// its value.
macro_rules! options {
    ($flags:ident: $args:ident => $options:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        #[doc = concat!("The flags behind [`", stringify!($options), "`].")]
        #[derive(Clone, Debug)]
        pub(crate) struct $flags($options);

        impl From<$options> for $flags {
            fn from(options: $options) -> Self {
                Self(options)
            }
        }

        impl std::ops::Deref for $flags {
            type Target = $options;

            fn deref(&self) -> &$options {
                &self.0
            }
        }

        impl clap::FromArgMatches for $flags {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                let $args { $($field),* } = $args::from_arg_matches(matches)?;
                Ok(Self($options { $($field $(: $value)?),* }))
            }

            fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }

        impl clap::Args for $flags {
            fn augment_args(command: clap::Command) -> clap::Command {
                $args::augment_args(command)
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                $args::augment_args_for_update(command)
            }
        }
    };
}
