//! Manual pages, as `make dist` puts them into an archive. Input: the command line's own help. Output: a file for the plugin
//! and one for each of its commands. Without a date, so that two builds are the same.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use eks_encrypt_job::wire::exit::ExitCode;

use crate::cli::Cli;
use crate::error::HasExitCode;
use crate::model::VERSION;

/// The pages' name: `man kubectl eks-encrypt` looks for the words joined by a dash, as it does for `man git commit`.
const NAME: &str = "kubectl-eks-encrypt";

/// A page that can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write the manual page {file}")]
pub(crate) struct Error {
    file: PathBuf,
    #[source]
    source: std::io::Error,
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Error
    }
}

/// Writes every page into a folder that is there.
pub(crate) fn write(folder: &Path) -> Result<ExitCode, Error> {
    for (name, text) in pages() {
        let file = folder.join(name);
        let written = text.and_then(|text| File::create(&file)?.write_all(&text));
        written.map_err(|source| Error { file, source })?;
    }
    Ok(ExitCode::Done)
}

/// The names of the pages and what stands in them.
fn pages() -> Vec<(String, std::io::Result<Vec<u8>>)> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    collect(NAME, &root, &mut pages);
    pages
}

/// A command's page, and those of the commands below it.
fn collect(name: &str, command: &Command, pages: &mut Vec<(String, std::io::Result<Vec<u8>>)>) {
    pages.push(page(name, command.clone()));
    let told = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    told.for_each(|below| collect(&format!("{name}-{}", below.get_name()), below, pages));
}

fn page(name: &str, command: Command) -> (String, std::io::Result<Vec<u8>>) {
    let page = Man::new(command.display_name(name.to_owned()))
        .title(name.to_uppercase())
        .date(" ") // none; the empty string would be left out, and the source be taken for the date
        .source(format!("eks-encrypt {VERSION}"))
        .manual("kubectl plugins");
    let mut text = Vec::new();
    let rendered = page.render(&mut text);
    (format!("{name}.1"), rendered.map(|()| text))
}

#[cfg(test)]
mod tests {
    //! What man shows, in its source.
    use super::*;

    fn text(of: &str) -> String {
        let (_, text) = pages().into_iter().find(|(name, _)| name == of).unwrap();
        String::from_utf8(text.unwrap()).unwrap()
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        insta::assert_snapshot!(names.join("\n"), @r"
        kubectl-eks-encrypt-attach.1
        kubectl-eks-encrypt-cleanup.1
        kubectl-eks-encrypt-completion.1
        kubectl-eks-encrypt-create.1
        kubectl-eks-encrypt-enable.1
        kubectl-eks-encrypt-image-digest.1
        kubectl-eks-encrypt-image-push.1
        kubectl-eks-encrypt-image-save.1
        kubectl-eks-encrypt-image.1
        kubectl-eks-encrypt-manifests.1
        kubectl-eks-encrypt-reencrypt.1
        kubectl-eks-encrypt-schema.1
        kubectl-eks-encrypt-status.1
        kubectl-eks-encrypt-verify.1
        kubectl-eks-encrypt-version.1
        kubectl-eks-encrypt.1
        ");
    }

    #[test]
    fn a_page_says_how_people_type_the_command() {
        insta::assert_snapshot!(text("kubectl-eks-encrypt-version.1").replace(VERSION, "VERSION"), @r#"
        .ie \n(.g .ds Aq \(aq
        .el .ds Aq '
        .TH KUBECTL-EKS-ENCRYPT-VERSION 1 " " "eks-encrypt VERSION" "kubectl plugins"
        .SH NAME
        kubectl\-eks\-encrypt\-version \- Print this plugin\*(Aqs version
        .SH SYNOPSIS
        \fBkubectl eks\-encrypt version\fR [\fB\-o\fR|\fB\-\-output\fR] [\fB\-h\fR|\fB\-\-help\fR] 
        .SH DESCRIPTION
        Print this plugin\*(Aqs version
        .PP
        With \-o also the platform, the commit that a release was built from, the version of the wire format, which the Job\*(Aqs image has to share, and the digest of the image that came with it.
        .SH OPTIONS
        .TP
        \fB\-o\fR, \fB\-\-output\fR \fI<FORMAT>\fR
        All of it as data, for scripts
        .br

        .br
        \fIPossible values:\fR
        .RS 14
        .IP \(bu 2
        json
        .IP \(bu 2
        yaml
        .RE
        .TP
        \fB\-h\fR, \fB\-\-help\fR
        Print help (see a summary with \*(Aq\-h\*(Aq)
        "#);
    }

    #[test]
    fn no_page_has_a_date_or_the_name_of_the_file() {
        for (name, _) in pages() {
            let text = text(&name);
            let head = text.lines().find(|line| line.starts_with(".TH")).unwrap();
            assert!(head.contains(r#" 1 " " "eks-encrypt"#), "{head}");
            assert!(text.replace('\\', "").contains("kubectl eks-encrypt"), "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = anyhow::Error::new(write(Path::new("/nowhere")).unwrap_err());
        insta::assert_snapshot!(format!("{error:#}"), @"can't write the manual page /nowhere/kubectl-eks-encrypt.1: No such file or directory (os error 2)");
    }
}
