//! The help texts, as people read them, and what the command line refuses.
use super::*;
use crate::model::options::Prove;
use crate::testing::enable;
use clap::error::ErrorKind;
use insta::assert_snapshot;

fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let command = path.iter().fold(&mut command, |command, name| command.find_subcommand_mut(name).unwrap());
    // clap ends empty lines with spaces, which editors take away.
    let text = command.render_long_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn top() {
    assert_snapshot!(help(&[]), @r"
    Puts every Secret of an EKS cluster under your own KMS key.

    EKS can encrypt a cluster's Secrets under a KMS key of yours. Associating the key changes nothing
    that is stored already: each Secret moves to the key when it is next written. This plugin associates
    the key, writes every Secret once from a Job inside the cluster, and proves that none was left
    behind. The Job asks for the Secrets' metadata alone, never for their data. (Copies of data that
    `kubectl apply` left in annotations are metadata and reach the Job, which skips them unread.)

    Flags come after the command's name: `kubectl eks-encrypt status --context prod`.

    Usage: kubectl eks-encrypt <COMMAND>

    Commands:
      enable      Associate a KMS key with a cluster and re-encrypt every Secret under it
      create      Create a cluster with your KMS key from birth
      reencrypt   Re-encrypt every Secret of a cluster that has its key
      attach      Follow the Job that is there, from any machine
      verify      Prove that every Secret is under the key, now, with your own rights
      status      Show the association, the key, the last run, and how many Secrets are not under the
                  key yet
      cleanup     Delete everything that runs have made in the cluster
      manifests   Print what would be applied, as YAML, for review or GitOps
      image       Push, save or name the Job's image, which comes with this plugin
      schema      Print the JSON Schema of a file that this plugin reads, for editors
      completion  Print a completion script, for kubectl or for a shell
      version     Print this plugin's version
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn help_of_enable() {
    assert_snapshot!(help(&["enable"]), @r"
    Associate a KMS key with a cluster and re-encrypt every Secret under it

    First everything is checked and nothing is changed. Then you confirm. Then the key is associated
    (usually minutes, up to 45), a Job in the cluster writes every Secret once, and you see it happen.
    It begins when every API server writes under the key. At the end this command checks every Secret
    and every API server: that is the proof.

    ASSOCIATING A KEY CAN'T BE UNDONE, and the key can't be exchanged for another later. If the key is
    disabled or deleted, the cluster stops working; if it is deleted, the Secrets are lost.

    It is safe to run the same command again at any time: it goes on where things stand. Closing the
    terminal stops nothing that has begun in AWS or in the cluster; `kubectl eks-encrypt attach` shows
    the Job again.

    Exit codes: 0 done, and proven; 1 error; 2 wrong usage; 3 a check refused: nothing changed; or
    another run is at work: the key may be associated, run it again later; 4 the cluster has another
    key; 5 EKS ended the association as failed; 6 not every Secret is known to be under the key; 7 time
    is up but the work goes on, or the API servers do not write under the key yet (run it again); 130
    Ctrl-C.

    Usage: kubectl eks-encrypt enable [OPTIONS]

    Options:
      -f, --file <FILE>
              An eksctl ClusterConfig file that names cluster, region and key; `-` reads stdin

              metadata.name, metadata.region and secretsEncryption.keyARN are read, the rest is eksctl's
              business.

          --cluster <NAME>
              The EKS cluster's name, as `aws eks list-clusters` shows it [default: that of the
              kubeconfig context]

              [alias: --cluster-name]

          --key-arn <ARN>
              The KMS key: a key ARN, alias ARN, key id or alias name (alias/...)

              Symmetric, enabled, customer managed, in the cluster's region. It may be another
              account's.

          --region <REGION>
              The cluster's AWS region [default: that of the kubeconfig context, the AWS profile or
              environment]

          --profile <PROFILE>
              The AWS profile to use [default: the AWS environment's, else that of the kubeconfig
              context]

          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]

          --context <CONTEXT>
              The kubeconfig context of this cluster [default: the current one]

          --encrypt-existing-secrets[=<BOOL>]
              Whether existing Secrets are re-encrypted; `false` stops after the association

              [default: true]
              [possible values: true, false]

          --wait[=<BOOL>]
              Whether to wait; `false` begins what comes next (the association, or the Job) and ends. A
              --local run is waited for all the same

              [default: true]
              [possible values: true, false]

          --force
              Write every Secret, also where the last verification found all of them under the key

              Without it, such a cluster is verified again. If that holds, no run starts.

          --timeout <DURATION>
              How long to wait here in all, such as 80m or 1h30m; what has begun goes on without us, but
              for --local, which stops

              [default: 80m]

      -y, --yes
              Don't ask; for scripts. You still can't undo it

          --dry-run
              Make every check and say what would be done; change nothing

      -o, --output <FORMAT>
              Data for scripts on stdout: the final report; where it ends earlier, the checks or what it
              has begun

              [possible values: json, yaml]

      -h, --help
              Print help (see a summary with '-h')

    How Secrets are re-encrypted:
          --method <METHOD>
              What is written

              annotate: the annotation eksctl.io/kms-encryption-timestamp is set, as eksctl does. touch:
              an empty patch; the API server then writes only what is not under its current key, and
              nothing in the Secret changes.

              [default: annotate]

          --concurrency <N>
              How many patches are sent at the same time [default: as many as the API server takes
              easily]

              More is faster until the API server is busy, and then only slows everybody else down.

          --max-qps <N>
              How many patches are sent a second, at most [default: no bound]

          --prove <WHO>
              Who verifies that every Secret is under the key

              full: this command, with your own rights: it checks every API server before and after, and
              every Secret. A run that is not waited for is left to the Job. job: the Job, in the
              cluster. none: skip verification.

              [default: full]

    The Job:
      -n, --namespace <NAMESPACE>
              The namespace in which the Job runs; created if it does not exist [default: a new one for
              each run, eks-encrypt-RUN; for `manifests`: eks-encrypt]

              While the run lasts, whoever may create Pods, Secrets or ServiceAccount tokens in a
              namespace that you name can use the Job's right to read every Secret. Name one that only
              administrators can use. Fargate profiles and admission policies can match the default by
              its prefix, eks-encrypt-.

          --image <IMAGE>
              The Job's image, in a registry that the cluster's nodes can pull from

              By tag (REGISTRY/REPO:TAG) or, better, by digest (REGISTRY/REPO@sha256:...). No image of
              this project is published: it comes with this plugin, and `kubectl eks-encrypt image push
              REGISTRY/REPO` puts it into a registry of yours and prints the name for this flag.

          --image-pull-secret <NAME>
              A Secret of the namespace with which the image is pulled; may be repeated

          --node-selector <KEY=VALUE>
              A label that the Job's node must have; may be repeated

          --toleration <TAINT>
              A taint of nodes that the Job puts up with: key=value:Effect, key:Effect, key, or * for
              all; may be repeated

          --pod-label <KEY=VALUE>
              A label of the Job's Pod, for Fargate profiles, quotas and policies; may be repeated

          --pod-annotation <KEY=VALUE>
              An annotation of the Job's Pod; may be repeated

          --priority-class <NAME>
              The Pod's priority class

          --service-account <NAME>
              A ServiceAccount of the namespace that has the rights already; then no rights are made,
              and none taken away

          --local
              Re-encrypt from here, with your own rights and no Pod

              For clusters in which no Pod can run, or no image can be pulled. It ends with this
              command: don't close the laptop. It asks for metadata alone, as the Job does.

    The image that comes with this plugin:
          --push-image <REGISTRY/REPO[:TAG]>
              Push it there when you have confirmed, before anything else is changed, and run the Job
              from it

              As `kubectl eks-encrypt image push` does, whose help says who is logged in. No login is
              sent before you confirm, and none by --dry-run. The Job gets the image by its digest.
              Where `enable` makes no Job (--encrypt-existing-secrets=false), nothing is pushed.

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
    ");
}

#[test]
fn help_of_reencrypt() {
    assert_snapshot!(help(&["reencrypt"]), @r"
    Re-encrypt every Secret of a cluster that has its key

    The second half of `enable` alone: for a cluster whose key was associated elsewhere (eksctl,
    Terraform, the console), or to do it again. A Secret can be written any number of times.

    Exit codes as for `enable`.

    Usage: kubectl eks-encrypt reencrypt [OPTIONS]

    Options:
          --cluster <NAME>
              The EKS cluster's name, as `aws eks list-clusters` shows it [default: that of the
              kubeconfig context]

              [alias: --cluster-name]

          --region <REGION>
              The cluster's AWS region [default: that of the kubeconfig context, the AWS profile or
              environment]

          --profile <PROFILE>
              The AWS profile to use [default: the AWS environment's, else that of the kubeconfig
              context]

          --without-aws
              Ask nothing of AWS: you vouch that the key is associated, and that the kubeconfig means
              the right cluster

              For machines that reach the cluster but not AWS. Without --key-arn, the same command again
              does not follow the Job that it made, for that names no key; `attach` does.

          --key-arn <ARN>
              With --without-aws: the ARN of the key that the cluster has; without it, nothing can be
              proven

          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]

          --context <CONTEXT>
              The kubeconfig context of this cluster [default: the current one]

          --detach
              Make the Job and end; `attach` shows it

          --timeout <DURATION>
              How long to wait here in all, such as 80m or 1h30m; what has begun goes on without us, but
              for --local, which stops

              [default: 80m]

      -y, --yes
              Don't ask; for scripts. You still can't undo it

          --dry-run
              Make every check and say what would be done; change nothing

      -o, --output <FORMAT>
              Data for scripts on stdout: the final report; where it ends earlier, the checks or what it
              has begun

              [possible values: json, yaml]

      -h, --help
              Print help (see a summary with '-h')

    How Secrets are re-encrypted:
          --method <METHOD>
              What is written

              annotate: the annotation eksctl.io/kms-encryption-timestamp is set, as eksctl does. touch:
              an empty patch; the API server then writes only what is not under its current key, and
              nothing in the Secret changes.

              [default: annotate]

          --concurrency <N>
              How many patches are sent at the same time [default: as many as the API server takes
              easily]

              More is faster until the API server is busy, and then only slows everybody else down.

          --max-qps <N>
              How many patches are sent a second, at most [default: no bound]

          --prove <WHO>
              Who verifies that every Secret is under the key

              full: this command, with your own rights: it checks every API server before and after, and
              every Secret. A run that is not waited for is left to the Job. job: the Job, in the
              cluster. none: skip verification.

              [default: full]

    The Job:
      -n, --namespace <NAMESPACE>
              The namespace in which the Job runs; created if it does not exist [default: a new one for
              each run, eks-encrypt-RUN; for `manifests`: eks-encrypt]

              While the run lasts, whoever may create Pods, Secrets or ServiceAccount tokens in a
              namespace that you name can use the Job's right to read every Secret. Name one that only
              administrators can use. Fargate profiles and admission policies can match the default by
              its prefix, eks-encrypt-.

          --image <IMAGE>
              The Job's image, in a registry that the cluster's nodes can pull from

              By tag (REGISTRY/REPO:TAG) or, better, by digest (REGISTRY/REPO@sha256:...). No image of
              this project is published: it comes with this plugin, and `kubectl eks-encrypt image push
              REGISTRY/REPO` puts it into a registry of yours and prints the name for this flag.

          --image-pull-secret <NAME>
              A Secret of the namespace with which the image is pulled; may be repeated

          --node-selector <KEY=VALUE>
              A label that the Job's node must have; may be repeated

          --toleration <TAINT>
              A taint of nodes that the Job puts up with: key=value:Effect, key:Effect, key, or * for
              all; may be repeated

          --pod-label <KEY=VALUE>
              A label of the Job's Pod, for Fargate profiles, quotas and policies; may be repeated

          --pod-annotation <KEY=VALUE>
              An annotation of the Job's Pod; may be repeated

          --priority-class <NAME>
              The Pod's priority class

          --service-account <NAME>
              A ServiceAccount of the namespace that has the rights already; then no rights are made,
              and none taken away

          --local
              Re-encrypt from here, with your own rights and no Pod

              For clusters in which no Pod can run, or no image can be pulled. It ends with this
              command: don't close the laptop. It asks for metadata alone, as the Job does.

    The image that comes with this plugin:
          --push-image <REGISTRY/REPO[:TAG]>
              Push it there when you have confirmed, before anything else is changed, and run the Job
              from it

              As `kubectl eks-encrypt image push` does, whose help says who is logged in. No login is
              sent before you confirm, and none by --dry-run. The Job gets the image by its digest.
              Where `enable` makes no Job (--encrypt-existing-secrets=false), nothing is pushed.

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
    ");
}

#[test]
fn help_of_create() {
    let all = ["create", "schema"].map(|name| help(&[name]));
    assert_snapshot!(all.join("\n\n-----\n"), @r"
    Create a cluster with your KMS key from birth

    From an eksctl ClusterConfig file: VPC, roles, the cluster with its key, and managed node groups, as
    one CloudFormation stack (eks-encrypt-NAME). At the end EKS is asked whether the cluster has the
    key, and the kubeconfig gets its entry. A field that this command does not support is an error; none
    is ignored.

    It asks no question: `--dry-run` shows what would be created, and what of it costs money.
    CloudFormation works by itself: after Ctrl-C or a lost connection, run the same command again to go
    on. If something fails, it removes all that it has made.

    Exit codes: 0 created, and EKS says that it has the key; 1 error, or the kubeconfig could not be
    written; 2 wrong usage, or a file that can't be used; 3 a check refused: nothing was created; 4 the
    cluster has another key; 5 the stack failed; 7 time is up but CloudFormation goes on (run it again);
    130 Ctrl-C.

    Usage: kubectl eks-encrypt create [OPTIONS] --file <FILE>

    Options:
      -f, --file <FILE>
              The ClusterConfig file; `-` reads stdin

          --profile <PROFILE>
              The AWS profile to use [default: the AWS environment's]

          --kubeconfig <FILE>
              The kubeconfig file that gets the cluster's entry [default: as $KUBECONFIG says, or
              ~/.kube/config]

          --timeout <DURATION>
              How long to wait here in all, such as 40m or 1h; CloudFormation goes on without us

              [default: 40m]

          --dry-run
              Make every check, print the CloudFormation template on stdout and the plan on stderr;
              create nothing

      -h, --help
              Print help (see a summary with '-h')

    -----
    Print the JSON Schema of a file that this plugin reads, for editors

    For example: kubectl eks-encrypt schema cluster-config > cluster-config.json, and in the file's
    first line: # yaml-language-server: $schema=cluster-config.json

    Usage: kubectl eks-encrypt schema <FILE>

    Arguments:
      <FILE>
              The file

              Possible values:
              - cluster-config: The file of `create`

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn the_create_that_goes_on_is_this_one() {
    let again = |arguments: &[&str]| {
        let base = ["kubectl-eks_encrypt", "create", "-f", "my cluster.yaml"];
        let Command::Create(args) = Cli::try_parse_from(base.iter().chain(arguments)).unwrap().command else {
            panic!()
        };
        args.resume_command()
    };
    assert_eq!(again(&["--timeout", "40m"]), "kubectl eks-encrypt create -f 'my cluster.yaml'");
    assert_eq!(
        again(&["--profile", "prod", "--kubeconfig", "k", "--timeout", "1h"]),
        "kubectl eks-encrypt create -f 'my cluster.yaml' --profile prod --kubeconfig k --timeout 1h"
    );
}

#[test]
fn help_of_the_rest() {
    let all = ["attach", "verify", "status", "cleanup", "manifests", "completion", "version"].map(|name| help(&[name]));
    assert_snapshot!(all.join("\n\n-----\n"), @r"
    Follow the Job that is there, from any machine

    Shows the Job's progress from now on, judges how it ended, and takes the run's rights to Secrets
    away. Asks nothing of AWS. Exit codes as for `enable`; 1 if there is no Job (`--local` makes none).

    Usage: kubectl eks-encrypt attach [OPTIONS]

    Options:
          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]

          --context <CONTEXT>
              The kubeconfig context of this cluster [default: the current one]

      -n, --namespace <NAMESPACE>
              The namespace of the run [default: those that runs have created, and eks-encrypt]

          --timeout <DURATION>
              How long to wait here, such as 80m or 1h30m; the Job goes on without us

              [default: 80m]

      -o, --output <FORMAT>
              The final report on stdout, when the run has ended

              [possible values: json, yaml]

      -h, --help
              Print help (see a summary with '-h')

    -----
    Prove that every Secret is under the key, now, with your own rights

    Asks every API server for the key that it writes under, checks every Secret, and asks the API
    servers again. A Secret that is stored under another key is written under the key by a no-op patch.
    This command changes no field of it; admission webhooks may.

    Needs the rights to list and patch Secrets, to list Leases in kube-system, and to get /metrics; in
    AWS, without --key-arn, eks:DescribeCluster, eks:ListUpdates, eks:DescribeUpdate and
    kms:DescribeKey. The result is recorded next to the run record, for `status`.

    Exit codes: 0 proven; 1 error; 2 wrong usage; 3 nothing to verify: no key is associated, or EKS is
    replacing API servers; 6 not proven.

    Usage: kubectl eks-encrypt verify [OPTIONS]

    Options:
          --cluster <NAME>
              The EKS cluster's name, as `aws eks list-clusters` shows it [default: that of the
              kubeconfig context]

              [alias: --cluster-name]

          --region <REGION>
              The cluster's AWS region [default: that of the kubeconfig context, the AWS profile or
              environment]

          --profile <PROFILE>
              The AWS profile to use [default: the AWS environment's, else that of the kubeconfig
              context]

          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]

          --context <CONTEXT>
              The kubeconfig context of this cluster [default: the current one]

          --key-arn <ARN>
              The ARN of the key; then AWS is not asked [default: the key that EKS names]

      -n, --namespace <NAMESPACE>
              The namespace of the run [default: those that runs have created, and eks-encrypt]

          --concurrency <N>
              How many patches are sent at the same time [default: as many as the API server takes
              easily]

              More is faster until the API server is busy, and then only slows everybody else down.

          --max-qps <N>
              How many patches are sent a second, at most [default: no bound]

          --timeout <DURATION>
              How long it may take, such as 10m or 1h30m

              [default: 30m]

      -o, --output <FORMAT>
              The result as data, for scripts and auditors

              [possible values: json, yaml]

      -h, --help
              Print help (see a summary with '-h')

    -----
    Show the association, the key, the last run, and how many Secrets are not under the key yet

    Changes nothing. Secrets are counted by their metadata: those that were not written since the last
    run began are behind.

    Usage: kubectl eks-encrypt status [OPTIONS]

    Options:
          --cluster <NAME>
              The EKS cluster's name, as `aws eks list-clusters` shows it [default: that of the
              kubeconfig context]

              [alias: --cluster-name]

          --region <REGION>
              The cluster's AWS region [default: that of the kubeconfig context, the AWS profile or
              environment]

          --profile <PROFILE>
              The AWS profile to use [default: the AWS environment's, else that of the kubeconfig
              context]

          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]

          --context <CONTEXT>
              The kubeconfig context of this cluster [default: the current one]

      -n, --namespace <NAMESPACE>
              The namespace of the run [default: those that runs have created, and eks-encrypt]

          --timeout <DURATION>
              How long it may take, such as 10m; the status then names what it could not see

              [default: 10m]

      -o, --output <FORMAT>
              The status as data, for scripts

              [possible values: json, yaml]

      -h, --help
              Print help (see a summary with '-h')

    -----
    Delete everything that runs have made in the cluster

    It lists Jobs with their logs, rights, run records, leases, and namespaces that a run made, asks
    once, deletes them, and waits until the namespaces are deleted. A namespace stays if other people
    have objects in it, custom resources included. So does an object that carries the label of runs and
    a name that no run gives. The key stays associated, and the Secrets stay as they are. Keep what your
    auditors want first: `status -o json`, and `kubectl logs`.

    Usage: kubectl eks-encrypt cleanup [OPTIONS]

    Options:
          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]

          --context <CONTEXT>
              The kubeconfig context of this cluster [default: the current one]

      -y, --yes
              Skip the question; for scripts

          --dry-run
              List what would be deleted, and delete nothing

          --force
              Also while a run is running: its Job stops, and the Secrets that it has not reached stay
              as they are

      -h, --help
              Print help (see a summary with '-h')

    -----
    Print what would be applied, as YAML, for review or GitOps

    Namespace, rights and Job, as `enable` and `reencrypt` apply them where there is no such namespace
    yet. Asks nothing of anybody. Apply it only after the key is associated: `kubectl eks-encrypt
    manifests ... | kubectl apply -f -`, then `attach`. In a namespace of somebody else's, leave the
    Namespace out: it has Pod Security labels (restricted) that `enable` would not set there.

    Usage: kubectl eks-encrypt manifests [OPTIONS]

    Options:
          --key-arn <ARN>
              The ARN of the cluster's key, for the run record and for whoever finds the Job later

      -h, --help
              Print help (see a summary with '-h')

    How Secrets are re-encrypted:
          --method <METHOD>
              What is written

              annotate: the annotation eksctl.io/kms-encryption-timestamp is set, as eksctl does. touch:
              an empty patch; the API server then writes only what is not under its current key, and
              nothing in the Secret changes.

              [default: annotate]

          --concurrency <N>
              How many patches are sent at the same time [default: as many as the API server takes
              easily]

              More is faster until the API server is busy, and then only slows everybody else down.

          --max-qps <N>
              How many patches are sent a second, at most [default: no bound]

          --prove <WHO>
              Who verifies that every Secret is under the key

              full: this command, with your own rights: it checks every API server before and after, and
              every Secret. A run that is not waited for is left to the Job. job: the Job, in the
              cluster. none: skip verification.

              [default: full]

    The Job:
      -n, --namespace <NAMESPACE>
              The namespace in which the Job runs; created if it does not exist [default: a new one for
              each run, eks-encrypt-RUN; for `manifests`: eks-encrypt]

              While the run lasts, whoever may create Pods, Secrets or ServiceAccount tokens in a
              namespace that you name can use the Job's right to read every Secret. Name one that only
              administrators can use. Fargate profiles and admission policies can match the default by
              its prefix, eks-encrypt-.

          --image <IMAGE>
              The Job's image, in a registry that the cluster's nodes can pull from

              By tag (REGISTRY/REPO:TAG) or, better, by digest (REGISTRY/REPO@sha256:...). No image of
              this project is published: it comes with this plugin, and `kubectl eks-encrypt image push
              REGISTRY/REPO` puts it into a registry of yours and prints the name for this flag.

          --image-pull-secret <NAME>
              A Secret of the namespace with which the image is pulled; may be repeated

          --node-selector <KEY=VALUE>
              A label that the Job's node must have; may be repeated

          --toleration <TAINT>
              A taint of nodes that the Job puts up with: key=value:Effect, key:Effect, key, or * for
              all; may be repeated

          --pod-label <KEY=VALUE>
              A label of the Job's Pod, for Fargate profiles, quotas and policies; may be repeated

          --pod-annotation <KEY=VALUE>
              An annotation of the Job's Pod; may be repeated

          --priority-class <NAME>
              The Pod's priority class

          --service-account <NAME>
              A ServiceAccount of the namespace that has the rights already; then no rights are made,
              and none taken away

          --local
              Re-encrypt from here, with your own rights and no Pod

              For clusters in which no Pod can run, or no image can be pulled. It ends with this
              command: don't close the laptop. It asks for metadata alone, as the Job does.

    -----
    Print a completion script, for kubectl or for a shell

    kubectl (1.26 or later) completes `kubectl eks-encrypt` in every shell in which it completes its own
    commands, if it finds an executable of this name on PATH, for example beside the plugins of krew:

    kubectl eks-encrypt completion kubectl > ~/.krew/bin/kubectl_complete-eks_encrypt

    chmod +x ~/.krew/bin/kubectl_complete-eks_encrypt

    The scripts for shells complete the file's own name, kubectl-eks_encrypt. For example in ~/.bashrc:
    source <(kubectl eks-encrypt completion bash)

    Usage: kubectl eks-encrypt completion <FOR>

    Arguments:
      <FOR>
              For whom

              [possible values: kubectl, bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    -----
    Print this plugin's version

    With -o also the platform, the commit that a release was built from, the version of the wire format,
    which the Job's image has to share, and the digest of the image that came with it.

    Usage: kubectl eks-encrypt version [OPTIONS]

    Options:
      -o, --output <FORMAT>
              All of it as data, for scripts

              [possible values: json, yaml]

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn a_file_and_what_it_says_are_not_both_given() {
    let refused = |more: &[&str]| {
        let base = ["x", "enable", "-f", "kms-cluster.yaml", "--image", "i"];
        Cli::try_parse_from(base.iter().chain(more)).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(refused(&[]), Ok(()));
    for more in [["--cluster", "shop"], ["--cluster-name", "shop"], ["--key-arn", "k"], ["--region", "r"]] {
        assert_eq!(refused(&more), Err(ErrorKind::ArgumentConflict), "{more:?}");
    }
}

#[test]
fn without_a_pod_there_is_nothing_to_say_of_it() {
    for flag in [
        "--image=i",
        "--image-pull-secret=s",
        "--node-selector=a=b",
        "--toleration=*",
        "--pod-label=a=b",
        "--pod-annotation=a=b",
        "--priority-class=p",
        "--service-account=s",
        "--detach",
    ] {
        let error = Cli::try_parse_from(["x", "reencrypt", "--local", flag]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{flag}");
    }
}

#[test]
fn what_is_on_by_default_is_turned_off_by_a_word() {
    let args = enable(&["--encrypt-existing-secrets=false", "--wait=false", "--prove=none"]);
    assert!(!args.encrypt_existing_secrets && !args.wait && args.engine.prove == Prove::None);
    let args = enable(&["--encrypt-existing-secrets", "--wait", "--prove=full"]);
    assert!(args.encrypt_existing_secrets && args.wait && args.engine.prove == Prove::Full);
}

#[test]
fn completion_knows_the_commands() {
    for of in CompletionOf::value_variants() {
        let script = completion(*of);
        let all = ["reencrypt", "encrypt-existing-secrets"];
        let wanted = if *of == CompletionOf::Kubectl { &["exec kubectl-eks_encrypt __complete"][..] } else { &all };
        assert!(wanted.iter().all(|word| script.contains(word)), "{of:?}");
        assert!(!script.contains(" man "), "{of:?} offers what is hidden");
    }
}

#[test]
fn eksctls_name_of_the_flag_works_too() {
    let args = ["x", "enable", "--cluster-name", "shop", "--key-arn", "k", "--image", "i"];
    assert!(Cli::try_parse_from(args).is_ok());
}

#[test]
fn nonsense_is_refused() {
    let refused = |more: &[&str]| {
        let base = ["x", "enable", "--cluster", "shop", "--key-arn", "k", "--image", "i"];
        Cli::try_parse_from(base.iter().chain(more)).unwrap_err().kind()
    };
    assert_eq!(refused(&["--timeout", "soon"]), ErrorKind::ValueValidation);
    assert_eq!(refused(&["--timeout", "0s"]), ErrorKind::ValueValidation);
    assert_eq!(refused(&["--concurrency", "0"]), ErrorKind::ValueValidation);
    assert_eq!(
        Cli::try_parse_from(["x", "enable", "--cluster", "shop"]).unwrap_err().kind(),
        ErrorKind::MissingRequiredArgument
    );
}

#[test]
fn flags_at_their_defaults_are_left_out_of_the_command_that_goes_on() {
    let again = enable(&["--timeout", "80m"]).resume_command();
    assert!(!again.contains("--timeout") && !again.contains("--conc"), "{again}");
}

#[test]
fn the_command_that_goes_on_is_this_one() {
    let args = enable(&[
        "--context",
        "my prod",
        "--yes",
        "-n",
        "ops",
        "--timeout",
        "90m",
        "--concurrency",
        "3",
        "--toleration",
        "team=a:NoSchedule",
        "--pod-label",
        "a=b",
        "--prove=none",
        "--method",
        "touch",
        "--max-qps",
        "50",
    ]);
    assert_snapshot!(args.resume_command(), @"kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --context 'my prod' --timeout 1h30m --method touch --concurrency 3 --max-qps 50 --prove none --namespace ops --image registry.example/job:1 --toleration team=a:NoSchedule --pod-label a=b");
}

/// The parts of krew's manifest that must fit this binary; `tests/e2e/krew` has the others.
#[test]
fn the_krew_manifest_names_this_plugin() {
    let manifest: serde_json::Value = serde_saphyr::from_str(include_str!("../../krew/eks-encrypt.yaml.in")).unwrap();
    assert_eq!(manifest["metadata"]["name"], "eks-encrypt");
    assert_eq!(manifest["spec"]["version"], "v@VERSION@");
    let binary = <Cli as clap::CommandFactory>::command().get_name().to_owned();
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        let suffix = if platform["selector"]["matchLabels"]["os"] == "windows" { ".exe" } else { "" };
        assert_eq!(platform["bin"], format!("{binary}{suffix}"));
    }
}
