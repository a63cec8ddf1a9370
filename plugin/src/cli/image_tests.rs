//! The help of `image`, and which flags go together.
use crate::cli::{Cli, Command};
use crate::model::options::JobOptions;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use insta::assert_snapshot;

fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let command = path.iter().fold(&mut command, |command, name| command.find_subcommand_mut(name).unwrap());
    let text = command.render_long_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn help_of_image() {
    assert_snapshot!(help(&["image"]), @r"
    Push, save or name the Job's image, which comes with this plugin

    Usage: kubectl eks-encrypt image <COMMAND>

    Commands:
      push    Push the Job's image, of all its architectures, to a registry of yours
      save    Write the image as a file (an OCI image layout in a tar), for skopeo, crane, podman or ctr
      digest  Print the image's digest, which is the same in every registry
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help
    ");
}

#[test]
fn help_of_image_push() {
    assert_snapshot!(help(&["image", "push"]), @r"
    Push the Job's image, of all its architectures, to a registry of yours

    stdout is the image's name by its digest, for `--image`; what is done is said on stderr. What the
    registry has already is not sent again. A tag that is another image already is left alone.

    The login: --username; else for Amazon ECR your AWS credentials (--profile); else what `docker
    login`, `podman login` or their credential helpers know. The host that gets the password is printed,
    and the password is sent only over TLS or to loopback. Proxies: HTTPS_PROXY and NO_PROXY.

    Exit codes: 0 the registry has the image; 1 error; 2 wrong usage, or an archive that can't be used;
    3 the registry, its login or AWS refused, or the tag is another image's.

    Usage: kubectl eks-encrypt image push [OPTIONS] <REGISTRY/REPO[:TAG]>

    Arguments:
      <REGISTRY/REPO[:TAG]>
              Where to; the tag is the image's version if you name none

    Options:
          --overwrite-tag
              Give the tag to this image even if it is another's

              Registries with immutable tags refuse that.

          --profile <PROFILE>
              The AWS profile to use for Amazon ECR [default: the AWS environment's]

          --archive <FILE>
              The image archive [default: eks-encrypt-job.oci.tar beside this program]

          --username <NAME>
              The name to log in to the registry with

          --password-stdin
              Read the password of --username from stdin

          --registry-ca <FILE>
              A file of certificate authorities (PEM) that may have signed the registry's certificate,
              beside the system's [default for Amazon ECR: $AWS_CA_BUNDLE]

          --plain-http[=<BOOL>]
              Whether the registry is spoken to without TLS [default: only on loopback addresses,
              without --registry-ca]

              [possible values: true, false]

          --create-repository
              Create the repository in Amazon ECR if it is not there, with immutable tags and scan on
              push

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_image_save() {
    assert_snapshot!(help(&["image", "save"]), @r"
    Write the image as a file (an OCI image layout in a tar), for skopeo, crane, podman or ctr

    Exit codes: 0 saved; 1 error; 2 wrong usage, or an archive that can't be used; 3 the file is there
    already.

    Usage: kubectl eks-encrypt image save [OPTIONS] <FILE>

    Arguments:
      <FILE>
              The file, which must not be there yet; `-` is stdout

    Options:
          --archive <FILE>
              The image archive [default: eks-encrypt-job.oci.tar beside this program]

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_image_digest() {
    assert_snapshot!(help(&["image", "digest"]), @r"
    Print the image's digest, which is the same in every registry

    Usage: kubectl eks-encrypt image digest [OPTIONS]

    Options:
          --archive <FILE>
              The image archive [default: eks-encrypt-job.oci.tar beside this program]

      -h, --help
              Print help
    ");
}

fn refused(arguments: &[&str]) -> Option<ErrorKind> {
    Cli::try_parse_from(["x"].iter().chain(arguments)).err().map(|error| error.kind())
}

#[test]
fn one_image_is_named_in_one_way() {
    let base = ["reencrypt", "--push-image", "registry.example/job"];
    assert_eq!(refused(&base), None);
    for more in [&["--image", "registry.example/job:1"][..], &["--local"]] {
        assert_eq!(refused(&[&base[..], more].concat()), Some(ErrorKind::ArgumentConflict), "{more:?}");
    }
    assert_eq!(refused(&["reencrypt", "--push-image", "job"]), Some(ErrorKind::ValueValidation));
    assert_eq!(refused(&["reencrypt", "--image", "registry.example/Job"]), Some(ErrorKind::ValueValidation));
    assert_eq!(refused(&["manifests", "--push-image", "registry.example/job"]), Some(ErrorKind::UnknownArgument));
}

#[test]
fn what_is_about_a_push_needs_one_and_a_name_needs_its_password() {
    for more in ["--archive=a", "--registry-ca=c", "--plain-http", "--create-repository"] {
        assert_eq!(refused(&["reencrypt", more]), Some(ErrorKind::MissingRequiredArgument), "{more}");
        assert_eq!(refused(&["image", "push", "registry.example/job", more]), None, "{more}");
    }
    let push = ["image", "push", "registry.example/job"];
    for more in ["--username=a", "--password-stdin"] {
        assert_eq!(refused(&[&push[..], &[more]].concat()), Some(ErrorKind::MissingRequiredArgument), "{more}");
    }
    assert_eq!(refused(&[&push[..], &["--username=a", "--password-stdin"]].concat()), None);
    assert_eq!(refused(&["image", "push"]), Some(ErrorKind::MissingRequiredArgument));
}

#[test]
fn the_command_that_goes_on_pushes_again() {
    let text = "x reencrypt --cluster shop --push-image registry.example/job:v1 --archive a.tar --username a --password-stdin \
                --registry-ca ca.pem --plain-http=false --create-repository";
    let Command::Reencrypt(mut args) = Cli::try_parse_from(text.split_whitespace()).unwrap().command else { panic!() };
    // As it is while the command runs.
    let image = Some("registry.example/job@sha256:00".into());
    args.job = JobOptions { image, ..(*args.job).clone() }.into();
    assert_eq!(args.resume_command(), text.replace("x reencrypt", "kubectl eks-encrypt reencrypt"));
}
