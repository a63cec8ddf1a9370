//! Pushes to a registry that is a script: what it is asked and given, and what people are told.
use super::*;
use crate::model::reference::parse_destination;
use crate::registry::docker::FoundCredentials;
use crate::registry::fixture::{Access, FakeRegistry, RunningRegistry, archive, error};
use crate::testing::error_text;
use insta::assert_snapshot;

/// A push to this registry.
async fn push_as(registry: &RunningRegistry, tag: &str, typed: Option<(&str, &str)>) -> Push {
    let folder = tempfile::tempdir().unwrap();
    let flags = RegistryOptions { archive: Some(archive(folder.path())), ..RegistryOptions::default() };
    let to = parse_destination(&format!("{}/team/job{tag}", registry.address)).unwrap();
    Push::prepare(&to, &flags, AwsUse::Never, false).await.unwrap().typed(typed.unwrap_or(("nobody", "")))
}

impl Push {
    /// The same, as if this had been typed: what this machine's own docker knows must not matter in a test.
    pub(crate) fn typed(self, (username, password): (&str, &str)) -> Self {
        let from = "--username".to_owned();
        Self { typed: Some(Credentials { username: username.into(), password: password.into(), from }), ..self }
    }
}

/// What came of it: all that was said, without the port.
async fn pushed(registry: &RunningRegistry, push: &Push) -> String {
    let terminal = Terminal::captured();
    let end = match push.push(&terminal).await {
        Ok(()) => push.by_digest(),
        Err(stop) => error_text(stop),
    };
    format!("{}\n{end}", terminal.text()).trim().replace(&registry.address, "REGISTRY")
}

/// Another image.
const OTHER: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn index() -> String {
    let folder = tempfile::tempdir().unwrap();
    archive::read(&archive(folder.path())).unwrap().index.digest
}

/// What was sent, by kind.
fn sent(registry: &RunningRegistry) -> (usize, usize) {
    let heard = registry.requests();
    let count = |part: &str| heard.iter().filter(|line| line.starts_with("PUT") && line.contains(part)).count();
    (count("/blobs/"), count("/manifests/"))
}

#[tokio::test]
async fn everything_is_pushed_and_the_tag_last() {
    let registry = RunningRegistry::start(FakeRegistry::default()).await;
    assert_snapshot!(pushed(&registry, &push_as(&registry, "", None).await).await, @r"
    Pushing image 0.1.0 (linux/amd64, linux/arm64) to REGISTRY/team/job:0.1.0
      config of linux/amd64, 37 bytes: pushed
      layer of linux/amd64, 18 bytes: pushed
      config of linux/arm64, 37 bytes: pushed
      layer of linux/arm64, 18 bytes: pushed
      tag 0.1.0: pushed
    REGISTRY/team/job@sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e
    ");
    let heard = registry.requests();
    let last = heard.iter().rfind(|line| line.starts_with("PUT")).unwrap();
    assert_eq!(last, "PUT /v2/team/job/manifests/0.1.0");
    assert_eq!(sent(&registry), (4, 3), "{heard:?}");
    assert_eq!(registry.state.lock().unwrap().manifests["0.1.0"], index());
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let registry = RunningRegistry::start(FakeRegistry::default()).await;
    let blob = push_as(&registry, "", None).await.image.manifests[0].parts[1].blob.digest.clone();
    registry.state.lock().unwrap().blobs.insert(blob);
    pushed(&registry, &push_as(&registry, "", None).await).await;
    assert_eq!(sent(&registry).0, 3, "one layer was there");
    let told = pushed(&registry, &push_as(&registry, ":other", None).await).await;
    assert_snapshot!(told, @r"
    Pushing image 0.1.0 (linux/amd64, linux/arm64) to REGISTRY/team/job:other
      config of linux/amd64, 37 bytes: there already
      layer of linux/amd64, 18 bytes: there already
      config of linux/arm64, 37 bytes: there already
      layer of linux/arm64, 18 bytes: there already
      tag other: pushed
    REGISTRY/team/job@sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e
    ");
    assert_eq!(sent(&registry).0, 3, "the second push sends no blob");
}

#[tokio::test]
async fn an_image_that_is_there_needs_no_right_to_push() {
    let registry = RunningRegistry::start(FakeRegistry::default()).await;
    pushed(&registry, &push_as(&registry, "", None).await).await;
    registry.state.lock().unwrap().heard.clear();
    let told = pushed(&registry, &push_as(&registry, "", None).await).await;
    assert_snapshot!(told, @r"
    REGISTRY/team/job@sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e is in the registry already, as REGISTRY/team/job:0.1.0
    REGISTRY/team/job@sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e
    ");
    let heard = registry.requests();
    assert!(heard.iter().all(|line| line.starts_with("GET ") || line.starts_with("HEAD ")), "{heard:?}");
}

#[tokio::test]
async fn a_registry_that_answers_as_ecr_without_location_is_no_trouble() {
    let registry = RunningRegistry::start(FakeRegistry { no_location: true, ..FakeRegistry::default() }).await;
    let told = pushed(&registry, &push_as(&registry, ":v1", None).await).await;
    assert!(told.ends_with(&format!("REGISTRY/team/job@{}", index())), "{told}");
}

#[tokio::test]
async fn a_registry_that_takes_an_image_and_then_has_none_is_not_believed() {
    let forgets = ("PUT /v2/team/job/manifests/0.1.0", 201, "");
    let registry = RunningRegistry::start(FakeRegistry { instead: vec![forgets], ..FakeRegistry::default() }).await;
    let told = pushed(&registry, &push_as(&registry, "", None).await).await;
    let (_, error) = told.split_once("exit ").unwrap();
    assert_snapshot!(error, @r"
    1
    error: REGISTRY/team/job:0.1.0 is not the image that was pushed: the registry says that it has none instead of sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e
    ");
}

#[tokio::test]
async fn passwords_go_to_the_registry_or_to_its_token_server() {
    for door in [Access::Basic, Access::Token] {
        let registry = RunningRegistry::start(FakeRegistry { door, ..FakeRegistry::default() }).await;
        let told = pushed(&registry, &push_as(&registry, "", Some(("alice", "secret"))).await).await;
        assert!(told.ends_with(&index()), "{door:?}: {told}");
        let told = pushed(&registry, &push_as(&registry, "", Some(("alice", "wrong"))).await).await;
        let refused =
            "exit 3\nerror: registry REGISTRY refuses the login: wrong name or password (of --username alice)";
        let (at, and) = match door {
            Access::Token => (
                "http://REGISTRY/token, the token server of REGISTRY",
                "; its token server says: UNAUTHORIZED: authentication required",
            ),
            _ => ("REGISTRY", ""),
        };
        assert_eq!(told, format!("Logging in as alice (from --username) at {at}\n{refused}{and}"), "{door:?}");
    }
}

#[tokio::test]
async fn nobody_is_told_how_to_log_in() {
    let registry = RunningRegistry::start(FakeRegistry { door: Access::Basic, ..FakeRegistry::default() }).await;
    let to = parse_destination(&format!("{}/team/job", registry.address)).unwrap();
    let nobody = Registry::new(&to, Transport { plain: true, authority: None }, FoundCredentials::default()).unwrap();
    nobody.log_in(nobody.challenge().await.unwrap()).await.unwrap();
    let said = |error: errors::Error| error_text(error).replace(&registry.address, "REGISTRY");
    assert_snapshot!(said(nobody.tag("1").await.unwrap_err()), @r"
    exit 3
    error: registry REGISTRY refuses the login: nobody is logged in there: `docker login REGISTRY`, or --username NAME --password-stdin
    ");
    let image = push_as(&registry, "", None).await.image;
    let blob = &image.manifests[0].parts[0].blob;
    assert_snapshot!(said(nobody.push_blob(blob).await.unwrap_err()), @r"
    exit 3
    error: registry REGISTRY refuses the login: nobody is logged in there: `docker login REGISTRY`, or --username NAME --password-stdin: UNAUTHORIZED: authentication required
    ");
}

#[tokio::test]
async fn a_store_of_passwords_that_is_gone_matters_only_where_one_is_wanted() {
    let broken = "docker-credential-desktop.exe can't be run";
    let known = FoundCredentials { credentials: None, broken: Some(broken.to_owned()) };
    for (door, expected) in [(Access::Open, None), (Access::Basic, Some(broken)), (Access::Token, Some(broken))] {
        let registry = RunningRegistry::start(FakeRegistry { door, ..FakeRegistry::default() }).await;
        let to = parse_destination(&format!("{}/team/job", registry.address)).unwrap();
        let nobody = Registry::new(&to, Transport { plain: true, authority: None }, known.clone()).unwrap();
        let entered = nobody.log_in(nobody.challenge().await.unwrap()).await;
        let looked = async { entered.and(nobody.tag("1").await) }.await;
        match (looked, expected) {
            (Ok(there), None) => assert_eq!(there, TagDigest::Free),
            (Err(error), Some(why)) => {
                let told = error_text(error);
                assert!(told.contains(&format!("nobody is logged in there, because {why}")), "{told}");
            }
            (looked, _) => panic!("{door:?}: {looked:?}"),
        }
    }
}

#[tokio::test]
async fn a_good_password_that_may_only_pull_is_not_called_wrong() {
    let registry = RunningRegistry::start(FakeRegistry { door: Access::Token, ..FakeRegistry::default() }).await;
    let mut all = Vec::new();
    for (code, message) in [
        ("UNAUTHORIZED", "unauthorized to access repository: team/job, action: push"),
        ("DENIED", "requested access to the resource is denied"),
    ] {
        let body = error(code, message);
        registry.state.lock().unwrap().instead = vec![("POST", 401, Box::leak(body.into_boxed_str()))];
        let told = pushed(&registry, &push_as(&registry, "", Some(("alice", "secret"))).await).await;
        all.push(told.lines().last().unwrap().to_owned());
    }
    assert_snapshot!(all.join("\n"), @r"
    error: alice may not push to REGISTRY/team/job: UNAUTHORIZED: unauthorized to access repository: team/job, action: push
    error: alice may not push to REGISTRY/team/job: DENIED: requested access to the resource is denied
    ");
}

#[tokio::test]
async fn a_registry_that_is_busy_is_asked_again() {
    let instead = vec![
        ("HEAD /v2/team/job/blobs", 503, ""),
        ("POST", 429, "slow down"),
        ("PUT /v2/team/job/blobs", 500, ""),
        ("PUT /v2/team/job/manifests/sha256", 502, "bad gateway"),
        ("PUT /v2/team/job/manifests/0.1.0", 429, ""),
    ];
    let registry = RunningRegistry::start(FakeRegistry { instead, ..FakeRegistry::default() }).await;
    let told = pushed(&registry, &push_as(&registry, "", None).await).await;
    assert!(told.ends_with(&index()), "{told}");
    assert!(registry.state.lock().unwrap().instead.is_empty());
}

#[tokio::test]
async fn a_token_server_that_is_busy_is_asked_again() {
    let instead = vec![("GET /v2/", 503, ""), ("GET /token", 503, "down"), ("GET /token", 429, "")];
    let registry =
        RunningRegistry::start(FakeRegistry { door: Access::Token, instead, ..FakeRegistry::default() }).await;
    let told = pushed(&registry, &push_as(&registry, "", Some(("alice", "secret"))).await).await;
    assert!(told.ends_with(&index()), "{told}");
    assert!(registry.state.lock().unwrap().instead.is_empty());
}

#[tokio::test]
async fn a_registry_that_stays_busy_is_given_up_with_its_words() {
    let busy = error("TOOMANYREQUESTS", "you have pushed too much");
    let instead = vec![("POST", 429, &*Box::leak(busy.into_boxed_str())); 5];
    let registry = RunningRegistry::start(FakeRegistry { instead, ..FakeRegistry::default() }).await;
    let told = pushed(&registry, &push_as(&registry, "", None).await).await;
    assert_snapshot!(told.lines().skip(1).collect::<Vec<_>>().join("\n"), @r"
    exit 3
    error: registry REGISTRY did not take the image for team/job: TOOMANYREQUESTS: you have pushed too much
    ");
}

#[tokio::test]
async fn a_registry_that_breaks_is_quoted() {
    let instead = vec![("POST", 500, "no space left\non the device"); 5];
    let registry = RunningRegistry::start(FakeRegistry { instead, ..FakeRegistry::default() }).await;
    let told = pushed(&registry, &push_as(&registry, "", None).await).await;
    assert_snapshot!(told.lines().skip(1).collect::<Vec<_>>().join("\n"), @r"
    exit 3
    error: registry REGISTRY did not take the image for team/job: it answers 500 no space left
    ");
    assert!(registry.state.lock().unwrap().instead.is_empty(), "it was asked five times");
}

#[test]
fn sizes_for_people() {
    assert_eq!(
        [999, 1024, 1025, 1 << 20, 4_363_633].map(format_size).join(", "),
        "999 bytes, 1 KiB, 2 KiB, 1.0 MiB, 4.1 MiB"
    );
}

#[tokio::test]
async fn another_images_tag_is_left_alone_unless_it_is_asked_for() {
    let taken =
        || FakeRegistry { manifests: [("0.1.0".to_owned(), OTHER.to_owned())].into(), ..FakeRegistry::default() };
    let registry = RunningRegistry::start(taken()).await;
    let mut push = push_as(&registry, "", None).await;
    assert_snapshot!(pushed(&registry, &push).await, @r"
    exit 3
    error: REGISTRY/team/job:0.1.0 is another image already (sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef; this one is sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e): name another tag (REGISTRY/REPO:TAG); `image push` takes --overwrite-tag too
    ");
    assert_eq!(sent(&registry), (0, 0));

    push.overwrite = true;
    let immutable = error(
        "TAG_INVALID",
        "The image tag '0.1.0' already exists and cannot be overwritten because the tag is immutable.",
    );
    registry.state.lock().unwrap().instead =
        vec![("PUT /v2/team/job/manifests/0.1.0", 400, Box::leak(immutable.into_boxed_str()))];
    let told = pushed(&registry, &push).await;
    assert_snapshot!(told.lines().skip(1).filter(|line| !line.contains(" of linux")).collect::<Vec<_>>().join("\n"), @r"
    exit 3
    error: registry REGISTRY does not let a tag of team/job be given to another image: name another tag: TAG_INVALID: The image tag '0.1.0' already exists and cannot be overwritten because the tag is immutable.
    ");

    let told = pushed(&registry, &push).await;
    assert!(told.contains(&format!("  tag 0.1.0: pushed (it was {OTHER})")), "{told}");
}

#[tokio::test]
async fn who_may_not_push_is_told_so() {
    let denied = error("DENIED", "requested access to the resource is denied");
    let instead = vec![("POST", 403, &*Box::leak(denied.into_boxed_str()))];
    let registry = RunningRegistry::start(FakeRegistry { instead, ..FakeRegistry::default() }).await;
    let told = pushed(&registry, &push_as(&registry, "", Some(("bob", "x"))).await).await;
    assert_snapshot!(told.lines().skip(1).collect::<Vec<_>>().join("\n"), @r"
    exit 3
    error: bob may not push to REGISTRY/team/job: DENIED: requested access to the resource is denied
    ");
}

#[tokio::test]
async fn who_may_not_push_to_ecr_is_told_how_to_be_another_account() {
    let registry =
        RunningRegistry::start(FakeRegistry { instead: vec![("POST", 403, "no")], ..FakeRegistry::default() }).await;
    let mut push = push_as(&registry, "", Some(("AWS", "token"))).await;
    if let Some(typed) = &mut push.typed {
        typed.from = "AWS".to_owned();
    }
    let told = pushed(&registry, &push).await;
    assert_snapshot!(told.lines().last().unwrap(), @"error: the identity of your AWS credentials may not push to REGISTRY/team/job (is the registry another account's? then `image push --profile` with a profile of that account, and --image here; or --username AWS --password-stdin, with what `aws ecr get-login-password --profile` prints): it answers 403 no");
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_named() {
    let registry = RunningRegistry { address: "127.0.0.1:1".into(), state: std::sync::Arc::default() };
    let told = pushed(&registry, &push_as(&registry, "", None).await).await;
    assert_snapshot!(told, @r"
    exit 3
    error: registry REGISTRY can't be reached: error sending request for url (http://REGISTRY/v2/): client error (Connect): tcp connect error: Connection refused (os error 111)
    ");
}

#[tokio::test]
async fn tls_to_a_registry_without_it_is_said_to_be_that() {
    let registry = RunningRegistry::start(FakeRegistry::default()).await;
    let mut push = push_as(&registry, "", None).await;
    push.flags.plain_http = Some(false);
    assert_snapshot!(pushed(&registry, &push).await, @r"
    exit 3
    error: registry REGISTRY can't be reached by TLS (does it speak plain HTTP? then --plain-http): error sending request for url (https://REGISTRY/v2/): client error (Connect): received corrupt message of type InvalidContentType
    ");
}

#[tokio::test]
async fn a_row_of_the_checks_says_what_will_happen_and_pushes_nothing() {
    let registry = RunningRegistry::start(FakeRegistry::default()).await;
    let push = push_as(&registry, "", None).await;
    // The rest is about registries on loopback, as this one is.
    let row = async || crate::testing::row(push.check().await.remove(0)).replace(&registry.address, "REGISTRY");
    let mut rows = vec![row().await];
    assert_eq!(sent(&registry), (0, 0));
    pushed(&registry, &push).await;
    rows.push(row().await);
    registry.state.lock().unwrap().manifests.insert("0.1.0".into(), OTHER.into());
    rows.push(row().await);
    registry.state.lock().unwrap().instead = vec![("HEAD", 403, ""), ("GET /v2/team", 403, "")];
    rows.push(row().await);
    assert_snapshot!(rows.join("\n"), @r"
    ok    image                0.1.0 (linux/amd64, linux/arm64) will be pushed to REGISTRY/team/job:0.1.0
    ok    image                REGISTRY/team/job@sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e
                                 is in the registry already
    FAIL  image                REGISTRY/team/job:0.1.0 is another image already
                                 (sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef; this one is
                                 sha256:5f102458a5fd9bde123ad473eb1cf1cf2fb458bce72c3bc0360863fad9ade46e): name another
                                 tag (REGISTRY/REPO:TAG); `image push` takes --overwrite-tag too
    warn  image                0.1.0 (linux/amd64, linux/arm64) will be pushed to REGISTRY/team/job:0.1.0. Not
                                 checked: whether the tag is free, and whether you may push. REGISTRY requires a
                                 login, and the login is sent after you confirm
    ");
    assert_snapshot!(push.description().replace(&registry.address, "REGISTRY"), @r"
    Before that the Job's image 0.1.0 (linux/amd64, linux/arm64) is pushed to
        REGISTRY/team/job:0.1.0
    ");
}

#[tokio::test]
async fn what_would_fail_only_after_the_association_is_said_before() {
    let registry = RunningRegistry::start(FakeRegistry::default()).await;
    let mut push = push_as(&registry, "", None).await;
    push.image.version = "0.0.9".to_owned();
    let known =
        FoundCredentials { credentials: None, broken: Some("docker-credential-desktop can't be run".to_owned()) };
    let way = Transport { plain: true, authority: None };
    let registry_as_nobody = Registry::new(&push.to, way, known.clone()).unwrap();
    push.place = OnceCell::from(Target {
        registry: registry_as_nobody,
        login: Login { known, ecr: None },
        shown: OnceCell::new(),
    });
    let rows = push.check().await.into_iter().skip(1).map(crate::testing::row).collect::<Vec<_>>().join("\n");
    assert_snapshot!(rows.replace(&registry.address, "REGISTRY"), @r"
    warn  image                nobody is logged in at REGISTRY: docker-credential-desktop can't be run
    warn  image                on a node, REGISTRY is that node itself: the image is not found there
                               what helps: push with `image push`, and name the image by the nodes' address for it with
                                 --image
    warn  image                the archive is of version 0.0.9, this plugin of 0.1.0: it may not understand the Job
                               what helps: take the archive that came with this plugin
    ");
}

#[tokio::test]
async fn only_ecr_makes_repositories() {
    let flags = RegistryOptions { create_repository: true, ..RegistryOptions::default() };
    let of = async |name: &str, aws| {
        error_text(Push::prepare(&parse_destination(name).unwrap(), &flags, aws, false).await.err().unwrap())
    };
    let told = [
        of("registry.example/job", AwsUse::As(None)).await,
        of("111122223333.dkr.ecr.us-west-2.amazonaws.com/job", AwsUse::Never).await,
    ];
    assert_snapshot!(told.join("\n"), @r"
    exit 2
    error: --create-repository is for Amazon ECR, and registry.example is no address of it: other registries make a repository when it is pushed to
    exit 2
    error: --create-repository asks AWS, which --without-aws forbids
    ");
}
