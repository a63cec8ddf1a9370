//! `create` with the real binary, against an AWS account that is moto's: no cluster runs here, for none can be made. A test
//! belongs here if only the real command line and AWS's own protocols can fail it.

mod dry_run;
mod failed;
mod fake_aws_selftest;
mod progress;
mod refused;
mod succeeds;
mod support;
