//! Registries that try to get a password, or to fill the memory.
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::model::options::RegistryOptions;
use crate::model::reference::parse_destination;
use crate::registry::credentials::AwsUse;
use crate::registry::fixture::{Access, ENDLESS, FakeRegistry, RunningRegistry, archive};
use crate::registry::push::Push;
use crate::testing::error_text;
use crate::ui::terminal::Terminal;
use tempfile::TempDir;

/// A push by alice, who has a password.
async fn push(address: &str, authority: Option<&str>) -> (Push, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = |pem: &str| {
        let file: PathBuf = folder.path().join("ca.pem");
        std::fs::write(&file, pem).unwrap();
        file
    };
    let flags = RegistryOptions {
        archive: Some(archive(folder.path())),
        registry_ca: authority.map(file),
        plain_http: Some(authority.is_none()),
        ..RegistryOptions::default()
    };
    let to = parse_destination(&format!("{address}/team/job")).unwrap();
    (Push::prepare(&to, &flags, AwsUse::Never, false).await.unwrap().typed(("alice", "secret")), folder)
}

/// The output of a push and how it ended.
async fn pushed(push: &Push) -> String {
    let terminal = Terminal::captured();
    let end = match push.push(&terminal).await {
        Ok(()) => "pushed".to_owned(),
        Err(stop) => error_text(stop),
    };
    format!("{}\n{end}", terminal.text()).trim().to_owned()
}

/// Its rows of the checks.
async fn checked(push: &Push) -> String {
    push.check().await.into_iter().map(crate::testing::row).collect::<Vec<_>>().join("\n")
}

/// As one line.
fn plain_text(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn no_login_is_sent_before_the_confirmation() {
    for door in [Access::Basic, Access::Token] {
        let registry = RunningRegistry::start(FakeRegistry { door, ..FakeRegistry::default() }).await;
        let (push, _folder) = push(&registry.address, None).await;
        let rows = plain_text(&checked(&push).await);
        assert_eq!(registry.logins(), Vec::<String>::new(), "{door:?}");
        assert!(rows.starts_with("warn image") && rows.contains("Not checked: whether the tag is free"), "{rows}");
        assert!(
            push.description().contains("The password of alice (from --username) is sent to\n    "),
            "{}",
            push.description()
        );
        assert!(push.description().contains(&registry.address), "{}", push.description());
        let told = pushed(&push).await;
        assert!(told.ends_with("pushed") && !registry.logins().is_empty(), "{door:?}: {told}");
    }
}

#[tokio::test]
async fn a_token_server_elsewhere_is_shown_before_it_gets_the_password() {
    let server = RunningRegistry::start(FakeRegistry { door: Access::Token, ..FakeRegistry::default() }).await;
    let realm = format!("http://{}/token", server.address);
    let registry = RunningRegistry::start(FakeRegistry {
        door: Access::Token,
        realm: Some(format!("{realm}?a=b")),
        ..FakeRegistry::default()
    })
    .await;
    let (one, _folder) = push(&registry.address, None).await;
    checked(&one).await;
    assert!(
        one.description().contains(&format!("{realm}, the token server of {}", registry.address)),
        "{}",
        one.description()
    );
    assert_eq!(server.logins(), Vec::<String>::new());
    assert!(pushed(&one).await.ends_with("pushed"));
    assert_eq!(server.logins().len(), 1);
    // `image push` asks no question, and prints the recipient.
    let (other, _folder) = push(&registry.address, None).await;
    let told = pushed(&other).await;
    assert!(
        told.starts_with(&format!("Logging in as alice (from --username) at {realm}, the token server of ")),
        "{told}"
    );
}

#[tokio::test]
async fn a_token_server_that_is_named_after_the_confirmation_gets_no_password() {
    let thief = RunningRegistry::start(FakeRegistry::default()).await;
    for door in [Access::Token, Access::Basic, Access::Open] {
        let registry = RunningRegistry::start(FakeRegistry { door, ..FakeRegistry::default() }).await;
        let (push, _folder) = push(&registry.address, None).await;
        checked(&push).await;
        {
            let mut fake = registry.state.lock().unwrap();
            (fake.door, fake.realm) = (Access::Token, Some(format!("http://{}/token", thief.address)));
        }
        let told = pushed(&push).await;
        assert_eq!((thief.requests(), registry.logins()), (vec![], vec![]), "{door:?}: {told}");
        assert!(
            told.contains("changed where it wants the login after you confirmed")
                && told.ends_with("no password was sent"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_registry_with_tls_cant_send_logins_to_where_there_is_none() {
    let thief = RunningRegistry::start(FakeRegistry::default()).await;
    let realm = Some(format!("http://{}/token", thief.address));
    let (registry, authority) =
        RunningRegistry::start_tls(FakeRegistry { door: Access::Token, realm, ..FakeRegistry::default() }).await;
    let (one, _folder) = push(&registry.address, Some(&authority)).await;
    let told = format!("{}\n{}", checked(&one).await, pushed(&one).await);
    assert_eq!((thief.requests(), registry.logins()), (vec![], vec![]), "{told}");
    assert!(told.ends_with("/token, which has no TLS: no request was sent to it"), "{told}");
    // Nor its blobs; its own token server, with TLS, is as good as any.
    let upload = Some(format!("http://{}/v2/team/job/blobs/upload-1", thief.address));
    let (registry, authority) =
        RunningRegistry::start_tls(FakeRegistry { door: Access::Token, upload, ..FakeRegistry::default() }).await;
    let told = pushed(&push(&registry.address, Some(&authority)).await.0).await;
    assert!(told.ends_with("it returned an address for an upload that has no TLS, or is not a URL"), "{told}");
    assert_eq!(thief.requests(), Vec::<String>::new());
    assert!(registry.logins()[0].starts_with("GET /token Basic "), "{:?}", registry.logins());
}

#[tokio::test]
async fn a_password_is_not_sent_without_tls_but_to_this_machine() {
    // 0.0.0.0 is this machine, too, and nothing of ours knows it.
    let elsewhere = |address: &str| address.replace("127.0.0.1", "0.0.0.0");
    for door in [Access::Basic, Access::Token] {
        let registry = RunningRegistry::start(FakeRegistry { door, ..FakeRegistry::default() }).await;
        registry.state.lock().unwrap().realm = Some(format!("http://{}/token", elsewhere(&registry.address)));
        let (push, _folder) = push(&elsewhere(&registry.address), None).await;
        let told = format!("{}\n{}", checked(&push).await, pushed(&push).await);
        assert_eq!(registry.logins(), Vec::<String>::new(), "{told}");
        assert!(told.contains("a password is sent only over TLS or to this machine"), "{told}");
    }
    let thief = RunningRegistry::start(FakeRegistry::default()).await;
    let realm = Some(format!("http://{}/token", elsewhere(&thief.address)));
    let registry = RunningRegistry::start(FakeRegistry { door: Access::Token, realm, ..FakeRegistry::default() }).await;
    let told = pushed(&push(&registry.address, None).await.0).await;
    assert_eq!((thief.requests(), registry.logins()), (vec![], vec![]), "{told}");
    assert!(told.ends_with("which is on another host and has no TLS: no request was sent to it"), "{told}");
    // A name in a URL is no host, and would be sent as a login.
    let realm = Some(format!("https://{}@127.0.0.1:1/token", registry.address));
    registry.state.lock().unwrap().realm = realm;
    let told = pushed(&push(&registry.address, None).await.0).await;
    assert!(told.contains("which is not the URL of a token server"), "{told}");
}

#[tokio::test]
async fn answers_without_end_are_not_read_to_their_end() {
    for (endless, says) in [
        (("GET /v2/team/job/manifests", 200), "its manifest has more than 4 MiB"),
        (("GET /v2/team/job/manifests", 403), "may not push"),
        (("GET /token", 200), "its token server returned no token"),
        (("GET /token", 401), "refuses the login"),
        (("GET /v2/", 401), "refuses the login"),
        (("POST", 403), "may not push"),
    ] {
        let registry = RunningRegistry::start(FakeRegistry {
            door: Access::Token,
            endless: Some(endless),
            ..FakeRegistry::default()
        })
        .await;
        let told = pushed(&push(&registry.address, None).await.0).await;
        let taken = registry.state.lock().unwrap().taken.load(Ordering::Relaxed);
        // What is on its way in sockets is taken, too.
        assert!(taken < 32, "{endless:?}: {taken} of {ENDLESS} MiB were read");
        assert!(told.contains(says) && told.len() < 1000, "{endless:?}: {told}");
    }
}

#[tokio::test]
async fn a_login_goes_to_the_registry_and_not_to_where_it_wants_its_blobs() {
    let storage = RunningRegistry::start(FakeRegistry::default()).await;
    let upload = Some(format!("http://{}/v2/team/job/blobs/upload-1", storage.address));
    let registry =
        RunningRegistry::start(FakeRegistry { door: Access::Basic, upload, ..FakeRegistry::default() }).await;
    pushed(&push(&registry.address, None).await.0).await;
    let heard = storage.requests();
    assert!(heard.iter().any(|line| line.starts_with("PUT ")), "{heard:?}");
    assert_eq!(storage.logins(), Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_takes_no_login_to_another_host() {
    for (door, redirected) in [(Access::Basic, "HEAD /v2/team/job/blobs"), (Access::Token, "GET /token")] {
        let other = RunningRegistry::start(FakeRegistry::default()).await;
        let redirect = Some((redirected, other.address.clone()));
        let registry = RunningRegistry::start(FakeRegistry { door, redirect, ..FakeRegistry::default() }).await;
        let told = pushed(&push(&registry.address, None).await.0).await;
        assert!(!registry.logins().is_empty() && !other.requests().is_empty(), "{door:?}: {told}");
        assert_eq!(other.logins(), Vec::<String>::new(), "{door:?}: {told}");
    }
    // Nor out of TLS.
    let other = RunningRegistry::start(FakeRegistry::default()).await;
    let redirect = Some(("HEAD /v2/team/job/blobs", other.address.clone()));
    let (registry, authority) = RunningRegistry::start_tls(FakeRegistry { redirect, ..FakeRegistry::default() }).await;
    let told = pushed(&push(&registry.address, Some(&authority)).await.0).await;
    assert!(told.contains("can't be reached: error following redirect"), "{told}");
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_token_no_digest_and_no_address_ends_in_an_error() {
    let token = "{\"token\":\"two\\nlines\"}";
    let registry = RunningRegistry::start(FakeRegistry {
        door: Access::Token,
        instead: vec![("GET /token", 200, token)],
        ..FakeRegistry::default()
    })
    .await;
    let told = pushed(&push(&registry.address, None).await.0).await;
    assert!(told.ends_with("its token server returned no token"), "{told}");
    let digest = format!("sha256:{}", "a".repeat(5000));
    let registry = RunningRegistry::start(FakeRegistry {
        manifests: [("0.1.0".to_owned(), digest)].into(),
        ..FakeRegistry::default()
    })
    .await;
    let told = pushed(&push(&registry.address, None).await.0).await;
    assert!(told.ends_with("it returned an invalid digest"), "{told}");
    let registry =
        RunningRegistry::start(FakeRegistry { upload: Some("http://[".to_owned()), ..FakeRegistry::default() }).await;
    let told = pushed(&push(&registry.address, None).await.0).await;
    assert!(told.ends_with("that has no TLS, or is not a URL"), "{told}");
}

#[tokio::test]
async fn a_registrys_words_are_one_line_of_bounded_length() {
    let words = format!("\u{1b}[2J{}", "no ".repeat(2000));
    let body: &str = Box::leak(crate::registry::fixture::error("DENIED", &words).into_boxed_str());
    let registry =
        RunningRegistry::start(FakeRegistry { instead: vec![("POST", 403, body)], ..FakeRegistry::default() }).await;
    let told = pushed(&push(&registry.address, None).await.0).await;
    let error = told.lines().last().unwrap();
    assert!(error.contains("DENIED: \\u{1b}[2Jno no") && error.chars().count() < 400, "{error}");
}
